//! `NOTIFY_SOCKET`: where the program says how it fares, one socket for each process.
//!
//! A socket of its own makes late messages of an earlier process harmless and needs no guessing about who speaks. Only
//! processes of the instance are heard. Every wake-up does a bounded piece of work, and a flood of `STATUS=` becomes a
//! trickle of news, so that no program can stall hotrun. Descriptors that are not stored are closed at once.

mod folder;
mod members;
pub mod message;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use self::members::Members;
use self::message::{Malformed, Message, State, StoreOrder, parse};
use super::news::{HandoverNews, Notice};
use super::store::{Store, Stored};
use crate::sys;
use crate::words::Instance;
pub use folder::RuntimeFolder;

/// How many messages are read before others get their turn.
const BATCH: usize = 64;

/// How many are read at most after the end of a process: more than the kernel keeps, unless somebody lives on and talks.
const LAST_BATCH: usize = 4096;

/// `STATUS=` is told at most this often.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

/// The sockets of all processes.
#[derive(Debug)]
pub struct Notify {
    run: String,
    folder: RuntimeFolder,
    store: Store,
    news: UnboundedSender<HandoverNews>,
    open: BTreeMap<Instance, Socket>,
}

/// One process's socket. Dropped, it is closed and unlinked.
#[derive(Debug)]
struct Socket {
    path: PathBuf,
    endpoint: Rc<Endpoint>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Notify {
    /// Nobody's yet. `run` is what the tags of this run's processes begin with.
    pub fn new(run: &str, folder: RuntimeFolder, store: Store, news: UnboundedSender<HandoverNews>) -> Self {
        Self { run: run.to_owned(), folder, store, news, open: BTreeMap::new() }
    }

    /// The folder of the sockets.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens the socket of a process that is about to be started, and gives its path: the value of `NOTIFY_SOCKET`.
    /// Messages wait until [`Notify::started`].
    ///
    /// # Errors
    /// Where it cannot be bound.
    pub fn open(&mut self, instance: Instance) -> io::Result<PathBuf> {
        let path = self.folder.path().join(format!("n{}-{}", instance.service.0, instance.number));
        let socket = UnixDatagram::bind(&path)?;
        // Every user who may pass through the folder may write; the sender decides whether it is heard.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
        socket.set_nonblocking(true)?;
        // Before the first sender: the kernel adds to each message who sent it, although clients do not.
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_socket_passcred(&socket, true)?;
        let endpoint = Endpoint {
            instance,
            fd: sys::wait_on(Rc::new(socket.into()), Interest::READABLE)?,
            store: self.store.clone(),
            news: self.news.clone(),
            progress: RefCell::new(Progress::default()),
        };
        let socket = Socket { path: path.clone(), endpoint: Rc::new(endpoint), task: None };
        self.open.insert(instance, socket);
        Ok(path)
    }

    /// The process is there: what it says is read from now on.
    pub fn started(&mut self, instance: Instance, pid: i32) {
        let Some(socket) = self.open.get_mut(&instance) else {
            return;
        };
        socket.endpoint.progress.borrow_mut().members = Some(Members::new(&self.run, instance, pid));
        socket.task = Some(tokio::task::spawn_local(Rc::clone(&socket.endpoint).listen()));
    }

    /// The process has ended: takes in what it said last. All of its news is in the channel when this returns; whoever
    /// decides about the end takes that first.
    pub fn drain(&self, instance: Instance) {
        if let Some(socket) = self.open.get(&instance) {
            socket.endpoint.read(LAST_BATCH);
            socket.endpoint.tell_status();
        }
    }

    /// Closes the socket and unlinks it: nobody who still knows its path is heard any more.
    pub fn close(&mut self, instance: Instance) {
        self.open.remove(&instance);
    }
}

/// What reads one socket.
#[derive(Debug)]
struct Endpoint {
    instance: Instance,
    fd: AsyncFd<Rc<OwnedFd>>,
    store: Store,
    news: UnboundedSender<HandoverNews>,
    progress: RefCell<Progress>,
}

/// How far the conversation is.
#[derive(Debug, Default)]
struct Progress {
    /// Who may speak; nobody before the process is there.
    members: Option<Members>,
    /// It said `STOPPING=1`: nothing takes that back, unless another process becomes the main one.
    stopping: bool,
    /// The main process, where one was named.
    main: Option<i32>,
    /// One that cannot be it was named, and that was told.
    misnamed: bool,
    /// A status that was not told yet.
    status: Option<String>,
    /// The status that was told, and when.
    told: Option<(String, Instant)>,
    /// A stranger or nonsense was told: once is enough.
    complained: bool,
}

/// Whether there may be more to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum More {
    Perhaps,
    No,
}

impl Endpoint {
    async fn listen(self: Rc<Self>) {
        loop {
            let due = self.status_due();
            tokio::select! {
                ready = self.fd.readable() => {
                    let Ok(mut ready) = ready else { return };
                    if self.read(BATCH) == More::No {
                        ready.clear_ready();
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.tell_status(),
            }
            if self.status_due().is_some_and(|due| due <= Instant::now()) {
                self.tell_status();
            }
            tokio::task::yield_now().await;
        }
    }

    /// When the latest status is to be told.
    fn status_due(&self) -> Option<Instant> {
        let progress = self.progress.borrow();
        progress.status.as_ref()?;
        Some(progress.told.as_ref().map_or_else(Instant::now, |(_, at)| *at + STATUS_PAUSE))
    }

    fn tell_status(&self) {
        let mut progress = self.progress.borrow_mut();
        let Some(status) = progress.status.take() else {
            return;
        };
        if progress.told.as_ref().is_some_and(|(told, _)| *told == status) {
            return;
        }
        progress.told = Some((status.clone(), Instant::now()));
        drop(progress);
        self.tell(Notice::Status(status));
    }

    fn tell(&self, what: Notice) {
        // Nobody listens only when hotrun ends.
        let _ = self.news.send(HandoverNews::Notified { instance: self.instance, what });
    }

    /// Reads at most `limit` messages.
    fn read(&self, limit: usize) -> More {
        let mut buffer = [0; message::LONGEST + 1];
        for _ in 0..limit {
            match sys::receive(self.fd.get_ref().as_fd(), &mut buffer) {
                Ok(datagram) => self.hear(datagram, &buffer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return More::No,
            }
        }
        More::Perhaps
    }

    /// Descriptors that are not taken out of the datagram are closed with it.
    fn hear(&self, datagram: sys::Datagram, buffer: &[u8]) {
        if let Some(pid) = datagram.sender
            && !self.is_member(pid)
        {
            return self.complain(Notice::Stranger { pid });
        }
        if datagram.truncated || datagram.length > message::LONGEST {
            return self.complain(Notice::Malformed(Malformed::Truncated));
        }
        match parse(&buffer[..datagram.length]) {
            Ok(message) => self.obey(message, datagram.fds, datagram.sender),
            Err(malformed) => self.complain(Notice::Malformed(malformed)),
        }
    }

    fn is_member(&self, pid: i32) -> bool {
        self.progress.borrow_mut().members.as_mut().is_some_and(|members| members.contains(pid))
    }

    fn complain(&self, what: Notice) {
        if !std::mem::replace(&mut self.progress.borrow_mut().complained, true) {
            self.tell(what);
        }
    }

    fn obey(&self, message: Message, mut fds: Vec<OwnedFd>, sender: Option<i32>) {
        if message.barrier {
            // One that is malformed is not answered: its sender sees the descriptor closed all the same.
            if fds.len() == 1
                && let Some(barrier) = fds.pop()
            {
                self.tell_status();
                let _ = self.news.send(HandoverNews::Barrier { instance: self.instance, barrier });
            }
            return;
        }
        if let Some(order) = message.store {
            self.store(order, fds);
        }
        if let Some(status) = message.status {
            self.progress.borrow_mut().status = Some(status);
        }
        if let Some(pid) = message.main_pid {
            self.name_main(pid);
        }
        if let Some(errno) = message.errno {
            self.tell(Notice::Errno(errno));
        }
        if let Some(code) = message.exit_status {
            self.tell(Notice::ExitStatus(code));
        }
        if let Some(time) = message.extend_timeout {
            self.tell(Notice::ExtendTimeout(time));
        }
        // Where one process hands over to the next, that it ends is no news about the program.
        let of_another =
            self.progress.borrow().main.is_some_and(|main| sender.is_some_and(|pid| pid != main));
        if let Some(state) = message.state.filter(|state| *state != State::Stopping || !of_another) {
            self.enter(state);
        }
    }

    fn name_main(&self, pid: i32) {
        let is_member = self.is_member(pid);
        let mut progress = self.progress.borrow_mut();
        if !is_member {
            if !std::mem::replace(&mut progress.misnamed, true) {
                drop(progress);
                self.tell(Notice::NotMain { pid });
            }
        } else if progress.main.replace(pid) != Some(pid) {
            progress.stopping = false;
            drop(progress);
            self.tell(Notice::MainPid(pid));
        }
    }

    fn enter(&self, state: State) {
        {
            let mut progress = self.progress.borrow_mut();
            if progress.stopping {
                return;
            }
            progress.stopping = state == State::Stopping;
        }
        // What it said before belongs before.
        self.tell_status();
        self.tell(match state {
            State::Stopping => Notice::Stopping,
            State::Ready { reloaded } => Notice::Ready { reloaded },
            State::Reloading(reload) => Notice::Reloading(reload),
        });
    }

    fn store(&self, order: StoreOrder, fds: Vec<OwnedFd>) {
        match order {
            StoreOrder::Remove { name } => {
                let count = self.store.remove(&name);
                if count > 0 {
                    self.tell(Notice::Removed { name, count });
                }
            }
            StoreOrder::Keep { name, poll } => {
                let (mut count, mut dropped) = (0, 0);
                for fd in fds {
                    match self.store.keep(&name, fd, poll) {
                        Stored::Kept => count += 1,
                        Stored::Known => {}
                        Stored::Full => dropped += 1,
                    }
                }
                if dropped > 0 {
                    self.tell(Notice::StoreFull { name: name.clone(), dropped });
                }
                if count > 0 {
                    self.tell(Notice::Stored { name, count });
                }
            }
        }
    }
}
