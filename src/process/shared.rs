//! State shared by the local tasks, and their orders.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::news::ProcessNews;
use super::reaper::Reaper;
use super::run::RunId;
use crate::sys::ProcessRow;
use crate::words::StopPlan;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) news: UnboundedSender<ProcessNews>,
    /// Pids with a task that waits for them.
    pub(super) known: RefCell<BTreeSet<i32>>,
    pub(super) reaper: Option<Reaper>,
    /// Whether orphans become children of hotrun.
    pub(super) subreaper: bool,
    /// Whether [`ProcessNews::Leaving`] is sent.
    pub(super) reports_leaving: Cell<bool>,
    pub(super) ignore_hangup: bool,
}

/// State shared by a life and its handle.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The group id, for as long as it cannot be reused.
    pub(super) id: Cell<Option<i32>>,
    /// The process that continues the program after the first has ended.
    pub(super) main: Cell<Option<ProcessRow>>,
    /// Suspended by hotrun.
    pub(super) suspended: Cell<bool>,
}

/// An order to the task of a process.
#[derive(Debug)]
pub(super) enum Order {
    Stop(StopPlan),
    /// The stop plan from now on, unless the process is being stopped.
    Plan(StopPlan),
    /// Do not kill it before this time from now.
    Extend(Duration),
    /// Its last notifications were handled.
    FinishLeaving,
    Kill,
}
