//! The terminal hotrun was started on: its modes, its keys, and its foreground process group.
//!
//! The terminal is left as it was found, and repaired after every program that may have changed it. Keys and
//! signals are reported as [`TerminalNews`]; the session decides what follows. hotrun never touches the
//! terminal while in the background, and is never stopped by it. Needs a current-thread tokio runtime with a
//! `LocalSet`, and [`crate::sys::block_terminal_stops`] before the first thread.

mod guard;
mod keys;
mod lend;
mod news;
mod shared;
mod signals;

use std::cell::{Cell, RefCell};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::rc::Rc;

use rustix::termios::{isatty, ttyname};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::sys::TerminalModes;

pub use guard::install_panic_hook;
pub use lend::Lent;
pub use news::{KeyCommand, TerminalNews};
use shared::{Attention, TerminalState};
pub use shared::{Escapes, Keys};
pub use signals::{Signals, SuspendScope, suspend};

/// The terminal, restored on drop.
#[derive(Debug)]
pub struct Terminal {
    shared: Rc<TerminalState>,
    attention: watch::Sender<Attention>,
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
        let shared = Rc::new(TerminalState {
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
