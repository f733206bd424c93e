//! The terminal hotrun was started on: its modes, its keys, and its foreground process group.
//!
//! The terminal is left as it was found, and repaired after every program that may have changed it. Keys and
//! signals are reported as [`TerminalNews`]; the session decides what follows. hotrun never touches the
//! terminal while in the background, and is never stopped by it. Needs a current-thread tokio runtime with a
//! `LocalSet`, and [`crate::sys::block_terminal_stops`] before the first thread.

mod guard;
mod keys;
mod lend;
mod signals;

use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{isatty, tcgetpgrp, ttyname};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::sys::{TerminalModes, own_group};

pub use guard::install_panic_hook;
pub use keys::Key;
pub use lend::Lent;
pub use signals::{Job, Signals, suspend};

/// An event of the terminal, or a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalNews {
    /// A key was typed while hotrun has the terminal.
    Key(Key),
    /// hotrun came to the foreground without a signal: call [`Terminal::regain`].
    Foreground,
    /// The terminal is gone. Sent once.
    HungUp,
    /// hotrun received this signal.
    Signal(i32),
}

/// Whether keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// While hotrun has the terminal.
    Read,
    /// Never; the terminal keeps the modes it was found in.
    Off,
}

/// Whether escape sequences may be written to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    Understood,
    /// `TERM=dumb`: it would print them.
    Shown,
}

/// The terminal, restored on drop.
#[derive(Debug)]
pub struct Terminal {
    shared: Rc<Shared>,
    attention: watch::Sender<Attention>,
}

/// The events hotrun waits for on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attention {
    /// Keys, and a hangup.
    Keys,
    /// Only a hangup: another process reads the terminal.
    End,
}

#[derive(Debug)]
struct Shared {
    /// A file description of hotrun's own, so that its flags do not change the shell's stdin.
    terminal: Rc<OwnedFd>,
    keys: Cell<Keys>,
    /// Whether the terminal is stdin.
    readable: Cell<bool>,
    escapes: Escapes,
    found: RefCell<TerminalModes>,
    lent: Cell<Option<i32>>,
    /// hotrun was in the background at the last check.
    in_background: Cell<bool>,
    /// Process groups that asked for the terminal while it was taken.
    waiting: RefCell<Vec<i32>>,
}

/// A terminal that was found and not touched yet.
#[derive(Debug)]
pub struct Device {
    terminal: OwnedFd,
    /// Whether it is stdin.
    readable: bool,
}

impl Device {
    /// Returns the terminal on stdin, or else the controlling terminal.
    pub fn find() -> Option<Self> {
        let stdin = io::stdin();
        let readable = isatty(&stdin);
        let terminal =
            if readable { own_description(stdin.as_fd()) } else { open(Path::new("/dev/tty")) }.ok()?;
        Some(Self { terminal, readable })
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl Terminal {
    /// Saves the terminal's modes and starts to listen. Keys are read from stdin only.
    pub fn open(
        device: Device,
        keys: Keys,
        escapes: Escapes,
        news: UnboundedSender<TerminalNews>,
    ) -> Option<Self> {
        let keys = if device.readable { keys } else { Keys::Off };
        let terminal = Self::on(device.terminal, keys, escapes, news).ok()?;
        terminal.shared.readable.set(device.readable);
        Some(terminal)
    }

    /// As [`Terminal::open`], on a file description that nothing else uses.
    pub fn on(
        terminal: OwnedFd,
        keys: Keys,
        escapes: Escapes,
        news: UnboundedSender<TerminalNews>,
    ) -> io::Result<Self> {
        let found = TerminalModes::of(terminal.as_fd())?;
        guard::remember(terminal.try_clone()?, found);
        let shared = Rc::new(Shared {
            terminal: Rc::new(terminal),
            keys: Cell::new(keys),
            readable: Cell::new(true),
            escapes,
            found: RefCell::new(found),
            lent: Cell::new(None),
            in_background: Cell::new(false),
            waiting: RefCell::default(),
        });
        let (attention, listen) = watch::channel(shared.attention());
        shared.in_background.set(!shared.in_foreground());
        shared.set_own_modes();
        tokio::task::spawn_local(keys::listen(Rc::clone(&shared), listen, news));
        Ok(Self { shared, attention })
    }

    /// Returns the modes to leave the terminal in.
    pub fn found_modes(&self) -> TerminalModes {
        *self.shared.found.borrow()
    }

    /// Returns the modes hotrun sets while it reads keys.
    pub fn key_modes(&self) -> Option<TerminalModes> {
        (self.shared.keys.get() == Keys::Read).then(|| self.found_modes().for_keys())
    }

    /// Whether hotrun's process group has the terminal.
    pub fn in_foreground(&self) -> bool {
        self.shared.in_foreground()
    }

    /// Whether the terminal is gone, which SIGHUP may mean.
    pub fn is_hung_up(&self) -> bool {
        self.shared.is_hung_up()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.leave();
        guard::forget();
    }
}

impl Shared {
    fn attention(&self) -> Attention {
        if self.keys.get() == Keys::Read && self.lent.get().is_none() {
            Attention::Keys
        } else {
            Attention::End
        }
    }

    fn holder(&self) -> Option<i32> {
        tcgetpgrp(&*self.terminal).ok().map(|group| group.as_raw_nonzero().get())
    }

    fn in_foreground(&self) -> bool {
        self.holder() == Some(own_group())
    }

    fn is_hung_up(&self) -> bool {
        let mut asked = [PollFd::new(&*self.terminal, PollFlags::empty())];
        let now = Timespec::default();
        poll(&mut asked, Some(&now)).is_ok() && asked.iter().any(|fd| fd.revents().contains(PollFlags::HUP))
    }

    /// Sets the modes for reading keys, or those found if keys are not read; only while hotrun has the
    /// terminal.
    fn set_own_modes(&self) {
        if self.lent.get().is_some() || !self.in_foreground() {
            return;
        }
        let found = *self.found.borrow();
        let modes = if self.keys.get() == Keys::Read { found.for_keys() } else { found };
        self.apply(&modes);
    }

    /// Changes the modes. Only for the terminal's holder: SIGTTOU is blocked, so nothing would protect the
    /// shell's modes.
    fn apply(&self, modes: &TerminalModes) {
        let terminal = self.terminal.as_fd();
        if TerminalModes::of(terminal).is_ok_and(|now| now != *modes) {
            // A terminal that is gone has no modes to restore.
            let _ = modes.apply(terminal);
        }
    }
}

fn own_description(terminal: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // By name rather than `/dev/tty`, which macOS cannot poll. If the name means nothing here (a container on
    // a terminal of its host), the controlling terminal; otherwise stdin itself.
    let named = ttyname(terminal, Vec::new())
        .map_err(io::Error::from)
        .and_then(|name| open(Path::new(std::ffi::OsStr::from_bytes(name.as_bytes()))));
    named.or_else(|_| open(Path::new("/dev/tty"))).or_else(|_| terminal.try_clone_to_owned())
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
        .open(path)?;
    Ok(file.into())
}
