//! Events of the handover room.

use std::os::fd::OwnedFd;
use std::time::Duration;

use super::notify::message::{Malformed, Reloading};
use crate::words::{Instance, ServiceId};

/// An event of the handover room.
#[derive(Debug)]
pub enum HandoverNews {
    /// A process sent a notification.
    Notified { instance: Instance, notification: Notification },
    /// A process waits until its earlier messages are handled; dropping `barrier` answers it.
    Barrier {
        /// The write end of the process's pipe.
        barrier: OwnedFd,
    },
    /// The probe of a process succeeded.
    Probed { instance: Instance },
    /// A stored descriptor hung up and was dropped.
    StoredHungUp { service: ServiceId, name: String },
    /// A listening socket may be broken: call [`super::Listeners::check`].
    ListenerBroken(ServiceId),
}

/// A message of a process on its `NOTIFY_SOCKET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification {
    /// `READY=1`.
    Ready {
        /// `RELOADING=1` in the same message: that reload is complete.
        reloaded: Option<Reloading>,
    },
    /// `RELOADING=1`.
    Reloading(Reloading),
    /// `STOPPING=1`. Later messages about its state are ignored.
    Stopping,
    /// `STATUS=`: one line without control characters; empty if the program withdraws an earlier one.
    Status(String),
    /// `EXTEND_TIMEOUT_USEC=`: the current phase may take this long from now.
    ExtendTimeout(Duration),
    /// `MAINPID=`: this process of the instance is the program. Sent when it changes.
    MainPid(i32),
    /// `MAINPID=` of a process that is gone or does not belong to the instance. Sent once.
    NotMain { pid: i32 },
    /// `ERRNO=`.
    Errno(i32),
    /// `EXIT_STATUS=`.
    ExitStatus(u8),
    /// `FDSTORE=1`: this many more descriptors are stored under the name.
    Stored { name: String, count: usize },
    /// `FDSTOREREMOVE=1`: this many were dropped.
    Removed { name: String, count: usize },
    /// The store is full: this many descriptors were closed.
    StoreFull { name: String, dropped: usize },
    /// A process outside the instance sent a message, which was dropped. Sent once.
    Stranger { pid: i32 },
    /// A malformed message was dropped with its descriptors. Sent once.
    Malformed(Malformed),
}
