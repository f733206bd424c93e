//! The server: a listening socket in the runtime folder, and a task for each client.
//!
//! No client affects another: one that sends nothing, too much or nonsense is disconnected. With no client
//! connected, nothing wakes up.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{About, Answer, ControlRequest, Order};

/// The socket's name in the runtime folder, no longer than the names of the program's sockets there.
pub(super) const SOCKET: &str = "control";

const MAX_REQUEST: usize = 8192;
/// The limit for a client to send its request, and to take the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);
/// How many clients may wait for an answer; hotrun needs descriptors for other things as well.
const MAX_WAITING: usize = 256;

/// A request, and the way to answer it.
#[derive(Debug)]
pub struct ControlNews {
    pub request: ControlRequest,
    pub reply: Reply,
}

/// The way back to a client. Dropped without an answer, it closes the connection.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Response>);

/// An answer, and the lines after it.
#[derive(Debug)]
struct Response {
    answer: Answer,
    lines: Option<mpsc::Receiver<String>>,
}

impl Reply {
    /// Answers the client.
    pub fn send(self, answer: Answer) {
        // The client may have disconnected.
        let _ = self.0.send(Response { answer, lines: None });
    }

    /// Answers the client. Returns the way for the lines that follow, whose closing means that the client has
    /// disconnected.
    pub fn send_before_lines(self, answer: Answer) -> mpsc::Sender<String> {
        let (sender, lines) = mpsc::channel(1);
        let _ = self.0.send(Response { answer, lines: Some(lines) });
        sender
    }

    /// Whether the client has disconnected.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The listening socket, closed on drop. The runtime folder's owner removes the folder.
#[derive(Debug)]
pub struct Server {
    folder: std::path::PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Listens in the runtime folder, then writes the description there. Needs a `LocalSet`.
    pub fn open(folder: &Path, about: &About, news: UnboundedSender<ControlNews>) -> io::Result<Self> {
        let path = folder.join(SOCKET);
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        about.write(folder)?;
        Ok(Self { folder: folder.to_owned(), task: tokio::task::spawn_local(accept(listener, news)) })
    }

    /// Returns the runtime folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Replaces the description.
    pub fn describe(&self, about: &About) -> io::Result<()> {
        about.write(&self.folder)
    }
}

/// Returns how many clients may wait, a quarter of the limit on descriptors at most.
fn most_waiting() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(MAX_WAITING, |limit| usize::try_from(limit / 4).unwrap_or(MAX_WAITING).min(MAX_WAITING))
}

async fn accept(listener: UnixListener, news: UnboundedSender<ControlNews>) {
    let slots = Rc::new(Semaphore::new(most_waiting()));
    let user = rustix::process::geteuid().as_raw();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, which other tasks give back in time; without a pause this loop would spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // The folder admits only this user; this check holds even if someone changes its mode.
        if stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
            tokio::task::spawn_local(serve(stream, news.clone(), Rc::clone(&slots)));
        }
    }
}

async fn serve(mut stream: UnixStream, news: UnboundedSender<ControlNews>, slots: Rc<Semaphore>) {
    let Ok(request) = timeout(CLIENT_TIMEOUT, request(&mut stream)).await else { return };
    // Ending hotrun is always possible.
    let quits = |request: &ControlRequest| request.order == Order::Stop && request.services.is_empty();
    let waits = request.as_ref().is_ok_and(|request| request.order != Order::Status && !quits(request));
    let slot = waits.then(|| slots.try_acquire());
    let request = match (request, &slot) {
        (_, Some(Err(_))) => Err("too many clients wait already".to_owned()),
        (request, _) => request,
    };
    let request = match request {
        Ok(request) => request,
        Err(problem) => {
            let answer =
                Answer { state: "unreachable".to_owned(), reason: Some(problem), ..Answer::default() };
            write(&mut stream, &answer).await;
            return;
        }
    };
    let (sender, receiver) = oneshot::channel();
    if news.send(ControlNews { request, reply: Reply(sender) }).is_err() {
        return;
    }
    let (mut from, mut to) = stream.split();
    // Data after the request is ignored; the end of the stream means that the client has disconnected.
    let gone = async {
        let mut rest = [0; 256];
        while from.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    tokio::pin!(gone);
    let response = tokio::select! {
        response = receiver => response,
        () = &mut gone => return,
    };
    let Ok(Response { answer, lines }) = response else { return };
    // Who follows lines still waits.
    let _slot = lines.is_some().then_some(slot);
    write(&mut to, &answer).await;
    let pass_lines = async {
        if let Some(mut lines) = lines {
            while let Some(line) = lines.recv().await {
                if to.write_all(line.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = pass_lines => {}
        () = gone => {}
    }
}

async fn request(stream: &mut UnixStream) -> Result<ControlRequest, String> {
    let mut line = Vec::new();
    let mut chunk = [0; 256];
    loop {
        let read = stream.read(&mut chunk).await.map_err(|error| error.to_string())?;
        line.extend_from_slice(&chunk[..read]);
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
            break;
        }
        if read == 0 || line.len() > MAX_REQUEST {
            return Err("a request is one line of JSON".to_owned());
        }
    }
    parse(&line)
}

fn parse(line: &[u8]) -> Result<ControlRequest, String> {
    serde_json::from_slice(line).map_err(|error: serde_json::Error| error.to_string())
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) {
    // A client that does not take the answer, or has gone, is disconnected.
    let _ = timeout(CLIENT_TIMEOUT, stream.write_all(answer.json().as_bytes())).await;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_parse() {
        let wait = |services| Ok(ControlRequest { order: Order::Wait, services });
        assert_eq!(parse(br#"{"request":"wait"}"#), wait(Vec::new()));
        assert_eq!(parse(br#"{"request":"wait","services":["a"]}"#), wait(vec!["a".to_owned()]));
        assert!(parse(br#"{"request":"dance"}"#).is_err());
        assert!(parse(b"").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(parse(&bytes).is_err());
        }

        #[test]
        fn arbitrary_json_never_panics(text in r#"\{("request"|"[a-z]{0,4}")[:,](\[|\{|null|-?[0-9]{0,20}|"\PC{0,9}"?)[\]}]{0,2}"#) {
            prop_assert!(parse(text.as_bytes()).is_err());
        }
    }
}
