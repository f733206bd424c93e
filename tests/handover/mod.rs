//! What outlives a process, with real sockets and real processes.

mod adoption;
mod examples;
mod listeners;
mod notify;
mod probe;
mod store;

use std::future::Future;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotrun::cli::{self, Command};
use hotrun::config::{self, RunConfig};
use hotrun::handover::{Adopted, Handover, HandoverNews, Listeners, Notification, RuntimeFolder};
use hotrun::process::RunId;
use hotrun::words::{Instance, ServiceId};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Far longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

const FIRST: Instance = Instance { service: ServiceId::MAIN, number: 1 };

/// Runs a test as hotrun runs: one thread, local tasks.
fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}

/// The settings of a hotrun with these `--listen` values.
fn listening(addresses: &[&str]) -> RunConfig {
    let words = ["hotrun"].into_iter().chain(addresses.iter().flat_map(|address| ["--listen", *address]));
    let Command::Run(options) = cli::parse(words.map(Into::into)).unwrap().command else { panic!() };
    config::merge(&options, &config::OwnVariables::new(), &[], Path::new("/")).unwrap().run
}

/// The room under test.
struct House {
    handover: Handover,
    news: UnboundedReceiver<HandoverNews>,
    run: RunId,
}

impl House {
    fn new() -> Self {
        Self::listening(&[])
    }

    fn listening(addresses: &[&str]) -> Self {
        let run = RunId::fresh();
        let (sender, news) = unbounded_channel();
        let folder = RuntimeFolder::create(None, &run.to_string()).unwrap();
        let listeners = Listeners::open(&listening(addresses), Adopted::default()).unwrap();
        let handover =
            Handover::new(ServiceId::MAIN, &run.to_string(), folder.into(), listeners, sender).unwrap();
        Self { handover, news, run }
    }

    /// Prepares the first instance and gives its `NOTIFY_SOCKET`.
    fn socket(&mut self) -> PathBuf {
        let passed = self.handover.prepare(FIRST).unwrap();
        assert_eq!(passed.env[1], ("FDSTORE".into(), "512".into()));
        passed.env[0].1.clone().into()
    }

    /// The same, with this very process as the program.
    fn client(&mut self) -> Client {
        let path = self.socket();
        self.handover.started(FIRST, std::process::id().cast_signed());
        Client::new(&path)
    }

    async fn next(&mut self) -> HandoverNews {
        timeout(DEADLINE, self.news.recv()).await.unwrap().unwrap()
    }

    /// Returns the next message of the first instance.
    async fn notice(&mut self) -> Notification {
        match self.next().await {
            HandoverNews::Notified { instance: FIRST, notification } => notification,
            other => panic!("{other:?}"),
        }
    }
}

/// Sends messages as a program does.
struct Client(UnixDatagram);

impl Client {
    fn new(path: &Path) -> Self {
        let socket = UnixDatagram::unbound().unwrap();
        socket.connect(path).unwrap();
        Self(socket)
    }

    fn say(&self, message: &str) {
        self.0.send(message.as_bytes()).unwrap();
    }

    fn say_with(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let mut space = vec![std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(300))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
        Ok(sendmsg(&self.0, &[io::IoSlice::new(message)], &mut control, SendFlags::empty())?)
    }
}

/// A pipe that shows when every copy of its other end is closed.
struct Witness(PipeReader, Option<OwnedFd>);

impl Witness {
    fn new() -> Self {
        let (read, write) = io::pipe().unwrap();
        Self(read, Some(write.into()))
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.1.as_ref().unwrap().as_fd()
    }

    /// Waits until every copy is closed.
    async fn closed(mut self) {
        self.1 = None;
        let end = tokio::task::spawn_blocking(move || self.0.read_to_end(&mut Vec::new()));
        timeout(DEADLINE, end).await.unwrap().unwrap().unwrap();
    }
}
