//! The reaper, a helper process that outlives hotrun to clean up after it: hotrun's end of the connection.
//!
//! It is hotrun's own binary under another name and in another session. hotrun reports groups, files and the
//! terminal over the lifeline; if that closes without a dismissal, hotrun is dead, and the reaper cleans up
//! ([`helper`]).

mod cleanup;
mod helper;

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

use cleanup::{App, Cleanup, app_line, cargo_line, hex};
pub use helper::main;

/// The argument that makes hotrun's binary run as the reaper.
pub const ENTRY: &str = "__reap";

/// Its name in the process table, which `pkill hotrun` does not match.
const NAME: &str = "hr-reaper";

#[derive(Debug, thiserror::Error)]
pub enum ReaperError {
    #[error("could not find the file that hotrun was started from")]
    OwnBinary(#[source] io::Error),
    #[error("could not start the helper that cleans up when hotrun is killed")]
    Start(#[source] io::Error),
}

impl ReaperError {
    /// Returns a way out.
    pub fn hint(&self) -> Option<String> {
        Some(
            "hotrun works without it, but leaves the program running when it is killed by SIGKILL".to_owned(),
        )
    }
}

/// hotrun's handle of the reaper. Dropping it without [`Reaper::dismiss`] starts the clean-up.
#[derive(Debug)]
pub struct Reaper {
    launch: HelperLaunch,
    current: RefCell<HelperProcess>,
    /// Everything reported so far, for a replacement.
    cleanup: RefCell<Cleanup>,
}

/// How to start the reaper.
#[derive(Debug)]
struct HelperLaunch {
    program: PathBuf,
    argv: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    terminal: Option<OwnedFd>,
}

/// The current reaper process.
#[derive(Debug)]
struct HelperProcess {
    lifeline: Lifeline,
    pid: i32,
}

impl Reaper {
    /// Starts the reaper; hotrun works without it. `terminal`: the terminal to restore.
    pub fn start(run: &RunId, terminal: Option<BorrowedFd<'_>>) -> Result<Self, ReaperError> {
        let program = own_binary().map_err(ReaperError::OwnBinary)?;
        Self::start_as(run, terminal, &program, &[NAME.into(), ENTRY.into()], &[])
    }

    /// Starts another program as the reaper, which must call [`main`].
    pub fn start_as(
        run: &RunId,
        terminal: Option<BorrowedFd<'_>>,
        program: &Path,
        argv: &[OsString],
        env: &[(OsString, OsString)],
    ) -> Result<Self, ReaperError> {
        let terminal = terminal.map(|terminal| terminal.try_clone_to_owned()).transpose();
        let launch = HelperLaunch {
            program: program.to_owned(),
            argv: argv.to_vec(),
            env: env.to_vec(),
            terminal: terminal.map_err(ReaperError::Start)?,
        };
        let current = launch.start()?;
        let reaper = Self { launch, current: RefCell::new(current), cleanup: RefCell::default() };
        reaper.send(format_args!("run {run}"));
        reaper.send(format_args!("hotrun {} {}", std::process::id(), sys::own_session()));
        Ok(reaper)
    }

    /// Starts a replacement for a reaper that has ended, and reports everything again.
    pub(super) fn start_replacement(&self) -> Result<(), ReaperError> {
        let next = self.launch.start()?;
        let replayed =
            self.cleanup.borrow().lines().into_iter().try_for_each(|line| next.lifeline.tell(line));
        if let Err(error) = replayed {
            // It must not mistake the end of this lifeline for that of hotrun.
            let _ = sys::kill_process(next.pid, libc::SIGKILL);
            return Err(ReaperError::Start(error));
        }
        self.current.replace(next);
        Ok(())
    }

    pub fn pid(&self) -> i32 {
        self.current.borrow().pid
    }

    /// A program runs, or has a new stop plan. Its process has announced itself to the current reaper; this
    /// is for a replacement as well.
    pub(super) fn program(&self, group: i32, plan: StopPlan) {
        let start = sys::process(group).map(|row| row.start);
        self.send(app_line(group, &App { plan, start }));
    }

    pub(super) fn group_gone(&self, group: i32) {
        self.send(format_args!("gone {group}"));
    }

    /// cargo runs, started with [`sys::adopt_group`]. It has announced itself as well.
    pub fn cargo(&self, group: i32) {
        self.send(cargo_line(group, sys::process(group).map(|row| row.start)));
    }

    /// cargo's process group has ended.
    pub fn cargo_gone(&self, group: i32) {
        self.send(format_args!("cargo-gone {group}"));
    }

    /// Sets the modes to restore, and the modes hotrun sets while it reads keys.
    pub fn terminal(&self, found: &TerminalModes, own: Option<&TerminalModes>) {
        self.send(format_args!("tty {found}"));
        if let Some(own) = own {
            self.send(format_args!("own {own}"));
        }
    }

    /// A program got the terminal, and may leave it in any state.
    pub fn terminal_lent(&self) {
        self.send("lent");
    }

    /// Registers a file of hotrun's (a socket, a runtime folder) to remove after hotrun's end.
    pub fn unlink_later(&self, path: &Path) {
        self.send(format_args!("unlink {}", hex(path)));
    }

    /// Unregisters a file, which is no longer hotrun's.
    pub fn keep(&self, path: &Path) {
        self.send(format_args!("keep {}", hex(path)));
    }

    /// Ends the reaper: hotrun has cleaned up itself.
    pub fn dismiss(&self) {
        self.send("bye");
    }

    fn send(&self, line: impl fmt::Display) {
        let line = line.to_string();
        self.cleanup.borrow_mut().apply(&line);
        let current = self.current.borrow();
        if current.lifeline.tell(&line).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            // The reaper is stopped and would miss this line. Its replacement will get it.
            let _ = sys::kill_process(current.pid, libc::SIGKILL);
        }
    }
}

impl HelperLaunch {
    fn start(&self) -> Result<HelperProcess, ReaperError> {
        let (lifeline, read) = Lifeline::open().map_err(ReaperError::Start)?;
        let null = File::options().read(true).write(true).open("/dev/null").map_err(ReaperError::Start)?;
        let terminal = self.terminal.as_ref().map_or(null.as_fd(), AsFd::as_fd);
        let order = SpawnOrder {
            program: &self.program,
            argv: &self.argv,
            // Without an environment, so without the tag of an outer hotrun.
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
        Ok(HelperProcess { lifeline, pid })
    }
}

/// Returns the file hotrun was started from, even if a newer hotrun has replaced it.
pub(super) fn own_binary() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        // Looked up in the child, which is still this program.
        return Ok("/proc/self/exe".into());
    }
    std::env::current_exe()
}
