//! The pipe whose end tells the reaper that hotrun has ended, for whatever reason.
//!
//! The write end is never inherited across exec. A forked child that has not called exec still holds it, so
//! the reaper sees the end only once every such child has become its program, with its tag: no child of a
//! killed hotrun can be missed.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, PipeReader, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};

use super::signal::unblock_all;

/// The write end, for children between fork and exec; -1 if there is none.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// hotrun's end of the pipe. Dropping it without a farewell makes the reaper clean up.
#[derive(Debug)]
pub struct Lifeline(File);

impl Lifeline {
    /// Opens the pipe. Returns the read end for the reaper.
    pub fn open() -> io::Result<(Self, PipeReader)> {
        let (read, write) = io::pipe()?;
        let write = File::from(OwnedFd::from(write));
        // A stopped reaper must not block hotrun.
        rustix::io::ioctl_fionbio(&write, true)?;
        WRITE_END.store(write.as_raw_fd(), Ordering::SeqCst);
        Ok((Self(write), read))
    }

    /// Sends the reaper a line without waiting. Lines are shorter than `PIPE_BUF`, so each arrives whole.
    ///
    /// Fails with `WouldBlock` if a stopped reaper let the pipe fill up, `BrokenPipe` if it has ended.
    pub fn tell(&self, line: impl Display) -> io::Result<()> {
        (&self.0).write_all(format!("{line}\n").as_bytes())
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        // Unless a new reaper has replaced this one.
        let own = self.0.as_raw_fd();
        let _ = WRITE_END.compare_exchange(own, -1, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// Gives the command, a cargo, a process group of its own that the reaper kills when hotrun has ended.
///
/// The child announces itself before exec. The caller sends `cargo-gone <pgid>` over [`Lifeline::tell`] once
/// the group has ended.
pub fn adopt_group(command: &mut Command) -> &mut Command {
    // SAFETY: the closure runs between fork and exec and calls only functions that are safe there (signal-safety(7)):
    // setpgid, getpid, write, signal, sigprocmask; it takes no lock and allocates nothing.
    unsafe {
        command.pre_exec(|| {
            libc::setpgid(0, 0);
            announce(b"cargo ", b"\n");
            // The standard library passes on hotrun's own mask: with SIGTTIN blocked, a read of the terminal
            // would fail instead of stopping the process, and nobody would notice that it waits for input.
            unblock_all();
            Ok(())
        })
    }
}

/// Writes `<before><own pid><after>` to the lifeline, in a child between fork and exec.
pub(super) fn announce(before: &[u8], after: &[u8]) {
    let end = WRITE_END.load(Ordering::SeqCst);
    if end < 0 {
        return;
    }
    let mut line = [0_u8; 128];
    let mut digits = [0_u8; 12];
    // SAFETY: getpid(2) cannot fail and touches no memory.
    let pid = decimal(unsafe { libc::getpid() }, &mut digits);
    let mut length = 0;
    for part in [before, pid, after] {
        let Some(room) = line.get_mut(length..length + part.len()) else {
            return;
        };
        room.copy_from_slice(part);
        length += part.len();
    }
    // SAFETY: `line` holds `length` bytes; SIGPIPE is ignored meanwhile, so a missing reaper is only an error code.
    unsafe {
        let before = libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::write(end, line.as_ptr().cast(), length);
        libc::signal(libc::SIGPIPE, before);
    }
}

/// Formats a number without allocation.
pub(super) fn decimal(number: i32, digits: &mut [u8; 12]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(place) = digits.get_mut(at) {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        }
        rest /= 10;
        if rest == 0 {
            return digits.get(at..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for number in [0, 7, 10, 4_194_304, i32::MAX] {
            assert_eq!(decimal(number, &mut [0; 12]), number.to_string().as_bytes());
        }
    }
}
