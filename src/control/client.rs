//! The client: finds a hotrun, sends it a request and reads the answer. Blocking.

use std::io::{self, BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use socket2::{Domain, SockAddr, Socket, Type};

use super::registry::{self, About};
use super::server::SOCKET;
use super::{Answer, ControlError, ControlRequest, LogLine, LogsRequest, Order};
use crate::cli::Selection;

/// The limit for an immediate answer on a busy machine.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A running hotrun.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
    about: About,
    /// The names of the services to ask about; none: all.
    services: Vec<String>,
}

impl Client {
    /// Finds the hotrun that the options mean in this folder.
    pub fn find(selection: &Selection, cwd: &Path) -> Result<Self, ControlError> {
        let (folder, about) = registry::find(selection, cwd, alive)?;
        Ok(Self { socket: folder.join(SOCKET), about, services: Vec::new() })
    }

    /// The hotrun with this runtime folder.
    pub fn at(folder: &Path) -> Result<Self, ControlError> {
        Ok(Self { socket: folder.join(SOCKET), about: registry::at(folder)?, services: Vec::new() })
    }

    /// Asks about these services only, if any is named.
    #[must_use]
    pub fn only(self, services: &[String]) -> Self {
        Self { services: services.to_vec(), ..self }
    }

    pub fn pid(&self) -> u32 {
        self.about.pid
    }

    /// Returns the current state.
    pub fn status(&self) -> Result<Answer, ControlError> {
        self.at_once(Order::Status)
    }

    /// Orders a restart.
    pub fn restart(&self) -> Result<Answer, ControlError> {
        self.at_once(Order::Restart)
    }

    /// Orders a start.
    pub fn start(&self) -> Result<Answer, ControlError> {
        self.at_once(Order::Start)
    }

    /// Returns the state once everything saved so far runs or has failed. The time of the limit began at `began`.
    pub fn wait(&self, began: Instant, limit: Option<Duration>) -> Result<Answer, ControlError> {
        let answer = match self.ask(Order::Wait, began, limit) {
            Ok(answer) => answer,
            Err(error) if limit.is_some() && is_timeout(&error) => {
                let after = limit.unwrap_or_default();
                let state = self.at_once(Order::Status).map_or("no answer".to_owned(), |answer| answer.state);
                return Err(ControlError::TimedOut { after, state });
            }
            Err(error) => return Err(self.failed(error)),
        };
        self.understood(answer.ok_or(ControlError::Ended { pid: self.about.pid })?)
    }

    /// Stops hotrun, and returns when it is gone, or only the services that are named.
    pub fn stop(&self) -> Result<Answer, ControlError> {
        let failed = |what| move |source| ControlError::Io { what, source };
        // Without this check, a hotrun that is itself stopped (Ctrl-Z) would be waited for without end.
        self.status()?;
        if !self.services.is_empty() {
            let answer = self.ask(Order::Stop, Instant::now(), None).map_err(|error| self.failed(error))?;
            return self.understood(answer.ok_or(ControlError::Ended { pid: self.about.pid })?);
        }
        let mut stream = self.connect().map_err(|error| self.failed(error))?;
        let process = Peer::of(&stream);
        self.send(&mut stream, Order::Stop).map_err(|error| self.failed(error))?;
        // This request has no answer: the connection closes when hotrun ends.
        match receive(&mut BufReader::new(stream)) {
            Ok(None) => {}
            Ok(Some(answer)) => return Err(self.misunderstood(answer)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(self.failed(error)),
        }
        process.wait().map_err(failed("wait for the end of hotrun"))?;
        Ok(Answer::stopped())
    }

    /// Tells the last lines of output, and with `follow` those that come until hotrun ends, each with the names of all
    /// services asked about. Ends early if `told` says so.
    pub fn logs(
        &self,
        request: LogsRequest,
        mut told: impl FnMut(&[String], LogLine) -> ControlFlow<()>,
    ) -> Result<(), ControlError> {
        let failed = |error| self.failed(error);
        let mut stream = self.connect().map_err(failed)?;
        self.send(&mut stream, Order::Logs(request)).map_err(failed)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(failed)?;
        let mut reader = BufReader::new(stream);
        let answer =
            receive(&mut reader).map_err(failed)?.ok_or(ControlError::Ended { pid: self.about.pid })?;
        let names: Vec<String> = self.understood(answer)?.services.into_keys().collect();
        reader.get_ref().set_read_timeout(None).map_err(failed)?;
        while let Some(line) = receive(&mut reader).map_err(failed)? {
            if told(&names, line).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn at_once(&self, order: Order) -> Result<Answer, ControlError> {
        match self.ask(order, Instant::now(), Some(ANSWER_TIMEOUT)) {
            Ok(Some(answer)) => self.understood(answer),
            Ok(None) => Err(ControlError::Ended { pid: self.about.pid }),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Returns `None` if hotrun ended before it answered.
    fn ask(&self, order: Order, began: Instant, limit: Option<Duration>) -> io::Result<Option<Answer>> {
        let mut stream = self.connect()?;
        self.send(&mut stream, order)?;
        let left = limit.map(|limit| limit.saturating_sub(began.elapsed()).max(Duration::from_millis(1)));
        stream.set_read_timeout(left)?;
        receive(&mut BufReader::new(stream))
    }

    fn connect(&self) -> io::Result<UnixStream> {
        connect(&self.socket, ANSWER_TIMEOUT)
    }

    fn send(&self, stream: &mut UnixStream, order: Order) -> io::Result<()> {
        let request = ControlRequest { order, services: self.services.clone() };
        let mut line = serde_json::to_string(&request).map_err(io::Error::other)?;
        line.push('\n');
        stream.write_all(line.as_bytes())
    }

    /// Takes out the answers that tell what is wrong with the request.
    fn understood(&self, answer: Answer) -> Result<Answer, ControlError> {
        match &*answer.state {
            "unreachable" => Err(self.misunderstood(answer)),
            "inherited" => Err(ControlError::Inherited),
            "unknown" => {
                let problem = answer.reason.unwrap_or_default();
                Err(ControlError::NoService { problem, hint: answer.hint })
            }
            _ => Ok(answer),
        }
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
            // It has just ended.
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => ControlError::Ended { pid },
            _ => ControlError::Io { what: "talk to hotrun", source: error },
        }
    }
}

/// Returns the runtime folder and the pid of another hotrun that keeps this live path. Its lock file may be gone with the
/// target directory.
pub fn keeper(live: &Path) -> Option<(PathBuf, u32)> {
    registry::keeper(&registry::real_file(live), alive).map(|(folder, about)| (folder, about.pid))
}

/// Connects within a time limit. Without one, the kernel blocks if a stopped hotrun's backlog is full
/// (connect(2), `SO_SNDTIMEO` in socket(7)).
fn connect(socket: &Path, limit: Duration) -> io::Result<UnixStream> {
    let stream = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    stream.set_write_timeout(Some(limit))?;
    stream.connect(&SockAddr::unix(socket)?)?;
    Ok(stream.into())
}

/// Whether a hotrun listens in this folder. The description is written after the socket listens, so if
/// nothing listens, hotrun was killed together with its reaper, and its folder is removed.
fn alive(folder: &Path) -> bool {
    match connect(&folder.join(SOCKET), Duration::from_millis(1)) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            // On other systems a full backlog refuses as well.
            if cfg!(target_os = "linux") {
                // Another client may have removed it.
                let _ = std::fs::remove_dir_all(folder);
            }
            false
        }
        // The backlog is full.
        Err(error) => is_timeout(&error),
    }
}

/// Returns the next line; `None` at the end.
fn receive<T: DeserializeOwned>(reader: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(&line).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// The process at the other end of a connection.
#[derive(Debug)]
struct Peer {
    #[cfg(target_os = "linux")]
    pidfd: Option<std::os::fd::OwnedFd>,
}

impl Peer {
    /// Asks the kernel for the listener's pid (unix(7), `SO_PEERCRED`). No pidfd if hotrun runs in another
    /// pid namespace; then the end of the connection stands for its end.
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
