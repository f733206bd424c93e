//! Terminal modes, and the owner of a terminal.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::words::Sink;

/// Undoes the escape sequences of a full-screen program; harmless if there were none.
///
/// The cursor is saved first, because leaving the alternate screen restores it even if that screen was not in
/// use (xterm, ctlseqs: `CSI ? 1049 l`). tmux restores another cursor, which entering the alternate screen
/// saves (screen.c, `screen_alternate_off`): without entering it the cursor would jump to where the last
/// full-screen program of the pane started. If the alternate screen is in use, entering it changes neither.
/// Then: cursor shown, mouse, focus and paste reports off, normal cursor and number keys, the kitty keyboard
/// protocol off, plain text.
pub const TERMINAL_RESET: &[u8] =
    b"\x1b7\x1b[?1049h\x1b[?1049l\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>\x1b[<u\x1b[0m";

/// Returns the destination of a descriptor's output.
pub fn sink(output: BorrowedFd<'_>) -> Sink {
    use rustix::fs::{FileType, fstat};

    if let Ok(name) = rustix::termios::ttyname(output, Vec::new()) {
        return Sink::Terminal(PathBuf::from(OsStr::from_bytes(name.to_bytes())));
    }
    let Ok(stat) = fstat(output) else { return Sink::Unnamed };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => path_of(output).map_or(Sink::Unnamed, Sink::File),
        FileType::CharacterDevice
            if rustix::fs::stat("/dev/null").is_ok_and(|null| null.st_rdev == stat.st_rdev) =>
        {
            Sink::Null
        }
        _ => Sink::Unnamed,
    }
}

#[cfg(target_os = "linux")]
fn path_of(file: BorrowedFd<'_>) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

#[cfg(target_os = "macos")]
fn path_of(file: BorrowedFd<'_>) -> Option<PathBuf> {
    let path = rustix::fs::getpath(file).ok()?;
    Some(PathBuf::from(OsStr::from_bytes(path.to_bytes())))
}

/// The modes of a terminal (termios(3)).
#[derive(Clone, Copy)]
pub struct TerminalModes(libc::termios);

impl TerminalModes {
    /// Returns the current modes; `ENOTTY` if the descriptor is no terminal.
    pub fn of(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        // SAFETY: an all-zero `termios` is a valid value of this plain C struct, which tcgetattr fills.
        let mut modes: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open and `modes` lives through the call.
        let got = unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut modes) };
        if got == 0 { Ok(Self(modes)) } else { Err(io::Error::last_os_error()) }
    }

    /// Sets these modes. Called in the background this stops the process by SIGTTOU unless that is blocked.
    pub fn apply(&self, terminal: BorrowedFd<'_>) -> io::Result<()> {
        // Without draining, which Ctrl-S can block forever.
        // SAFETY: the descriptor is open and the modes were got from a terminal.
        let set = unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &raw const self.0) };
        if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Returns these modes with each key readable as it is typed, without echo. Ctrl-C, Ctrl-Z and output
    /// processing stay.
    #[must_use]
    pub fn for_keys(mut self) -> Self {
        self.0.c_lflag &= !(libc::ICANON | libc::ECHO | libc::ECHONL);
        self.0.c_cc[libc::VMIN] = 1;
        self.0.c_cc[libc::VTIME] = 0;
        self
    }

    /// Whether input comes in whole lines, unlike under a full-screen program.
    pub fn by_line(&self) -> bool {
        self.0.c_lflag & libc::ICANON != 0
    }

    /// Parses the output of [`fmt::Display`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':').map(|field| u64::from_str_radix(field, 16).ok());
        let mut next = || fields.next().flatten();
        // SAFETY: an all-zero `termios` is a valid value of this plain C struct.
        let mut modes: libc::termios = unsafe { std::mem::zeroed() };
        modes.c_iflag = next()?.try_into().ok()?;
        modes.c_oflag = next()?.try_into().ok()?;
        modes.c_cflag = next()?.try_into().ok()?;
        modes.c_lflag = next()?.try_into().ok()?;
        #[cfg(target_os = "linux")]
        {
            modes.c_line = next()?.try_into().ok()?;
        }
        let (input, output) = (next()?.try_into().ok()?, next()?.try_into().ok()?);
        // SAFETY: both write a speed into `modes`, which lives through the calls.
        unsafe {
            libc::cfsetispeed(&raw mut modes, input);
            libc::cfsetospeed(&raw mut modes, output);
        }
        for place in &mut modes.c_cc {
            *place = next()?.try_into().ok()?;
        }
        Some(Self(modes))
    }
}

/// One word, like the output of `stty -g`.
impl fmt::Display for TerminalModes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modes = &self.0;
        write!(f, "{:x}:{:x}:{:x}:{:x}", modes.c_iflag, modes.c_oflag, modes.c_cflag, modes.c_lflag)?;
        #[cfg(target_os = "linux")]
        write!(f, ":{:x}", modes.c_line)?;
        // SAFETY: both only read `modes`.
        let (input, output) = unsafe { (libc::cfgetispeed(modes), libc::cfgetospeed(modes)) };
        write!(f, ":{input:x}:{output:x}")?;
        modes.c_cc.iter().try_for_each(|byte| write!(f, ":{byte:x}"))
    }
}

impl fmt::Debug for TerminalModes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TerminalModes({self})")
    }
}

impl PartialEq for TerminalModes {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for TerminalModes {}

/// Returns the foreground group of a terminal, even if it is not this process's controlling terminal.
pub fn terminal_holder(terminal: BorrowedFd<'_>) -> Option<i32> {
    if let Ok(group) = rustix::termios::tcgetpgrp(terminal.as_fd()) {
        return Some(group.as_raw_nonzero().get());
    }
    super::table::holder_of(rustix::fs::fstat(terminal).ok()?.st_rdev)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_are_recognized() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let null = std::fs::File::options().write(true).open("/dev/null").unwrap();
        let (_read, write) = std::io::pipe().unwrap();
        assert_eq!(sink(file.as_file().as_fd()), Sink::File(file.path().canonicalize().unwrap()));
        assert_eq!(sink(null.as_fd()), Sink::Null);
        assert_eq!(sink(write.as_fd()), Sink::Unnamed);
    }
}
