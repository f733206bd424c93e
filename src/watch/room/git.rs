//! Reports the changes of a git checkout, stash or rebase step together, when git has finished.
//!
//! git holds `index.lock` while it writes files, and renames it to `index` at the end. A lock left behind by
//! a killed git is old. `git status`, which editors run in the background, writes the index as well: a file
//! saved after the index is not git's work, and does not wait.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use crate::watch::fingerprint::{self, Stat};

/// How long changes wait for git at most.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How long they wait after git has finished: the check of a deleted file is deferred, and a stash locks
/// twice.
const SETTLE_TIME: Duration = Duration::from_millis(80);

/// How often to check whether git has finished.
pub(super) const CHECK_PAUSE: Duration = Duration::from_millis(10);

/// Since when changes wait for git.
#[derive(Debug, Clone, Copy)]
pub(super) struct GitWait {
    since: Instant,
    done: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum GitWork {
    Done,
    Writing,
}

impl Room {
    /// Whether changes must wait because git is writing, or has just finished.
    pub(super) fn waits_for_git(&mut self) -> bool {
        // A scan finds everything since the one before.
        let recent = SETTLE_TIME + self.poll.unwrap_or_default();
        // When the first of them was changed. A deleted file does not tell, and counts as the earliest.
        let changes = self.changes.iter();
        let stats = changes.map(|change| self.ledger.get(&change.path).and_then(|entry| entry.now.stat));
        let first = stats.map(|stat| stat.map(|stat| stat.ctime)).min().flatten();
        let folders = self.ignores.git_folders().iter();
        let Some(work) = folders.filter_map(|folder| work(folder, recent, first)).max() else {
            return false;
        };
        let now = Instant::now();
        let waiting = self.git.get_or_insert(GitWait { since: now, done: None });
        if work == GitWork::Writing {
            waiting.done = None;
        } else if waiting.done.is_none() {
            waiting.done = Some(now);
            self.scan_due = self.poll.map(|_| now).or(self.scan_due);
        }
        now < waiting.since + MAX_WAIT && waiting.done.is_none_or(|done| now < done + SETTLE_TIME)
    }
}

/// Returns the work in a git directory that is under way, or so recent that it may have changed files, the
/// first of them at this time.
fn work(folder: &Path, recent: Duration, first: Option<SystemTime>) -> Option<GitWork> {
    let younger =
        |moment: SystemTime, limit| SystemTime::now().duration_since(moment).is_ok_and(|age| age < limit);
    let stat = |name| fingerprint::stat(&folder.join(name));
    if stat("index.lock").is_some_and(|lock| younger(lock.mtime, MAX_WAIT)) {
        return Some(GitWork::Writing);
    }
    let wrote = |index: &Stat| first.is_none_or(|first| first <= index.ctime);
    stat("index").filter(wrote).is_some_and(|index| younger(index.ctime, recent)).then_some(GitWork::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_saved_after_the_index_does_not_wait() {
        let (folder, long) = (tempfile::tempdir().unwrap(), Duration::from_hours(1));
        let index = folder.path().join("index");
        std::fs::write(&index, "").unwrap();
        let written = fingerprint::stat(&index).unwrap().ctime;
        let tick = Duration::from_nanos(1);
        for (first, expect) in [
            (Some(written - tick), Some(GitWork::Done)),
            (Some(written), Some(GitWork::Done)),
            (Some(written + tick), None),
            (None, Some(GitWork::Done)),
        ] {
            assert_eq!(work(folder.path(), long, first), expect, "{first:?}");
        }
        std::fs::write(folder.path().join("index.lock"), "").unwrap();
        assert_eq!(work(folder.path(), long, Some(written + tick)), Some(GitWork::Writing));
    }
}
