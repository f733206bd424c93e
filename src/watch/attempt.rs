//! The build attempts, in the clock of file times.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::fingerprint::{SLACK, Stat};
use crate::words::{ArtifactId, BuildId};

/// What is known of attempts beyond the latest.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    pub(super) latest: Option<BuildAttempt>,
    /// Of which the end was not told: the next build may start before.
    open: BTreeMap<BuildId, BTreeSet<ArtifactId>>,
    /// When the latest attempt of each artifact started.
    started: BTreeMap<ArtifactId, SystemTime>,
}

impl Attempts {
    pub(super) fn start(&mut self, build: BuildId, artifacts: BTreeSet<ArtifactId>, at: SystemTime) {
        self.latest = Some(BuildAttempt::start(build, at, self.latest));
        self.started.extend(artifacts.iter().map(|artifact| (*artifact, at)));
        self.open.insert(build, artifacts);
    }

    /// Returns what the attempt was of.
    pub(super) fn end(&mut self, build: BuildId) -> BTreeSet<ArtifactId> {
        self.open.remove(&build).unwrap_or_default()
    }

    /// Whether the end of an attempt is still to be told, which may tell of more inputs.
    pub(super) fn any_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether the latest attempt is of this artifact.
    pub(super) fn latest_is_of(&self, artifact: ArtifactId) -> bool {
        self.latest.is_some_and(|attempt| self.started.get(&artifact) == Some(&attempt.started))
    }

    /// Returns the oldest start of the latest attempts of these; `None` if none was ever attempted.
    pub(super) fn since(&self, artifacts: &BTreeSet<ArtifactId>) -> Option<SystemTime> {
        artifacts.iter().filter_map(|artifact| self.started.get(artifact)).min().copied()
    }
}

/// The latest build attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct BuildAttempt {
    pub(super) build: BuildId,
    pub(super) started: SystemTime,
    pub(super) ended: Option<SystemTime>,
    pub(super) failed: bool,
    /// Whether it compiled everything.
    pub(super) complete: bool,
    /// The latest time of any attempt, which nothing that cargo compiled exceeds. If the clock was set back,
    /// an earlier attempt had it.
    latest: SystemTime,
}

impl BuildAttempt {
    /// Starts an attempt after `before`.
    pub(super) fn start(build: BuildId, started: SystemTime, before: Option<Self>) -> Self {
        let latest = before.map_or(started, |before| before.latest.max(started));
        Self { build, started, ended: None, failed: false, complete: false, latest }
    }

    pub(super) fn end(&mut self, ended: SystemTime) {
        self.ended = Some(ended);
        self.latest = self.latest.max(ended);
    }

    /// Returns how long after the start a file was changed, if clearly within the attempt: cargo itself takes
    /// longer to start than the resolution of file times.
    pub(super) fn offset(&self, changed: SystemTime) -> Option<Duration> {
        let before_end = self.ended.is_none_or(|ended| changed + SLACK <= ended);
        let offset = changed.duration_since(self.started).ok()?;
        (offset > SLACK && before_end).then_some(offset)
    }

    /// Whether the attempt may not have compiled the content that a file had before it got this stat.
    pub(super) fn may_miss(&self, stat: &Stat) -> bool {
        !self.complete || self.ended.is_none_or(|ended| stat.ctime <= ended)
    }

    /// Whether cargo may overlook a file changed since this attempt started: it compares the mtime with the
    /// time it last compiled the package.
    pub(super) fn hides(&self, stat: &Stat) -> bool {
        // While the attempt runs, the time of compiling lies anywhere between the start and now; only a
        // plausible mtime is safe.
        stat.mtime <= self.latest || (self.ended.is_none() && stat.mtime < stat.ctime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::fingerprint::EntryKind;

    #[test]
    fn an_mtime_that_no_build_has_reached_shows_a_change() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let hides = |attempt: &BuildAttempt, mtime, ctime| {
            let stat =
                Stat { id: (1, 1), size: 1, mtime: at(mtime), ctime: at(ctime), kind: EntryKind::File };
            attempt.hides(&stat)
        };
        let mut first = BuildAttempt::start(BuildId(1), at(50), None);
        assert!(hides(&first, 49, 52) && hides(&first, 51, 52) && !hides(&first, 52, 52));
        first.end(at(60));
        assert!(hides(&first, 59, 70) && !hides(&first, 69, 70) && !hides(&first, 900, 70));
        // The clock is set back: the first attempt's output stays newer than any save.
        let mut second = BuildAttempt::start(BuildId(2), at(20), Some(first));
        assert!(hides(&second, 25, 25) && !hides(&second, 61, 30));
        second.end(at(30));
        assert!(hides(&second, 40, 40) && !hides(&second, 61, 61));
    }
}
