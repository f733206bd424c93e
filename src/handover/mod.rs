//! What outlives a process: its sockets, what it stored, and the conversation by which one hands over to the next.
//!
//! hotrun speaks to the program as systemd does: sockets are passed from descriptor 3 on, `NOTIFY_SOCKET` takes what the
//! program says, stored descriptors follow the sockets. Decides nothing about starts, stops and rollback: what happens is
//! told as [`HandoverNews`]. Needs the current-thread engine with a `LocalSet`.
//! Invariant: a socket that `listen` names is open here from before the first build until the end of hotrun.

mod hangup;
pub mod listeners;
mod news;
pub mod notify;
pub mod probe;
mod store;
mod unready;

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use tokio::sync::mpsc::UnboundedSender;

pub use listeners::{Adopted, ListenError, Listeners, Repair};
pub use news::{HandoverNews, Notice};
pub use notify::message::{Malformed, Reload};
pub use notify::{Notify, RuntimeFolder};
pub use probe::Probe;
pub use store::{LIMIT, Snapshot, Store, Stored};
pub use unready::Unready;

use crate::words::Instance;

/// What a process is started with.
#[derive(Debug)]
pub struct Passed {
    /// `NOTIFY_SOCKET` and `FDSTORE`, to be set last.
    pub env: Vec<(OsString, OsString)>,
    /// Names and duplicates for descriptor 3 and up: first the sockets, then what was stored.
    pub fds: Vec<(String, OwnedFd)>,
}

/// Everything that outlives a process.
#[derive(Debug)]
pub struct Handover {
    /// The sockets.
    pub listeners: Listeners,
    /// What was stored.
    pub store: Store,
    notify: Notify,
    news: UnboundedSender<HandoverNews>,
}

impl Handover {
    /// `run` is what the tags of this run's processes begin with. Needs a `LocalSet`.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn new(
        run: &str,
        folder: RuntimeFolder,
        mut listeners: Listeners,
        news: UnboundedSender<HandoverNews>,
    ) -> io::Result<Self> {
        listeners.watch(news.clone())?;
        let store = Store::new(news.clone())?;
        let notify = Notify::new(run, folder, store.clone(), news.clone());
        Ok(Self { listeners, store, notify, news })
    }

    /// Prepares the start of a process: opens its `NOTIFY_SOCKET` and duplicates what it gets.
    ///
    /// # Errors
    /// Where the socket cannot be bound, or no more descriptors are to be had.
    pub fn prepare(&mut self, instance: Instance) -> io::Result<Passed> {
        let mut fds = self.listeners.passed()?;
        fds.extend(self.store.passed()?);
        Ok(Passed { env: self.environment(instance)?, fds })
    }

    /// Opens the `NOTIFY_SOCKET` of a process that is about to be started, and gives the variables that tell it of that
    /// and of the store.
    ///
    /// # Errors
    /// Where the socket cannot be bound.
    pub fn environment(&mut self, instance: Instance) -> io::Result<Vec<(OsString, OsString)>> {
        let socket = self.notify.open(instance)?;
        Ok(vec![("NOTIFY_SOCKET".into(), socket.into()), ("FDSTORE".into(), LIMIT.to_string().into())])
    }

    /// The process is there: what it says is read from now on.
    pub fn started(&mut self, instance: Instance, pid: i32) {
        self.notify.started(instance, pid);
    }

    /// The process has ended: what it said last is in the channel when this returns, and is to be taken before its end
    /// is.
    pub fn drain(&self, instance: Instance) {
        self.notify.drain(instance);
    }

    /// Nothing of the instance is left, or it was not started at all: its socket goes.
    pub fn close(&mut self, instance: Instance) {
        self.notify.close(instance);
    }

    /// Asks the process until it is ready: [`HandoverNews::Probed`]. Dropped, the probe ends.
    pub fn probe(&self, instance: Instance, probe: Probe) -> probe::Probing {
        probe::start(instance, probe, self.news.clone())
    }

    /// hotrun's own folder for sockets.
    pub fn folder(&self) -> &Path {
        self.notify.folder()
    }
}
