//! Where a program writes to while hotrun reads: a pseudo-terminal, or a pipe.
//!
//! The terminal is nobody's controlling terminal. A program stays in hotrun's session: in one of its own its process
//! group would be orphaned, to which Ctrl-Z means nothing, and what it reads from hotrun's terminal could not be lent
//! to it. Nothing but the window size passes through it to the program.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};

/// Both ends: what hotrun reads, and what the program gets.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) source: OwnedFd,
    pub(super) program: OwnedFd,
}

impl Channel {
    /// Opens a terminal of this size, or a pipe.
    pub(super) fn open(is_terminal: bool, size: Option<Winsize>) -> io::Result<Self> {
        if !is_terminal {
            let (source, program) = io::pipe()?;
            return Ok(Self { source: source.into(), program: program.into() });
        }
        let source = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&source, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&source)?;
        unlockpt(&source)?;
        let name = ptsname(&source, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let program = rustix::fs::open(OsStr::from_bytes(name.to_bytes()), flags, Mode::empty())?;
        if let Some(size) = size {
            set_size(source.as_fd(), size);
        }
        Ok(Self { source, program })
    }
}

/// Returns the size of hotrun's terminal, with this many columns taken.
pub(super) fn size(taken: usize) -> Option<Winsize> {
    let mut size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stderr())).ok()?;
    // Where little would be left, lines rather wrap.
    let left = usize::from(size.ws_col).checked_sub(taken).filter(|left| *left >= 20);
    size.ws_col = left.and_then(|left| u16::try_from(left).ok()).unwrap_or(size.ws_col);
    Some(size)
}

pub(super) fn set_size(terminal: BorrowedFd<'_>, size: Winsize) {
    // One that has ended has no size.
    let _ = tcsetwinsize(terminal, size);
}

/// Whether both outputs of hotrun lead to the same terminal, file or pipe.
pub(super) fn is_one_place() -> bool {
    let place = |output: BorrowedFd<'_>| {
        let stat = rustix::fs::fstat(output).ok()?;
        Some((stat.st_dev, stat.st_ino, stat.st_rdev))
    };
    let places = (place(io::stdout().as_fd()), place(io::stderr().as_fd()));
    places.0.is_some() && places.0 == places.1
}
