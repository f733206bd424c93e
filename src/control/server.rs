//! The server: a listening socket in the runtime folder, a task for each client.
//!
//! Nothing a client does or leaves undone concerns anybody else: who says nothing, too much, or nonsense is let go, and who
//! goes away takes only his own question along. With no client nothing wakes.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::timeout;

use super::{About, Answer, Envelope, Request};

/// The socket's name in the runtime folder, no longer than those of the program's sockets there.
pub(super) const SOCKET: &str = "control";

/// A request is a few bytes.
const LONGEST: usize = 1024;
/// How long a client has for its request, and for taking the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many clients may be in the middle of their request; then the oldest of them makes way.
const UNHEARD: usize = 64;
/// So many clients wait for an answer that takes its time; descriptors are needed for other things as well.
const WAITING: usize = 256;

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
        let path = folder.join(SOCKET);
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
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

/// Who is connected.
#[derive(Debug, Default)]
struct Clients {
    /// Those whose request has not come, the oldest first.
    unheard: RefCell<VecDeque<(u64, AbortHandle)>>,
    /// How many wait.
    waiting: Cell<usize>,
}

impl Clients {
    fn connected(&self, number: u64, task: AbortHandle) {
        let mut unheard = self.unheard.borrow_mut();
        if unheard.len() >= UNHEARD
            && let Some((_, oldest)) = unheard.pop_front()
        {
            oldest.abort();
        }
        unheard.push_back((number, task));
    }

    fn heard(&self, number: u64) {
        self.unheard.borrow_mut().retain(|(unheard, _)| *unheard != number);
    }

    /// A place among those who wait, where there is one.
    fn place(&self) -> Option<Place<'_>> {
        let limit = getrlimit(Resource::Nofile)
            .current
            .map_or(WAITING, |limit| usize::try_from(limit / 4).unwrap_or(WAITING).min(WAITING));
        (self.waiting.get() < limit).then(|| {
            self.waiting.update(|waiting| waiting + 1);
            Place(&self.waiting)
        })
    }
}

/// Somebody waits.
struct Place<'a>(&'a Cell<usize>);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.update(|waiting| waiting - 1);
    }
}

async fn accept(listener: UnixListener, news: UnboundedSender<ControlNews>) {
    let clients = Rc::new(Clients::default());
    let user = rustix::process::geteuid().as_raw();
    for number in 0.. {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptors are left: they come back with time, and a loop without a pause would take all of it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // The folder lets nobody else in; this is for the day that somebody opens it.
        if !stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
            continue;
        }
        let (news, here) = (news.clone(), Rc::clone(&clients));
        let task = tokio::task::spawn_local(async move { serve(stream, news, number, &here).await });
        clients.connected(number, task.abort_handle());
    }
}

async fn serve(mut stream: UnixStream, news: UnboundedSender<ControlNews>, number: u64, clients: &Clients) {
    let request = timeout(PATIENCE, request(&mut stream)).await;
    clients.heard(number);
    let mut place = None;
    let request = match request {
        Ok(Ok(request)) => {
            if matches!(request, Request::Wait | Request::Restart) {
                place = clients.place();
            }
            let full = matches!(request, Request::Wait | Request::Restart) && place.is_none();
            if full { Err("too many clients wait already".to_owned()) } else { Ok(request) }
        }
        Ok(Err(problem)) => Err(problem),
        Err(_) => return,
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
    // What comes after the request means nothing; that nothing can come any more means that the client has gone.
    let gone = async {
        let mut rest = [0; 256];
        while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
    };
    let answer = tokio::select! {
        answer = receiver => answer,
        () = gone => return,
    };
    drop(place);
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
