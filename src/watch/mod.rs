//! The watch room: tells the session what changed, of all that counts.
//!
//! It judges by content, against what the latest build attempt started from, and decides nothing beyond that: when to
//! build is the session's part. One thread and one queue, in which file events and commands keep their order; a command
//! carries the moment it was sent, so that a change is never taken for part of a build that had begun before it.
//!
//! Must not write a file, start a build, or know of processes.

mod attempt;
pub mod dep_info;
mod echoes;
pub mod fingerprint;
mod glances;
mod guard;
mod holds;
mod ignores;
pub mod inputs;
mod ledger;
mod look;
#[cfg(target_os = "linux")]
mod mounts;
mod names;
mod polling;
mod room;
mod sieve;
mod survey;
pub mod units;
mod warning;
mod watcher;

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, SystemTime};

use crate::config::{IgnoreGlob, Poll};
use crate::words::{BuildId, Change};
use inputs::Reason;
pub use look::{Look, look};
pub use polling::unreliable;
pub use warning::{Refused, Warning};

/// What to watch. All paths are absolute.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The program's package and every path dependency below it.
    pub packages: Vec<PackageFolder>,
    /// Roots of workspace members and nested packages that the program does not depend on.
    pub other_roots: Vec<PathBuf>,
    /// The workspace's root folder.
    pub workspace_root: PathBuf,
    /// Manifests of every workspace member and of the workspace.
    pub manifests: Vec<PathBuf>,
    /// Patterns of manifests that become members by being made.
    pub member_patterns: Vec<PathBuf>,
    /// Folders that those patterns do not reach.
    pub member_excludes: Vec<PathBuf>,
    /// `Cargo.lock`.
    pub lock_file: PathBuf,
    /// Every place cargo reads a config file from, existing or not.
    pub cargo_configs: Vec<PathBuf>,
    /// Every place rustup reads a toolchain file from, existing or not.
    pub toolchain_files: Vec<PathBuf>,
    /// hotrun's own config files, existing or not.
    pub hotrun_configs: Vec<PathBuf>,
    /// `run.env-file`.
    pub env_files: Vec<PathBuf>,
    /// `.env` beside the package and at the workspace root, existing or not.
    pub dotenv: Vec<PathBuf>,
    /// `build.inputs`: files, folders (all below them), patterns with `*`, `?`, `[…]`, `**`.
    pub inputs: Vec<PathBuf>,
    /// `watch.paths`: as `inputs`.
    pub paths: Vec<PathBuf>,
    /// `watch.ignore`.
    pub ignore: Vec<IgnoreGlob>,
    /// Where cargo keeps intermediates.
    pub build_directory: PathBuf,
    /// Files and folders that never count: target and build directories, the events and log files.
    pub never: Vec<PathBuf>,
    /// What hotrun's own stdout and stderr are, where they are files: these never count either.
    pub outputs: Vec<(u64, u64)>,
    /// `watch.poll`.
    pub poll: Poll,
    /// Say of each change that does not count why it does not.
    pub verbose: bool,
}

impl Plan {
    /// Whether this is a file to be edited by people: Rust source, or one that is named here, by a link as well.
    pub fn names(&self, path: &Path) -> bool {
        let is_source = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
        let id = |path: &Path| {
            path.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| (found.dev(), found.ino()))
        };
        let own = id(path);
        let lists = [
            &self.manifests,
            &self.cargo_configs,
            &self.toolchain_files,
            &self.hotrun_configs,
            &self.env_files,
            &self.dotenv,
            &self.inputs,
            &self.paths,
        ];
        let sources = self.packages.iter().flat_map(|package| &package.sources);
        let mut named = lists.into_iter().flatten().chain(sources).chain([&self.lock_file]);
        is_source(path)
            || path.canonicalize().is_ok_and(|path| is_source(&path))
            || named.any(|named| named == path || (own.is_some() && id(named) == own))
    }
}

/// A package the program is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFolder {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub root: PathBuf,
    /// Its `Cargo.toml`.
    pub manifest: PathBuf,
    /// Whether it has a build script.
    pub build_script: bool,
    /// The root source files of what is built from it, which may lie elsewhere.
    pub sources: Vec<PathBuf>,
}

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

/// Why the room could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No thread.
    #[error("could not start the thread that watches files")]
    Thread(#[source] std::io::Error),
}

impl WatchError {
    /// A way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Thread(_) => Some("raise the limit on processes (`ulimit -u`)".to_owned()),
        }
    }
}

/// Whom the room tells its news, from its own thread.
pub type Sink = Box<dyn Fn(News) + Send>;

/// Opens the room. Changes are noticed from the moment of [`News::Watching`]; what is changed before it is noticed too
/// where it came after [`Command::BuildStarted`].
pub fn start(plan: Plan, sink: Sink) -> Result<Handle, WatchError> {
    let (sender, receiver) = mpsc::channel();
    let events = sender.clone();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || room::Room::new(plan, sink, events).run(&receiver))
        .map_err(WatchError::Thread)?;
    Ok(Handle { sender })
}

/// The way into the room; it closes when this is dropped.
#[derive(Debug)]
pub struct Handle {
    sender: Sender<room::Message>,
}

impl Handle {
    /// Tells the room. After [`Command::Stop`] nothing happens any more.
    pub fn send(&self, command: Command) {
        // The room is gone only after it was stopped.
        let _ = self.sender.send(room::Message::Command(ledger::Moment::now(), command));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.send(Command::Stop);
    }
}
