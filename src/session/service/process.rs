//! One process of the service: where it is in its life.

use std::time::Duration;

use super::super::notices::{Notice, StartFailure, Unmet};
use crate::words::{BuildId, Exit, Instance, StopPlan};

#[derive(Debug)]
pub(super) struct Process {
    pub(super) instance: Instance,
    pub(super) build: BuildId,
    pub(super) start: Start,
    pub(super) pid: u32,
    pub(super) started: Duration,
    /// The deadline of its readiness, while that is awaited.
    pub(super) ready_by: Duration,
    pub(super) phase: Phase,
    /// When it was told to stop, and how.
    pub(super) stop: Option<(Duration, StopPlan)>,
    /// A debugger holds it, so that it cannot end.
    pub(super) debugged: bool,
    /// How it failed to start.
    pub(super) failure: Option<StartFailure>,
    /// Whether it is ready, where readiness was declared.
    pub(super) readiness: Readiness,
}

/// Whether declared readiness has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It has, or none was declared.
    Here,
    /// There is still time.
    Awaited,
    /// It did not come in time.
    Missing { waited: Duration, unmet: Option<Unmet> },
}

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was ordered.
    Ordered,
    /// It runs and is not ready yet.
    Waiting,
    /// It is ready, and has not yet lived long enough to count as started.
    Ready,
    /// It has started.
    Settled,
    /// When it was told to run the live binary itself.
    Reloading(Duration),
    /// It was told to stop.
    Stopping,
    /// It could not be stopped (another user's); the next process starts when it ends.
    Stuck,
    /// It has ended; others of its tree may not have.
    Ended(Exit),
}

/// What led to a start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::session) struct Start {
    /// When the change was seen or the order given.
    pub(in crate::session) since: Option<Duration>,
    pub(in crate::session) build_took: Option<Duration>,
    /// It may run beside the process that serves.
    pub(super) beside: bool,
    /// It is the previous binary, started again because a newer one could not start.
    pub(super) rollback: bool,
}

impl Start {
    /// Returns a start for a change or order of that time.
    pub(in crate::session) fn because(since: Duration, build_took: Option<Duration>) -> Self {
        Self { since: Some(since), build_took, ..Self::default() }
    }
}

impl Process {
    /// It counts as ready now.
    pub(super) fn ready_notice(&self, now: Duration, assumed: bool) -> Notice {
        let after = now.saturating_sub(self.started);
        Notice::Ready { instance: self.instance, pid: self.pid, build: self.build, after, assumed }
    }

    /// Whether it was ready and was not told to stop.
    pub(super) fn serves(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Settled | Phase::Reloading(_))
    }

    /// Whether it runs, or is about to, and was not told to stop.
    pub(super) fn wanted(&self) -> bool {
        self.serves() || matches!(self.phase, Phase::Ordered | Phase::Waiting)
    }
}
