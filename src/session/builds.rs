//! When to build: bursts of edits, cancelling, and the rule against starvation.
//!
//! Pure. Keeps what changed and was in no build that ended by itself; at most one build runs at a time, and a build counts
//! as running until it is published.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::events::{BuildOutcome, BuildSummary, Effect, ReadOutcome, Timer};
use super::notices::{Cause, Notice};
use crate::words::{BuildId, Change, ChangeKind};

/// After this many cancellations in a row the next build runs to its end.
pub const CANCELLATIONS_IN_A_ROW: u32 = 3;
/// A burst of edits lasts at most this many times the quiet time that ends it.
pub const BURST_CAP: u32 = 10;

/// The state of building.
#[derive(Debug)]
pub(super) struct Builds {
    debounce: Duration,
    last: u32,
    current: Option<Current>,
    pending: BTreeMap<PathBuf, Change>,
    wanted: Option<Cause>,
    /// When the oldest of the pending changes was seen.
    since: Option<Duration>,
    burst: Option<Burst>,
    cancelled_in_a_row: u32,
    /// Changes of builds that failed which ask for more than a build: the next one owes it.
    owed: BTreeMap<PathBuf, Change>,
    /// A manifest changed and the project was not read since.
    unread: bool,
    paused: bool,
    failed: bool,
}

#[derive(Debug)]
struct Current {
    build: BuildId,
    cause: Cause,
    changes: BTreeMap<PathBuf, Change>,
    /// The files among them that were in no build before.
    paths: Vec<PathBuf>,
    since: Duration,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Phase {
    /// The project is read first.
    Reading,
    Building,
    Cancelling,
    Publishing,
}

#[derive(Debug)]
struct Burst {
    began: Duration,
    batches: u32,
}

/// What ended, for the session to act on.
#[derive(Debug)]
pub(super) enum Ended {
    /// Stale news, or a cancelled build: nothing to act on.
    Nothing,
    /// A build succeeded and is to be published.
    Succeeded(BuildSummary),
    /// A build failed.
    Failed(BuildSummary),
}

/// A build that was published or gave the same binary.
#[derive(Debug)]
pub(super) struct Finished {
    /// The changes that were in it.
    pub(super) changes: Vec<Change>,
    /// When the oldest of them was seen.
    pub(super) since: Duration,
}

impl Builds {
    pub(super) fn new(debounce: Duration) -> Self {
        Self {
            debounce,
            last: 0,
            current: None,
            pending: BTreeMap::new(),
            wanted: None,
            since: None,
            burst: None,
            cancelled_in_a_row: 0,
            owed: BTreeMap::new(),
            unread: false,
            paused: false,
            failed: false,
        }
    }

    pub(super) fn set_debounce(&mut self, debounce: Duration) {
        self.debounce = debounce;
    }

    /// Whether a build runs or is being published.
    pub(super) fn busy(&self) -> bool {
        self.current.is_some()
    }

    /// The build that runs or is being published.
    pub(super) fn current(&self) -> Option<BuildId> {
        self.current.as_ref().map(|current| current.build)
    }

    /// Whether something changed, or was asked for, that is in no build yet.
    pub(super) fn due(&self) -> bool {
        !self.pending.is_empty() || self.wanted.is_some()
    }

    /// Whether something changed that no finished build has seen, or the last build failed.
    pub(super) fn stale(&self) -> bool {
        !self.pending.is_empty() || self.wanted.is_some() || self.failed
    }

    pub(super) fn paused(&self) -> bool {
        self.paused
    }

    /// Files changed: start at once, or cancel, or remember.
    pub(super) fn changed(&mut self, now: Duration, changes: Vec<Change>, out: &mut Vec<Effect>) {
        for change in changes {
            self.unread |= change.kind == ChangeKind::Manifest;
            remember(&mut self.pending, change);
        }
        self.since.get_or_insert(now);
        if self.paused {
            return;
        }
        let first = self.burst.is_none();
        let burst = self.burst.get_or_insert(Burst { began: now, batches: 0 });
        burst.batches += 1;
        let cap = burst.began + self.debounce * BURST_CAP;
        let after = (now + self.debounce).min(cap).saturating_sub(now);
        out.push(Effect::StartTimer(Timer::Burst, after));
        match &mut self.current {
            Some(current)
                if current.phase.is_cancellable() && self.cancelled_in_a_row < CANCELLATIONS_IN_A_ROW =>
            {
                current.phase = Phase::Cancelling;
                out.push(Effect::CancelBuild(current.build));
            }
            None if first => self.start(now, out),
            Some(_) | None => {}
        }
    }

    /// A build is wanted whether or not a file changed.
    pub(super) fn want(&mut self, now: Duration, cause: Cause, out: &mut Vec<Effect>) {
        self.wanted.get_or_insert(cause);
        self.since.get_or_insert(now);
        if self.current.is_none() {
            self.start(now, out);
        }
    }

    /// The quiet time after the last edit is over.
    pub(super) fn burst_over(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.burst = None;
        self.go_on(now, out);
    }

    /// The project was read, or could not be: the build that waited for it begins, or has failed.
    pub(super) fn project_read(
        &mut self,
        now: Duration,
        build: BuildId,
        outcome: ReadOutcome,
        out: &mut Vec<Effect>,
    ) -> Ended {
        let Some(current) = self.current.as_mut().filter(|current| current.build == build) else {
            return Ended::Nothing;
        };
        match (current.phase, outcome) {
            (Phase::Building | Phase::Publishing, _) => Ended::Nothing,
            (Phase::Cancelling, _) | (_, ReadOutcome::Cancelled) => {
                self.cancelled_in_a_row += 1;
                // Nobody has heard of it.
                self.last -= 1;
                self.put_back();
                self.go_on(now, out);
                Ended::Nothing
            }
            (Phase::Reading, ReadOutcome::Read) => {
                // A change that did not cancel it may have come after what was read.
                self.unread = self.pending.values().any(|change| change.kind == ChangeKind::Manifest);
                current.phase = Phase::Building;
                current.begin(out);
                Ended::Nothing
            }
            (Phase::Reading, ReadOutcome::Failed(summary)) => {
                out.push(current.started());
                self.fail();
                Ended::Failed(summary)
            }
        }
    }

    /// cargo ended.
    pub(super) fn ended(
        &mut self,
        now: Duration,
        build: BuildId,
        outcome: BuildOutcome,
        out: &mut Vec<Effect>,
    ) -> Ended {
        let Some(current) = self.current.as_mut().filter(|current| current.build == build) else {
            return Ended::Nothing;
        };
        match (current.phase, outcome) {
            (Phase::Reading | Phase::Publishing, _) => Ended::Nothing,
            (Phase::Cancelling, _) | (_, BuildOutcome::Cancelled) => {
                self.cancelled_in_a_row += 1;
                self.put_back();
                out.push(Effect::Report(Notice::BuildCancelled(build)));
                self.go_on(now, out);
                Ended::Nothing
            }
            (Phase::Building, BuildOutcome::Succeeded(summary)) => {
                self.cancelled_in_a_row = 0;
                self.failed = false;
                current.phase = Phase::Publishing;
                Ended::Succeeded(summary)
            }
            (Phase::Building, BuildOutcome::Failed(summary)) => {
                self.fail();
                Ended::Failed(summary)
            }
        }
    }

    /// The build was published (or was the same, or could not be): it is over.
    pub(super) fn finished(&mut self, build: BuildId) -> Option<Finished> {
        let current =
            self.current.take_if(|current| current.build == build && current.phase == Phase::Publishing)?;
        Some(Finished { changes: current.changes.into_values().collect(), since: current.since })
    }

    /// The binary could not be published: the next request builds again.
    pub(super) fn publish_failed(&mut self) {
        self.failed = true;
    }

    /// Starts the build that is due, if one is.
    pub(super) fn go_on(&mut self, now: Duration, out: &mut Vec<Effect>) {
        // The first edit of a burst does not wait for its end; after a second one the burst has to end first.
        let calm = self.burst.as_ref().is_none_or(|burst| burst.batches < 2);
        let due = !self.pending.is_empty() || self.wanted.is_some();
        if self.current.is_none() && due && calm && !self.paused {
            self.start(now, out);
        }
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn resume(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.paused = false;
        self.go_on(now, out);
    }

    /// Cancels the current build for good: hotrun is leaving.
    pub(super) fn stop(&mut self, out: &mut Vec<Effect>) {
        self.pending.clear();
        self.wanted = None;
        self.paused = true;
        if let Some(current) = self.current.as_mut().filter(|current| current.phase.is_cancellable()) {
            current.phase = Phase::Cancelling;
            out.push(Effect::CancelBuild(current.build));
        }
    }

    fn start(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.last += 1;
        let build = BuildId(self.last);
        let paths = self.pending.keys().cloned().collect();
        let mut changes = std::mem::take(&mut self.owed);
        for (_, change) in std::mem::take(&mut self.pending) {
            remember(&mut changes, change);
        }
        let cause = self.wanted.take().unwrap_or(Cause::Changed);
        let since = self.since.take().unwrap_or(now);
        let phase = if self.unread { Phase::Reading } else { Phase::Building };
        let current = self.current.insert(Current { build, cause, changes, paths, since, phase });
        if self.unread {
            out.push(Effect::ReadProject(build));
        } else {
            current.begin(out);
        }
    }

    fn fail(&mut self) {
        self.cancelled_in_a_row = 0;
        self.failed = true;
        self.owe();
    }

    /// What was in a cancelled build has still to be built, for the same reason.
    fn put_back(&mut self) {
        let Some(current) = self.current.take() else { return };
        self.since = Some(self.since.map_or(current.since, |since| since.min(current.since)));
        for (_, change) in current.changes {
            remember(&mut self.pending, change);
        }
        if current.cause != Cause::Changed {
            self.wanted.get_or_insert(current.cause);
        }
    }

    /// What a failed build was told beyond "build" (restart in any case) holds for the next one.
    fn owe(&mut self) {
        let changes = self.current.take().map(|current| current.changes).unwrap_or_default();
        for (_, change) in changes.into_iter().filter(|(_, change)| change.kind != ChangeKind::Source) {
            remember(&mut self.owed, change);
        }
    }
}

impl Phase {
    fn is_cancellable(self) -> bool {
        matches!(self, Self::Reading | Self::Building)
    }
}

impl Current {
    /// cargo is to run.
    fn begin(&self, out: &mut Vec<Effect>) {
        let changes = self.changes.values().cloned().collect();
        out.push(Effect::StartBuild { build: self.build, cause: self.cause, changes });
        out.push(self.started());
    }

    fn started(&self) -> Effect {
        let (build, cause, paths) = (self.build, self.cause, self.paths.clone());
        Effect::Report(Notice::BuildStarted { build, cause, paths })
    }
}

/// Adds a change, keeping what an earlier one of the same file asked for.
fn remember(pending: &mut BTreeMap<PathBuf, Change>, change: Change) {
    match pending.get_mut(&change.path) {
        Some(earlier) => {
            earlier.hidden |= change.hidden;
            earlier.kind = earlier.kind.max(change.kind);
        }
        None => {
            pending.insert(change.path.clone(), change);
        }
    }
}
