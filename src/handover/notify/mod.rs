//! `NOTIFY_SOCKET`: receives the program's notifications, on one socket per process.
//!
//! A socket per process makes late messages of an earlier process harmless, and identifies the sender's
//! instance. Only processes of the instance are heard. Each wake-up does bounded work, and a flood of
//! `STATUS=` is rate-limited, so no program can stall hotrun. Descriptors that are not stored are closed at
//! once.

mod folder;
mod members;
pub mod message;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use self::members::Members;
use self::message::{Malformed, Message, ReportedState, StoreOrder, parse};
use super::news::{HandoverNews, Notification};
use super::store::{Store, Stored};
use crate::sys;
use crate::words::Instance;
pub use folder::RuntimeFolder;

/// Messages read before other tasks get their turn.
const BATCH: usize = 64;

/// Messages read at most after a process has ended: more than the kernel queues, unless a survivor keeps
/// sending.
const LAST_BATCH: usize = 4096;

/// The minimum time between two reported `STATUS=`.
const STATUS_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Notify {
    run: String,
    folder: Rc<RuntimeFolder>,
    store: Store,
    news: UnboundedSender<HandoverNews>,
    open: BTreeMap<Instance, NotifySocket>,
}

/// The socket of one process, closed and unlinked on drop.
#[derive(Debug)]
struct NotifySocket {
    path: PathBuf,
    endpoint: Rc<Endpoint>,
    task: Option<JoinHandle<()>>,
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Notify {
    /// `run` is the prefix of this run's tags.
    pub fn new(
        run: &str,
        folder: Rc<RuntimeFolder>,
        store: Store,
        news: UnboundedSender<HandoverNews>,
    ) -> Self {
        Self { run: run.to_owned(), folder, store, news, open: BTreeMap::new() }
    }

    /// Opens the socket of a process about to start. Returns its path, the value of `NOTIFY_SOCKET`. Messages
    /// are queued until [`Notify::started`].
    pub fn open(&mut self, instance: Instance) -> io::Result<PathBuf> {
        let path = self.folder.path().join(format!("n{}-{}", instance.service.0, instance.number));
        let socket = UnixDatagram::bind(&path)?;
        // Any user who can reach the socket may write; the sender's process decides whether it is heard.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666))?;
        socket.set_nonblocking(true)?;
        // Before the first message: the kernel adds the sender's credentials, although clients do not.
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_socket_passcred(&socket, true)?;
        let endpoint = Endpoint {
            instance,
            fd: sys::wait_on(Rc::new(socket.into()), Interest::READABLE)?,
            store: self.store.clone(),
            news: self.news.clone(),
            conversation: RefCell::new(Conversation::default()),
        };
        let socket = NotifySocket { path: path.clone(), endpoint: Rc::new(endpoint), task: None };
        self.open.insert(instance, socket);
        Ok(path)
    }

    /// Starts to read the messages of a process, which now runs.
    pub fn started(&mut self, instance: Instance, pid: i32) {
        let Some(socket) = self.open.get_mut(&instance) else {
            return;
        };
        socket.endpoint.conversation.borrow_mut().members = Some(Members::new(&self.run, instance, pid));
        socket.task = Some(tokio::task::spawn_local(Rc::clone(&socket.endpoint).listen()));
    }

    /// Reads the last messages of a process that has ended. They are in the channel on return.
    pub fn drain(&self, instance: Instance) {
        if let Some(socket) = self.open.get(&instance) {
            socket.endpoint.read(LAST_BATCH);
            socket.endpoint.send_status();
        }
    }

    /// Closes the socket and unlinks it, so that later messages are lost.
    pub fn close(&mut self, instance: Instance) {
        self.open.remove(&instance);
    }
}

/// The reader of one socket.
#[derive(Debug)]
struct Endpoint {
    instance: Instance,
    fd: AsyncFd<Rc<OwnedFd>>,
    store: Store,
    news: UnboundedSender<HandoverNews>,
    conversation: RefCell<Conversation>,
}

/// The state of the conversation.
#[derive(Debug, Default)]
struct Conversation {
    /// The processes that may send; `None` before the process runs.
    members: Option<Members>,
    /// `STOPPING=1` was received. Final, unless another process becomes the main one.
    stopping: bool,
    /// The main process, if one was named.
    main: Option<i32>,
    /// A process that cannot be the main one was named, and reported.
    misnamed_main: bool,
    /// A status not yet reported.
    status: Option<String>,
    /// The last reported status, and when.
    last_status: Option<(String, Instant)>,
    /// A foreign or malformed message was reported; once is enough.
    complained: bool,
}

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
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.send_status(),
            }
            if self.status_due().is_some_and(|due| due <= Instant::now()) {
                self.send_status();
            }
            tokio::task::yield_now().await;
        }
    }

    /// Returns when to report the latest status.
    fn status_due(&self) -> Option<Instant> {
        let conversation = self.conversation.borrow();
        conversation.status.as_ref()?;
        Some(conversation.last_status.as_ref().map_or_else(Instant::now, |(_, at)| *at + STATUS_PAUSE))
    }

    fn send_status(&self) {
        let mut conversation = self.conversation.borrow_mut();
        let Some(status) = conversation.status.take() else {
            return;
        };
        if conversation.last_status.as_ref().is_some_and(|(last_status, _)| *last_status == status) {
            return;
        }
        conversation.last_status = Some((status.clone(), Instant::now()));
        drop(conversation);
        self.send(Notification::Status(status));
    }

    fn send(&self, notification: Notification) {
        // The receiver is dropped only when hotrun ends.
        let _ = self.news.send(HandoverNews::Notified { instance: self.instance, notification });
    }

    fn read(&self, limit: usize) -> More {
        let mut buffer = [0; message::MAX_LENGTH + 1];
        for _ in 0..limit {
            match sys::receive(self.fd.get_ref().as_fd(), &mut buffer) {
                Ok(datagram) => self.receive(datagram, &buffer),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return More::No,
            }
        }
        More::Perhaps
    }

    /// Handles a datagram. Descriptors not taken out of it are closed with it.
    fn receive(&self, datagram: sys::Datagram, buffer: &[u8]) {
        if let Some(pid) = datagram.sender
            && !self.is_member(pid)
        {
            return self.complain(Notification::Stranger { pid });
        }
        if datagram.truncated || datagram.length > message::MAX_LENGTH {
            return self.complain(Notification::Malformed(Malformed::Truncated));
        }
        match parse(&buffer[..datagram.length]) {
            Ok(message) => self.apply(message, datagram.fds, datagram.sender),
            Err(malformed) => self.complain(Notification::Malformed(malformed)),
        }
    }

    fn is_member(&self, pid: i32) -> bool {
        self.conversation.borrow_mut().members.as_mut().is_some_and(|members| members.contains(pid))
    }

    fn complain(&self, notification: Notification) {
        if !std::mem::replace(&mut self.conversation.borrow_mut().complained, true) {
            self.send(notification);
        }
    }

    fn apply(&self, message: Message, mut fds: Vec<OwnedFd>, sender: Option<i32>) {
        if message.barrier {
            // A malformed barrier gets no answer, but its sender sees the descriptor closed.
            if fds.len() == 1
                && let Some(barrier) = fds.pop()
            {
                self.send_status();
                let _ = self.news.send(HandoverNews::Barrier { barrier });
            }
            return;
        }
        if let Some(order) = message.store {
            self.store(order, fds);
        }
        if let Some(status) = message.status {
            self.conversation.borrow_mut().status = Some(status);
        }
        if let Some(pid) = message.main_pid {
            self.set_main(pid);
        }
        if let Some(errno) = message.errno {
            self.send(Notification::Errno(errno));
        }
        if let Some(code) = message.exit_status {
            self.send(Notification::ExitStatus(code));
        }
        if let Some(time) = message.extend_timeout {
            self.send(Notification::ExtendTimeout(time));
        }
        // When one process hands over to the next, the end of the first is no news about the program.
        let of_another =
            self.conversation.borrow().main.is_some_and(|main| sender.is_some_and(|pid| pid != main));
        if let Some(state) = message.state.filter(|state| *state != ReportedState::Stopping || !of_another) {
            self.enter(state);
        }
    }

    fn set_main(&self, pid: i32) {
        let is_member = self.is_member(pid);
        let mut conversation = self.conversation.borrow_mut();
        if !is_member {
            if !std::mem::replace(&mut conversation.misnamed_main, true) {
                drop(conversation);
                self.send(Notification::NotMain { pid });
            }
        } else if conversation.main.replace(pid) != Some(pid) {
            conversation.stopping = false;
            drop(conversation);
            self.send(Notification::MainPid(pid));
        }
    }

    fn enter(&self, state: ReportedState) {
        {
            let mut conversation = self.conversation.borrow_mut();
            if conversation.stopping {
                return;
            }
            conversation.stopping = state == ReportedState::Stopping;
        }
        // Reported first: it was sent before.
        self.send_status();
        self.send(match state {
            ReportedState::Stopping => Notification::Stopping,
            ReportedState::Ready { reloaded } => Notification::Ready { reloaded },
            ReportedState::Reloading(reload) => Notification::Reloading(reload),
        });
    }

    fn store(&self, order: StoreOrder, fds: Vec<OwnedFd>) {
        match order {
            StoreOrder::Remove { name } => {
                let count = self.store.remove(&name);
                if count > 0 {
                    self.send(Notification::Removed { name, count });
                }
            }
            StoreOrder::Keep { name, poll } => {
                let (mut count, mut dropped) = (0, 0);
                for fd in fds {
                    match self.store.keep(&name, fd, poll) {
                        Stored::Kept => count += 1,
                        Stored::Duplicate => {}
                        Stored::Full => dropped += 1,
                    }
                }
                if dropped > 0 {
                    self.send(Notification::StoreFull { name: name.clone(), dropped });
                }
                if count > 0 {
                    self.send(Notification::Stored { name, count });
                }
            }
        }
    }
}
