//! Reports the changes of a git checkout, stash or rebase step together, when git has finished.
//!
//! git holds `index.lock` while it writes files, and renames it to `index` at the end. A lock left behind by
//! a killed git is old. `git status`, which editors run in the background, writes the index as well: a file
//! saved after the index is not git's work, and does not wait.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use crate::watch::fingerprint::{self, Stat};
use crate::words::Change;

/// How long changes wait for git at most.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How long they wait after git has finished: a stash locks twice.
const SETTLE_TIME: Duration = Duration::from_millis(80);

/// How often to check whether git has finished.
const CHECK_PAUSE: Duration = Duration::from_millis(10);

/// Since when changes wait for git.
#[derive(Debug, Clone, Copy)]
struct GitWait {
    since: Instant,
    done: Option<Instant>,
}

/// Changes to be reported together.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) changes: Vec<Change>,
    /// Since when they are held back until git has finished.
    wait: Option<GitWait>,
    /// When git finished the work that was reported last.
    git_known: Option<SystemTime>,
}

impl Outgoing {
    pub(super) fn waits(&self) -> bool {
        self.wait.is_some()
    }

    /// Returns when to check again whether git has finished.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.wait.map(|_| Instant::now() + CHECK_PAUSE)
    }

    /// Takes the changes out, to be reported now. Of two changes of a path, the last one counts.
    pub(super) fn take(&mut self) -> Vec<Change> {
        self.wait = None;
        let mut changes = std::mem::take(&mut self.changes);
        let mut told = HashSet::new();
        changes.reverse();
        changes.retain(|change| told.insert((change.path.clone(), change.leads_to.clone())));
        changes.reverse();
        changes
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GitWork {
    /// At this time.
    Done(SystemTime),
    Writing,
}

impl Room {
    /// Whether changes must wait because git is writing, or has just finished.
    pub(super) fn waits_for_git(&mut self) -> bool {
        // When the first of them was changed. A deleted file does not tell, and counts as the earliest.
        let changes = self.outgoing.changes.iter();
        let stats = changes.map(|change| self.ledger.get(&change.path).and_then(|entry| entry.now.stat));
        let first = stats.map(|stat| stat.map(|stat| stat.ctime)).min().flatten();
        let folders = self.ignores.git_folders().iter();
        let Some(work) = folders.filter_map(|folder| work(folder, self.outgoing.git_known, first)).max()
        else {
            return false;
        };
        let now = Instant::now();
        let waiting = self.outgoing.wait.get_or_insert(GitWait { since: now, done: None });
        if work == GitWork::Writing {
            waiting.done = None;
        } else if waiting.done.is_none() {
            waiting.done = Some(now);
            // A scan finds everything since the one before.
            self.pace.scan_due = self.detection.poll.map(|_| now).or(self.pace.scan_due);
        }
        let settled = waiting.done.is_some_and(|done| now >= done + SETTLE_TIME);
        // A folder that git replaced is found by a scan, a file that it deleted by a deferred check.
        let found = self.pace.scan_due.is_none() && self.deferred.next().is_none();
        let waits = now < waiting.since + MAX_WAIT && !(settled && found);
        if let (GitWork::Done(at), false) = (work, waits) {
            self.outgoing.git_known = Some(at);
        }
        waits
    }
}

/// Returns the work in a git directory that is under way, or that ended after this `known` work and may have changed files,
/// the first of them at this time.
fn work(folder: &Path, known: Option<SystemTime>, first: Option<SystemTime>) -> Option<GitWork> {
    let stat = |name| fingerprint::stat(&folder.join(name));
    let recent = |lock: Stat| SystemTime::now().duration_since(lock.mtime).is_ok_and(|age| age < MAX_WAIT);
    if stat("index.lock").is_some_and(recent) {
        return Some(GitWork::Writing);
    }
    let done = stat("index")?.ctime;
    (first.is_none_or(|first| first <= done) && known.is_none_or(|known| known < done))
        .then_some(GitWork::Done(done))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_saved_after_the_index_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index");
        std::fs::write(&index, "").unwrap();
        let written = fingerprint::stat(&index).unwrap().ctime;
        let tick = Duration::from_nanos(1);
        let (before, after) = (Some(written - tick), Some(written + tick));
        let done = Some(GitWork::Done(written));
        for (known, first, expect) in [
            (None, before, done),
            (before, Some(written), done),
            (before, after, None),
            (None, None, done),
            // Its changes were reported.
            (Some(written), before, None),
            (Some(written), None, None),
        ] {
            assert_eq!(work(folder.path(), known, first), expect, "{known:?} {first:?}");
        }
        std::fs::write(folder.path().join("index.lock"), "").unwrap();
        assert_eq!(work(folder.path(), Some(written), after), Some(GitWork::Writing));
    }
}
