//! The facts `gather` collects and `judge` judges: plain data.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Poll;
use crate::history::BuildTimes;
use crate::project::Compiling;

#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) check: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) cargo: PathBuf,
    /// `cargo 1.95.0 (…)`, or the error.
    pub(super) version: Result<String, String>,
    /// rustup's shim, if cargo was found through it.
    pub(super) shim: Option<PathBuf>,
    pub(super) toolchain: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct ProjectFacts {
    pub(super) package: String,
    pub(super) program: String,
    pub(super) example: bool,
    /// The existing config files of hotrun, for display.
    pub(super) settings: Vec<String>,
    pub(super) share_build_dir: bool,
    pub(super) profile: String,
    pub(super) compiling: Option<Compiling>,
    pub(super) watching: WatchFacts,
    pub(super) target: Target,
    /// The pid of a running hotrun with this program.
    pub(super) running: Option<i32>,
    pub(super) sockets: Vec<SocketFacts>,
    pub(super) runner: Option<RunnerFacts>,
    pub(super) runtime_folder: RuntimeFolderFacts,
    pub(super) terminal: TerminalFacts,
    /// `kernel.yama.ptrace_scope`.
    pub(super) ptrace_scope: Option<u64>,
    pub(super) last_build: Option<(BuildTimes, Age)>,
}

/// The distance of a moment from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Past(Duration),
    Future(Duration),
}

#[derive(Debug, Clone)]
pub(super) struct WatchFacts {
    pub(super) files: usize,
    pub(super) folders: usize,
    pub(super) poll: Poll,
    /// A folder with unreliable file events, and its file system.
    pub(super) unreliable: Option<(String, &'static str)>,
    pub(super) file_system: Option<String>,
    pub(super) newest: Option<(String, Age)>,
    pub(super) limits: Option<Limits>,
}

/// inotify's limits for this user, and how much of them is used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) watches: u64,
    pub(super) used_watches: u64,
    pub(super) instances: u64,
    pub(super) used_instances: u64,
    pub(super) queued: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The staging target, for display.
    pub(super) staging: String,
    pub(super) state: TargetState,
    pub(super) file_system: Option<String>,
    /// The name of the file system, if it is a network file system.
    pub(super) remote: Option<&'static str>,
    /// Whether the live folder is on the file system cargo builds on.
    pub(super) one_file_system: bool,
    /// In bytes.
    pub(super) free: Option<u64>,
    /// In bytes.
    pub(super) size: u64,
    /// What puts the target directory outside the workspace, if it is there.
    pub(super) outside: Option<&'static str>,
    /// Another workspace whose program of the same name was built in it last.
    pub(super) other_workspace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetState {
    Fine,
    NotAFolder,
    NotWritable,
}

#[derive(Debug, Clone)]
pub(super) struct RunnerFacts {
    pub(super) program: String,
    /// Why it cannot be started, and a hint.
    pub(super) refused: Option<(String, Option<String>)>,
}

#[derive(Debug, Clone)]
pub(super) struct SocketFacts {
    pub(super) address: String,
    /// Why it cannot be opened: the message, a hint, and the pid of its holder.
    pub(super) refused: Option<(String, Option<String>, Option<i32>)>,
}

#[derive(Debug, Clone)]
pub(super) struct RuntimeFolderFacts {
    /// Path and mode bits, or the error.
    pub(super) made: Result<(PathBuf, u32), String>,
    /// `XDG_RUNTIME_DIR`.
    pub(super) preferred: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "one per ability")]
pub(super) struct TerminalFacts {
    pub(super) stdin: bool,
    pub(super) stderr: bool,
    pub(super) dumb: bool,
    pub(super) colors: bool,
    pub(super) utf8: bool,
    pub(super) osc_9: bool,
    pub(super) columns: Option<u16>,
}
