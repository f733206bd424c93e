//! The life of the program: started, stopped, ended by itself, started again.
//!
//! Pure. At most one process of the service exists at a time: the next is started when nothing of the last one is left.

use std::time::Duration;

use super::Settings;
use super::events::{AfterExit, Effect, ExitReason, Notice, Running, StartFailure, StopCause, Timer};
use crate::config::{OnExit, Update};
use crate::words::{BuildId, Exit, Instance, ServiceId, StopPlan};

/// A process that lives this long after it was ready has started.
pub const SETTLE: Duration = Duration::from_secs(1);
/// The first wait of `on-exit restart`; it doubles with each failure in a row.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// The longest wait of `on-exit restart`.
pub const BACKOFF_LAST: Duration = Duration::from_secs(10);
/// Stopping that takes longer than this is said.
pub(super) const MOMENT: Duration = Duration::from_secs(1);
/// So many failures in a row wait for an edit.
pub const FAILURES_IN_A_ROW: u32 = 5;

/// The state of the program.
#[derive(Debug)]
pub(super) struct Service {
    id: ServiceId,
    started: u32,
    live: Option<Live>,
    process: Option<Process>,
    /// Start the live binary when nothing is left of the process.
    start: Option<Start>,
    failures: u32,
    quick_ends: u32,
}

/// The published build.
#[derive(Debug, Clone, Copy)]
struct Live {
    build: BuildId,
    since: Duration,
}

#[derive(Debug)]
struct Process {
    instance: Instance,
    build: BuildId,
    order: Start,
    pid: u32,
    started: Duration,
    phase: Phase,
    /// When it was told to stop, and how.
    stop: Option<(Duration, StopPlan)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Running,
    Stopping,
    /// The process itself has ended, others of its tree may not have.
    Ended(Exit),
    /// It could not be stopped (another user's) and nobody tries any more; what is next starts when it ends.
    Stuck,
}

/// What led to a start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Start {
    /// When the change was seen or the order given.
    pub(super) since: Option<Duration>,
    /// How long the build took that led to it.
    pub(super) build_took: Option<Duration>,
}

impl Service {
    pub(super) fn new(id: ServiceId) -> Self {
        Self { id, started: 0, live: None, process: None, start: None, failures: 0, quick_ends: 0 }
    }

    /// What runs, for a message about something that failed.
    pub(super) fn running(&self, now: Duration) -> Option<Running> {
        let process = self.process.as_ref().filter(|process| process.phase == Phase::Running)?;
        let built =
            self.live.filter(|live| live.build == process.build).map_or(process.started, |live| live.since);
        Some(Running { build: process.build, age: now.saturating_sub(built), pid: process.pid })
    }

    /// Whether nothing of the program is left that could still be stopped.
    pub(super) fn ended(&self) -> bool {
        self.process.as_ref().is_none_or(|process| process.phase == Phase::Stuck)
    }

    /// Whether the program is down and nothing is about to start it.
    pub(super) fn down(&self) -> bool {
        self.process.is_none() && self.start.is_none()
    }

    /// A build became live.
    pub(super) fn published(&mut self, now: Duration, build: BuildId) {
        self.live = Some(Live { build, since: now });
        self.failures = 0;
        self.quick_ends = 0;
    }

    /// Start the live binary, after the running process was stopped.
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
        match self.process.as_ref().map(|process| process.phase) {
            None => self.start_live(now, order, out),
            Some(Phase::Starting | Phase::Running) => {
                self.start = Some(order);
                self.stop(now, cause, settings.stop, out);
            }
            Some(Phase::Stopping | Phase::Ended(_) | Phase::Stuck) => self.start = Some(order),
        }
    }

    /// Stop what runs and start nothing.
    pub(super) fn quit(&mut self, now: Duration, plan: StopPlan, out: &mut Vec<Effect>) {
        self.start = None;
        out.push(Effect::CancelTimer(Timer::Backoff));
        if let Some(Process { instance, phase: Phase::Stopping | Phase::Ended(_), stop, .. }) =
            &mut self.process
            && let Some((since, before)) = *stop
        {
            out.push(Effect::StartTimer(Timer::Slow(*instance), MOMENT));
            // One that is being stopped already hears of Ctrl-C as well; the same signal twice may mean something else
            // to it. Its time does not begin anew.
            if before.signal != plan.signal {
                let left = before.timeout.saturating_sub(now.saturating_sub(since));
                let plan = StopPlan { timeout: plan.timeout.min(left), ..plan };
                *stop = Some((now, plan));
                out.push(Effect::StopProcess { instance: *instance, plan });
            }
        }
        self.stop(now, StopCause::Quit, plan, out);
    }

    /// Stopping takes longer than a moment.
    pub(super) fn slow(&self, now: Duration, instance: Instance, quitting: bool, out: &mut Vec<Effect>) {
        if let Some(process) = self.process.as_ref().filter(|process| process.instance == instance)
            && let Some((since, plan)) = process.stop
            && process.phase != Phase::Stuck
        {
            let ago = now.saturating_sub(since);
            out.push(Effect::Report(Notice::StillStopping {
                instance,
                pid: process.pid,
                signal: plan.signal,
                ago,
                left: plan.timeout.saturating_sub(ago),
                quitting,
            }));
        }
    }

    /// Kill what is left.
    pub(super) fn kill(&mut self, out: &mut Vec<Effect>) {
        self.start = None;
        if let Some(process) = &self.process {
            out.push(Effect::KillProcess(process.instance));
        }
    }

    fn stop(&mut self, now: Duration, cause: StopCause, plan: StopPlan, out: &mut Vec<Effect>) {
        let Some(process) = &mut self.process else { return };
        if !matches!(process.phase, Phase::Starting | Phase::Running) {
            return;
        }
        process.phase = Phase::Stopping;
        process.stop = Some((now, plan));
        out.push(Effect::CancelTimer(Timer::Settled(process.instance)));
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

    fn start_live(&mut self, now: Duration, order: Start, out: &mut Vec<Effect>) {
        let Some(live) = self.live else { return };
        self.started += 1;
        self.start = None;
        let instance = Instance { service: self.id, number: self.started };
        self.process = Some(Process {
            instance,
            build: live.build,
            order,
            pid: 0,
            started: now,
            phase: Phase::Starting,
            stop: None,
        });
        out.push(Effect::StartProcess { instance, build: live.build });
    }

    /// A process was started.
    pub(super) fn process_started(
        &mut self,
        now: Duration,
        instance: Instance,
        pid: u32,
        out: &mut Vec<Effect>,
    ) {
        let Some(process) = self.process.as_mut().filter(|process| process.instance == instance) else {
            return;
        };
        process.pid = pid;
        let restart = instance.number > 1;
        out.push(Effect::Report(Notice::ProcessStarted {
            instance,
            pid,
            build: process.build,
            restart,
            since_change: process.order.since.map(|since| now.saturating_sub(since)),
            build_took: process.order.build_took,
        }));
        if process.phase == Phase::Starting {
            process.phase = Phase::Running;
            out.push(Effect::Report(Notice::Ready {
                instance,
                pid,
                build: process.build,
                after: now.saturating_sub(process.started),
            }));
            out.push(Effect::StartTimer(Timer::Settled(instance), SETTLE));
        }
    }

    /// A process could not be started: there is nothing left of it.
    pub(super) fn spawn_failed(
        &mut self,
        now: Duration,
        settings: &Settings,
        instance: Instance,
        error: String,
        out: &mut Vec<Effect>,
    ) {
        let Some(process) = self.process.take_if(|process| process.instance == instance) else { return };
        let failure = StartFailure::Spawn(error);
        out.push(Effect::Report(Notice::StartFailed { build: process.build, failure }));
        if settings.once {
            out.push(Effect::Exit(ExitReason::CannotRun));
        } else if let Some(order) = self.start.take() {
            self.start_live(now, order, out);
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
        let Some(process) = self.process.as_mut().filter(|process| process.instance == instance) else {
            return;
        };
        let stuck = process.phase == Phase::Stuck;
        let expected = stuck || process.phase == Phase::Stopping;
        let lived = now.saturating_sub(process.started);
        process.phase = Phase::Ended(exit);
        let (pid, build) = (process.pid, process.build);
        out.push(Effect::CancelTimer(Timer::Settled(instance)));
        if !expected {
            if lived >= SETTLE {
                self.failures = 0;
                self.quick_ends = 0;
            }
            if !exit.success() {
                self.failures += 1;
            }
            self.quick_ends += 1;
        }
        let next = if expected { AfterExit::AsPlanned } else { self.after_exit(settings) };
        out.push(Effect::Report(Notice::ProcessExited { instance, pid, build, exit, lived, expected, next }));
        if !expected && !exit.success() && lived < SETTLE {
            let failure = StartFailure::Exited { exit, lived };
            out.push(Effect::Report(Notice::StartFailed { build, failure }));
        }
        if stuck {
            // Its last word was said before.
            self.process_gone(now, settings, instance, false, out);
        }
    }

    /// What follows when the program ended by itself.
    fn after_exit(&self, settings: &Settings) -> AfterExit {
        let newer = self
            .live
            .zip(self.process.as_ref())
            .is_some_and(|(live, process)| live.build != process.build && settings.update == Update::Manual);
        if self.start.is_some() || newer {
            return AfterExit::AsPlanned;
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
        let Some(process) = self.process.as_mut().filter(|process| process.instance == instance) else {
            return;
        };
        out.push(Effect::CancelTimer(Timer::Slow(instance)));
        let Phase::Ended(exit) = process.phase else {
            process.phase = Phase::Stuck;
            return;
        };
        let build = process.build;
        let next = self.after_exit(settings);
        self.process = None;
        if quitting {
            return;
        }
        if let Some(order) = self.start.take() {
            self.start_live(now, order, out);
            return;
        }
        match next {
            AfterExit::Ends => out.push(Effect::Exit(ExitReason::ProgramEnded(exit))),
            AfterExit::Restarts(after) => out.push(Effect::StartTimer(Timer::Backoff, after)),
            AfterExit::AsPlanned if self.live.is_some_and(|live| live.build != build) => {
                self.start_live(now, Start::default(), out);
            }
            AfterExit::AsPlanned | AfterExit::Waits | AfterExit::GivesUp => {}
        }
    }

    /// The wait before the program is started again is over.
    pub(super) fn backoff_over(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.process.is_none() {
            self.start_live(now, Start::default(), out);
        }
    }

    /// The process has lived long enough to count as started.
    pub(super) fn settled(&mut self, instance: Instance) {
        if self.process.as_ref().is_some_and(|process| process.instance == instance) {
            self.failures = 0;
            self.quick_ends = 0;
        }
    }
}
