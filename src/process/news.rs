//! Events of the process room.

use super::error::SpawnError;
use super::reaper::ReaperError;
use crate::words::{Exit, Instance};

/// A step of the stop ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopStep {
    /// The stop signal was sent to the group.
    Signal(i32),
    /// A debugger holds the process; the ladder waits for it.
    Held,
    /// SIGKILL was sent to the group and the rest of the tree.
    Kill,
    /// hotrun may not signal these: they run as another user.
    NotPermitted(Vec<i32>),
    /// These are still alive two seconds after SIGKILL.
    StillThere(Vec<i32>),
}

/// An event of a process.
#[derive(Debug)]
pub enum ProcessNews {
    Started {
        instance: Instance,
        /// The pid, which is also the id of its process group.
        pid: i32,
    },
    /// It could not be started. Nothing else follows.
    SpawnFailed { instance: Instance, error: SpawnError },
    /// A signal that hotrun did not send stopped it: SIGTTIN or SIGTTOU if it asks for the terminal.
    Stopped { instance: Instance, signal: i32 },
    /// The stop ladder made a step.
    Stopping { instance: Instance, step: StopStep },
    /// It ended. Processes it started may still be alive: [`ProcessNews::Gone`] follows.
    Exited { instance: Instance, pid: i32, exit: Exit },
    /// The started process ended, but others of its tree are alive. Sent only after
    /// [`super::Processes::report_leaving`]; nothing follows before [`super::Processes::finish_leaving`].
    Leaving { instance: Instance },
    /// It ended, but these processes of its tree are alive and are being stopped.
    Sweeping { instance: Instance, pids: Vec<i32> },
    /// Nothing of it is alive, except for `left`, which hotrun gave up on. If its leader is among them,
    /// `Exited` may still follow.
    Gone { instance: Instance, left: Vec<i32> },
    /// The reaper has ended and was replaced.
    ReaperEnded {
        /// Why no replacement could be started yet.
        error: Option<ReaperError>,
    },
}
