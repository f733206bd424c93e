//! The client: finds the hotrun that is meant, asks it, and takes the answer. Blocks.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::registry::{self, About};
use super::server::SOCKET;
use super::{Answer, ControlError, Envelope, Request};
use crate::cli::Selection;

/// How long an answer that needs no waiting may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A hotrun to ask.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    about: About,
}

impl Client {
    /// The hotrun that is meant by what was typed in this folder.
    ///
    /// # Errors
    /// [`ControlError::None`] and [`ControlError::Several`].
    pub fn find(selection: &Selection, cwd: &Path) -> Result<Self, ControlError> {
        let (folder, about) = registry::find(selection, cwd, alive)?;
        Ok(Self { socket: folder.join(SOCKET), about })
    }

    /// How things stand.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn status(&self) -> Result<Answer, ControlError> {
        self.at_once(Request::Status)
    }

    /// Orders a restart.
    ///
    /// # Errors
    /// Where it does not answer.
    pub fn restart(&self) -> Result<Answer, ControlError> {
        self.at_once(Request::Restart)
    }

    /// How things stand when everything that was saved runs or failed.
    ///
    /// # Errors
    /// Where it ends before, or the time passes.
    pub fn wait(&self, limit: Option<Duration>) -> Result<Answer, ControlError> {
        let answer = match self.ask(Request::Wait, limit) {
            Ok(answer) => answer,
            Err(error) if limit.is_some() && is_timeout(&error) => {
                let after = limit.unwrap_or_default();
                let state =
                    self.at_once(Request::Status).map_or("no answer".to_owned(), |answer| answer.state);
                return Err(ControlError::TimedOut { after, state });
            }
            Err(error) => return Err(self.failed(error)),
        };
        answer.ok_or(ControlError::Ended { pid: self.about.pid })
    }

    /// Stops it, and returns when it is gone.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn stop(&self) -> Result<(), ControlError> {
        let failed = |what| move |source| ControlError::Io { what, source };
        // One that is stopped itself (Ctrl-Z) would be waited for without end.
        self.status()?;
        let mut stream = self.connect().map_err(|error| self.failed(error))?;
        let process = Process::of(&stream);
        send(&mut stream, Request::Stop).map_err(|error| self.failed(error))?;
        // Nothing is said to this: the connection ends with hotrun.
        match receive(stream) {
            Ok(None) => {}
            Ok(Some(answer)) => return Err(self.misunderstood(answer)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(self.failed(error)),
        }
        process.wait().map_err(failed("wait for the end of hotrun"))
    }

    fn at_once(&self, request: Request) -> Result<Answer, ControlError> {
        match self.ask(request, Some(PATIENCE)) {
            Ok(Some(answer)) if answer.state == "unreachable" => Err(self.misunderstood(answer)),
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(ControlError::Ended { pid: self.about.pid }),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Nothing where hotrun ended before it answered.
    fn ask(&self, request: Request, limit: Option<Duration>) -> io::Result<Option<Answer>> {
        let began = Instant::now();
        let mut stream = self.connect()?;
        send(&mut stream, request)?;
        let left = limit.map(|limit| limit.saturating_sub(began.elapsed()).max(Duration::from_millis(1)));
        stream.set_read_timeout(left)?;
        receive(stream)
    }

    fn connect(&self) -> io::Result<UnixStream> {
        connect(&self.socket, PATIENCE)
    }

    fn misunderstood(&self, answer: Answer) -> ControlError {
        let problem = answer.reason.unwrap_or_else(|| "an answer without a reason".to_owned());
        ControlError::Misunderstood { pid: self.about.pid, problem }
    }

    fn failed(&self, error: io::Error) -> ControlError {
        let pid = self.about.pid;
        match error.kind() {
            _ if is_timeout(&error) => ControlError::Silent { pid },
            io::ErrorKind::InvalidData => ControlError::Misunderstood { pid, problem: error.to_string() },
            // It ended just now.
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => ControlError::Ended { pid },
            _ => ControlError::Io { what: "talk to hotrun", source: error },
        }
    }
}

/// The pid of another hotrun that keeps this live path, if one does. Its lock may have been removed with the target directory.
pub fn keeper(live: &Path) -> Option<u32> {
    registry::keeper(&registry::real_file(live), alive)
}

/// Connects within this time. Without a limit the kernel waits for room where a hotrun that is stopped has left too many
/// waiting (connect(2), `SO_SNDTIMEO` in socket(7)).
fn connect(socket: &Path, limit: Duration) -> io::Result<UnixStream> {
    let stream = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    stream.set_write_timeout(Some(limit))?;
    stream.connect(&SockAddr::unix(socket)?)?;
    Ok(stream.into())
}

/// Whether a hotrun listens in this folder. What one left that was killed together with its reaper is cleared away: it
/// listened before it wrote down anything, so where nobody does any more, it is gone.
fn alive(folder: &Path) -> bool {
    match connect(&folder.join(SOCKET), Duration::from_millis(1)) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // Elsewhere one that is there and has no room for more clients refuses as well.
            if cfg!(target_os = "linux") {
                // Somebody else may have done so.
                let _ = std::fs::remove_dir_all(folder);
            }
            false
        }
        // There is no room for more clients.
        Err(error) => is_timeout(&error),
    }
}

fn send(stream: &mut UnixStream, request: Request) -> io::Result<()> {
    let mut line = serde_json::to_string(&Envelope { request }).map_err(io::Error::other)?;
    line.push('\n');
    stream.write_all(line.as_bytes())
}

fn receive(stream: UnixStream) -> io::Result<Option<Answer>> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The process behind a connection, so that its end can be waited for.
#[derive(Debug)]
struct Process {
    #[cfg(target_os = "linux")]
    pidfd: Option<std::os::fd::OwnedFd>,
}

impl Process {
    /// The kernel tells who listens (unix(7), `SO_PEERCRED`). Nothing where it is in a pid namespace of its own; the end of
    /// the connection is its end then.
    #[cfg(target_os = "linux")]
    fn of(stream: &UnixStream) -> Self {
        let flags = rustix::process::PidfdFlags::empty();
        let pid = rustix::net::sockopt::socket_peercred(stream).map(|peer| peer.pid);
        Self { pidfd: pid.ok().and_then(|pid| rustix::process::pidfd_open(pid, flags).ok()) }
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_stream: &UnixStream) -> Self {
        Self {}
    }

    #[cfg(target_os = "linux")]
    fn wait(&self) -> io::Result<()> {
        use rustix::event::{PollFd, PollFlags, poll};
        let Some(pidfd) = &self.pidfd else { return Ok(()) };
        loop {
            match poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn wait(&self) -> io::Result<()> {
        Ok(())
    }
}
