//! What the session is told ([`Event`], past facts) and what it answers ([`Effect`], orders).
//!
//! Plain data. Ids make stale news harmless: an event about a build or a process that is no longer the current one is
//! ignored by whoever gets it.

use std::path::PathBuf;
use std::time::Duration;

use super::Settings;
use crate::words::{BuildId, Change, Exit, Instance, StopPlan};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// hotrun is set up: build and run.
    Started,
    /// Files that count have another content than the latest build attempt started from.
    FilesChanged(Vec<Change>),
    /// The live binary or its folder was removed by somebody else (`cargo clean`).
    LiveRemoved,
    /// cargo and everything in its process group ended.
    BuildEnded {
        /// Which build.
        build: BuildId,
        /// How.
        outcome: BuildOutcome,
    },
    /// The answer to [`Effect::Publish`].
    Published {
        /// Which build.
        build: BuildId,
        /// What became of it.
        outcome: PublishOutcome,
    },
    /// A process was started.
    ProcessStarted {
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
    },
    /// A program lives on in another process than the one that was started.
    MainProcess {
        /// Which one.
        instance: Instance,
        /// The process id it has from now on.
        pid: u32,
    },
    /// A process that was told to stop is held by a debugger, and not killed as long as it is.
    HeldByDebugger {
        /// Which one.
        instance: Instance,
    },
    /// A process could not be started.
    SpawnFailed {
        /// Which one.
        instance: Instance,
        /// Why, for a person.
        error: String,
    },
    /// A process said, or was found, to be ready.
    ProcessReady {
        /// Which one.
        instance: Instance,
    },
    /// A process asked for more time to become ready or to end.
    MoreTime {
        /// Which one.
        instance: Instance,
        /// From now.
        time: Duration,
    },
    /// Whether descriptors are stored for the next process.
    Stored(bool),
    /// A process that was told to run the live binary itself has begun to: its end, or its silence, is the new build's.
    TookUp {
        /// Which one.
        instance: Instance,
    },
    /// The answer to [`Effect::Reload`] where the program did not take the live binary up.
    ReloadFailed {
        /// Which one.
        instance: Instance,
        /// Why.
        reason: NotReloaded,
    },
    /// The answer to [`Effect::RollBack`].
    RolledBack {
        /// Why the live path could not be set back, for a person.
        error: Option<String>,
    },
    /// A process ended; others of its tree may still live.
    ProcessExited {
        /// Which one.
        instance: Instance,
        /// How.
        exit: Exit,
    },
    /// Nothing of a process's tree is left, or nothing that hotrun could stop. One that lives on may still tell its
    /// [`Event::ProcessExited`].
    ProcessGone {
        /// Which one.
        instance: Instance,
    },
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

/// An edit of the config that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The files that were edited.
    pub files: Vec<PathBuf>,
    /// The keys that have another value.
    pub keys: Vec<&'static str>,
    /// What the session decides by from now on.
    pub settings: Settings,
    /// What the program is started with differs.
    pub restart: bool,
    /// What cargo is asked differs.
    pub build: bool,
    /// How processes are started differs.
    pub next_start: bool,
}

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildOutcome {
    /// cargo ended with success.
    Succeeded(BuildSummary),
    /// cargo ended with an error, or could not be run.
    Failed(BuildSummary),
    /// It was cancelled before it could end by itself.
    Cancelled,
}

/// What a build came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BuildSummary {
    /// Errors the compiler reported.
    pub errors: u32,
    /// Warnings the compiler reported.
    pub warnings: u32,
    /// cargo found nothing to do.
    pub fresh: bool,
    /// How long cargo ran.
    pub took: Duration,
}

/// What became of a publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishOutcome {
    /// The live path names the new binary.
    Published {
        /// The live path.
        path: PathBuf,
    },
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
    Backoff,
    /// A terminal that sent SIGHUP and is still there is not hanging up.
    Hangup,
    /// Whoever removed the live binary has had the time to remove the rest.
    LiveRemoved,
    /// A process has to be ready by then.
    Ready(Instance),
    /// A process counts as having started once it has lived this long after it was ready.
    Settled(Instance),
    /// Stopping a process takes longer than a moment.
    Slow(Instance),
}

/// What somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Build if anything changed, then restart in any case.
    Restart,
    /// Stop following edits, or go on.
    Pause,
    /// Stop everything and end.
    Quit(QuitReason),
    /// Kill what is left and end now.
    QuitNow(QuitReason),
}

/// Why hotrun ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuitReason {
    /// The `q` key, or `hotrun stop`.
    Asked,
    /// A signal.
    Signal(i32),
    /// The terminal went away.
    Hangup,
}

/// Something to be done.
#[must_use = "an effect that is dropped is work that is never done"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Run cargo.
    StartBuild {
        /// The number of this attempt.
        build: BuildId,
        /// Why.
        cause: Cause,
        /// What changed since the last build that ended by itself.
        changes: Vec<Change>,
    },
    /// End cargo and its process group; [`Event::BuildEnded`] follows.
    CancelBuild(BuildId),
    /// Rename the fresh binary of a successful build over the live one; [`Event::Published`] follows.
    Publish(BuildId),
    /// Start the live binary; [`Event::ProcessStarted`] or [`Event::SpawnFailed`] follows.
    StartProcess {
        /// The number of this process.
        instance: Instance,
        /// The build it runs.
        build: BuildId,
    },
    /// Tell a process to run the live binary itself; [`Event::ProcessReady`] or [`Event::ReloadFailed`] follows.
    Reload(Instance),
    /// Let the live path name the previous binary again; [`Event::RolledBack`] follows.
    RollBack {
        /// The build that could not start.
        from: BuildId,
        /// The build before it.
        to: BuildId,
    },
    /// Stop a process and its tree; [`Event::ProcessExited`] and [`Event::ProcessGone`] follow.
    StopProcess {
        /// Which one.
        instance: Instance,
        /// How.
        plan: StopPlan,
    },
    /// Give a process that is being stopped at least this time from now until it is killed.
    ExtendStop {
        /// Which one.
        instance: Instance,
        /// From now.
        time: Duration,
    },
    /// Kill a process and its tree now.
    KillProcess(Instance),
    /// Start (or start anew) a timer.
    StartTimer(Timer, Duration),
    /// Forget a timer.
    CancelTimer(Timer),
    /// Read the settings again, because these files changed, and bring into force what can be; [`Event::ConfigRead`]
    /// follows.
    ReadConfig(Vec<PathBuf>),
    /// Tell people and machines.
    Report(Notice),
    /// Everything has ended: leave.
    Exit(ExitReason),
}

/// Why a build was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// hotrun has just started.
    Start,
    /// Files changed.
    Changed,
    /// Somebody asked for it.
    Asked,
    /// The live binary was removed.
    LiveRemoved,
}

/// Why hotrun may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// It was told to.
    Quit(QuitReason),
    /// The program ended, and `--once` or `--on-exit exit` says to end with it.
    ProgramEnded(Exit),
    /// `--once` and the build failed.
    BuildFailed,
    /// `--once` and the program could not be started, or the binary not published.
    CannotRun,
}

/// A fact worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Files that count changed.
    Changed(Vec<PathBuf>),
    /// A build was started.
    BuildStarted {
        /// Which one.
        build: BuildId,
        /// Why.
        cause: Cause,
        /// The files that led to it.
        paths: Vec<PathBuf>,
    },
    /// A build was cancelled by a newer change.
    BuildCancelled(BuildId),
    /// A build ended by itself.
    BuildFinished {
        /// Which one.
        build: BuildId,
        /// Whether it succeeded.
        success: bool,
        /// What it came to.
        summary: BuildSummary,
        /// What is running.
        running: Option<Running>,
    },
    /// The live path names a new binary.
    Published {
        /// Which build.
        build: BuildId,
        /// The live path.
        path: PathBuf,
    },
    /// A new binary is live and not started before somebody asks for it (`update = "manual"`).
    Held {
        /// Which build.
        build: BuildId,
        /// What is running.
        running: Option<Running>,
    },
    /// A build gave the binary that is live already.
    Unchanged {
        /// Which build.
        build: BuildId,
        /// Whether the program is started again all the same.
        restarts: bool,
    },
    /// The fresh binary could not be published.
    PublishFailed {
        /// Which build.
        build: BuildId,
        /// Why.
        error: String,
        /// What is running.
        running: Option<Running>,
    },
    /// A process is being stopped.
    Stopping {
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
        /// The build it runs.
        build: BuildId,
        /// The first signal.
        signal: i32,
        /// Why.
        cause: StopCause,
    },
    /// Stopping a process takes longer than a moment.
    StillStopping {
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
        /// The signal it was sent.
        signal: i32,
        /// When.
        ago: Duration,
        /// What is left until SIGKILL; without it a debugger holds the process, and hotrun waits.
        left: Option<Duration>,
        /// hotrun ends: another request kills it now.
        quitting: bool,
    },
    /// A process was started.
    ProcessStarted {
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
        /// The build it runs.
        build: BuildId,
        /// Whether the service ran before.
        restart: bool,
        /// From the change (or the order) that led to it; nothing where the program is merely run again.
        since_change: Option<Duration>,
        /// How long the build took that led to it, if one did.
        build_took: Option<Duration>,
    },
    /// A program took the live binary up by itself (`update = "reexec"`).
    Reloaded {
        /// The build it runs now.
        build: BuildId,
        /// From the change (or the order) that led to it.
        since_change: Option<Duration>,
        /// How long the build took that led to it, if one did.
        build_took: Option<Duration>,
    },
    /// A process counts as ready.
    Ready {
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
        /// The build it runs.
        build: BuildId,
        /// From its start.
        after: Duration,
    },
    /// A process ended.
    ProcessExited {
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
        /// The build it ran.
        build: BuildId,
        /// How.
        exit: Exit,
        /// How long it lived.
        lived: Duration,
        /// Whether hotrun stopped it.
        expected: bool,
        /// What hotrun does next.
        next: AfterExit,
    },
    /// A new build could not start.
    StartFailed {
        /// The build.
        build: BuildId,
        /// Its process, where there was one (else 0).
        pid: u32,
        /// What happened.
        failure: StartFailure,
        /// What happens instead.
        instead: Instead,
        /// It has run before, so it is not the build that is at fault: there is no going back from it, only to it.
        proven: bool,
    },
    /// A program did not say at its first start that it is ready; it is not waited for again.
    NeverReady {
        /// The build.
        build: BuildId,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The live path names the previous build again.
    RolledBack {
        /// Which build.
        to: BuildId,
    },
    /// An overlap was not possible because descriptors are stored.
    NoOverlap,
    /// A program did not take the live binary up by itself; it is restarted.
    ReloadFailed {
        /// Why.
        reason: NotReloaded,
    },
    /// An edited config is in force.
    ConfigChanged {
        /// The files that were edited.
        files: Vec<PathBuf>,
        /// The keys that have another value.
        keys: Vec<&'static str>,
        /// What follows.
        then: AfterConfig,
    },
    /// Edits are no longer followed.
    Paused,
    /// Edits are followed again.
    Resumed,
    /// The live binary was removed by somebody else.
    LiveRemoved,
    /// hotrun is leaving.
    Exiting(ExitReason),
}

/// What follows an edit of the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterConfig {
    /// Nothing more.
    Nothing,
    /// The next process is started so.
    NextStart,
    /// The program is started again.
    Restart,
    /// cargo builds.
    Build,
    /// The program is started again, or built, when edits are followed again.
    Resume,
}

/// Why a new build did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFailure {
    /// It could not be executed.
    Spawn(String),
    /// It ended too early, with an error or a signal.
    Exited {
        /// How.
        exit: Exit,
        /// How long it lived.
        lived: Duration,
    },
    /// It was not ready in time.
    NotReady {
        /// How long it was waited for.
        waited: Duration,
    },
}

/// Why a program that was to run the live binary itself is restarted instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReloaded {
    /// Nobody would know when it is done.
    #[error("it never said READY=1")]
    Silent,
    /// The signal would end it.
    #[error("it has no handler for SIGHUP")]
    NoHandler,
    /// Its handler ended it.
    #[error("it ended on SIGHUP")]
    Ended,
    /// It read its settings anew and no more.
    #[error("it is ready again with the old binary")]
    OldBinary,
    /// It said nothing in time.
    #[error("it was not ready again in time")]
    NotReady,
}

/// What happens instead of a build that could not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// What ran goes on running.
    StillRunning(Option<Running>),
    /// The build before it is started again.
    RollsBack(BuildId),
    /// The program stays down, or what `on-exit` says.
    Down,
}

/// The process that runs while something else failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// The build it runs.
    pub build: BuildId,
    /// Since when that build is finished.
    pub age: Duration,
    /// Its process id.
    pub pid: u32,
}

/// Why a process is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// A newer build replaces it.
    Update,
    /// Somebody asked for a restart.
    Asked,
    /// What it is started with changed (an env file).
    Launch,
    /// It was not ready in time.
    NotReady,
    /// hotrun ends.
    Quit,
}

/// What follows the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterExit {
    /// It was stopped; whoever stopped it says what follows.
    AsPlanned,
    /// The process it was to replace runs on: this build.
    Beside(BuildId),
    /// hotrun waits for a change.
    Waits,
    /// hotrun waits for an edit after too many failures in a row.
    GivesUp,
    /// It is started again after this time.
    Restarts(Duration),
    /// hotrun ends with it.
    Ends,
}
