//! What the sockets, the stored descriptors and the processes tell.

use std::os::fd::OwnedFd;
use std::time::Duration;

use super::notify::message::{Malformed, Reload};
use crate::words::Instance;

/// What happened.
#[derive(Debug)]
pub enum HandoverNews {
    /// A process spoke.
    Notified {
        /// Which.
        instance: Instance,
        /// What it said.
        what: Notice,
    },
    /// A process waits until everything it said before is taken in: dropping `barrier` tells it so.
    Barrier {
        /// Which.
        instance: Instance,
        /// Its end of a pipe.
        barrier: OwnedFd,
    },
    /// The probe of a process succeeded: it is ready.
    Probed {
        /// Which.
        instance: Instance,
    },
    /// A stored descriptor hung up and was dropped.
    StoredHungUp {
        /// Its name.
        name: String,
    },
    /// A listening socket may be broken: [`Listeners::check`] says more.
    ListenerBroken,
}

/// What a process said on its `NOTIFY_SOCKET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// `READY=1`.
    Ready {
        /// `RELOADING=1` in the same message: this reload is over.
        reloaded: Option<Reload>,
    },
    /// `RELOADING=1`.
    Reloading(Reload),
    /// `STOPPING=1`. Nothing it says about its state afterwards is told.
    Stopping,
    /// `STATUS=`: one line without control characters; empty where it takes an earlier one back.
    Status(String),
    /// `EXTEND_TIMEOUT_USEC=`: whatever it is doing may go on for this time from now.
    ExtendTimeout(Duration),
    /// `MAINPID=`: this process, which belongs to the instance, is the program. Told when it is another one than before.
    MainPid(i32),
    /// `MAINPID=` of a process that is gone or does not belong to the instance. Told once.
    NotMain {
        /// Which.
        pid: i32,
    },
    /// `ERRNO=`.
    Errno(i32),
    /// `EXIT_STATUS=`.
    ExitStatus(u8),
    /// `FDSTORE=1`: so many more descriptors are kept under the name.
    Stored {
        /// `FDNAME=`.
        name: String,
        /// How many.
        count: usize,
    },
    /// `FDSTOREREMOVE=1`: so many were dropped.
    Removed {
        /// `FDNAME=`.
        name: String,
        /// How many.
        count: usize,
    },
    /// The store is full: these were closed.
    StoreFull {
        /// `FDNAME=`.
        name: String,
        /// How many.
        dropped: usize,
    },
    /// Somebody who does not belong to the instance spoke, and was not heard. Told once.
    Stranger {
        /// Who.
        pid: i32,
    },
    /// A message made no sense, and was dropped with its descriptors. Told once.
    Malformed(Malformed),
}
