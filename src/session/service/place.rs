//! The place of a service among others.

use crate::words::BuildId;

/// The process that others see: its number, and the build it runs.
pub(super) type Seen = (u32, BuildId);

#[derive(Debug)]
pub(super) struct Place {
    /// It is to run: it starts with hotrun, was asked for, or another one needs it.
    pub(super) up: bool,
    /// Nothing was started since hotrun began, or since somebody asked to stop it.
    pub(super) first: bool,
    pub(super) leaving: Leaving,
    /// The last process of a task, if that ended with code 0.
    pub(super) done: Option<Seen>,
    /// What others saw last.
    pub(super) seen: Option<Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    /// It starts nothing more, and is stopped when no service is left that comes after it.
    Due,
    Told,
}

impl Place {
    pub(super) fn new(up: bool) -> Self {
        Self { up, first: true, leaving: Leaving::No, done: None, seen: None }
    }

    /// A process was ordered.
    pub(super) fn started(&mut self) {
        self.first = false;
        self.done = None;
    }
}
