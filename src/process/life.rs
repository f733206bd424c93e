//! One process from its start until nothing of it is left: the stop ladder.
//!
//! A local task that sleeps until a child of hotrun changes, an order comes, or a step of the ladder is due. The leader
//! is reaped last: as long as it is a zombie nobody else can get its pid or its group id, so every signal reaches
//! the right ones.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, sleep_until};

use super::error::SpawnError;
use super::main_process::Main;
use super::news::{ProcessNews, Step};
use super::shared::{Group, Shared};
use super::spawn::{self, Spawn};
use super::tree::remnants;
use crate::sys::{self, ChildState, ProcessRow};
use crate::words::{Exit, Instance, StopPlan};

/// What a process that ended by itself left behind gets at most to end after the stop signal.
const LEFTOVER_GRACE: Duration = Duration::from_secs(1);

/// How long the kernel gets to end what was sent SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// How often a ladder that stands still for a debugger looks whether it is still there.
const TRACED_PAUSE: Duration = Duration::from_millis(500);

/// Where no event tells that a stranger ended: the first pause between two looks, doubled up to the last.
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// What is asked of a process.
#[derive(Debug)]
pub(super) enum Order {
    Stop(StopPlan),
    /// How it is to be stopped from now on, where it is not being stopped yet.
    Plan(StopPlan),
    /// Not before this time from now is it killed.
    Extend(Duration),
    /// Its last words were taken in.
    GoOn,
    Kill,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nobody wants it to end.
    Running,
    /// It was sent this stop signal.
    Stopping { signal: i32, until: Instant },
    /// It stands still in the ladder: somebody else stopped it. So much of the timeout was left.
    Held { signal: i32, left: Duration },
    /// It was sent SIGKILL.
    Killing { until: Instant },
    /// It was told that it is still there, or may not be signalled.
    GivenUp,
}

/// Whether what it said last was taken in before its end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastWords {
    Unheard,
    AskedFor,
    Heard,
}

/// A process, and how far it is from its end.
#[derive(Debug)]
pub(super) struct Life {
    shared: Rc<Shared>,
    instance: Instance,
    pid: i32,
    tag: String,
    born: Instant,
    plan: StopPlan,
    phase: Phase,
    exit: Option<Exit>,
    last_words: LastWords,
    group: Rc<Group>,
    /// Its stop by somebody else was told.
    stopped: bool,
    /// A debugger held it at the last look, which was told.
    traced: bool,
    /// Outside the group: sent the stop signal already.
    asked: BTreeSet<i32>,
    /// What was found of its tree, and when that was started: it may leave group and parent, without the tag.
    found: BTreeMap<i32, u64>,
    look_again: Duration,
    /// What it left behind was told.
    sweeping: bool,
}

impl Life {
    /// Starts the process and stays with it to its end.
    pub(super) async fn start(
        shared: Rc<Shared>,
        spawn: Spawn,
        group: Rc<Group>,
        orders: UnboundedReceiver<Order>,
    ) {
        let instance = spawn.instance;
        // Before the start, so that no change can be missed.
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
            born: Instant::now(),
            plan: spawn.stop,
            phase: Phase::Running,
            exit: None,
            last_words: LastWords::Unheard,
            group,
            stopped: false,
            traced: false,
            asked: BTreeSet::new(),
            found: BTreeMap::new(),
            look_again: FIRST_LOOK,
            sweeping: false,
            shared,
        };
        // Its copies of the descriptors are the program's now.
        drop(spawn);
        life.tell_reaper();
        life.tell(ProcessNews::Started { instance, pid });
        life.run(orders, children).await;
    }

    async fn run(mut self, mut orders: UnboundedReceiver<Order>, mut children: Signal) {
        loop {
            self.look();
            let mut left = Vec::new();
            if self.exit.is_some() {
                left = self.remnants();
                if left.is_empty() || matches!(self.phase, Phase::GivenUp) {
                    return self.end(&left);
                }
                self.chase(&left);
            }
            let first_left = left.first().map(|row| row.pid).or_else(|| self.successor());
            let due = self.due();
            tokio::select! {
                biased;
                Some(order) = orders.recv() => self.obey(&order),
                _ = children.recv() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.next_step(),
                () = end_of(first_left, &mut self.look_again), if first_left.is_some() => {}
            }
        }
    }

    /// Takes in what happened to the leader.
    fn look(&mut self) {
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
                // It may name one in its turn.
                if self.last_words == LastWords::Heard {
                    self.last_words = LastWords::Unheard;
                }
                return;
            }
            _ if self.waits_for_last_words() => return,
            Some((_, Main::Ended(exit))) => exit.unwrap_or(first),
            None => first,
        };
        self.exit = Some(exit);
        let lived = self.born.elapsed();
        self.tell(ProcessNews::Exited { instance: self.instance, pid: self.pid, exit, lived });
    }

    /// Whether somebody who lives on may still be named the main process.
    fn waits_for_last_words(&mut self) -> bool {
        if self.last_words == LastWords::Unheard && self.shared.asks.get() && !self.remnants().is_empty() {
            self.last_words = LastWords::AskedFor;
            self.tell(ProcessNews::Leaving { instance: self.instance });
        }
        self.last_words == LastWords::AskedFor
    }

    /// The process in which the program lives on, once the first has ended.
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
        self.stopped = true;
        // One that waits for the terminal may wait in vain, so its time runs on; one that a person stopped does not.
        if let Phase::Stopping { signal: sent, until } = self.phase
            && (signal == libc::SIGSTOP || signal == libc::SIGTSTP)
        {
            self.phase = Phase::Held { signal: sent, left: until.saturating_duration_since(Instant::now()) };
        }
        self.tell(ProcessNews::Stopped { instance: self.instance, signal });
    }

    fn continued(&mut self) {
        if let Phase::Held { signal, left } = self.phase {
            self.phase = Phase::Stopping { signal, until: Instant::now() + left };
        }
        if std::mem::take(&mut self.stopped) {
            self.tell(ProcessNews::Continued { instance: self.instance });
        }
    }

    fn obey(&mut self, order: &Order) {
        // What happened before the order counts as before it.
        self.look();
        match order {
            Order::Stop(plan) => self.stop(*plan),
            Order::Plan(plan) if matches!(self.phase, Phase::Running) => self.plan = *plan,
            Order::Plan(_) => {}
            Order::Extend(time) => self.extend(*time),
            Order::GoOn => {
                self.last_words = LastWords::Heard;
                self.look();
            }
            Order::Kill => self.kill(),
        }
    }

    fn stop(&mut self, plan: StopPlan) {
        let mut until = Instant::now() + plan.timeout;
        match self.phase {
            Phase::Killing { .. } | Phase::GivenUp => return,
            Phase::Stopping { until: earlier, .. } => until = until.min(earlier),
            Phase::Held { .. } | Phase::Running => {}
        }
        if std::mem::replace(&mut self.plan, plan) != plan {
            self.tell_reaper();
        }
        // Before its parents end and it is nobody's descendant any more.
        self.remnants();
        self.group.suspended.set(false);
        self.asked.clear();
        self.phase = Phase::Stopping { signal: plan.signal, until };
        let sent = self.ask_group(plan.signal);
        self.tell_step(Step::Signal(plan.signal));
        self.look_for_debugger();
        if sent.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM)) {
            self.refused();
        }
    }

    fn tell_reaper(&self) {
        if let Some(reaper) = &self.shared.reaper {
            reaper.program(self.pid, self.plan);
        }
    }

    /// Only for the process itself: what it leaves behind asked for nothing.
    fn extend(&mut self, time: Duration) {
        if self.exit.is_some() {
            return;
        }
        match &mut self.phase {
            Phase::Stopping { until, .. } => *until = (*until).max(Instant::now() + time),
            Phase::Held { left, .. } => *left = (*left).max(time),
            Phase::Running | Phase::Killing { .. } | Phase::GivenUp => {}
        }
    }

    /// The signal first: a process stopped in a read of the terminal would be stopped there again before it came.
    fn ask_group(&self, signal: i32) -> io::Result<()> {
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
        // Before the leader dies and its children become somebody else's.
        let left = self.remnants();
        self.phase = Phase::Killing { until: Instant::now() + KILL_GRACE };
        let sent = sys::kill_group(self.pid, libc::SIGKILL);
        for row in &left {
            let _ = sys::kill_exactly(row, libc::SIGKILL);
        }
        self.tell_step(Step::Kill);
        if self.exit.is_none() && sent.is_err_and(|error| error.raw_os_error() == Some(libc::EPERM)) {
            self.refused();
        }
    }

    /// The leader is dead: see to those who are left.
    fn chase(&mut self, left: &[ProcessRow]) {
        if !std::mem::replace(&mut self.sweeping, true) {
            self.tell(ProcessNews::Sweeping { instance: self.instance, pids: pids(left) });
        }
        if matches!(self.phase, Phase::Running) {
            let timeout = self.plan.timeout.min(LEFTOVER_GRACE);
            self.phase = Phase::Stopping { signal: self.plan.signal, until: Instant::now() + timeout };
            // Whoever may not be signalled is found by the steps that follow.
            let _ = self.ask_group(self.plan.signal);
        } else if let Phase::Held { signal, left } = self.phase {
            self.phase = Phase::Stopping { signal, until: Instant::now() + left };
        }
        match self.phase {
            Phase::Stopping { signal, .. } => {
                // Members of the group have the signal already; twice may mean something else to them.
                for row in left.iter().filter(|row| row.group != self.pid) {
                    if self.asked.insert(row.pid) {
                        let _ = sys::kill_exactly(row, signal);
                        let _ = sys::kill_exactly(row, libc::SIGCONT);
                    }
                }
            }
            Phase::Killing { .. } => {
                for row in left {
                    let _ = sys::kill_exactly(row, libc::SIGKILL);
                }
            }
            Phase::Running | Phase::Held { .. } | Phase::GivenUp => {}
        }
    }

    fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Stopping { until, .. } | Phase::Killing { until } => Some(until),
            Phase::Running | Phase::Held { .. } | Phase::GivenUp => None,
        }
    }

    fn next_step(&mut self) {
        match self.phase {
            Phase::Stopping { signal, .. } => {
                let was_traced = self.traced;
                if self.look_for_debugger() {
                    self.phase = Phase::Stopping { signal, until: Instant::now() + TRACED_PAUSE };
                } else if was_traced && self.exit.is_none() {
                    // It gets the signal only now.
                    self.phase = Phase::Stopping { signal, until: Instant::now() + self.plan.timeout };
                } else {
                    self.kill();
                }
            }
            Phase::Killing { .. } => {
                let still = self.everybody();
                self.tell_step(Step::StillThere(still.clone()));
                self.give_up(still);
            }
            Phase::Running | Phase::Held { .. } | Phase::GivenUp => {}
        }
    }

    /// Whether the ladder has to stand still for a debugger.
    fn look_for_debugger(&mut self) -> bool {
        let traced = self.exit.is_none() && sys::is_traced(self.pid);
        if traced && !self.traced {
            self.tell_step(Step::Held);
        }
        self.traced = traced;
        traced
    }

    fn refused(&mut self) {
        let pids = self.everybody();
        self.tell_step(Step::NotPermitted(pids.clone()));
        self.give_up(pids);
    }

    /// Says the last word early. The task stays to reap the leader whenever it ends.
    fn give_up(&mut self, left: Vec<i32>) {
        self.phase = Phase::GivenUp;
        self.tell(ProcessNews::Gone { instance: self.instance, left });
    }

    fn end(self, left: &[ProcessRow]) {
        self.group.id.set(None);
        self.group.forget_main(&self.shared);
        // Before the group's number can be anybody else's.
        if let Some(reaper) = &self.shared.reaper {
            reaper.group_gone(self.pid);
        }
        sys::reap(self.pid);
        self.shared.known.borrow_mut().remove(&self.pid);
        if !matches!(self.phase, Phase::GivenUp) {
            self.tell(ProcessNews::Gone { instance: self.instance, left: pids(left) });
        }
    }

    fn remnants(&mut self) -> Vec<ProcessRow> {
        let left = remnants(&self.shared, self.pid, &self.tag, &self.found);
        self.found.extend(left.iter().map(|row| (row.pid, row.start)));
        left
    }

    /// The leader, where it lives, and all that is left besides.
    fn everybody(&mut self) -> Vec<i32> {
        let leader = self.exit.is_none().then_some(self.pid);
        leader.into_iter().chain(pids(&self.remnants())).collect()
    }

    fn tell_step(&self, step: Step) {
        self.tell(ProcessNews::Stopping { instance: self.instance, step });
    }

    fn tell(&self, news: ProcessNews) {
        // Nobody listens any more when hotrun is about to end; the work is done all the same.
        let _ = self.shared.news.send(news);
    }
}

fn pids(rows: &[ProcessRow]) -> Vec<i32> {
    rows.iter().map(|row| row.pid).collect()
}

/// Waits until the process has ended, or where that cannot be waited for until it is time to look again.
async fn end_of(pid: Option<i32>, look_again: &mut Duration) {
    let Some(pid) = pid else { return };
    if sys::exit_of(pid).await.is_err() {
        sleep(*look_again).await;
        *look_again = (*look_again * 2).min(LAST_LOOK);
    }
}
