//! The life of the program: started, ready, stopped, ended by itself, started again, rolled back.
//!
//! Pure. At most one process of the service exists at a time (L4): the next is started when nothing of the last one is
//! left. The exception is an overlap, where the next one starts beside the one that serves: two at most.

mod failing;
mod patience;
mod process;
mod reloading;

use std::time::Duration;

pub(super) use self::process::Start;
use self::process::{Phase, Process, Readiness};
use super::Settings;
use super::events::{Effect, ExitReason, Timer};
use super::notices::{AfterExit, Notice, Running, StartFailure, StopCause};
use super::standing::{Doing, ProcessStanding};
use crate::config::{OnExit, Update};
use crate::words::{BuildId, Exit, Instance, ServiceId, StopPlan};

/// A process that lives this long after it was ready has started.
pub const SETTLE: Duration = Duration::from_secs(1);
/// Stopping that takes longer than this is said.
pub(super) const MOMENT: Duration = Duration::from_secs(1);
/// The first wait of `on-exit restart`; it doubles with each failure in a row.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait of `on-exit restart`.
pub const BACKOFF_LAST: Duration = Duration::from_secs(10);
/// So many failures in a row wait for an edit.
pub const FAILURES_IN_A_ROW: u32 = 5;

/// The state of the program.
#[derive(Debug)]
pub(super) struct Service {
    id: ServiceId,
    started: u32,
    live: Option<Live>,
    /// The build kept beside the live one, which can be gone back to.
    previous: Option<Live>,
    /// In the order they were started: one, or two during an overlap.
    processes: Vec<Process>,
    /// Start the live binary as soon as there is room for it.
    start: Option<Start>,
    /// Descriptors are stored for the next process, which an overlap could not share.
    stored: bool,
    /// The program never said that it is ready: it is not waited for again until it does.
    silent: bool,
    failures: u32,
    quick_ends: u32,
    /// It has ended for good, and hotrun ends with it, for this reason.
    over: Option<ExitReason>,
}

/// A build that was published.
#[derive(Debug, Clone, Copy)]
struct Live {
    build: BuildId,
    since: Duration,
    /// It was started and could not start.
    failed: bool,
    /// It was started and was ready.
    ran: bool,
    /// It has lived on for a while after that.
    settled: bool,
}

impl Service {
    pub(super) fn new(id: ServiceId) -> Self {
        Self {
            id,
            started: 0,
            live: None,
            previous: None,
            processes: Vec::new(),
            start: None,
            stored: false,
            silent: false,
            failures: 0,
            quick_ends: 0,
            over: None,
        }
    }

    /// Why hotrun ends with it, once it has ended for good.
    pub(super) fn over(&self) -> Option<ExitReason> {
        self.over
    }

    /// What runs, for a message about something that failed.
    pub(super) fn running(&self, now: Duration) -> Option<Running> {
        let process = self.processes.iter().find(|process| process.wanted() && process.pid != 0)?;
        Some(self.facts(now, process))
    }

    fn facts(&self, now: Duration, process: &Process) -> Running {
        let known = [self.live, self.previous].into_iter().flatten().find(|live| live.build == process.build);
        let built = known.map_or(process.started, |live| live.since);
        Running { build: process.build, age: now.saturating_sub(built), pid: process.pid }
    }

    /// The process that runs and was not told to stop; of two, the one that serves.
    pub(super) fn process(&self, now: Duration) -> Option<ProcessStanding> {
        let running = |process: &&Process| process.wanted() && process.pid != 0;
        let process = self.processes.iter().find(running)?;
        let up = now.saturating_sub(process.started);
        Some(ProcessStanding { build: process.build, pid: process.pid, up })
    }

    /// What is going on. A process whose readiness is not declared has started when it has lived for [`SETTLE`].
    pub(super) fn doing(&self, settings: &Settings) -> Doing {
        let told = !settings.ready_at_spawn && !self.silent;
        if let Some(stuck) = self.processes.iter().find(|process| process.phase == Phase::Stuck) {
            return Doing::Stuck(stuck.pid);
        }
        let starting = |process: &Process| match (process.phase, &process.readiness) {
            (Phase::Ordered | Phase::Waiting | Phase::Reloading(_), _) => true,
            (Phase::Ready | Phase::Settled, Readiness::Awaited) if settings.ready_declared => true,
            (_, Readiness::Missing { .. }) if settings.ready_declared => false,
            (Phase::Ready, _) => !told,
            _ => false,
        };
        let stopping = |process: &Process| matches!(process.phase, Phase::Stopping | Phase::Ended(_));
        match self.processes.as_slice() {
            // The next one waits for the end of this one.
            _ if self.start.is_some() && self.processes.iter().any(stopping) => Doing::Stopping,
            _ if self.start.is_some() || self.processes.iter().any(starting) => Doing::Starting,
            [] => Doing::Down,
            processes if processes.iter().all(Process::serves) => {
                if let [Process { build, readiness: Readiness::Missing { waited, unmet }, .. }] = processes
                    && settings.ready_declared
                {
                    return Doing::Unready(*build, *waited, unmet.clone());
                }
                let live = |process: &Process| self.live.is_some_and(|live| live.build == process.build);
                Doing::Running { live: processes.iter().all(live) }
            }
            _ => Doing::Stopping,
        }
    }

    /// Whether nothing of the program is left that could still be stopped.
    pub(super) fn ended(&self) -> bool {
        self.processes.iter().all(|process| process.phase == Phase::Stuck)
    }

    /// Whether the program is down, or will be in a moment, and nothing is about to start it.
    pub(super) fn down(&self) -> bool {
        self.start.is_none() && !self.processes.iter().any(Process::wanted)
    }

    /// A build became live.
    pub(super) fn published(&mut self, now: Duration, build: BuildId) {
        if let Some(live) = self.live.filter(|live| live.ran && !live.failed) {
            self.previous = Some(live);
        }
        self.live = Some(Live { build, since: now, failed: false, ran: false, settled: false });
        self.failures = 0;
        self.quick_ends = 0;
    }

    /// Whether descriptors are stored for the next process.
    pub(super) fn set_stored(&mut self, stored: bool) {
        self.stored = stored;
    }

    /// How readiness is told has changed: the next process is waited for, whatever earlier ones did.
    pub(super) fn wait_for_readiness(&mut self) {
        self.silent = false;
    }

    /// Whether what runs is an earlier build than the live one.
    pub(super) fn behind(&self) -> bool {
        let live = self.live.map(|live| live.build);
        self.start.is_none()
            && self.processes.iter().any(|process| process.wanted() && Some(process.build) != live)
    }

    /// The live binary is to run now.
    pub(super) fn update(
        &mut self,
        now: Duration,
        settings: &Settings,
        cause: StopCause,
        order: Start,
        out: &mut Vec<Effect>,
    ) {
        if self.live.is_none() {
            return;
        }
        out.push(Effect::CancelTimer(Timer::Backoff));
        let newer = cause == StopCause::Update;
        if newer && settings.update == Update::Reexec && self.reload(now, settings, order, out) {
            return;
        }
        let overlap = settings.update == Update::Overlap && !self.silent;
        if overlap && self.stored && self.processes.iter().any(Process::serves) {
            out.push(Effect::Report(Notice::NoOverlap));
        }
        let order = Start { beside: overlap && !self.stored, ..order };
        self.start = Some(order);
        // The one that serves goes on until the next is ready; one that is still starting makes room for the newer one.
        let kept = if order.beside { self.processes.iter().position(Process::serves) } else { None };
        for index in (0..self.processes.len()).filter(|index| Some(*index) != kept) {
            self.stop(now, index, cause, settings.stop, out);
        }
        self.start_if_room(now, out);
    }

    /// Stop what runs and start nothing.
    pub(super) fn quit(&mut self, now: Duration, plan: StopPlan, out: &mut Vec<Effect>) {
        self.start = None;
        out.push(Effect::CancelTimer(Timer::Backoff));
        for index in 0..self.processes.len() {
            let process = &mut self.processes[index];
            if matches!(process.phase, Phase::Stopping | Phase::Ended(_))
                && let Some((since, before)) = process.stop
            {
                out.push(Effect::StartTimer(Timer::Slow(process.instance), MOMENT));
                // One that is being stopped already hears of Ctrl-C as well; the same signal twice may mean something
                // else to it. Its time does not begin anew.
                if before.signal != plan.signal {
                    let left = before.timeout.saturating_sub(now.saturating_sub(since));
                    let plan = StopPlan { timeout: plan.timeout.min(left), ..plan };
                    process.stop = Some((now, plan));
                    out.push(Effect::StopProcess { instance: process.instance, plan });
                }
            }
            self.stop(now, index, StopCause::Quit, plan, out);
        }
    }

    /// Stopping takes longer than a moment.
    pub(super) fn slow(&self, now: Duration, instance: Instance, quitting: bool, out: &mut Vec<Effect>) {
        let Some(process) = self.index(instance).map(|index| &self.processes[index]) else { return };
        if let Some((since, plan)) = process.stop
            && process.phase != Phase::Stuck
        {
            let ago = now.saturating_sub(since);
            let held = process.debugged && process.phase == Phase::Stopping;
            out.push(Effect::Report(Notice::StillStopping {
                instance,
                pid: process.pid,
                signal: plan.signal,
                ago,
                left: (!held).then(|| plan.timeout.saturating_sub(ago)),
                quitting,
            }));
        }
    }

    /// Kill what is left.
    pub(super) fn kill(&mut self, out: &mut Vec<Effect>) {
        self.start = None;
        out.extend(self.processes.iter().map(|process| Effect::KillProcess(process.instance)));
    }

    fn stop(&mut self, now: Duration, index: usize, cause: StopCause, plan: StopPlan, out: &mut Vec<Effect>) {
        let process = &mut self.processes[index];
        if !process.wanted() {
            return;
        }
        process.phase = Phase::Stopping;
        process.stop = Some((now, plan));
        out.push(Effect::CancelTimer(Timer::Settled(process.instance)));
        out.push(Effect::CancelTimer(Timer::Ready(process.instance)));
        out.push(Effect::Report(Notice::Stopping {
            instance: process.instance,
            pid: process.pid,
            build: process.build,
            signal: plan.signal,
            cause,
        }));
        out.push(Effect::StopProcess { instance: process.instance, plan });
        if plan.timeout > MOMENT {
            out.push(Effect::StartTimer(Timer::Slow(process.instance), MOMENT));
        }
    }

    /// Starts the live binary if that was ordered and nothing is in its way.
    fn start_if_room(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(start) = self.start else { return };
        let room = match self.processes.as_slice() {
            [] => true,
            [process] => start.beside && process.serves(),
            _ => false,
        };
        let Some(live) = self.live.filter(|_| room) else { return };
        self.start = None;
        self.started += 1;
        let (instance, build) = (Instance { service: self.id, number: self.started }, live.build);
        self.processes.push(Process {
            instance,
            build,
            start,
            pid: 0,
            started: now,
            ready_by: now,
            phase: Phase::Ordered,
            stop: None,
            debugged: false,
            failure: None,
            readiness: Readiness::Here,
        });
        let starting = Notice::Starting {
            build,
            restart: instance.number > 1,
            since_change: start.since.map(|since| now.saturating_sub(since)),
            build_took: start.build_took,
        };
        out.push(Effect::StartProcess { instance, build, starting });
    }

    fn index(&self, instance: Instance) -> Option<usize> {
        self.processes.iter().position(|process| process.instance == instance)
    }

    /// A process was started.
    pub(super) fn process_started(
        &mut self,
        now: Duration,
        settings: &Settings,
        instance: Instance,
        pid: u32,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        let process = &mut self.processes[index];
        process.pid = pid;
        process.started = now;
        out.push(Effect::Report(Notice::ProcessStarted { instance, pid, build: process.build }));
        if process.phase != Phase::Ordered {
            return;
        }
        process.phase = Phase::Waiting;
        let late = self.silent && settings.ready_declared;
        if settings.ready_at_spawn || self.silent {
            if late {
                process.readiness = Readiness::Awaited;
            }
            self.count_as_ready(now, settings, index, late, out);
        }
        if late || !(settings.ready_at_spawn || self.silent) {
            self.processes[index].ready_by = now + settings.ready_timeout;
            out.push(Effect::StartTimer(Timer::Ready(instance), settings.ready_timeout));
        }
    }

    /// A program lives on in another process.
    pub(super) fn main_process(&mut self, instance: Instance, pid: u32) {
        if let Some(index) = self.index(instance) {
            self.processes[index].pid = pid;
        }
    }

    /// A process said, or was found, to be ready.
    pub(super) fn ready(
        &mut self,
        now: Duration,
        settings: &Settings,
        instance: Instance,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        let process = &mut self.processes[index];
        let late = std::mem::replace(&mut process.readiness, Readiness::Here) != Readiness::Here;
        match process.phase {
            Phase::Waiting => {}
            Phase::Reloading(since) => {
                if let Some(live) = self.live {
                    process.build = live.build;
                }
                process.started = since;
                out.push(Effect::Report(Notice::Reloaded {
                    build: process.build,
                    since_change: process.start.since.map(|since| now.saturating_sub(since)),
                    build_took: process.start.build_took,
                }));
            }
            // Said again, or said by one that was not waited for any more: from now on it is.
            _ => {
                self.silent &= settings.ready_at_spawn;
                if late {
                    out.push(Effect::CancelTimer(Timer::Ready(instance)));
                    out.push(Effect::Report(process.ready_notice(now, false)));
                }
                return;
            }
        }
        self.count_as_ready(now, settings, index, false, out);
    }

    /// A process is ready, or is taken for it (`assumed`).
    fn count_as_ready(
        &mut self,
        now: Duration,
        settings: &Settings,
        index: usize,
        assumed: bool,
        out: &mut Vec<Effect>,
    ) {
        let process = &mut self.processes[index];
        let instance = process.instance;
        process.phase = Phase::Ready;
        if let Some(live) = self.live.as_mut().filter(|live| live.build == process.build) {
            live.ran = true;
            live.failed = false;
            out.push(Effect::Keep(live.build));
        }
        out.push(Effect::CancelTimer(Timer::Ready(instance)));
        out.push(Effect::Report(process.ready_notice(now, assumed)));
        out.push(Effect::StartTimer(Timer::Settled(instance), SETTLE));
        for other in (0..self.processes.len()).filter(|other| *other != index) {
            self.stop(now, other, StopCause::Update, settings.stop, out);
        }
    }

    /// A process ended; the rest of its tree is being cleared away.
    pub(super) fn process_exited(
        &mut self,
        now: Duration,
        settings: &Settings,
        instance: Instance,
        exit: Exit,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        self.ended_instead(index, out);
        let process = &mut self.processes[index];
        let before = std::mem::replace(&mut process.phase, Phase::Ended(exit));
        let stuck = before == Phase::Stuck;
        let expected = stuck || before == Phase::Stopping;
        let lived = now.saturating_sub(process.started);
        let (pid, build) = (process.pid, process.build);
        out.push(Effect::CancelTimer(Timer::Settled(instance)));
        out.push(Effect::CancelTimer(Timer::Ready(instance)));
        if !expected {
            self.count_end(exit, lived);
            if !exit.success() && before != Phase::Settled {
                self.fail(index, StartFailure::Exited { exit, lived }, out);
            }
        }
        let next = if expected { AfterExit::AsPlanned } else { self.after_exit(settings, index) };
        out.push(Effect::Report(Notice::ProcessExited { instance, pid, build, exit, lived, expected, next }));
        if !expected {
            self.report_failure(now, settings, index, out);
        }
        if stuck {
            // Its last word was said before.
            self.process_gone(now, settings, instance, false, out);
        }
    }

    fn count_end(&mut self, exit: Exit, lived: Duration) {
        if lived >= SETTLE {
            self.failures = 0;
            self.quick_ends = 0;
        }
        self.failures += u32::from(!exit.success());
        self.quick_ends += 1;
    }

    /// What follows when the program ended by itself.
    fn after_exit(&self, settings: &Settings, index: usize) -> AfterExit {
        let process = &self.processes[index];
        let mut others = self.processes.iter().filter(|other| other.instance != process.instance);
        let beside = others.find(|other| other.wanted()).map(|other| other.build);
        let newer =
            self.live.is_some_and(|live| live.build != process.build) && settings.update == Update::Manual;
        if self.start.is_some() || newer || self.rolls_back(settings, process) {
            return AfterExit::AsPlanned;
        }
        if let Some(build) = beside {
            return AfterExit::Beside(build);
        }
        match settings.on_exit {
            OnExit::Exit => AfterExit::Ends,
            _ if settings.once => AfterExit::Ends,
            OnExit::Wait => AfterExit::Waits,
            OnExit::Restart if self.failures >= FAILURES_IN_A_ROW => AfterExit::GivesUp,
            OnExit::Restart => {
                let doublings = self.quick_ends.saturating_sub(1).min(16);
                AfterExit::Restarts((BACKOFF_FIRST * 2_u32.pow(doublings)).min(BACKOFF_LAST))
            }
        }
    }

    /// Nothing of a process is left, or nothing that hotrun could stop: the next one may start, unless the process
    /// itself lives on.
    pub(super) fn process_gone(
        &mut self,
        now: Duration,
        settings: &Settings,
        instance: Instance,
        quitting: bool,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        out.push(Effect::CancelTimer(Timer::Slow(instance)));
        let Phase::Ended(exit) = self.processes[index].phase else {
            self.processes[index].phase = Phase::Stuck;
            return;
        };
        let next = self.after_exit(settings, index);
        let process = self.processes.remove(index);
        if quitting {
            return;
        }
        if self.start.is_some() {
            self.start_if_room(now, out);
            return;
        }
        if process.failure.is_some() && self.go_back(settings, &process, out) {
            return;
        }
        match next {
            AfterExit::Ends => self.over = Some(ExitReason::ProgramEnded(exit)),
            AfterExit::Restarts(after) => out.push(Effect::StartTimer(Timer::Backoff, after)),
            AfterExit::AsPlanned
                if self.processes.is_empty() && self.live.is_some_and(|live| live.build != process.build) =>
            {
                self.start = Some(Start::default());
                self.start_if_room(now, out);
            }
            AfterExit::AsPlanned | AfterExit::Beside(_) | AfterExit::Waits | AfterExit::GivesUp => {}
        }
    }

    /// The wait before the program is started again is over.
    pub(super) fn backoff_over(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.processes.is_empty() {
            self.start = Some(Start::default());
            self.start_if_room(now, out);
        }
    }

    /// The process has lived long enough to count as started.
    pub(super) fn settled(&mut self, instance: Instance) {
        if let Some(index) = self.index(instance)
            && self.processes[index].phase == Phase::Ready
        {
            self.processes[index].phase = Phase::Settled;
            let build = self.processes[index].build;
            // With `manual` a newer one may be live by now.
            let known = [self.live.as_mut(), self.previous.as_mut()].into_iter().flatten();
            known.filter(|known| known.build == build).for_each(|known| known.settled = true);
            self.failures = 0;
            self.quick_ends = 0;
        }
    }
}
