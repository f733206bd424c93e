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
    /// Somebody asked for it.
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
        /// Which one.
        build: BuildId,
        /// What is built.
        artifacts: BTreeSet<ArtifactId>,
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
        /// Whether all of it was built.
        success: bool,
        /// The artifacts that were not.
        failed: BTreeSet<ArtifactId>,
        /// What it came to.
        summary: BuildSummary,
        /// What is running.
        running: Vec<Running>,
    },
    /// The live path names a new binary.
    Published {
        /// Which build.
        build: BuildId,
        /// What of it.
        artifact: ArtifactId,
        /// The live path.
        path: PathBuf,
    },
    /// A new binary is live and not started before somebody asks for it (`update = "manual"`).
    Held {
        /// Which service.
        service: ServiceId,
        /// Which build.
        build: BuildId,
        /// What is running.
        running: Option<Running>,
    },
    /// A build gave the binary that is live already.
    Unchanged {
        /// Which build.
        build: BuildId,
        /// What of it.
        artifact: ArtifactId,
        /// Whether the program is started again all the same.
        restarts: bool,
    },
    /// The fresh binary could not be published.
    PublishFailed {
        /// Which build.
        build: BuildId,
        /// What of it.
        artifact: ArtifactId,
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
    },
    /// A process is about to run.
    Starting {
        /// Which process.
        instance: Instance,
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
        /// Which process.
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
        /// Which one.
        instance: Instance,
        /// Its process id.
        pid: u32,
        /// The build it runs.
        build: BuildId,
        /// From its start.
        after: Duration,
        /// It only counts as ready: what was waited for has not come, or not yet.
        assumed: bool,
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
        /// Which process.
        instance: Instance,
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
    /// A program was not ready in time at its first start; it runs on, and updates no longer wait for it.
    NeverReady {
        /// Which process.
        instance: Instance,
        /// The build.
        build: BuildId,
        /// How long it was waited for.
        waited: Duration,
        /// What is missing, where that is known.
        unmet: Option<Unmet>,
        /// How it would have been updated.
        update: Update,
    },
    /// The live path names the previous build again.
    RolledBack {
        /// Which service.
        service: ServiceId,
        /// Which build.
        to: BuildId,
    },
    /// An overlap was not possible because descriptors are stored.
    NoOverlap(ServiceId),
    /// A program did not take the live binary up by itself; it is restarted.
    ReloadFailed {
        /// Which process.
        instance: Instance,
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
    LiveRemoved(ArtifactId),
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
    /// As the end of a sentence that says that something is not ready.
    pub fn because(unmet: Option<&Self>) -> String {
        unmet.map_or(String::new(), |unmet| format!(": {}", unmet.reason))
    }

    /// The end of a sentence about a process that was not ready in time.
    pub fn not_ready(waited: Duration, unmet: Option<&Self>) -> String {
        format!("was not ready within {}{}", short_time(waited), Self::because(unmet))
    }
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
    /// It would load the libraries of its old build: its library path names them.
    #[error("its libraries changed, and it would load the old ones")]
    OldLibraries,
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
    /// Which one.
    pub instance: Instance,
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
