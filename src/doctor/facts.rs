//! What there is to know: plain data, gathered by `gather`, judged by `judge`.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Poll;
use crate::project::Compiling;
use crate::runtime::timing::LastBuild;

/// A step that failed, in the words of its error.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) check: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// cargo.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    pub(super) cargo: PathBuf,
    /// `cargo 1.95.0 (…)`, or what went wrong.
    pub(super) version: Result<String, String>,
    /// rustup's shim, where cargo was found by way of it.
    pub(super) shim: Option<PathBuf>,
    /// rustup's name of the toolchain.
    pub(super) toolchain: Option<String>,
}

/// Everything about a project that could be read.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) package: String,
    pub(super) program: String,
    pub(super) example: bool,
    /// hotrun's config files that are there, as shown.
    pub(super) settings: Vec<String>,
    pub(super) share_build_dir: bool,
    pub(super) profile: String,
    pub(super) compiling: Option<Compiling>,
    pub(super) watching: Watching,
    pub(super) target: Target,
    /// The pid of a hotrun that runs this program.
    pub(super) running: Option<i32>,
    pub(super) sockets: Vec<Socket>,
    pub(super) runner: Option<Runner>,
    pub(super) runtime_folder: RuntimePlace,
    pub(super) terminal: Terminal,
    /// `kernel.yama.ptrace_scope`.
    pub(super) ptrace_scope: Option<u64>,
    /// The last build, and how long ago it was; negative where that is still to come.
    pub(super) last_build: Option<(LastBuild, Age)>,
}

/// A moment as seen from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Past(Duration),
    Future(Duration),
}

/// What is watched, and what the system allows.
#[derive(Debug, Clone)]
pub(super) struct Watching {
    pub(super) files: usize,
    pub(super) folders: usize,
    pub(super) poll: Poll,
    /// A folder of which not every change is told, and its file system.
    pub(super) unreliable: Option<(String, &'static str)>,
    /// The file system of the package.
    pub(super) file_system: Option<String>,
    /// The file that was modified last.
    pub(super) newest: Option<(String, Age)>,
    pub(super) limits: Option<Limits>,
}

/// inotify's limits for this user, and how much of them is taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) watches: u64,
    pub(super) used_watches: u64,
    pub(super) instances: u64,
    pub(super) used_instances: u64,
    pub(super) queued: u64,
}

/// The target directory.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The staging target, as shown.
    pub(super) staging: String,
    pub(super) state: TargetState,
    pub(super) file_system: Option<String>,
    /// A file system over a network, by name.
    pub(super) remote: Option<&'static str>,
    /// The live folder is on the same file system as what cargo builds.
    pub(super) one_file_system: bool,
    /// Bytes.
    pub(super) free: Option<u64>,
    /// Bytes the staging target takes.
    pub(super) size: u64,
    /// What put the target directory outside of the workspace, where it is there.
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

/// What programs of the target are run by.
#[derive(Debug, Clone)]
pub(super) struct Runner {
    pub(super) program: String,
    /// Why it cannot be started, and the remedy.
    pub(super) refused: Option<(String, Option<String>)>,
}

/// A socket that `listen` names.
#[derive(Debug, Clone)]
pub(super) struct Socket {
    pub(super) address: String,
    /// Why it cannot be opened: the message, the remedy, and who holds it.
    pub(super) refused: Option<(String, Option<String>, Option<i32>)>,
}

/// hotrun's folder for sockets.
#[derive(Debug, Clone)]
pub(super) struct RuntimePlace {
    /// Where it would be, and the bits of its mode, or why it cannot be made.
    pub(super) made: Result<(PathBuf, u32), String>,
    /// `XDG_RUNTIME_DIR`.
    pub(super) preferred: Option<PathBuf>,
}

/// What hotrun can do on the terminal.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "one per ability")]
pub(super) struct Terminal {
    pub(super) stdin: bool,
    pub(super) stderr: bool,
    pub(super) dumb: bool,
    pub(super) colors: bool,
    pub(super) utf8: bool,
    pub(super) osc_9: bool,
    pub(super) columns: Option<u16>,
}
