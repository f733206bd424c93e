//! What the room is told, and what it tells.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::ledger::Moment;
use super::plan::Plan;
use super::reason::Reason;
use super::warning::Warning;
use super::watcher::Signal;
use crate::words::{BuildId, Change};

/// What the runtime tells the room.
#[derive(Debug, Clone)]
pub enum Command {
    /// The project or the config changed.
    Replan(Box<Plan>),
    /// A build attempt is about to start. To be sent *before* cargo is spawned: from then on a change is one it may have missed.
    BuildStarted(BuildId),
    /// The attempt succeeded.
    BuildSucceeded {
        /// Which.
        build: BuildId,
        /// What it was built from, as [`dep_info::parse`] gives it.
        dep_info: Vec<PathBuf>,
        /// Roots of the packages whose build script printed no `rerun-if-changed`.
        rerun_everything: Vec<PathBuf>,
    },
    /// The attempt failed.
    BuildFailed {
        /// Which.
        build: BuildId,
        /// What its errors named, beside the files that rustc was compiling: existing or not.
        named: Vec<PathBuf>,
    },
    /// The attempt was cancelled.
    BuildCancelled(BuildId),
    /// A build script of the program's packages ended at this moment, before its package was compiled.
    ScriptRan {
        /// In which attempt cargo said so.
        build: BuildId,
        /// The package's root.
        root: PathBuf,
        /// When it ended, which may be in an earlier build.
        ended: SystemTime,
    },
    /// cargo has read the manifests and written `Cargo.lock`: what that file holds now is what the attempt is built from.
    BuildResolved(BuildId),
    /// The program is about to be started. To be sent before it is.
    ProgramStarts,
    /// These are the files that settings come from, and what each held when it was read, existing or not. What one holds
    /// otherwise is told.
    SettingsRead(Vec<(PathBuf, Option<String>)>),
    /// Somebody asked for a restart.
    Asked,
    /// Look at everything and say so: [`News::Looked`] with this number. What was saved before this was sent is told before.
    Look(u64),
    /// Look at everything again.
    Rescan,
    /// End the room.
    Stop,
}

/// What the room tells the session.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// From now on nothing is missed. Told at the start, after each [`Command::Replan`] and when the backend changes.
    Watching {
        /// Files whose changes are followed.
        files: usize,
        /// Folders watched, or looked into when polling.
        folders: usize,
        /// How.
        backend: Backend,
    },
    /// These changed and count. A path of several kinds comes once for each.
    Changed {
        /// Never empty.
        changes: Vec<Change>,
    },
    /// A file of the program's packages changed and did not count.
    NotCounted {
        /// The file.
        path: PathBuf,
        /// Why it does not count.
        reason: Reason,
        /// The first such in its folder, which is said without `-v` too.
        first_in_folder: bool,
    },
    /// The answer to [`Command::Look`].
    Looked(u64),
    /// Something the user should know.
    Warning(Warning),
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// By the platform's events.
    Native,
    /// By the platform's events, and by looking this often where they cannot be relied on.
    Mixed(Duration),
    /// By looking this often.
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

/// Whom the room tells its news, from its own thread.
pub type Sink = Box<dyn Fn(News) + Send>;

/// What goes through the queue.
#[derive(Debug)]
pub(super) enum Message {
    /// A file event.
    Signal(Signal),
    /// A command, and when it was sent.
    Command(Moment, Command),
}
