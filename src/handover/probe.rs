//! Probes for readiness: an address that accepts, a URL that answers, a time that has passed.
//!
//! A probe runs while a process starts, and reports only success: the session decides how long to wait.
//! [`Probing::answer`] returns the last answer.

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

/// The first pause between two attempts, doubled up to `LAST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// The time limit of one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How many bytes of an answer are read at most.
const MAX_ANSWER: usize = 1024;

/// What shows that a process is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// One of the addresses accepts.
    Tcp(Vec<SocketAddr>),
    /// The URL answers 2xx or 3xx.
    Http(String),
    /// This time has passed.
    After(Duration),
}

impl Probe {
    /// Returns the probe for a setting; `None` if the setting needs none (`auto`, `spawn`, `notify`).
    pub fn of(ready: &Ready) -> Option<Self> {
        match ready {
            Ready::Tcp(address) => Some(Self::Tcp(vec![*address])),
            Ready::Localhost(port) => Some(Self::Tcp(localhost(*port))),
            Ready::Http(url) => Some(Self::Http(url.clone())),
            Ready::After(time) => Some(Self::After(*time)),
            Ready::Auto | Ready::Spawn | Ready::Notify => None,
        }
    }

    /// Waits until the probe succeeds, and records the last answer.
    async fn wait(&self, answer: &RefCell<ProbeAnswer>) {
        if let Self::After(time) = self {
            return sleep(*time).await;
        }
        let mut pause = FIRST_PAUSE;
        while !timeout(ATTEMPT_TIMEOUT, self.attempt(answer)).await.is_ok_and(|done| done) {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Tries each address once; the most informative answer is recorded.
    async fn attempt(&self, answer: &RefCell<ProbeAnswer>) -> bool {
        let addresses = match self {
            Self::Tcp(addresses) => addresses.clone(),
            Self::Http(url) => match resolve(url).await {
                Ok(addresses) => addresses,
                Err(error) => {
                    answer.replace(ProbeAnswer::Unresolved(error.to_string()));
                    return false;
                }
            },
            Self::After(_) => return true,
        };
        let mut best: Option<ProbeAnswer> = None;
        for address in addresses {
            // Recorded now, in case the attempt runs out of time.
            let record = |answered: ProbeAnswer| {
                if best.as_ref().is_none_or(|best| answered.rank() > best.rank()) {
                    answer.replace(answered);
                }
            };
            let answered = match self.ask(address, &record).await {
                Ok(ProbeAnswer::Good) => return true,
                Ok(answered) => answered,
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => ProbeAnswer::Refused,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => ProbeAnswer::Closed,
                Err(error) => ProbeAnswer::Failed(error.to_string()),
            };
            if best.as_ref().is_none_or(|best| answered.rank() > best.rank()) {
                best = Some(answered);
            }
        }
        if let Some(best) = best {
            answer.replace(best);
        }
        false
    }

    async fn ask(&self, address: SocketAddr, record: &impl Fn(ProbeAnswer)) -> io::Result<ProbeAnswer> {
        record(ProbeAnswer::Unreached);
        let stream = TcpStream::connect(address).await?;
        if !connected_to_another(&stream) {
            return Ok(ProbeAnswer::Refused);
        }
        match self {
            Self::Http(url) => {
                record(ProbeAnswer::Silent);
                get(stream, url).await
            }
            _ => Ok(ProbeAnswer::Good),
        }
    }
}

/// The answer of an address.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
pub enum ProbeAnswer {
    #[default]
    #[error("not asked yet")]
    Unasked,
    #[error("ready")]
    Good,
    #[error("could not resolve the host: {0}")]
    Unresolved(String),
    #[error("connection refused")]
    Refused,
    #[error("no reply, not even to the attempt to connect")]
    Unreached,
    #[error("{0}")]
    Failed(String),
    #[error("accepted the connection and sent no answer")]
    Silent,
    #[error("closed the connection without an answer")]
    Closed,
    #[error("the answer is not HTTP")]
    NotHttp,
    #[error("speaks TLS (HTTPS), which hotrun does not")]
    Tls,
    /// An answer other than 2xx or 3xx.
    #[error("HTTP {0}")]
    Status(u16),
}

impl ProbeAnswer {
    /// Ranks the answers of two addresses of one name: the most informative is likely the program's.
    fn rank(&self) -> u8 {
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

/// Returns both addresses of `localhost`: programs disagree about its meaning.
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

/// A running probe, ended on drop.
#[derive(Debug)]
pub struct Probing {
    task: JoinHandle<()>,
    answer: Rc<RefCell<ProbeAnswer>>,
}

impl Probing {
    pub fn answer(&self) -> ProbeAnswer {
        self.answer.borrow().clone()
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) fn start(instance: Instance, probe: Probe, news: UnboundedSender<HandoverNews>) -> Probing {
    let answer = Rc::new(RefCell::new(ProbeAnswer::default()));
    let kept = Rc::clone(&answer);
    let task = tokio::task::spawn_local(async move {
        probe.wait(&kept).await;
        let _ = news.send(HandoverNews::Probed { instance });
    });
    Probing { task, answer }
}

/// A connection to a free port of the ephemeral range may get that very port as its own, and so connect to
/// itself.
fn connected_to_another(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) => local != peer,
        _ => false,
    }
}

/// A minimal GET (RFC 9112) that reads only the beginning of the answer.
async fn get(mut stream: TcpStream, url: &str) -> io::Result<ProbeAnswer> {
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
    // An answer about HTTPS names it after the first line.
    while head.len() < MAX_ANSWER && (!head.contains(&b'\n') || status(&head) == Some(400)) {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(classify(&head))
}

/// Classifies the beginning of an answer.
fn classify(head: &[u8]) -> ProbeAnswer {
    match (status(head), head) {
        (Some(200..400), _) => ProbeAnswer::Good,
        (Some(400), _) if head.windows(5).any(|window| window == b"HTTPS") => ProbeAnswer::Tls,
        (Some(code), _) => ProbeAnswer::Status(code),
        (None, []) => ProbeAnswer::Closed,
        // A TLS record: an alert, or a handshake (RFC 8446, section 5.1).
        (None, [0x15 | 0x16, 0x03, ..]) => ProbeAnswer::Tls,
        (None, _) => ProbeAnswer::NotHttp,
    }
}

/// Returns the code of `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = str::from_utf8(head.split(|&byte| byte == b'\n').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    version.starts_with("HTTP/1.").then(|| rest.get(..3)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_parse() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nServer: x\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for nonsense in [&b"HTTP/2 200\r\n"[..], b"HTTP/1.1 2", b"SSH-2.0-x\r\n", b"", b"\xff\n"] {
            assert_eq!(status(nonsense), None);
        }
    }

    #[test]
    fn answers_are_classified() {
        for (head, answer) in [
            (&b"HTTP/1.1 204 No Content\r\n"[..], ProbeAnswer::Good),
            (b"HTTP/1.1 404 Not Found\r\n", ProbeAnswer::Status(404)),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                ProbeAnswer::Tls,
            ),
            (b"\x15\x03\x01\x00\x02\x02\x46", ProbeAnswer::Tls),
            (b"SSH-2.0-x\r\n", ProbeAnswer::NotHttp),
            (b"", ProbeAnswer::Closed),
        ] {
            assert_eq!(classify(head), answer, "{}", head.escape_ascii());
        }
    }
}
