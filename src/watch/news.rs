//! Commands and events of the watch room.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::ledger::Moment;
use super::plan::Plan;
use super::reason::Reason;
use super::warning::Warning;
use super::watcher::FileEvent;
use crate::words::{ArtifactId, BuildId, Change};

/// A command of the runtime.
#[derive(Debug, Clone)]
pub enum WatchCommand {
    /// The project or the config changed.
    Replan(Box<Plan>),
    /// A build attempt is about to start. To be sent *before* cargo is spawned: the attempt may miss any
    /// later change.
    BuildStarted {
        build: BuildId,
        artifacts: BTreeSet<ArtifactId>,
    },
    BuildSucceeded {
        build: BuildId,
        /// When cargo ended.
        ended: SystemTime,
        /// The inputs of each artifact, as returned by [`parse`](super::dep_info::parse).
        dep_info: BTreeMap<ArtifactId, Vec<PathBuf>>,
        /// Roots of the packages whose build script printed no `rerun-if-changed`.
        rerun_everything: Vec<PathBuf>,
    },
    /// At least one artifact was not built.
    BuildFailed {
        build: BuildId,
        /// Those that were.
        made: BTreeSet<ArtifactId>,
        /// Their inputs, as far as cargo told them.
        dep_info: BTreeMap<ArtifactId, Vec<PathBuf>>,
        rerun_everything: Vec<PathBuf>,
        /// The paths that errors named, existing or not. Files that rustc was compiling are added.
        named: Vec<PathBuf>,
    },
    BuildCancelled(BuildId),
    /// A build script ended before its package was compiled.
    ScriptRan {
        /// The attempt in which cargo reported it.
        build: BuildId,
        /// The package's root.
        root: PathBuf,
        /// When it ended, perhaps in an earlier build.
        ended: SystemTime,
    },
    /// cargo has read the manifests and written `Cargo.lock`, which now has the content the attempt is built
    /// from.
    BuildResolved(BuildId),
    /// The project has been read, and the reading began at this time. A file changed since may have been read
    /// in an intermediate state.
    ProjectRead {
        began: SystemTime,
    },
    /// The program is about to start. To be sent before it does.
    ProgramStarts,
    /// The files that settings come from, existing or not, each with the content that was read. Any other
    /// content is reported.
    SettingsRead(Vec<(PathBuf, Option<String>)>),
    /// A user requested a restart.
    Asked,
    /// Check everything, then answer with [`WatchNews::Synced`] and this number. Changes saved before this
    /// was sent are reported first.
    Sync(u64),
    Stop,
}

impl WatchCommand {
    /// No artifact was built, or nobody knows from what.
    pub fn failed(build: BuildId, named: Vec<PathBuf>) -> Self {
        let (made, dep_info, rerun_everything) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        Self::BuildFailed { build, made, dep_info, rerun_everything, named }
    }
}

/// An event for the session.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchNews {
    /// All changes are noticed from now on. Sent at the start, after each [`WatchCommand::Replan`] and when
    /// the backend changes.
    Watching {
        /// Files whose changes count.
        files: usize,
        /// Folders watched, or polled.
        folders: usize,
        backend: Backend,
    },
    /// These changed and count. A path with several kinds occurs once for each.
    Changed {
        /// Never empty.
        changes: Vec<Change>,
    },
    /// A file in the program's packages changed and did not count.
    NotCounted {
        path: PathBuf,
        reason: Reason,
        /// The first such file in its folder, reported without `-v` too.
        first_in_folder: bool,
    },
    /// The answer to [`WatchCommand::Sync`].
    Synced(u64),
    Warning(Warning),
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// By file events.
    Native,
    /// By file events, and by polling at this interval where they are unreliable.
    Mixed(Duration),
    /// By polling at this interval.
    Polling(Duration),
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let native = if cfg!(target_os = "macos") { "fsevents" } else { "inotify" };
        match self {
            Self::Native => f.write_str(native),
            Self::Mixed(_) => write!(f, "{native}+polling"),
            Self::Polling(_) => f.write_str("polling"),
        }
    }
}

/// Receives events on the watch thread.
pub type NewsSink = Box<dyn Fn(WatchNews) + Send>;

#[derive(Debug)]
pub(super) enum RoomMessage {
    Event(FileEvent),
    /// A command, and when it was sent.
    Command(Moment, WatchCommand),
}
