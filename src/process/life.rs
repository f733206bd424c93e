//! One process from its start until nothing of its tree is alive: the stop ladder.
//!
//! A local task that sleeps until a child of hotrun changes, an order comes, or a step of the ladder is due.
//! The leader is reaped last: while it is a zombie, its pid and group id cannot be reused, so every signal
//! reaches the right processes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::error::SpawnError;
use super::main_process::Main;
use super::news::{ProcessNews, StopStep};
use super::shared::{Group, Order, Shared};
use super::spawn::{self, Spawn};
use super::tree::remnants;
use crate::sys::{self, ChildState, ProcessRow};
use crate::words::{Exit, Instance, StopPlan};

/// How long the remains of a process that ended by itself may take to end after the stop signal.
const LEFTOVER_GRACE: Duration = Duration::from_secs(1);

/// How long the kernel may take to end a process after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// How often a ladder that waits for a debugger checks whether it is still there.
const DEBUGGER_PAUSE: Duration = Duration::from_millis(500);

/// If the end of a process cannot be waited for: the first pause between two checks, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LAST_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy)]
enum StopPhase {
    /// Not being stopped.
    Running,
    /// The stop signal was sent.
    Stopping { signal: i32, until: Instant },
    /// The ladder waits, because the process was stopped by a signal. `left`: the rest of the timeout.
    Held { signal: i32, left: Duration },
    /// SIGKILL was sent.
    Killing { until: Instant },
    /// Reported as still alive, or as another user's.
    GivenUp,
}

/// Whether the last notifications were handled; the end is reported after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FinalNotifications {
    Pending,
    Requested,
    Handled,
}

/// A process, and the state of its ladder.
#[derive(Debug)]
pub(super) struct Life {
    shared: Rc<Shared>,
    instance: Instance,
    pid: i32,
    tag: String,
    plan: StopPlan,
    phase: StopPhase,
    exit: Option<Exit>,
    final_notifications: FinalNotifications,
    group: Rc<Group>,
    /// A debugger held it at the last check, which was reported.
    traced: bool,
    /// Processes outside the group that were sent the stop signal.
    signalled: BTreeSet<i32>,
    /// Processes of its tree found so far, with their start times: they may leave group and parent, without a
    /// tag.
    found: BTreeMap<i32, u64>,
    next_pause: Duration,
    /// The sweep was reported.
    sweeping: bool,
}

impl Life {
    /// Starts the process, and runs until its end.
    pub(super) async fn start(
        shared: Rc<Shared>,
        spawn: Spawn,
        group: Rc<Group>,
        orders: UnboundedReceiver<Order>,
    ) {
        let instance = spawn.instance;
        // Before the start, so that no change is missed.
        let children = signal(SignalKind::child());
        let started = match children {
            Ok(children) => spawn::start(&shared, &spawn).await.map(|pid| (pid, children)),
            Err(source) => Err(SpawnError::Other {
                program: spawn.argv.first().cloned().unwrap_or_default().into(),
                source,
            }),
        };
        let (pid, children) = match started {
            Ok(started) => started,
            Err(error) => {
                let _ = shared.news.send(ProcessNews::SpawnFailed { instance, error });
                return;
            }
        };
        shared.known.borrow_mut().insert(pid);
        group.id.set(Some(pid));
        let life = Self {
            instance,
            pid,
            tag: shared.run.tag(instance),
            plan: spawn.stop,
            phase: StopPhase::Running,
            exit: None,
            final_notifications: FinalNotifications::Pending,
            group,
            traced: false,
            signalled: BTreeSet::new(),
            found: BTreeMap::new(),
            next_pause: FIRST_PAUSE,
            sweeping: false,
            shared,
        };
        // Closes hotrun's copies of the descriptors, which belong to the program now.
        drop(spawn);
        life.update_reaper();
        life.send(ProcessNews::Started { instance, pid });
        life.run(orders, children).await;
    }

    async fn run(mut self, mut orders: UnboundedReceiver<Order>, mut children: Signal) {
        loop {
            self.check_leader();
            let mut left = Vec::new();
            if self.exit.is_some() {
                left = self.remnants();
                if left.is_empty() || matches!(self.phase, StopPhase::GivenUp) {
                    return self.end(&left);
                }
                self.sweep(&left);
            }
            let first_left = left.first().map(|row| row.pid).or_else(|| self.successor());
            let due = self.due();
            tokio::select! {
                biased;
                Some(order) = orders.recv() => self.handle(&order),
                _ = children.recv() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.next_step(),
                () = end_of(first_left, &mut self.next_pause), if first_left.is_some() => {}
            }
        }
    }

    /// Handles changes of the leader.
    fn check_leader(&mut self) {
        if self.exit.is_some() {
            return;
        }
        while let Some(change) = sys::take_stop(self.successor().unwrap_or(self.pid)) {
            match change {
                ChildState::Stopped(signal) => self.was_stopped(signal),
                ChildState::Continued => self.continued(),
            }
        }
        let Some(first) = sys::peek_exit(self.pid) else {
            return;
        };
        let exit = match self.group.main_process() {
            Some((_, Main::Lives)) => {
                // It may name a main process in turn.
                if self.final_notifications == FinalNotifications::Handled {
                    self.final_notifications = FinalNotifications::Pending;
                }
                return;
            }
            _ if self.waits_for_final_notifications() => return,
            Some((_, Main::Ended(exit))) => exit.unwrap_or(first),
            None => first,
        };
        self.exit = Some(exit);
        self.send(ProcessNews::Exited { instance: self.instance, pid: self.pid, exit });
    }

    /// Whether a surviving process may still be named the main process.
    fn waits_for_final_notifications(&mut self) -> bool {
        if self.final_notifications == FinalNotifications::Pending
            && self.shared.reports_leaving.get()
            && !self.remnants().is_empty()
        {
            self.final_notifications = FinalNotifications::Requested;
            self.send(ProcessNews::Leaving { instance: self.instance });
        }
        self.final_notifications == FinalNotifications::Requested
    }

    /// Returns the process that continues the program after the first has ended.
    fn successor(&self) -> Option<i32> {
        let (row, state) = self
            .group
            .main_process()
            .filter(|_| self.exit.is_none() && sys::peek_exit(self.pid).is_some())?;
        (state == Main::Lives).then_some(row.pid)
    }

    fn was_stopped(&mut self, signal: i32) {
        if self.group.suspended.get() {
            return;
        }
        // A process that waits for the terminal may wait in vain, so its timeout runs on; for one stopped by
        // a person it does not.
        if let StopPhase::Stopping { signal: sent, until } = self.phase
            && (signal == libc::SIGSTOP || signal == libc::SIGTSTP)
        {
            self.phase =
                StopPhase::Held { signal: sent, left: until.saturating_duration_since(Instant::now()) };
        }
        self.send(ProcessNews::Stopped { instance: self.instance, signal });
    }

    fn continued(&mut self) {
        if let StopPhase::Held { signal, left } = self.phase {
            self.phase = StopPhase::Stopping { signal, until: Instant::now() + left };
        }
    }

    fn handle(&mut self, order: &Order) {
        // Changes before the order count as earlier.
        self.check_leader();
        match order {
            Order::Stop(plan) => self.stop(*plan),
            Order::Plan(plan) if matches!(self.phase, StopPhase::Running) => self.plan = *plan,
            Order::Plan(_) => {}
            Order::Extend(time) => self.extend(*time),
            Order::FinishLeaving => {
                self.final_notifications = FinalNotifications::Handled;
                self.check_leader();
            }
            Order::Kill => self.kill(),
        }
    }

    fn stop(&mut self, plan: StopPlan) {
        let mut until = Instant::now() + plan.timeout;
        match self.phase {
            StopPhase::Killing { .. } | StopPhase::GivenUp => return,
            StopPhase::Stopping { until: earlier, .. } => until = until.min(earlier),
            StopPhase::Held { .. } | StopPhase::Running => {}
        }
        if std::mem::replace(&mut self.plan, plan) != plan {
            self.update_reaper();
        }
        // Before its parents end and its descendants cannot be recognised any more.
        self.remnants();
        self.group.suspended.set(false);
        self.signalled.clear();
        self.phase = StopPhase::Stopping { signal: plan.signal, until };
        let sent = self.signal_group(plan.signal);
        self.send_step(StopStep::Signal(plan.signal));
        self.check_for_debugger();
        if sent.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM)) {
            self.refused();
        }
    }

    fn update_reaper(&self) {
        if let Some(reaper) = &self.shared.reaper {
            reaper.program(self.pid, self.plan);
        }
    }

    /// Applies only to the process itself: its remains requested nothing.
    fn extend(&mut self, time: Duration) {
        if self.exit.is_some() {
            return;
        }
        match &mut self.phase {
            StopPhase::Stopping { until, .. } => *until = (*until).max(Instant::now() + time),
            StopPhase::Held { left, .. } => *left = (*left).max(time),
            StopPhase::Running | StopPhase::Killing { .. } | StopPhase::GivenUp => {}
        }
    }

    /// The signal first: a process stopped while reading the terminal would otherwise be stopped again before
    /// it arrived.
    fn signal_group(&self, signal: i32) -> io::Result<()> {
        let sent = sys::kill_group(self.pid, signal);
        let _ = sys::kill_group(self.pid, libc::SIGCONT);
        // A main process may have left the group.
        if let Some((row, Main::Lives)) = self.group.main_process()
            && sys::process(row.pid).is_some_and(|now| now.group != self.pid)
        {
            let _ = sys::kill_exactly(&row, signal);
            let _ = sys::kill_exactly(&row, libc::SIGCONT);
        }
        sent
    }

    fn kill(&mut self) {
        // Before the leader dies and its children get another parent.
        let left = self.remnants();
        self.phase = StopPhase::Killing { until: Instant::now() + KILL_GRACE };
        let sent = sys::kill_group(self.pid, libc::SIGKILL);
        for row in &left {
            let _ = sys::kill_exactly(row, libc::SIGKILL);
        }
        self.send_step(StopStep::Kill);
        if self.exit.is_none() && sent.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM)) {
            self.refused();
        }
    }

    /// Handles the remains of a dead leader.
    fn sweep(&mut self, left: &[ProcessRow]) {
        if !std::mem::replace(&mut self.sweeping, true) {
            self.send(ProcessNews::Sweeping { instance: self.instance, pids: pids(left) });
        }
        if matches!(self.phase, StopPhase::Running) {
            let timeout = self.plan.timeout.min(LEFTOVER_GRACE);
            self.phase = StopPhase::Stopping { signal: self.plan.signal, until: Instant::now() + timeout };
            // Processes that may not be signalled are found by later steps.
            let _ = self.signal_group(self.plan.signal);
        } else if let StopPhase::Held { signal, left } = self.phase {
            self.phase = StopPhase::Stopping { signal, until: Instant::now() + left };
        }
        match self.phase {
            StopPhase::Stopping { signal, .. } => {
                // Members of the group have the signal already; a second one might mean something else to
                // them.
                for row in left.iter().filter(|row| row.group != self.pid) {
                    if self.signalled.insert(row.pid) {
                        let _ = sys::kill_exactly(row, signal);
                        let _ = sys::kill_exactly(row, libc::SIGCONT);
                    }
                }
            }
            StopPhase::Killing { .. } => {
                for row in left {
                    let _ = sys::kill_exactly(row, libc::SIGKILL);
                }
            }
            StopPhase::Running | StopPhase::Held { .. } | StopPhase::GivenUp => {}
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.phase {
            StopPhase::Stopping { until, .. } | StopPhase::Killing { until } => Some(until),
            StopPhase::Running | StopPhase::Held { .. } | StopPhase::GivenUp => None,
        }
    }

    fn next_step(&mut self) {
        match self.phase {
            StopPhase::Stopping { signal, .. } => {
                let was_traced = self.traced;
                if self.check_for_debugger() {
                    self.phase = StopPhase::Stopping { signal, until: Instant::now() + DEBUGGER_PAUSE };
                } else if was_traced && self.exit.is_none() {
                    // It gets the signal only now.
                    self.phase = StopPhase::Stopping { signal, until: Instant::now() + self.plan.timeout };
                } else {
                    self.kill();
                }
            }
            StopPhase::Killing { .. } => {
                let still = self.all_left();
                self.send_step(StopStep::StillThere(still.clone()));
                self.give_up(still);
            }
            StopPhase::Running | StopPhase::Held { .. } | StopPhase::GivenUp => {}
        }
    }

    /// Whether the ladder must wait for a debugger.
    fn check_for_debugger(&mut self) -> bool {
        let traced = self.exit.is_none() && sys::is_traced(self.pid);
        if traced && !self.traced {
            self.send_step(StopStep::Held);
        }
        self.traced = traced;
        traced
    }

    fn refused(&mut self) {
        let pids = self.all_left();
        self.send_step(StopStep::NotPermitted(pids.clone()));
        self.give_up(pids);
    }

    /// Reports `Gone` early. The task stays to reap the leader when it ends.
    fn give_up(&mut self, left: Vec<i32>) {
        self.phase = StopPhase::GivenUp;
        self.send(ProcessNews::Gone { instance: self.instance, left });
    }

    fn end(self, left: &[ProcessRow]) {
        self.group.id.set(None);
        self.group.forget_main(&self.shared);
        // Before the group id can be reused.
        if let Some(reaper) = &self.shared.reaper {
            reaper.group_gone(self.pid);
        }
        sys::reap(self.pid);
        self.shared.known.borrow_mut().remove(&self.pid);
        if !matches!(self.phase, StopPhase::GivenUp) {
            self.send(ProcessNews::Gone { instance: self.instance, left: pids(left) });
        }
    }

    fn remnants(&mut self) -> Vec<ProcessRow> {
        let left = remnants(&self.shared, self.pid, &self.tag, &self.found);
        self.found.extend(left.iter().map(|row| (row.pid, row.start)));
        left
    }

    /// Returns the leader, if alive, and the rest of the tree.
    fn all_left(&mut self) -> Vec<i32> {
        let leader = self.exit.is_none().then_some(self.pid);
        leader.into_iter().chain(pids(&self.remnants())).collect()
    }

    fn send_step(&self, step: StopStep) {
        self.send(ProcessNews::Stopping { instance: self.instance, step });
    }

    fn send(&self, news: ProcessNews) {
        // The receiver is dropped when hotrun is about to end; the work is done anyway.
        let _ = self.shared.news.send(news);
    }
}

fn pids(rows: &[ProcessRow]) -> Vec<i32> {
    rows.iter().map(|row| row.pid).collect()
}

/// Waits until the process has ended, or if that is impossible, until the next check.
async fn end_of(pid: Option<i32>, next_pause: &mut Duration) {
    let Some(pid) = pid else { return };
    if sys::exit_of(pid).await.is_err() {
        sleep(*next_pause).await;
        *next_pause = (*next_pause * 2).min(LAST_PAUSE);
    }
}
