//! Files that are looked at a little later, because what is there may be half of a save.
//!
//! Knows deadlines, not clocks: the caller says what time it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why a look is put off, and so for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Deleted or renamed away: editors that keep a backup write it anew within moments.
    Gone,
    /// Nothing in it: what was cut off is often written again.
    Emptied,
    /// Just made: it may still be filled.
    New,
    /// Just made and complete, but perhaps a scratch file that is about to be renamed.
    Scratch,
    /// Bytes are being written, and the platform will tell when the file is closed. Looked at in the end all the same,
    /// for writers that keep their file open.
    Writing,
    /// Written, on a platform or by a look that does not tell whether it is complete.
    Unsure,
}

impl Why {
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

/// The looks put off.
#[derive(Debug, Default)]
pub(super) struct Holds {
    due: HashMap<PathBuf, (Instant, Why)>,
}

impl Holds {
    /// Puts off the look at `path`, counted from `now`.
    pub(super) fn hold(&mut self, path: &Path, why: Why, now: Instant) {
        self.due.insert(path.to_path_buf(), (now + why.wait(), why));
    }

    /// Why the look at `path` is put off, if it is.
    pub(super) fn why(&self, path: &Path) -> Option<Why> {
        self.due.get(path).map(|(_, why)| *why)
    }

    /// The look happens now.
    pub(super) fn release(&mut self, path: &Path) {
        self.due.remove(path);
    }

    /// The files whose look is put off.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.due.keys().map(PathBuf::as_path)
    }

    /// When the next look is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.values().map(|(due, _)| *due).min()
    }

    /// Takes out the looks that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(PathBuf, Why)> {
        let due: Vec<(PathBuf, Why)> = self
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
