//! What outlives a process: its sockets, its stored descriptors, and the `NOTIFY_SOCKET` protocol.
//!
//! hotrun acts as systemd does towards the program: sockets are passed from descriptor 3 on, followed by
//! stored descriptors, and `NOTIFY_SOCKET` receives the program's notifications. Events are reported as
//! [`HandoverNews`]; the session decides about starts, stops and rollbacks. Needs a current-thread tokio
//! runtime with a `LocalSet`. Invariant: a socket that `listen` names is open from before the first build
//! until hotrun ends.

mod hangup;
pub mod listeners;
mod manager;
mod news;
pub mod notify;
pub mod probe;
mod store;
mod unready;

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use tokio::sync::mpsc::UnboundedSender;

pub use listeners::{Adopted, ListenError, Listeners, Repair};
pub use manager::say_ready;
pub use news::{HandoverNews, Notification};
pub use notify::message::{Malformed, Reloading};
pub use notify::{Notify, RuntimeFolder};
pub use probe::Probe;
pub use store::{LIMIT, Snapshot, Store, Stored};
pub use unready::Unready;

use crate::words::{Instance, ServiceId};

/// Returns ports that are free now, each another.
pub fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = (0..count).map(bind).collect::<io::Result<Vec<_>>>()?;
    held.iter().map(|held| Ok(held.local_addr()?.port())).collect()
}

/// What a process is started with.
#[derive(Debug)]
pub struct Passed {
    /// `NOTIFY_SOCKET` and `FDSTORE`, to be set last.
    pub env: Vec<(OsString, OsString)>,
    /// Names and duplicates for descriptor 3 and up: the sockets, then the stored descriptors.
    pub fds: Vec<(String, OwnedFd)>,
}

/// Everything that outlives a process.
#[derive(Debug)]
pub struct Handover {
    pub listeners: Listeners,
    pub store: Store,
    notify: Notify,
    news: UnboundedSender<HandoverNews>,
}

impl Handover {
    /// Watches the listeners of a service and opens an empty store. `run` is the prefix of this run's tags. Needs
    /// a `LocalSet`.
    pub fn new(
        service: ServiceId,
        run: &str,
        folder: Rc<RuntimeFolder>,
        mut listeners: Listeners,
        news: UnboundedSender<HandoverNews>,
    ) -> io::Result<Self> {
        listeners.watch(service, news.clone())?;
        let store = Store::new(service, news.clone())?;
        let notify = Notify::new(run, folder, store.clone(), news.clone());
        Ok(Self { listeners, store, notify, news })
    }

    /// Prepares the start of a process: opens its `NOTIFY_SOCKET` and duplicates its descriptors.
    pub fn prepare(&mut self, instance: Instance) -> io::Result<Passed> {
        let mut fds = self.listeners.passed()?;
        fds.extend(self.store.passed()?);
        Ok(Passed { env: self.environment(instance)?, fds })
    }

    /// Opens the `NOTIFY_SOCKET` of a process about to start. Returns the variables that announce it and the
    /// store.
    pub fn environment(&mut self, instance: Instance) -> io::Result<Vec<(OsString, OsString)>> {
        let socket = self.notify.open(instance)?;
        Ok(vec![("NOTIFY_SOCKET".into(), socket.into()), ("FDSTORE".into(), LIMIT.to_string().into())])
    }

    /// Starts to read the messages of a process, which now runs.
    pub fn started(&mut self, instance: Instance, pid: i32) {
        self.notify.started(instance, pid);
    }

    /// To be called when a process has ended. Its last messages are in the channel on return; handle them
    /// before the end.
    pub fn drain(&self, instance: Instance) {
        self.notify.drain(instance);
    }

    /// Closes the socket of an instance that is gone, or was never started.
    pub fn close(&mut self, instance: Instance) {
        self.notify.close(instance);
    }

    /// Probes a process until it is ready: [`HandoverNews::Probed`] follows. Dropping the probe ends it.
    pub fn probe(&self, instance: Instance, probe: Probe) -> probe::Probing {
        probe::start(instance, probe, self.news.clone())
    }
}
