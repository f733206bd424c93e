//! When to build: bursts of edits, cancelling, and the rule against starvation.
//!
//! Pure. Keeps what changed and was in no build that ended by itself; at most one build runs at a time, of all artifacts that
//! are due, and it counts as running until they are published.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use super::events::{BuildOutcome, Effect, ReadOutcome, Timer};
use super::notices::{BuildSummary, Cause, Notice};
use super::warm_up::WarmUp;
use crate::words::{ArtifactId, BuildId, Change};

/// After this many cancellations in a row the next build runs to its end.
pub const CANCELLATIONS_IN_A_ROW: u32 = 3;
/// A burst of edits lasts at most this many times the quiet time that ends it.
pub const BURST_CAP: u32 = 10;

#[derive(Debug)]
pub(super) struct Builds {
    debounce: Duration,
    /// Nothing of a build is published unless all of it succeeded.
    together: bool,
    last: u32,
    current: Option<Current>,
    pending: BTreeMap<PathBuf, Change>,
    /// The artifacts that pending changes and requests concern.
    due: BTreeSet<ArtifactId>,
    wanted: Option<Cause>,
    /// When the oldest pending change was seen.
    since: Option<Duration>,
    burst: Option<Burst>,
    cancelled_in_a_row: u32,
    /// Changes of failed builds that ask for more than a build, which the next one owes.
    owed: BTreeMap<PathBuf, Change>,
    /// A manifest changed since the project was read.
    unread: bool,
    paused: bool,
    /// What could not be built, published or started; in every build until it can.
    failed: BTreeSet<ArtifactId>,
    warm_up: WarmUp,
}

#[derive(Debug)]
struct Current {
    build: BuildId,
    /// Not published yet.
    artifacts: BTreeSet<ArtifactId>,
    cause: Cause,
    changes: BTreeMap<PathBuf, Change>,
    /// Those that were in no build before.
    paths: Vec<PathBuf>,
    since: Duration,
    took: Duration,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Phase {
    /// Reading the project, before cargo runs.
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

/// A build that ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    /// To be published.
    pub(super) made: BTreeSet<ArtifactId>,
    pub(super) failed: BTreeSet<ArtifactId>,
    pub(super) summary: BuildSummary,
}

/// The build of an artifact that was published, or not.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) changes: Vec<Change>,
    /// When the oldest change was seen.
    pub(super) since: Duration,
    /// How long cargo ran.
    pub(super) took: Duration,
}

impl Builds {
    pub(super) fn new(debounce: Duration, together: bool) -> Self {
        Self {
            debounce,
            together,
            last: 0,
            current: None,
            pending: BTreeMap::new(),
            due: BTreeSet::new(),
            wanted: None,
            since: None,
            burst: None,
            cancelled_in_a_row: 0,
            owed: BTreeMap::new(),
            unread: false,
            paused: false,
            failed: BTreeSet::new(),
            warm_up: WarmUp::default(),
        }
    }

    pub(super) fn set(&mut self, debounce: Duration, together: bool) {
        (self.debounce, self.together) = (debounce, together);
    }

    /// Whether a build or the warm-up runs, or a build is being published.
    pub(super) fn busy(&self) -> bool {
        self.current.is_some() || self.warm_up.runs()
    }

    /// Returns the build that runs or is being published.
    pub(super) fn current(&self) -> Option<BuildId> {
        self.current.as_ref().map(|current| current.build)
    }

    /// Whether this artifact is in the build that runs, and not published yet, or in the one that waits for the end of the
    /// warm-up.
    pub(super) fn concerns(&self, artifact: ArtifactId) -> bool {
        self.current.as_ref().is_some_and(|current| current.artifacts.contains(&artifact))
            || self.warm_up.is_ending() && !self.paused && self.due(artifact)
    }

    /// Whether this artifact is in the next build, which is due.
    pub(super) fn due(&self, artifact: ArtifactId) -> bool {
        self.due.contains(&artifact) || !self.due.is_empty() && self.failed.contains(&artifact)
    }

    /// Returns the artifacts that no build has made of what was saved, and none that runs will.
    pub(super) fn stale(&self) -> BTreeSet<ArtifactId> {
        let stale = self.due.union(&self.failed).copied();
        stale.filter(|artifact| !self.concerns(*artifact)).collect()
    }

    pub(super) fn paused(&self) -> bool {
        self.paused
    }

    /// Takes changes into the current burst: starts a build, cancels one, or waits.
    pub(super) fn changed(&mut self, now: Duration, changes: Vec<Change>, out: &mut Vec<Effect>) {
        for change in changes {
            self.unread |= change.leads_to.project;
            self.due.extend(&change.leads_to.builds);
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

    /// Orders a build, whether or not a file changed.
    pub(super) fn want(
        &mut self,
        now: Duration,
        cause: Cause,
        artifacts: &BTreeSet<ArtifactId>,
        out: &mut Vec<Effect>,
    ) {
        self.due.extend(artifacts);
        self.wanted.get_or_insert(cause);
        self.since.get_or_insert(now);
        if self.current.is_none() {
            self.start(now, out);
        }
    }

    /// Ends the burst.
    pub(super) fn burst_over(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.burst = None;
        self.go_on(now, out);
    }

    /// Begins the build that waited for the project, or lets it fail.
    pub(super) fn project_read(
        &mut self,
        now: Duration,
        build: BuildId,
        outcome: ReadOutcome,
        out: &mut Vec<Effect>,
    ) -> Option<Ended> {
        let current = self.current.as_mut().filter(|current| current.build == build)?;
        match (current.phase, outcome) {
            (Phase::Building | Phase::Publishing, _) => None,
            (Phase::Cancelling, _) | (_, ReadOutcome::Cancelled) => {
                self.cancelled_in_a_row += 1;
                // It was never announced.
                self.last -= 1;
                self.put_back();
                self.go_on(now, out);
                None
            }
            (Phase::Reading, ReadOutcome::Read) => {
                // A change that did not cancel it may have come after what was read.
                self.unread = self.pending.values().any(|change| change.leads_to.project);
                current.phase = Phase::Building;
                current.begin(out);
                None
            }
            (Phase::Reading, ReadOutcome::Failed(summary)) => {
                out.push(current.started());
                self.settle(&BTreeSet::new(), summary)
            }
        }
    }

    pub(super) fn ended(
        &mut self,
        now: Duration,
        build: BuildId,
        outcome: BuildOutcome,
        out: &mut Vec<Effect>,
    ) -> Option<Ended> {
        let current = self.current.as_ref().filter(|current| current.build == build)?;
        match (current.phase, outcome) {
            (Phase::Reading | Phase::Publishing, _) => None,
            (Phase::Cancelling, _) | (_, BuildOutcome::Cancelled) => {
                self.cancelled_in_a_row += 1;
                self.put_back();
                out.push(Effect::Report(Notice::BuildCancelled(build)));
                self.go_on(now, out);
                None
            }
            (Phase::Building, BuildOutcome::Succeeded(summary)) => {
                self.warm_up.built(summary.fresh);
                let made = current.artifacts.clone();
                self.settle(&made, summary)
            }
            (Phase::Building, BuildOutcome::Failed { summary, made }) => self.settle(&made, summary),
        }
    }

    /// Ends a build that was not cancelled: publishes what was built, and keeps the rest for the next.
    fn settle(&mut self, made: &BTreeSet<ArtifactId>, summary: BuildSummary) -> Option<Ended> {
        let mut current = self.current.take()?;
        self.cancelled_in_a_row = 0;
        let (made, failed): (BTreeSet<_>, _) = if self.together && !current.artifacts.is_subset(made) {
            (BTreeSet::new(), current.artifacts.clone())
        } else {
            current.artifacts.iter().partition(|artifact| made.contains(artifact))
        };
        self.failed.retain(|artifact| !made.contains(artifact));
        self.owe(&failed, current.changes.values());
        if !made.is_empty() {
            (current.phase, current.took) = (Phase::Publishing, summary.took);
            current.artifacts.clone_from(&made);
            self.current = Some(current);
        }
        Some(Ended { made, failed, summary })
    }

    /// Takes an artifact whose publish has ended out of the build, which is over with the last.
    pub(super) fn finished(&mut self, build: BuildId, artifact: ArtifactId) -> Option<Finished> {
        let publishing =
            |current: &&mut Current| current.build == build && current.phase == Phase::Publishing;
        let current = self.current.as_mut().filter(publishing)?;
        if !current.artifacts.remove(&artifact) {
            return None;
        }
        let changes = current.changes.values().cloned().collect();
        let finished = Finished { changes, since: current.since, took: current.took };
        self.current.take_if(|current| current.artifacts.is_empty());
        Some(finished)
    }

    /// Publishes nothing of the build: hotrun leaves.
    pub(super) fn abandon(&mut self) {
        self.current = None;
    }

    /// The binary could not be published, or not be started: the next build is one of it as well, and is told what these
    /// changes ask for beyond "build" (restart in any case).
    pub(super) fn failed(&mut self, artifact: ArtifactId, changes: &[Change]) {
        self.owe(&BTreeSet::from([artifact]), changes);
    }

    /// Adds these artifacts to the next build, with the changes that ask for more than a build of them.
    fn owe<'a>(&mut self, failed: &BTreeSet<ArtifactId>, changes: impl IntoIterator<Item = &'a Change>) {
        self.failed.extend(failed);
        for change in changes {
            let mut change = change.clone();
            change.leads_to.builds.retain(|artifact| failed.contains(artifact));
            if !change.leads_to.builds.is_empty() && !change.leads_to.only_builds() {
                remember(&mut self.owed, change);
            }
        }
    }

    /// Starts the build that is due.
    pub(super) fn go_on(&mut self, now: Duration, out: &mut Vec<Effect>) {
        // The first edit of a burst starts a build at once; a second one waits for its end.
        let calm = self.burst.as_ref().is_none_or(|burst| burst.batches < 2);
        if self.current.is_none() && !self.due.is_empty() && calm && !self.paused {
            self.start(now, out);
        }
    }

    /// The program runs: warms up if the first build compiled nothing, and no other is due.
    pub(super) fn warm_up(&mut self, out: &mut Vec<Effect>) {
        if self.current.is_none() && self.due.is_empty() {
            self.warm_up.begin(out);
        }
    }

    /// The warm-up ended: the build that waited for that begins.
    pub(super) fn warmed_up(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.warm_up.ended();
        if self.wanted.is_some() && self.current.is_none() {
            self.start(now, out);
        } else {
            self.go_on(now, out);
        }
    }

    pub(super) fn pause(&mut self) {
        self.paused = true;
    }

    pub(super) fn resume(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.paused = false;
        self.go_on(now, out);
    }

    /// Cancels the current build for good: hotrun leaves.
    pub(super) fn stop(&mut self, out: &mut Vec<Effect>) {
        self.pending.clear();
        self.due.clear();
        self.wanted = None;
        self.paused = true;
        self.warm_up.end(out);
        if let Some(current) = self.current.as_mut().filter(|current| current.phase.is_cancellable()) {
            current.phase = Phase::Cancelling;
            out.push(Effect::CancelBuild(current.build));
        }
    }

    fn start(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.warm_up.end(out);
        if self.warm_up.is_ending() {
            return;
        }
        self.last += 1;
        let build = BuildId(self.last);
        let paths = self.pending.keys().cloned().collect();
        let mut changes = std::mem::take(&mut self.owed);
        for (_, change) in std::mem::take(&mut self.pending) {
            remember(&mut changes, change);
        }
        let mut artifacts = std::mem::take(&mut self.due);
        artifacts.extend(&self.failed);
        let cause = self.wanted.take().unwrap_or(Cause::Changed);
        let since = self.since.take().unwrap_or(now);
        let phase = if self.unread { Phase::Reading } else { Phase::Building };
        let took = Duration::ZERO;
        let current =
            self.current.insert(Current { build, artifacts, cause, changes, paths, since, took, phase });
        if self.unread {
            out.push(Effect::ReadProject { build, artifacts: current.artifacts.clone() });
        } else {
            current.begin(out);
        }
    }

    /// Returns what was in a cancelled build to the next, with its cause.
    fn put_back(&mut self) {
        let Some(current) = self.current.take() else { return };
        self.since = Some(self.since.map_or(current.since, |since| since.min(current.since)));
        self.due.extend(current.artifacts);
        for (_, change) in current.changes {
            remember(&mut self.pending, change);
        }
        if current.cause != Cause::Changed {
            self.wanted.get_or_insert(current.cause);
        }
    }
}

impl Phase {
    fn is_cancellable(self) -> bool {
        matches!(self, Self::Reading | Self::Building)
    }
}

impl Current {
    /// Runs cargo.
    fn begin(&self, out: &mut Vec<Effect>) {
        let changes = self.changes.values().cloned().collect();
        let (build, artifacts, cause) = (self.build, self.artifacts.clone(), self.cause);
        out.push(Effect::StartBuild { build, artifacts, cause, changes });
        out.push(self.started());
    }

    fn started(&self) -> Effect {
        let (build, artifacts, cause) = (self.build, self.artifacts.clone(), self.cause);
        Effect::Report(Notice::BuildStarted { build, artifacts, cause, paths: self.paths.clone() })
    }
}

/// Adds a change to an earlier one of the same file.
fn remember(pending: &mut BTreeMap<PathBuf, Change>, change: Change) {
    match pending.get_mut(&change.path) {
        Some(earlier) => {
            earlier.hidden |= change.hidden;
            earlier.leads_to.add(change.leads_to);
        }
        None => {
            pending.insert(change.path.clone(), change);
        }
    }
}
