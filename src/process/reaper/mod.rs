//! hotrun's end of the reaper: the process that outlives hotrun to clean up after it.
//!
//! It is hotrun's own binary under another name and in another session. It hears of groups, files and the terminal over
//! the lifeline; when that ends without a farewell, hotrun is dead, and it sweeps ([`helper`]).

mod helper;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::RunId;
use crate::sys::{self, Announce, Foreground, Leader, Lifeline, SpawnOrder, TerminalModes};

pub use helper::main;

/// The argument by which hotrun's binary becomes the reaper.
pub const ENTRY: &str = "__reap";

/// Its name in the process table: one that `pkill hotrun` does not hit.
const NAME: &str = "hr-reaper";

/// Why there is no reaper.
#[derive(Debug, thiserror::Error)]
pub enum ReaperError {
    /// hotrun's own binary is not to be found.
    #[error("could not find the file that hotrun was started from")]
    OwnBinary(#[source] io::Error),
    /// The process or its pipe could not be had.
    #[error("could not start the helper that cleans up when hotrun is killed")]
    Start(#[source] io::Error),
}

impl ReaperError {
    /// A way out.
    pub fn hint(&self) -> Option<String> {
        Some(
            "hotrun works without it, but leaves the program running when it is killed by SIGKILL".to_owned(),
        )
    }
}

/// The reaper, seen from hotrun. Dropping it without [`Reaper::farewell`] sets it to work.
#[derive(Debug)]
pub struct Reaper {
    lifeline: Lifeline,
    pid: i32,
}

impl Reaper {
    /// Starts it. `terminal`: the terminal that is to be left as it was found.
    ///
    /// # Errors
    /// Where it cannot be started; hotrun works without it.
    pub fn start(run: &RunId, terminal: Option<BorrowedFd<'_>>) -> Result<Self, ReaperError> {
        let program = own_binary().map_err(ReaperError::OwnBinary)?;
        Self::start_as(run, terminal, &program, &[NAME.into(), ENTRY.into()], &[])
    }

    /// Starts another program in the reaper's place, which has to call [`main`].
    ///
    /// # Errors
    /// As [`Reaper::start`].
    pub fn start_as(
        run: &RunId,
        terminal: Option<BorrowedFd<'_>>,
        program: &Path,
        argv: &[OsString],
        env: &[(OsString, OsString)],
    ) -> Result<Self, ReaperError> {
        let (lifeline, read) = Lifeline::open().map_err(ReaperError::Start)?;
        let null = File::options().read(true).write(true).open("/dev/null").map_err(ReaperError::Start)?;
        let order = SpawnOrder {
            program,
            argv,
            // Without an environment, so without the tag of a hotrun that this one may run under.
            env,
            listen_pid: false,
            cwd: Path::new("/"),
            stdio: [Some(read.as_fd()), Some(terminal.unwrap_or(null.as_fd())), Some(null.as_fd())],
            fds: &[],
            leader: Leader::Session,
            foreground: Foreground::No,
            ignore_hangup: true,
            announce: Announce::No,
        };
        let pid = sys::spawn(&order).map_err(|failure| ReaperError::Start(failure.error))?;
        lifeline.tell(format_args!("run {run}"));
        lifeline.tell(format_args!("hotrun {}", std::process::id()));
        Ok(Self { lifeline, pid })
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The process group of a program has ended.
    pub(super) fn group_gone(&self, group: i32) {
        self.lifeline.tell(format_args!("gone {group}"));
    }

    /// cargo's process group, started with [`sys::adopt_group`], has ended.
    pub fn cargo_gone(&self, group: i32) {
        self.lifeline.tell(format_args!("cargo-gone {group}"));
    }

    /// The modes the terminal is to be left in, and those hotrun itself sets while it reads keys.
    pub fn terminal(&self, found: &TerminalModes, own: Option<&TerminalModes>) {
        self.lifeline.tell(format_args!("tty {found}"));
        if let Some(own) = own {
            self.lifeline.tell(format_args!("own {own}"));
        }
    }

    /// A program was lent the terminal: it may have left it in any state.
    pub fn terminal_lent(&self) {
        self.lifeline.tell("lent");
    }

    /// A file of hotrun's (a socket, a runtime folder) to be removed when hotrun is gone.
    pub fn unlink_later(&self, path: &Path) {
        self.lifeline.tell(format_args!("unlink {}", hex(path.as_os_str())));
    }

    /// A file named by [`Reaper::unlink_later`] that is no longer hotrun's.
    pub fn keep(&self, path: &Path) {
        self.lifeline.tell(format_args!("keep {}", hex(path.as_os_str())));
    }

    /// hotrun has cleaned up itself: the reaper ends without doing anything.
    pub fn farewell(&self) {
        self.lifeline.tell("bye");
    }
}

/// The file hotrun was started from: also after it was replaced by a newer hotrun.
fn own_binary() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        // Looked up in the child, which still is this program.
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}

fn hex(text: &OsStr) -> String {
    text.as_bytes()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
