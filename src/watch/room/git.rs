//! Changes made by git: a checkout, a stash or a rebase step is told as one when git is done.
//!
//! git holds `index.lock` while it writes files, and renames it to `index` at the end. A lock left behind by a git that was
//! killed is old.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use crate::watch::fingerprint;

/// How long changes wait for git at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long they wait when git is done: the look at a deleted file is put off, and a stash locks twice.
const REST: Duration = Duration::from_millis(80);

/// How often to look whether git is done.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// Changes that are held back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    since: Instant,
    done: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Done,
    Writing,
}

impl Room {
    /// Whether changes are held back because git is writing, or has just finished.
    pub(super) fn waits_for_git(&mut self) -> bool {
        // A walk finds what was done since the one before.
        let recent = REST + self.poll.unwrap_or_default();
        let Some(work) = self.ignores.git_folders().iter().filter_map(|folder| work(folder, recent)).max()
        else {
            return false;
        };
        let now = Instant::now();
        let waiting = self.git.get_or_insert(Waiting { since: now, done: None });
        if work == Work::Writing {
            waiting.done = None;
        } else if waiting.done.is_none() {
            waiting.done = Some(now);
            self.survey_due = self.poll.map(|_| now).or(self.survey_due);
        }
        now < waiting.since + PATIENCE && waiting.done.is_none_or(|done| now < done + REST)
    }
}

/// The work in a git directory, if any is under way or was done so recently.
fn work(folder: &Path, recent: Duration) -> Option<Work> {
    let younger =
        |moment: SystemTime, limit| SystemTime::now().duration_since(moment).is_ok_and(|age| age < limit);
    let stat = |name| fingerprint::stat(&folder.join(name));
    if stat("index.lock").is_some_and(|lock| younger(lock.mtime, PATIENCE)) {
        return Some(Work::Writing);
    }
    stat("index").is_some_and(|index| younger(index.ctime, recent)).then_some(Work::Done)
}
