//! The server: a listening socket in the runtime folder, a task for each client.
//!
//! Nothing a client does or leaves undone concerns anybody else: who says nothing, too much, or nonsense is let go, and who
//! goes away takes only his own question along. With no client nothing wakes.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{About, Answer, Envelope, Request};

/// The socket's name in the runtime folder, no longer than those of the program's sockets there.
pub(super) const SOCKET: &str = "control";

/// A request is a few bytes.
const LONGEST: usize = 1024;
/// How long a client has for its request, and for taking the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many clients at once; descriptors are needed for other things as well.
const CLIENTS: usize = 128;

/// Somebody asks for something.
#[derive(Debug)]
pub struct ControlNews {
    /// What.
    pub request: Request,
    /// Where the answer goes.
    pub reply: Reply,
}

/// The way back to a client. Dropped without an answer, it ends the connection.
#[derive(Debug)]
pub struct Reply(oneshot::Sender<Answer>);

impl Reply {
    /// Sends the answer.
    pub fn send(self, answer: Answer) {
        // Whoever asked may have gone.
        let _ = self.0.send(answer);
    }

    /// Whether nobody waits for the answer any more.
    pub fn is_forgotten(&self) -> bool {
        self.0.is_closed()
    }
}

/// The listening socket. Dropped, it is closed; its folder is removed by whoever owns that.
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
    /// Listens in the runtime folder, and only then says there whose it is. Needs a `LocalSet`.
    ///
    /// # Errors
    /// Where the socket cannot be bound or the folder cannot be written to.
    pub fn open(folder: &Path, about: &About, news: UnboundedSender<ControlNews>) -> io::Result<Self> {
        let listener = UnixListener::bind(folder.join(SOCKET))?;
        about.write(folder)?;
        Ok(Self { folder: folder.to_owned(), task: tokio::task::spawn_local(accept(listener, news)) })
    }

    /// What is said of this hotrun is another from now on.
    ///
    /// # Errors
    /// Where the folder cannot be written to.
    pub fn describe(&self, about: &About) -> io::Result<()> {
        about.write(&self.folder)
    }
}

async fn accept(listener: UnixListener, news: UnboundedSender<ControlNews>) {
    let clients = Arc::new(Semaphore::new(CLIENTS));
    let user = rustix::process::geteuid().as_raw();
    // Those for whom there is no room wait in the backlog.
    while let Ok(room) = Arc::clone(&clients).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptors are left: they come back with time, and a loop without a pause would take all of it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // The folder lets nobody else in; this is for the day that somebody opens it.
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
            continue;
        }
        let news = news.clone();
        tokio::task::spawn_local(async move {
            serve(stream, news).await;
            drop(room);
        });
    }
}

async fn serve(mut stream: UnixStream, news: UnboundedSender<ControlNews>) {
    let request = match timeout(PATIENCE, request(&mut stream)).await {
        Ok(Ok(request)) => request,
        Ok(Err(problem)) => {
            let answer =
                Answer { state: "unreachable".to_owned(), reason: Some(problem), ..Answer::default() };
            write(&mut stream, &answer).await;
            return;
        }
        Err(_) => return,
    };
    let (sender, receiver) = oneshot::channel();
    if news.send(ControlNews { request, reply: Reply(sender) }).is_err() {
        return;
    }
    // What comes after the request means nothing; that nothing can come any more means that the client has gone.
    let gone = async {
        let mut rest = [0; 256];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    let answer = tokio::select! {
        answer = receiver => answer,
        () = gone => return,
    };
    if let Ok(answer) = answer {
        write(&mut stream, &answer).await;
    }
}

/// Reads one line.
async fn request(stream: &mut UnixStream) -> Result<Request, String> {
    let mut line = Vec::new();
    let mut chunk = [0; 256];
    loop {
        let read = stream.read(&mut chunk).await.map_err(|error| error.to_string())?;
        line.extend_from_slice(&chunk[..read]);
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
            break;
        }
        if read == 0 || line.len() > LONGEST {
            return Err("a request is one line of JSON".to_owned());
        }
    }
    let envelope: Envelope = serde_json::from_slice(&line).map_err(|error| error.to_string())?;
    Ok(envelope.request)
}

async fn write(stream: &mut UnixStream, answer: &Answer) {
    // A client that does not take it, or has gone, is let go.
    let _ = timeout(PATIENCE, stream.write_all(answer.json().as_bytes())).await;
}
