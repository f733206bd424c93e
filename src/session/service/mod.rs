//! The life of the program: started, ready, stopped, ended by itself, started again, rolled back.
//!
//! Pure. At most one process of the service exists at a time (L4): the next is started when nothing of the last one is
//! left. The exception is an overlap, where the next one starts beside the one that serves: two at most.

mod among;
mod ending;
mod failing;
mod patience;
mod place;
mod process;
mod reloading;
mod starting;

use std::time::Duration;

use self::place::Place;
pub(super) use self::process::Start;
use self::process::{Phase, Process, Readiness};
use super::Settings;
use super::events::{Effect, Event, Timer};
use super::notices::{ExitReason, Notice, Running, StopCause, Unmet};
use crate::config::Update;
use crate::words::{ArtifactId, BuildId, Instance, ServiceId};

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

/// A service.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug)]
pub(super) struct Service {
    id: ServiceId,
    settings: Settings,
    started: u32,
    live: Option<Live>,
    /// The build to go back to.
    previous: Option<Live>,
    /// In the order of their starts: one, or two during an overlap.
    processes: Vec<Process>,
    /// Start the live binary as soon as there is room for it.
    start: Option<Start>,
    /// Descriptors are stored for the next process, which an overlap could not share.
    stored: bool,
    /// The program never said that it is ready, and is not waited for until it does.
    silent: bool,
    ends: Ends,
    /// What runs was started with something older: a restart with another launch, or other files, has not come to a process
    /// that is ready.
    outdated: bool,
    /// Why hotrun ends with it, once it has ended for good.
    over: Option<ExitReason>,
    /// `manual` leaves what was saved to a request.
    held: bool,
    /// A restart that follows the next build, whatever that gives.
    owed: Option<StopCause>,
    place: Place,
}

/// Ends in a row.
#[derive(Debug, Default)]
struct Ends {
    failures: u32,
    /// Ends before it was settled.
    quick: u32,
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

/// A process that runs and was not told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStanding {
    /// The build it runs.
    pub build: BuildId,
    /// Its process id.
    pub pid: u32,
    /// Since when it runs.
    pub up: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    Starting,
    Stopping,
    /// This process cannot be stopped, and the next waits for its end.
    Stuck(u32),
    /// The process that runs was not ready in this time.
    Unready(BuildId, Duration, Option<Unmet>),
    /// The process that runs has started; whether it is the live build.
    Running {
        live: bool,
    },
    Down,
}

impl Service {
    pub(super) fn new(id: ServiceId, settings: Settings) -> Self {
        // There is nothing to build of a command.
        let command =
            Live { build: BuildId(0), since: Duration::ZERO, failed: false, ran: true, settled: true };
        Self {
            id,
            started: 0,
            live: settings.runs.is_none().then_some(command),
            previous: None,
            processes: Vec::new(),
            start: None,
            stored: false,
            silent: false,
            ends: Ends::default(),
            outdated: false,
            over: None,
            held: false,
            owed: None,
            place: Place::new(settings.autostart),
            settings,
        }
    }

    /// Handles an event of the service or one of its processes.
    pub(super) fn take_in(&mut self, now: Duration, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::ProcessStarted { instance, pid } => self.process_started(now, instance, pid, out),
            Event::MainProcess { instance, pid } => self.main_process(instance, pid),
            Event::HeldByDebugger { instance } => self.held_by_debugger(now, instance, out),
            Event::SpawnFailed { instance, error } => self.spawn_failed(now, instance, error, out),
            Event::ProcessReady { instance } => self.ready(now, instance, out),
            Event::NotReady { instance, unmet } => self.not_ready(now, instance, unmet, out),
            Event::MoreTime { instance, time } => self.extend(now, instance, time, out),
            Event::Stored { stored, .. } => self.stored = stored,
            Event::TookUp { instance } => self.took_up(instance),
            Event::ReloadFailed { instance, reason } => self.reload_failed(now, instance, reason, out),
            Event::RolledBack { error: None, .. } => self.rolled_back(now, out),
            Event::ProcessExited { instance, exit } => self.process_exited(now, instance, exit, out),
            Event::ProcessGone { instance } => self.process_gone(now, instance, out),
            Event::TimerFired(Timer::Ready(instance)) => self.not_ready(now, instance, None, out),
            Event::TimerFired(Timer::Settled(instance)) => self.settled(instance),
            Event::TimerFired(Timer::Slow(instance)) => self.slow(now, instance, out),
            Event::TimerFired(Timer::Backoff(_)) => self.backoff_over(now, out),
            _ => {}
        }
    }

    /// Returns the artifact it runs, unless it runs a command.
    pub(super) fn runs(&self) -> Option<ArtifactId> {
        self.settings.runs
    }

    /// An edited config is in force; whether how readiness is told has changed: then the next process is waited for, whatever
    /// earlier ones did.
    pub(super) fn set(&mut self, settings: Settings, readiness: bool) {
        self.settings = settings;
        self.silent &= !readiness;
    }

    /// What an edit of its settings leads to now: a restart, unless that is left to a request. `restart`: for what the edit
    /// changed; `was_manual`: for what was left to a request until now.
    pub(super) fn reconfigured(&mut self, restart: bool, was_manual: bool) -> bool {
        let wanted = restart || was_manual && (self.held || self.behind());
        wanted && !self.leave_to_request()
    }

    /// Whether a restart without a build is left to a request.
    pub(super) fn leave_to_request(&mut self) -> bool {
        let left = self.leaves_to_requests();
        self.held |= left;
        left
    }

    /// `manual` is for what runs: a program that has ended is started with whatever changed.
    fn leaves_to_requests(&self) -> bool {
        self.settings.update == Update::Manual && !self.down()
    }

    /// Whether updates wait for a request.
    fn holds(&self) -> bool {
        self.leaves_to_requests() && self.owed.is_none()
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    pub(super) fn is_manual(&self) -> bool {
        self.settings.update == Update::Manual
    }

    /// Owes a restart, for this reason.
    pub(super) fn owe(&mut self, cause: StopCause) {
        self.owed = Some(cause);
    }

    /// Takes the restart that is owed.
    pub(super) fn pay(&mut self) -> Option<StopCause> {
        self.owed.take()
    }

    pub(super) fn owed(&self) -> Option<StopCause> {
        self.owed
    }

    /// Returns why hotrun ends with it, once it has ended for good.
    pub(super) fn over(&self) -> Option<ExitReason> {
        self.over
    }

    /// Returns what runs, for a message about a failure.
    pub(super) fn running(&self, now: Duration) -> Option<Running> {
        let process = self.processes.iter().find(|process| process.wanted() && process.pid != 0)?;
        Some(self.facts(now, process))
    }

    fn facts(&self, now: Duration, process: &Process) -> Running {
        let known = [self.live, self.previous].into_iter().flatten().find(|live| live.build == process.build);
        let built = known.map_or(process.started, |live| live.since);
        Running {
            instance: process.instance,
            build: process.build,
            age: now.saturating_sub(built),
            pid: process.pid,
        }
    }

    /// Returns the process that runs and was not told to stop; of two, the serving one.
    pub(super) fn process(&self, now: Duration) -> Option<ProcessStanding> {
        let running = |process: &&Process| process.wanted() && process.pid != 0;
        let process = self.processes.iter().find(running)?;
        let up = now.saturating_sub(process.started);
        Some(ProcessStanding { build: process.build, pid: process.pid, up })
    }

    /// Returns what its processes are doing. Without declared readiness a process has started after [`SETTLE`].
    pub(super) fn doing(&self) -> Doing {
        let told = !self.settings.ready_at_spawn && !self.silent;
        if let Some(stuck) = self.processes.iter().find(|process| process.phase == Phase::Stuck) {
            return Doing::Stuck(stuck.pid);
        }
        let starting = |process: &Process| match (process.phase, &process.readiness) {
            // Its end is what is waited for.
            (Phase::Settled, _) if self.settings.task => true,
            (Phase::Ordered | Phase::Waiting | Phase::Reloading(_), _) => true,
            (Phase::Ready | Phase::Settled, Readiness::Awaited) if self.settings.ready_declared => true,
            (_, Readiness::Missing { .. }) if self.settings.ready_declared => false,
            (Phase::Ready, _) => !told,
            _ => false,
        };
        let stopping = |process: &Process| matches!(process.phase, Phase::Stopping | Phase::Ended(_));
        match self.processes.as_slice() {
            // The next process waits for its end.
            _ if self.start.is_some() && self.processes.iter().any(stopping) => Doing::Stopping,
            _ if self.start.is_some() || self.processes.iter().any(starting) => Doing::Starting,
            [] => Doing::Down,
            processes if processes.iter().all(Process::serves) => {
                if let [Process { build, readiness: Readiness::Missing { waited, unmet }, .. }] = processes
                    && self.settings.ready_declared
                {
                    return Doing::Unready(*build, *waited, unmet.clone());
                }
                let live = |process: &Process| self.live.is_some_and(|live| live.build == process.build);
                Doing::Running { live: processes.iter().all(live) }
            }
            _ => Doing::Stopping,
        }
    }

    /// Whether no process is left that could be stopped.
    pub(super) fn ended(&self) -> bool {
        self.processes.iter().all(|process| process.phase == Phase::Stuck)
    }

    /// Whether the program is down, or will be in a moment, and nothing is about to start it.
    pub(super) fn down(&self) -> bool {
        self.start.is_none() && !self.processes.iter().any(Process::wanted)
    }

    /// Runs a build that became live; with `restart`, files it reads changed as well.
    pub(super) fn published(
        &mut self,
        now: Duration,
        build: BuildId,
        restart: bool,
        order: Start,
        out: &mut Vec<Effect>,
    ) {
        if let Some(live) = self.live.filter(|live| live.ran && !live.failed) {
            self.previous = Some(live);
        }
        self.live = Some(Live { build, since: now, failed: false, ran: false, settled: false });
        self.ends = Ends::default();
        self.outdated |= restart;
        if self.holds() && !self.leaving() {
            let (service, running) = (self.id, self.running(now));
            out.push(Effect::Report(Notice::Held { service, build, running }));
        }
        self.take_over(now, StopCause::Update, order, out);
    }

    /// Handles a build of what is live already, which `restart` starts again.
    pub(super) fn unchanged(
        &mut self,
        now: Duration,
        build: BuildId,
        restart: bool,
        order: Start,
        out: &mut Vec<Effect>,
    ) {
        let Some(artifact) = self.runs() else { return };
        let ended = self.down() && !self.is_done();
        let due = self.is_up() && (restart || self.outdated || self.owed.is_some() || ended);
        let restarts = due && !self.holds();
        out.push(Effect::Report(Notice::Unchanged { build, artifact, restarts }));
        if due {
            self.take_over(now, StopCause::Launch, order, out);
        }
    }

    /// Starts what is live, unless updates wait for a request.
    fn take_over(&mut self, now: Duration, cause: StopCause, order: Start, out: &mut Vec<Effect>) {
        if self.holds() {
            self.held |= !self.leaving();
            return;
        }
        let cause = self.owed.take().unwrap_or(cause);
        self.update(now, cause, order, out);
    }

    /// Starts it as hotrun starts: it needs no build.
    pub(super) fn begin(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.order(Start::default());
        self.start_if_room(now, out);
    }

    /// Starts it again without a build.
    pub(super) fn restart(&mut self, now: Duration, cause: StopCause, out: &mut Vec<Effect>) {
        self.update(now, cause, Start::because(now, None), out);
    }

    /// Whether what runs is an earlier build than the live one.
    fn behind(&self) -> bool {
        let live = self.live.map(|live| live.build);
        self.start.is_none()
            && self.processes.iter().any(|process| process.wanted() && Some(process.build) != live)
    }

    /// Starts the live binary.
    fn update(&mut self, now: Duration, cause: StopCause, order: Start, out: &mut Vec<Effect>) {
        if self.live.is_none() || !self.is_up() || self.leaving() {
            return;
        }
        out.push(Effect::CancelTimer(Timer::Backoff(self.id)));
        let newer = cause == StopCause::Update;
        self.outdated |= !newer;
        if newer && self.settings.update == Update::Reexec && self.reload(now, order, out) {
            return;
        }
        let overlap = self.settings.update == Update::Overlap && !self.silent;
        if overlap && self.stored && self.processes.iter().any(Process::serves) {
            out.push(Effect::Report(Notice::NoOverlap(self.id)));
        }
        let order = Start { beside: overlap && !self.stored, ..order };
        self.order(order);
        // A serving process goes on until the next is ready; a starting one makes room for the newer one.
        let kept = if order.beside { self.processes.iter().position(Process::serves) } else { None };
        for index in (0..self.processes.len()).filter(|index| Some(*index) != kept) {
            self.stop(now, index, cause, self.settings.stop, out);
        }
        self.start_if_room(now, out);
    }

    fn index(&self, instance: Instance) -> Option<usize> {
        self.processes.iter().position(|process| process.instance == instance)
    }
}
