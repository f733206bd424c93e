//! The terminal hotrun was started on: its modes, its keys, and who has it.
//!
//! Owns the law that it is left as it was found, and set right after every program that may have changed it. Decides
//! nothing about what a key or a signal leads to: that is told as [`TerminalNews`]. Never touches a terminal that is
//! somebody else's at the moment (hotrun in the background), and is never stopped by it.
//! Needs the current-thread engine with a `LocalSet`, and [`crate::sys::block_terminal_stops`] before any thread.

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

/// What came from the terminal, or by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalNews {
    /// A key that means something was typed, and hotrun has the terminal.
    Key(Key),
    /// hotrun was brought to the foreground and no signal told: [`Terminal::regain`] is due.
    Foreground,
    /// The terminal is gone. Told once.
    HungUp,
    /// hotrun was sent this signal.
    Signal(i32),
}

/// Whether keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// While hotrun has the terminal.
    Read,
    /// Never: the terminal stays in the modes it was found in.
    Off,
}

/// Whether escape sequences may be written to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// It understands them.
    Understood,
    /// It is a dumb one (`TERM=dumb`).
    Shown,
}

/// The terminal. Dropping it leaves it as it was found.
#[derive(Debug)]
pub struct Terminal {
    shared: Rc<Shared>,
    attention: watch::Sender<Attention>,
}

/// What hotrun listens for on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attention {
    /// Keys, and its end.
    Keys,
    /// Only its end: somebody else reads it.
    End,
}

#[derive(Debug)]
struct Shared {
    /// An open file of hotrun's own, so that its flags are not those of the shell's stdin.
    terminal: Rc<OwnedFd>,
    keys: Cell<Keys>,
    /// It is on stdin.
    readable: Cell<bool>,
    escapes: Escapes,
    found: RefCell<TerminalModes>,
    lent: Cell<Option<i32>>,
    /// hotrun was in the background when it last looked.
    away: Cell<bool>,
    /// Groups that asked for it while they could not have it.
    wanted: RefCell<Vec<i32>>,
}

/// The terminal, found and left alone.
#[derive(Debug)]
pub struct Device {
    terminal: OwnedFd,
    /// It is on stdin.
    readable: bool,
}

impl Device {
    /// The terminal on stdin, or else the controlling one, where there is one.
    pub fn find() -> Option<Self> {
        let stdin = io::stdin();
        let readable = isatty(&stdin);
        let terminal =
            if readable { own_description(stdin.as_fd()) } else { open(Path::new("/dev/tty")) }.ok()?;
        Some(Self { terminal, readable })
    }

    /// The open file, for the reaper.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.terminal.as_fd()
    }
}

impl Terminal {
    /// Takes note of it. Keys are read from stdin only.
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

    /// The same on a given terminal, as an open file that is nobody else's.
    ///
    /// # Errors
    /// Where it is no terminal.
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
            away: Cell::new(false),
            wanted: RefCell::default(),
        });
        let (attention, listen) = watch::channel(shared.attention());
        shared.away.set(!shared.in_foreground());
        shared.set_own_modes();
        tokio::task::spawn_local(keys::listen(Rc::clone(&shared), listen, news));
        Ok(Self { shared, attention })
    }

    /// The modes it is to be left in.
    pub fn found(&self) -> TerminalModes {
        *self.shared.found.borrow()
    }

    /// The modes hotrun sets while it reads keys.
    pub fn own(&self) -> Option<TerminalModes> {
        (self.shared.keys.get() == Keys::Read).then(|| self.found().for_keys())
    }

    /// Whether hotrun's job has the terminal.
    pub fn in_foreground(&self) -> bool {
        self.shared.in_foreground()
    }

    /// Whether the terminal is gone: asked after SIGHUP, which may mean that.
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

    /// Where hotrun has the terminal: the modes for reading keys, or those found where it reads none.
    fn set_own_modes(&self) {
        if self.lent.get().is_some() || !self.in_foreground() {
            return;
        }
        let found = *self.found.borrow();
        let modes = if self.keys.get() == Keys::Read { found.for_keys() } else { found };
        self.apply(&modes);
    }

    /// Only ever for whoever has the terminal: SIGTTOU is blocked, so nothing would keep this from the shell's modes.
    fn apply(&self, modes: &TerminalModes) {
        let terminal = self.terminal.as_fd();
        if TerminalModes::of(terminal).is_ok_and(|now| now != *modes) {
            // A terminal that is gone has no modes to care for.
            let _ = modes.apply(terminal);
        }
    }
}

fn own_description(terminal: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // The name rather than `/dev/tty`, which macOS cannot wait for. Where the name means nothing (a container on a
    // terminal of its host), the controlling terminal; and else stdin itself.
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
