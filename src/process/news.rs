//! What is told of processes.

use std::time::Duration;

use super::error::SpawnError;
use super::reaper::ReaperError;
use crate::words::{Exit, Instance};

/// A step of the stop ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The stop signal was sent to the group.
    Signal(i32),
    /// A debugger holds the process, and nothing more is done before it lets go.
    Held,
    /// SIGKILL was sent to the group and to all else that is left of the tree.
    Kill,
    /// These may not be signalled by hotrun: they run as another user.
    NotPermitted(Vec<i32>),
    /// These are still there two seconds after SIGKILL.
    StillThere(Vec<i32>),
}

/// What happened to a process.
#[derive(Debug)]
pub enum ProcessNews {
    /// It is executing.
    Started {
        /// Which.
        instance: Instance,
        /// Its pid, and the id of its process group.
        pid: i32,
    },
    /// It could not be started. Nothing else follows.
    SpawnFailed {
        /// Which.
        instance: Instance,
        /// Why.
        error: SpawnError,
    },
    /// It was stopped by this signal, which hotrun did not send: SIGTTIN or SIGTTOU where it asks for the terminal.
    Stopped {
        /// Which.
        instance: Instance,
        /// By which signal.
        signal: i32,
    },
    /// It goes on after a stop that was told.
    Continued {
        /// Which.
        instance: Instance,
    },
    /// Stopping it goes on.
    Stopping {
        /// Which.
        instance: Instance,
        /// What was done or found.
        step: Step,
    },
    /// It ended. What it started may still be there: [`ProcessNews::Gone`] follows.
    Exited {
        /// Which.
        instance: Instance,
        /// Its pid.
        pid: i32,
        /// How.
        exit: Exit,
        /// How long it ran.
        lived: Duration,
    },
    /// The process hotrun started ended, and others of its tree live on. Told where [`Processes::listen_to_last_words`]
    /// was called, and nothing follows before [`Processes::go_on`].
    Leaving {
        /// Which.
        instance: Instance,
    },
    /// It ended and these processes of its tree live on; they are being stopped.
    Sweeping {
        /// Which.
        instance: Instance,
        /// Their pids.
        pids: Vec<i32>,
    },
    /// The last word: nothing of it is left but `left`, which hotrun gave up on. Where its leader is among them, its
    /// `Exited` may still come.
    Gone {
        /// Which.
        instance: Instance,
        /// What is left of it.
        left: Vec<i32>,
    },
    /// The reaper has ended, and another one has taken its place.
    ReaperEnded {
        /// Why there is none, where none could be started. It is tried again.
        error: Option<ReaperError>,
    },
}
