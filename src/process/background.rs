//! Starts hotrun itself in the background, for `hotrun up`: the end that waits for its start.
//!
//! It has a session of its own, `/dev/null` on stdin, and pipes on stdout and stderr until it has started: then it names
//! its runtime folder on stdout, and its stderr becomes its log.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};

use super::reaper::own_binary;
use crate::sys::{self, Announce, Foreground, Leader, SpawnOrder};

/// The argument that makes `hotrun up` the hotrun in the background.
pub const ENTRY: &str = "__background";

/// Its name in the process table.
pub const NAME: &str = "hotrun";

/// Why no hotrun runs in the background.
#[derive(Debug, thiserror::Error)]
pub enum BackgroundError {
    #[error("could not start hotrun in the background")]
    Start(#[source] io::Error),
    /// In its own words.
    #[error("{reason}")]
    Failed { reason: String, hint: Option<String>, code: u8 },
}

impl BackgroundError {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Start(_) => 1,
            Self::Failed { code, .. } => *code,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Start(source) => sys::limit_hint(source).map(ToOwned::to_owned),
            Self::Failed { hint, .. } => hint.clone(),
        }
    }
}

/// A hotrun that is starting in the background.
#[derive(Debug)]
pub struct Background {
    pid: i32,
    stdout: Stream,
    stderr: Stream,
}

/// A hotrun that runs in the background.
#[derive(Debug)]
pub struct InBackground {
    /// The runtime folder of the hotrun that runs the program, which may be another one: the first of two.
    pub folder: PathBuf,
    /// What was said on the way.
    pub said: String,
}

impl Background {
    /// Starts it with this process's command line.
    pub fn start(words: impl IntoIterator<Item = OsString>, cwd: &Path) -> Result<Self, BackgroundError> {
        let mut argv: Vec<OsString> = words.into_iter().collect();
        argv.insert(argv.len().min(1), ENTRY.into());
        Self::spawn(&argv, cwd).map_err(BackgroundError::Start)
    }

    fn spawn(argv: &[OsString], cwd: &Path) -> io::Result<Self> {
        let null = File::open("/dev/null")?;
        let (stdout, out) = io::pipe()?;
        let (stderr, err) = io::pipe()?;
        let env: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let order = SpawnOrder {
            program: &own_binary()?,
            argv,
            env: &env,
            listen_pid: false,
            cwd,
            stdio: [Some(null.as_fd()), Some(out.as_fd()), Some(err.as_fd())],
            fds: &[],
            leader: Leader::Session,
            foreground: Foreground::No,
            ignore_hangup: false,
            announce: Announce::No,
        };
        let pid = sys::spawn(&order).map_err(|failure| failure.error)?;
        Ok(Self { pid, stdout: Stream::of(stdout)?, stderr: Stream::of(stderr)? })
    }

    /// Waits until it has started or ended; `None` if the time is over, and it is starting still.
    pub fn started(mut self, until: Option<Instant>) -> Result<Option<InBackground>, BackgroundError> {
        if !self.listen(until).map_err(BackgroundError::Start)? {
            return Ok(None);
        }
        let said = self.stderr.text();
        match self.stdout.line() {
            Some(folder) => Ok(Some(InBackground { folder: OsStr::from_bytes(folder).into(), said })),
            None => Err(failed(&said, exit_code(self.pid))),
        }
    }

    /// Returns whether a line came, or the end, before the time was over.
    fn listen(&mut self, until: Option<Instant>) -> io::Result<bool> {
        while self.stdout.line().is_none() && self.stdout.pipe.is_some() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            let open = [&self.stdout, &self.stderr].into_iter().filter_map(|stream| stream.pipe.as_ref());
            let mut polled: Vec<PollFd<'_>> = open.map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
            match poll(&mut polled, left.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            // What stdout tells came after what stderr does.
            self.stdout.read()?;
            self.stderr.read()?;
        }
        Ok(true)
    }
}

/// What a pipe gave so far.
#[derive(Debug)]
struct Stream {
    /// Gone at its end.
    pipe: Option<PipeReader>,
    bytes: Vec<u8>,
}

impl Stream {
    fn of(pipe: PipeReader) -> io::Result<Self> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        Ok(Self { pipe: Some(pipe), bytes: Vec::new() })
    }

    fn read(&mut self) -> io::Result<()> {
        let mut chunk = [0; 4096];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut chunk) {
                Ok(0) => self.pipe = None,
                Ok(length) => self.bytes.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn line(&self) -> Option<&[u8]> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        self.bytes.get(..end)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// Reaps the child, which has ended or is about to.
fn exit_code(pid: i32) -> u8 {
    let ended = loop {
        match waitpid(Pid::from_raw(pid), WaitOptions::empty()) {
            Err(rustix::io::Errno::INTR) => {}
            ended => break ended,
        }
    };
    let status: Option<WaitStatus> = ended.ok().flatten().map(|(_, status)| status);
    status.and_then(WaitStatus::exit_status).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Takes the error and the hint out of what a hotrun said at its end.
fn failed(said: &str, code: u8) -> BackgroundError {
    let said = said.trim_end();
    let text = said.strip_prefix("error: ").unwrap_or(said);
    let (reason, hint) = match text.split_once("\n  hint: ") {
        Some((reason, hint)) => (reason, Some(hint.to_owned())),
        None => (text, None),
    };
    let reason = if reason.is_empty() { "hotrun ended before it had started" } else { reason };
    BackgroundError::Failed { reason: reason.to_owned(), hint, code: code.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_taken_apart() {
        let told = |said: &str| match failed(said, 2) {
            BackgroundError::Failed { reason, hint, code: 2 } => (reason, hint),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            told("error: no `x`\n  caused by: y\n  hint: do z\n"),
            ("no `x`\n  caused by: y".to_owned(), Some("do z".to_owned()))
        );
        assert_eq!(told("error: no `x`\n"), ("no `x`".to_owned(), None));
        assert_eq!(told(""), ("hotrun ended before it had started".to_owned(), None));
        assert_eq!(failed("", 0).exit_code(), 1);
    }
}
