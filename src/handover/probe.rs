//! Readiness that is asked for: an address that accepts, a page that answers, a time that has passed.
//!
//! Runs only while a process is starting, and says nothing but that it succeeded: how long to wait is the session's
//! business.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::HandoverNews;
use crate::config::{Ready, http_host};
use crate::words::Instance;

/// The first pause between two attempts, doubled up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// How long one attempt may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest status line that is read: bytes.
const STATUS_LINE: u64 = 1024;

/// What tells that a process is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The address accepts.
    Tcp(SocketAddr),
    /// The URL answers 2xx or 3xx.
    Http(String),
    /// So much time has passed.
    After(Duration),
}

impl Probe {
    /// The probe that a setting asks for; `None` for those that are no probe (`auto`, `spawn`, `notify`).
    pub fn of(ready: &Ready) -> Option<Self> {
        match ready {
            Ready::Tcp(address) => Some(Self::Tcp(*address)),
            Ready::Http(url) => Some(Self::Http(url.clone())),
            Ready::After(time) => Some(Self::After(*time)),
            Ready::Auto | Ready::Spawn | Ready::Notify => None,
        }
    }

    /// Waits until it succeeds.
    pub async fn wait(&self) {
        if let Self::After(time) = self {
            return sleep(*time).await;
        }
        let mut pause = FIRST_PAUSE;
        while !timeout(PATIENCE, self.attempt()).await.is_ok_and(|done| matches!(done, Ok(true))) {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    async fn attempt(&self) -> io::Result<bool> {
        match self {
            Self::Tcp(address) => accepts(*address).await,
            Self::Http(url) => answers(url).await,
            Self::After(_) => Ok(true),
        }
    }
}

/// A probe under way. Dropped, it ends.
#[derive(Debug)]
pub struct Probing(JoinHandle<()>);

impl Drop for Probing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) fn start(instance: Instance, probe: Probe, news: UnboundedSender<HandoverNews>) -> Probing {
    Probing(tokio::task::spawn_local(async move {
        probe.wait().await;
        let _ = news.send(HandoverNews::Probed { instance });
    }))
}

async fn accepts(address: SocketAddr) -> io::Result<bool> {
    Ok(answered_by_another(&TcpStream::connect(address).await?))
}

/// A connection to a free port of the range for outgoing connections may get that very port and so meet itself.
fn answered_by_another(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) => local != peer,
        _ => false,
    }
}

/// One GET by hand (RFC 9112), of which only the status line is read.
async fn answers(url: &str) -> io::Result<bool> {
    let (host, port) = http_host(url).ok_or(io::ErrorKind::InvalidInput)?;
    let mut stream = TcpStream::connect((host, port)).await?;
    if !answered_by_another(&stream) {
        return Ok(false);
    }
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
    let mut stream = stream.take(STATUS_LINE);
    while !head.contains(&b'\n') {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(status(&head).is_some_and(|code| (200..400).contains(&code)))
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
}
