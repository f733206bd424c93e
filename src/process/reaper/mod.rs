//! hotrun's end of the reaper: the process that outlives hotrun to clean up after it.
//!
//! It is hotrun's own binary under another name and in another session. It hears of groups, files and the terminal over
//! the lifeline; when that ends without a farewell, hotrun is dead, and it sweeps ([`helper`]).

mod helper;
mod will;

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use super::run::RunId;
use crate::sys::{self, Announce, Foreground, Leader, Lifeline, SpawnOrder, TerminalModes};
use crate::words::StopPlan;

pub use helper::main;
use will::{App, Will, app_line, cargo_line, hex};

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
    how: How,
    now: RefCell<Now>,
    /// All that was told, for one that has to take its place.
    will: RefCell<Will>,
}

/// How it is started.
#[derive(Debug)]
struct How {
    program: PathBuf,
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    terminal: Option<OwnedFd>,
}

/// The one there is.
#[derive(Debug)]
struct Now {
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
        let terminal = terminal.map(|terminal| terminal.try_clone_to_owned()).transpose();
        let how = How {
            program: program.to_owned(),
            argv: argv.to_vec(),
            env: env.to_vec(),
            terminal: terminal.map_err(ReaperError::Start)?,
        };
        let now = how.start()?;
        let reaper = Self { how, now: RefCell::new(now), will: RefCell::default() };
        reaper.tell(format_args!("run {run}"));
        reaper.tell(format_args!("hotrun {} {}", std::process::id(), sys::own_session()));
        Ok(reaper)
    }

    /// Starts another one, which knows all that was told, in the place of one that has ended.
    ///
    /// # Errors
    /// As [`Reaper::start`].
    pub(super) fn start_again(&self) -> Result<(), ReaperError> {
        let next = self.how.start()?;
        let told = self.will.borrow().lines().into_iter().try_for_each(|line| next.lifeline.tell(line));
        if let Err(error) = told {
            // It must not take the end of this lifeline for that of hotrun.
            let _ = sys::kill_process(next.pid, libc::SIGKILL);
            return Err(ReaperError::Start(error));
        }
        self.now.replace(next);
        Ok(())
    }

    /// Its pid.
    pub fn pid(&self) -> i32 {
        self.now.borrow().pid
    }

    /// A program runs, or is to be stopped in another way. Its process has announced itself to the reaper there was; this is
    /// for the next one as well.
    pub(super) fn program(&self, group: i32, plan: StopPlan) {
        let start = sys::process(group).map(|row| row.start);
        self.tell(app_line(group, &App { plan, start }));
    }

    /// The process group of a program has ended.
    pub(super) fn group_gone(&self, group: i32) {
        self.tell(format_args!("gone {group}"));
    }

    /// cargo runs, started with [`sys::adopt_group`]. It has announced itself as well.
    pub fn cargo(&self, group: i32) {
        self.tell(cargo_line(group, sys::process(group).map(|row| row.start)));
    }

    /// cargo's process group, started with [`sys::adopt_group`], has ended.
    pub fn cargo_gone(&self, group: i32) {
        self.tell(format_args!("cargo-gone {group}"));
    }

    /// The modes the terminal is to be left in, and those hotrun itself sets while it reads keys.
    pub fn terminal(&self, found: &TerminalModes, own: Option<&TerminalModes>) {
        self.tell(format_args!("tty {found}"));
        if let Some(own) = own {
            self.tell(format_args!("own {own}"));
        }
    }

    /// A program was lent the terminal: it may have left it in any state.
    pub fn terminal_lent(&self) {
        self.tell("lent");
    }

    /// A file of hotrun's (a socket, a runtime folder) to be removed when hotrun is gone.
    pub fn unlink_later(&self, path: &Path) {
        self.tell(format_args!("unlink {}", hex(path)));
    }

    /// A file named by [`Reaper::unlink_later`] that is no longer hotrun's.
    pub fn keep(&self, path: &Path) {
        self.tell(format_args!("keep {}", hex(path)));
    }

    /// hotrun has cleaned up itself: the reaper ends without doing anything.
    pub fn farewell(&self) {
        self.tell("bye");
    }

    fn tell(&self, line: impl fmt::Display) {
        let line = line.to_string();
        self.will.borrow_mut().hear(&line);
        let now = self.now.borrow();
        if now.lifeline.tell(&line).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // Stopped, so that it would miss this. The one that takes its place will know it.
            let _ = sys::kill_process(now.pid, libc::SIGKILL);
        }
    }
}

impl How {
    fn start(&self) -> Result<Now, ReaperError> {
        let (lifeline, read) = Lifeline::open().map_err(ReaperError::Start)?;
        let null = File::options().read(true).write(true).open("/dev/null").map_err(ReaperError::Start)?;
        let terminal = self.terminal.as_ref().map_or(null.as_fd(), AsFd::as_fd);
        let order = SpawnOrder {
            program: &self.program,
            argv: &self.argv,
            // Without an environment, so without the tag of a hotrun that this one may run under.
            env: &self.env,
            listen_pid: false,
            cwd: Path::new("/"),
            stdio: [Some(read.as_fd()), Some(terminal), Some(null.as_fd())],
            fds: &[],
            leader: Leader::Session,
            foreground: Foreground::No,
            ignore_hangup: true,
            announce: Announce::No,
        };
        let pid = sys::spawn(&order).map_err(|failure| ReaperError::Start(failure.error))?;
        Ok(Now { lifeline, pid })
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
