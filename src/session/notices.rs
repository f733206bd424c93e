//! What the session wants said ([`Notice`]): facts with all that a line for people or an event for machines tells of them.
//!
//! Plain data; the words are the report's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Update;
use crate::words::{ArtifactId, BuildId, Exit, Instance, ServiceId, short_time};

/// Why a build was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// hotrun has just started.
    Start,
    /// Files changed.
    Changed,
    /// It was asked for.
    Asked,
    /// The live binary was removed.
    LiveRemoved,
}

/// A fact worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Files that count changed.
    Changed(Vec<PathBuf>),
    /// A build was started.
    BuildStarted {
        build: BuildId,
        artifacts: BTreeSet<ArtifactId>,
        cause: Cause,
        /// The files that led to it.
        paths: Vec<PathBuf>,
    },
    /// A build was cancelled by a newer change.
    BuildCancelled(BuildId),
    /// A build ended by itself.
    BuildFinished {
        build: BuildId,
        /// Whether all of it was built.
        success: bool,
        /// The artifacts that were not.
        failed: BTreeSet<ArtifactId>,
        summary: BuildSummary,
        running: Vec<Running>,
    },
    /// The live path names a new binary.
    Published { build: BuildId, artifact: ArtifactId, path: PathBuf },
    /// A new binary is live and waits for a request (`update = "manual"`).
    Held { service: ServiceId, build: BuildId, running: Option<Running> },
    /// A build gave the binary that is live already.
    Unchanged {
        build: BuildId,
        artifact: ArtifactId,
        /// Whether the program is started again all the same.
        restarts: bool,
    },
    /// The fresh binary could not be published.
    PublishFailed { build: BuildId, artifact: ArtifactId, error: String, running: Option<Running> },
    /// A process is being stopped.
    Stopping {
        instance: Instance,
        pid: u32,
        build: BuildId,
        /// The first signal.
        signal: i32,
        cause: StopCause,
    },
    /// Stopping a process takes longer than a moment.
    StillStopping {
        instance: Instance,
        pid: u32,
        /// The signal it was sent.
        signal: i32,
        ago: Duration,
        /// What is left until SIGKILL; without it a debugger holds the process, and hotrun waits.
        left: Option<Duration>,
        /// hotrun ends: another request kills it now.
        quitting: bool,
    },
    /// A process was started.
    ProcessStarted { instance: Instance, pid: u32, build: BuildId },
    /// A process is about to run.
    Starting {
        instance: Instance,
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
        instance: Instance,
        /// The build it runs now.
        build: BuildId,
        /// From the change (or the order) that led to it.
        since_change: Option<Duration>,
        /// How long the build took that led to it, if one did.
        build_took: Option<Duration>,
    },
    /// A process counts as ready.
    Ready {
        instance: Instance,
        pid: u32,
        build: BuildId,
        /// From its start.
        after: Duration,
        /// It only counts as ready: what was waited for has not come, or not yet.
        assumed: bool,
    },
    /// A process ended.
    ProcessExited {
        instance: Instance,
        pid: u32,
        build: BuildId,
        exit: Exit,
        lived: Duration,
        /// Whether hotrun stopped it.
        expected: bool,
        /// What hotrun does next.
        next: AfterExit,
    },
    /// A new build could not start.
    StartFailed {
        instance: Instance,
        build: BuildId,
        /// Its process, where there was one (else 0).
        pid: u32,
        /// What happened.
        failure: StartFailure,
        instead: Instead,
        /// It has run before, so it is not the build that is at fault: there is no going back from it, only to it.
        proven: bool,
    },
    /// A program was not ready in time at its first start; it runs on, and updates no longer wait for it.
    NeverReady {
        instance: Instance,
        build: BuildId,
        waited: Duration,
        /// What is missing, where that is known.
        unmet: Option<Unmet>,
        update: Update,
    },
    /// The live path names the previous build again.
    RolledBack { service: ServiceId, to: BuildId },
    /// An overlap was not possible because descriptors are stored.
    NoOverlap(ServiceId),
    /// A program did not take the live binary up by itself; it is restarted.
    ReloadFailed { instance: Instance, reason: NotReloaded },
    /// An edited config is in force.
    ConfigChanged {
        files: Vec<PathBuf>,
        /// The keys that have another value.
        keys: Vec<String>,
        then: AfterConfig,
    },
    /// Edits are no longer followed.
    Paused,
    /// Edits are followed again.
    Resumed,
    /// Another process removed the live binary.
    LiveRemoved(ArtifactId),
    /// A service does not start, because services that it comes after are in trouble.
    Waiting { service: ServiceId, waits_for: Vec<(ServiceId, Hindrance)> },
    /// Nothing is left of a service that somebody asked to stop.
    StoppedByRequest(ServiceId),
    /// hotrun is leaving.
    Exiting(ExitReason),
}

/// Why others cannot start after a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// It was stopped, or never started.
    Stopped,
    /// It ended by itself.
    Ended(Exit),
    /// This build of it failed, or could not be published.
    NotBuilt(BuildId),
    /// It could not be started.
    NotStarted,
    /// It runs and is not ready.
    NotReady,
    /// It waits for others itself.
    Waits,
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
    Exited { exit: Exit, lived: Duration },
    /// It was not ready in time.
    NotReady {
        waited: Duration,
        /// What is missing, where that is known.
        unmet: Option<Unmet>,
    },
}

/// What is missing for a process to be ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// What was waited for, where that is set, and the last answer.
    pub reason: String,
    /// A way out.
    pub hint: Option<String>,
}

impl Unmet {
    /// Returns the reason, to end a sentence about a process that is not ready.
    pub fn because(unmet: Option<&Self>) -> String {
        unmet.map_or(String::new(), |unmet| format!(": {}", unmet.reason))
    }

    /// Returns a predicate about a process that was not ready in time.
    pub fn not_ready(waited: Duration, unmet: Option<&Self>) -> String {
        format!("was not ready within {}{}", short_time(waited), Self::because(unmet))
    }
}

/// Why a program that was to run the live binary itself is restarted instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReloaded {
    /// Nothing would tell when it is done.
    #[error("it never said READY=1")]
    Silent,
    /// The signal would end it.
    #[error("it has no handler for SIGHUP")]
    NoHandler,
    /// Its handler ended it.
    #[error("it ended on SIGHUP")]
    Ended,
    /// It would load the libraries of its old build: its library path names them.
    #[error("its libraries changed, and it would load the old ones")]
    OldLibraries,
    /// It only read its settings again.
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
    pub instance: Instance,
    pub build: BuildId,
    /// Since when that build is finished.
    pub age: Duration,
    pub pid: u32,
}

/// Why a process is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// A newer build replaces it.
    Update,
    /// A restart was asked for.
    Asked,
    /// What it is started with changed (an env file).
    Launch,
    /// It was not ready in time.
    NotReady,
    /// A service that it is restarted with was replaced.
    Dependency,
    /// hotrun ends.
    Quit,
}

/// What follows the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterExit {
    /// What its stop was for.
    AsPlanned,
    /// The process it was to replace runs on: this build.
    Beside(BuildId),
    /// A task that did what it was to do.
    Done,
    /// hotrun waits for a change.
    Waits,
    /// hotrun waits for an edit after too many failures in a row.
    GivesUp,
    /// It is started again after this time.
    Restarts(Duration),
    /// hotrun ends with it.
    Ends,
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
