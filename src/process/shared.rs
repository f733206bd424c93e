//! What the tasks of this room share.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use tokio::sync::mpsc::UnboundedSender;

use super::news::ProcessNews;
use super::reaper::Reaper;
use super::run::RunId;
use crate::sys::ProcessRow;

/// Everything the local tasks share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) run: RunId,
    pub(super) news: UnboundedSender<ProcessNews>,
    /// Pids that somebody in this room waits for.
    pub(super) known: RefCell<BTreeSet<i32>>,
    pub(super) reaper: Option<Reaper>,
    /// Whether orphans become hotrun's own children.
    pub(super) subreaper: bool,
    /// Somebody is to be asked whether a program lives on in another process.
    pub(super) asks: Cell<bool>,
    pub(super) ignore_hangup: bool,
}

/// What a life and its handle both need to know at once.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Its id, as long as it cannot be anybody else's.
    pub(super) id: Cell<Option<i32>>,
    /// The process in which the program lives on when the first has ended.
    pub(super) main: Cell<Option<ProcessRow>>,
    /// hotrun itself stopped it for a while.
    pub(super) suspended: Cell<bool>,
}
