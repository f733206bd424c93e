//! Readiness that is asked for: an address that accepts, a page that answers, a time that has passed.
//!
//! Runs while a process is starting, and says nothing but that it succeeded: how long to wait is the session's business.
//! The last answer can be looked up ([`Probing::answer`]).

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::news::HandoverNews;
use crate::config::{Ready, http_host};
use crate::words::Instance;

/// The first pause between two attempts, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of an answer is read: bytes.
const ANSWER: usize = 1024;

/// What tells that a process is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// One of the addresses accepts.
    Tcp(Vec<SocketAddr>),
    /// The URL answers 2xx or 3xx.
    Http(String),
    /// So much time has passed.
    After(Duration),
}

impl Probe {
    /// The probe that a setting asks for; `None` for those that are no probe (`auto`, `spawn`, `notify`).
    pub fn of(ready: &Ready) -> Option<Self> {
        match ready {
            Ready::Tcp(address) => Some(Self::Tcp(vec![*address])),
            Ready::Localhost(port) => Some(Self::Tcp(localhost(*port))),
            Ready::Http(url) => Some(Self::Http(url.clone())),
            Ready::After(time) => Some(Self::After(*time)),
            Ready::Auto | Ready::Spawn | Ready::Notify => None,
        }
    }

    /// Waits until it succeeds, and keeps the last answer at hand.
    async fn wait(&self, answer: &RefCell<Answer>) {
        if let Self::After(time) = self {
            return sleep(*time).await;
        }
        let mut pause = FIRST_PAUSE;
        while !timeout(PATIENCE, self.attempt(answer)).await.is_ok_and(|done| done) {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Asks each address once; the answer that tells most is kept.
    async fn attempt(&self, answer: &RefCell<Answer>) -> bool {
        let addresses = match self {
            Self::Tcp(addresses) => addresses.clone(),
            Self::Http(url) => match resolve(url).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    answer.replace(Answer::Unresolved(error.to_string()));
                    return false;
                }
            },
            Self::After(_) => return true,
        };
        let mut best: Option<Answer> = None;
        for address in addresses {
            // Where this takes longer than there is time, this is how far it came.
            let tell = |answered: Answer| {
                if best.as_ref().is_none_or(|best| answered.tells() > best.tells()) {
                    answer.replace(answered);
                }
            };
            let answered = match self.ask(address, &tell).await {
                Ok(Answer::Good) => return true,
                Ok(answered) => answered,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Answer::Refused,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Answer::Closed,
                Err(error) => Answer::Failed(error.to_string()),
            };
            if best.as_ref().is_none_or(|best| answered.tells() > best.tells()) {
                best = Some(answered);
            }
        }
        if let Some(best) = best {
            answer.replace(best);
        }
        false
    }

    async fn ask(&self, address: SocketAddr, tell: &impl Fn(Answer)) -> io::Result<Answer> {
        tell(Answer::Unreached);
        let stream = TcpStream::connect(address).await?;
        if !answered_by_another(&stream) {
            return Ok(Answer::Refused);
        }
        match self {
            Self::Http(url) => {
                tell(Answer::Silent);
                get(stream, url).await
            }
            _ => Ok(Answer::Good),
        }
    }
}

/// What an address answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub enum Answer {
    /// It was not asked yet.
    #[default]
    #[error("not asked yet")]
    Unasked,
    /// It is as it should be.
    #[error("ready")]
    Good,
    /// The name of the host says nothing.
    #[error("could not resolve the host: {0}")]
    Unresolved(String),
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// Nothing comes back.
    #[error("no reply, not even to the attempt to connect")]
    Unreached,
    /// The system cannot connect.
    #[error("{0}")]
    Failed(String),
    /// It accepts and says nothing.
    #[error("accepted the connection and sent no answer")]
    Silent,
    /// It accepts and hangs up.
    #[error("closed the connection without an answer")]
    Closed,
    /// It speaks something else.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// It speaks TLS.
    #[error("speaks TLS (HTTPS), which hotrun does not")]
    Tls,
    /// It answers otherwise than 2xx or 3xx.
    #[error("HTTP {0}")]
    Status(u16),
}

impl Answer {
    /// Of two addresses that one name has, the one that says more is likelier the program's.
    fn tells(&self) -> u8 {
        match self {
            Self::Unasked | Self::Good | Self::Unresolved(_) => 0,
            Self::Failed(_) => 1,
            Self::Refused => 2,
            Self::Unreached => 3,
            Self::Silent | Self::Closed => 4,
            Self::NotHttp | Self::Tls | Self::Status(_) => 5,
        }
    }
}

/// What `localhost` means to one program and another.
fn localhost(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

async fn resolve(url: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = http_host(url).ok_or(io::ErrorKind::InvalidInput)?;
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(localhost(port));
    }
    Ok(lookup_host((host, port)).await?.collect())
}

/// A probe under way. Dropped, it ends.
#[derive(Debug)]
pub struct Probing {
    task: JoinHandle<()>,
    answer: Rc<RefCell<Answer>>,
}

impl Probing {
    /// The last answer.
    pub fn answer(&self) -> Answer {
        self.answer.borrow().clone()
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn start(instance: Instance, probe: Probe, news: UnboundedSender<HandoverNews>) -> Probing {
    let answer = Rc::new(RefCell::new(Answer::default()));
    let kept = Rc::clone(&answer);
    let task = tokio::task::spawn_local(async move {
        probe.wait(&kept).await;
        let _ = news.send(HandoverNews::Probed { instance });
    });
    Probing { task, answer }
}

/// A connection to a free port of the range for outgoing connections may get that very port and so meet itself.
fn answered_by_another(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) => local != peer,
        _ => false,
    }
}

/// One GET by hand (RFC 9112), of whose answer only the beginning is read.
async fn get(mut stream: TcpStream, url: &str) -> io::Result<Answer> {
    let rest = url.trim_start_matches("http://");
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    let path = path.split('#').next().unwrap_or_default();
    let slash = if path.starts_with('/') { "" } else { "/" };
    let request = format!(
        "GET {slash}{path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: hotrun\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    // An answer that may be about HTTPS says so after its first line.
    while head.len() < ANSWER && (!head.contains(&b'\n') || status(&head) == Some(400)) {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(reading(&head))
}

/// What the beginning of an answer means.
fn reading(head: &[u8]) -> Answer {
    match (status(head), head) {
        (Some(200..400), _) => Answer::Good,
        (Some(400), _) if head.windows(5).any(|window| window == b"HTTPS") => Answer::Tls,
        (Some(code), _) => Answer::Status(code),
        (None, []) => Answer::Closed,
        // A TLS record: an alert, or a handshake (RFC 8446, section 5.1).
        (None, [0x15 | 0x16, 0x03, ..]) => Answer::Tls,
        (None, _) => Answer::NotHttp,
    }
}

/// The code of `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = str::from_utf8(head.split(|&byte| byte == b'\n').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    version.starts_with("HTTP/1.").then(|| rest.get(..3)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for nonsense in [&b"HTTP/2 200\r\n"[..], b"HTTP/1.1 2", b"SSH-2.0-x\r\n", b"", b"\xff\n"] {
            assert_eq!(status(nonsense), None);
        }
    }

    #[test]
    fn answers_are_told_apart() {
        for (head, answer) in [
            (&b"HTTP/1.1 204 No Content\r\n"[..], Answer::Good),
            (b"HTTP/1.1 404 Not Found\r\n", Answer::Status(404)),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                Answer::Tls,
            ),
            (b"\x15\x03\x01\x00\x02\x02\x46", Answer::Tls),
            (b"SSH-2.0-x\r\n", Answer::NotHttp),
            (b"", Answer::Closed),
        ] {
            assert_eq!(reading(head), answer, "{}", head.escape_ascii());
        }
    }
}
