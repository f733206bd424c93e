//! Files whose check is deferred, because they may be in the middle of a save.
//!
//! Has deadlines but no clock: the caller passes the time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why a check is deferred, which determines for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeferReason {
    /// Deleted or renamed away: editors that keep a backup write it again within moments.
    Gone,
    /// Empty: a truncated file is often written again.
    Emptied,
    /// Just created: it may still be filled.
    New,
    /// Just created and complete, but perhaps a scratch file about to be renamed.
    Scratch,
    /// Being written; the platform reports when it is closed. Checked after a while anyway, for writers that
    /// keep their file open.
    Writing,
    /// Written, but nothing tells whether the save is complete.
    Unsure,
}

impl DeferReason {
    fn wait(self) -> Duration {
        Duration::from_millis(match self {
            Self::Gone => 50,
            Self::Emptied => 75,
            Self::New | Self::Scratch => 15,
            Self::Writing => 1000,
            Self::Unsure => 25,
        })
    }
}

#[derive(Debug, Default)]
pub(super) struct Deferred {
    due: HashMap<PathBuf, (Instant, DeferReason)>,
}

impl Deferred {
    /// Defers the check of `path`, counted from `now`.
    pub(super) fn defer(&mut self, path: &Path, why: DeferReason, now: Instant) {
        self.due.insert(path.to_path_buf(), (now + why.wait(), why));
    }

    /// Returns why the check of `path` is deferred, if it is.
    pub(super) fn reason(&self, path: &Path) -> Option<DeferReason> {
        self.due.get(path).map(|(_, why)| *why)
    }

    /// Removes the deferral: the file is being checked now.
    pub(super) fn remove(&mut self, path: &Path) {
        self.due.remove(path);
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.due.keys().map(PathBuf::as_path)
    }

    /// Returns when the next check is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.values().map(|(due, _)| *due).min()
    }

    /// Takes out the checks that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(PathBuf, DeferReason)> {
        let due: Vec<(PathBuf, DeferReason)> = self
            .due
            .iter()
            .filter(|(_, (due, _))| *due <= now)
            .map(|(path, (_, why))| (path.clone(), *why))
            .collect();
        for (path, _) in &due {
            self.due.remove(path);
        }
        due
    }
}
