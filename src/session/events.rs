//! What the session is told ([`Event`], past facts) and what it answers ([`Effect`], orders); what is to be said is in
//! [`notices`](super::notices).
//!
//! Plain data. Ids make stale news harmless: an event about a build or a process that is no longer the current one is
//! ignored.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::notices::{BuildSummary, Cause, ExitReason, NotReloaded, Notice, QuitReason, Unmet};
use super::setup::Setup;
use crate::words::{ArtifactId, BuildId, Change, Exit, Instance, ServiceId, StopPlan};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// hotrun is set up: build and run.
    Started,
    /// Files that count have another content than the latest build attempt started from.
    FilesChanged(Vec<Change>),
    /// Another process removed the live binary or its folder (`cargo clean`).
    LiveRemoved(ArtifactId),
    /// The answer to [`Effect::ReadProject`]; nothing that was started for it is left.
    ProjectRead {
        /// The build that waits for it.
        build: BuildId,
        outcome: ReadOutcome,
    },
    /// cargo and everything in its process group ended.
    BuildEnded { build: BuildId, outcome: BuildOutcome },
    /// The answer to [`Effect::WarmUp`]; nothing of the warm-up is left.
    WarmedUp,
    /// The answer to [`Effect::Publish`].
    Published { build: BuildId, artifact: ArtifactId, outcome: PublishOutcome },
    /// A process was started.
    ProcessStarted { instance: Instance, pid: u32 },
    /// A program lives on in another process than its first.
    MainProcess {
        instance: Instance,
        /// The process id it has from now on.
        pid: u32,
    },
    /// A process that was told to stop is held by a debugger, and not killed as long as it is.
    HeldByDebugger { instance: Instance },
    /// A process could not be started.
    SpawnFailed {
        instance: Instance,
        /// Why, for a person.
        error: String,
    },
    /// A process said, or was found, to be ready.
    ProcessReady { instance: Instance },
    /// The time a process had to become ready is over ([`Timer::Ready`]).
    NotReady {
        instance: Instance,
        /// What is missing, where that is known.
        unmet: Option<Unmet>,
    },
    /// A process asked for more time to become ready or to end.
    MoreTime {
        instance: Instance,
        /// From now.
        time: Duration,
    },
    /// Whether descriptors are stored for the next process.
    Stored { service: ServiceId, stored: bool },
    /// A process that was told to run the live binary itself has begun to: its end, or its silence, is the new build's.
    TookUp { instance: Instance },
    /// The answer to [`Effect::Reload`] where the program did not take the live binary up.
    ReloadFailed { instance: Instance, reason: NotReloaded },
    /// The answer to [`Effect::RollBack`].
    RolledBack {
        service: ServiceId,
        /// Why the live path could not be set back, for a person.
        error: Option<String>,
    },
    /// A process ended; others of its tree may still live.
    ProcessExited { instance: Instance, exit: Exit },
    /// Nothing of a process's tree is left, or nothing that hotrun could stop. One that lives on may still tell its
    /// [`Event::ProcessExited`].
    ProcessGone { instance: Instance },
    /// SIGHUP came, and the terminal has not hung up so far.
    HangupSignal {
        /// Whether there is a terminal at all.
        terminal: bool,
    },
    /// The answer to [`Effect::ReadConfig`]: what the edit changed, if it is valid and changed anything.
    ConfigRead(Option<ConfigChange>),
    /// A timer ran out.
    TimerFired(Timer),
    /// A person, a script or a signal asked for something.
    Asked(Request),
}

impl Event {
    /// Returns its service.
    pub fn service(&self) -> Option<ServiceId> {
        match self {
            Self::ProcessStarted { instance, .. }
            | Self::MainProcess { instance, .. }
            | Self::HeldByDebugger { instance }
            | Self::SpawnFailed { instance, .. }
            | Self::ProcessReady { instance }
            | Self::NotReady { instance, .. }
            | Self::MoreTime { instance, .. }
            | Self::TookUp { instance }
            | Self::ReloadFailed { instance, .. }
            | Self::ProcessExited { instance, .. }
            | Self::ProcessGone { instance } => Some(instance.service),
            Self::Stored { service, .. } | Self::RolledBack { service, .. } => Some(*service),
            Self::TimerFired(timer) => timer.service(),
            Self::Started
            | Self::FilesChanged(_)
            | Self::LiveRemoved(_)
            | Self::ProjectRead { .. }
            | Self::BuildEnded { .. }
            | Self::WarmedUp
            | Self::Published { .. }
            | Self::HangupSignal { .. }
            | Self::ConfigRead(_)
            | Self::Asked(_) => None,
        }
    }
}

/// An edit of the config or of an env file that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    pub files: Vec<PathBuf>,
    /// The keys that have another value.
    pub keys: Vec<String>,
    /// What the session decides by from now on.
    pub setup: Setup,
    /// When these count as ready differs.
    pub readiness: BTreeSet<ServiceId>,
    /// What these are started with differs.
    pub restart: BTreeSet<ServiceId>,
    /// What cargo is asked for these differs.
    pub build: BTreeSet<ArtifactId>,
    /// How processes are started differs.
    pub next_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Builds go by it from now on.
    Read,
    /// rustup, cargo or rustc refused: a build would fail as well.
    Failed(BuildSummary),
    /// It was cancelled before it could end by itself.
    Cancelled,
}

/// How a build ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildOutcome {
    /// cargo ended with success.
    Succeeded(BuildSummary),
    /// cargo ended with an error, or could not be run. Others may have been built all the same.
    Failed { summary: BuildSummary, made: BTreeSet<ArtifactId> },
    /// It was cancelled before it could end by itself.
    Cancelled,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The live path names the new binary.
    Published { path: PathBuf },
    /// The live binary has the same bytes.
    Unchanged {
        /// Arguments, environment, runner or folder differ from those of the last start.
        launch_changed: bool,
    },
    /// It could not be published; the live path is what it was.
    Failed {
        /// Why, for a person.
        error: String,
    },
}

/// A timer of the session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The quiet time that ends a burst of edits.
    Burst,
    /// The wait before the program is started again (`on-exit restart`).
    Backoff(ServiceId),
    /// A terminal that sent SIGHUP and is still there is not hanging up.
    Hangup,
    /// The time to remove the rest after the live binary.
    LiveRemoved,
    /// The deadline of a process's readiness.
    Ready(Instance),
    /// A process counts as having started once it has lived this long after it was ready.
    Settled(Instance),
    /// Stopping a process takes longer than a moment.
    Slow(Instance),
}

impl Timer {
    /// Returns its service.
    pub fn service(self) -> Option<ServiceId> {
        match self {
            Self::Backoff(service) => Some(service),
            Self::Ready(instance) | Self::Settled(instance) | Self::Slow(instance) => Some(instance.service),
            Self::Burst | Self::Hangup | Self::LiveRemoved => None,
        }
    }
}

/// The services that a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// All of them. A restart leaves out those that were stopped or never started.
    All,
    /// These. What they need is started as well.
    Only(BTreeSet<ServiceId>),
}

/// An order of a person, a script or a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Build if anything changed, then restart in any case.
    Restart(Whom),
    /// Start what is down.
    Start(Whom),
    /// Stop until it is asked for again; its builds are published all the same.
    Stop(Whom),
    /// Stop following edits, or go on.
    Pause,
    /// Stop everything and end.
    Quit(QuitReason),
    /// Kill what is left and end now.
    QuitNow(QuitReason),
}

/// Something to be done.
#[must_use = "an effect that is dropped is work that is never done"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask rustup, cargo and rustc about the project again; [`Event::ProjectRead`] follows.
    ReadProject { build: BuildId, artifacts: BTreeSet<ArtifactId> },
    /// Run cargo.
    StartBuild {
        build: BuildId,
        artifacts: BTreeSet<ArtifactId>,
        cause: Cause,
        /// What changed since the last build that ended by itself.
        changes: Vec<Change>,
    },
    /// End cargo, or what is asked about the project, with its process group; [`Event::BuildEnded`] or
    /// [`Event::ProjectRead`] follows.
    CancelBuild(BuildId),
    /// Compile the program's own packages in the background, so that rustc's incremental cache is there for the first edit;
    /// [`Event::WarmedUp`] follows.
    WarmUp,
    /// End the warm-up; [`Event::WarmedUp`] follows.
    CancelWarmUp,
    /// Rename a fresh binary over the live one; [`Event::Published`] follows.
    Publish { build: BuildId, artifact: ArtifactId },
    /// Start the live binary; [`Event::ProcessStarted`] or [`Event::SpawnFailed`] follows.
    StartProcess {
        instance: Instance,
        build: BuildId,
        /// Reported just before the program begins to run, so that its own output comes after.
        starting: Notice,
    },
    /// Tell a process to run the live binary itself; [`Event::ProcessReady`] or [`Event::ReloadFailed`] follows.
    Reload(Instance),
    /// The live build of this service was ready once: what replaces it can go back to it.
    Keep(ServiceId, BuildId),
    /// The live build of this service could not start: it is no build to go back to.
    Condemn(ServiceId, BuildId),
    /// Let the live path name the previous binary again; [`Event::RolledBack`] follows.
    RollBack {
        /// The service that cannot start it.
        service: ServiceId,
        /// The build that could not start.
        from: BuildId,
        /// The build before it.
        to: BuildId,
    },
    /// Stop a process and its tree; [`Event::ProcessExited`] and [`Event::ProcessGone`] follow.
    StopProcess { instance: Instance, plan: StopPlan },
    /// Give a process that is being stopped at least this time from now until it is killed.
    ExtendStop {
        instance: Instance,
        /// From now.
        time: Duration,
    },
    /// Kill a process and its tree now.
    KillProcess(Instance),
    /// Start or restart a timer.
    StartTimer(Timer, Duration),
    /// Forget a timer.
    CancelTimer(Timer),
    /// Read the settings and env files again, because these changed, and bring into force what can be;
    /// [`Event::ConfigRead`] follows.
    ReadConfig(Vec<PathBuf>),
    /// Tell people and machines.
    Report(Notice),
    /// Everything that is to run is ready, for the first time.
    AllReady,
    /// Everything has ended: leave.
    Exit(ExitReason),
}
