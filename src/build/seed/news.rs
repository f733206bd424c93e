//! What is told of the seeding, and when: nothing before it is known that its plan is the right one.

use std::io;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use super::COPY_LIMIT;
use crate::build::BuildNews;

/// What is told of the seeding.
#[derive(Debug)]
pub enum SeedNews {
    /// Another cargo holds the project's own target.
    Blocked,
    /// The copy begins.
    Began {
        /// The folder that decides.
        from: PathBuf,
        /// How much there is to copy.
        bytes: u64,
    },
    /// How far it is, where it takes long.
    Progress {
        /// The bytes copied.
        copied: u64,
        /// Those there are.
        bytes: u64,
    },
    /// There was something to begin with, but the first build begins with nothing.
    Declined(SeedError),
    /// The first build failed with it, and begins again with nothing.
    Discarded {
        /// The folder it was copied from.
        from: PathBuf,
    },
}

/// Why the first build begins with nothing.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Another cargo kept its locks.
    #[error("another cargo has held `{}` for {} s", folder.display(), waited.as_secs())]
    Blocked {
        /// The folder they are in.
        folder: PathBuf,
        /// For how long.
        waited: Duration,
    },
    /// A copy would fill the disk.
    #[error("a copy of `{}` would take {} of the {} that are free", folder.display(), size(*bytes), size(*free))]
    LittleSpace {
        /// What was to be copied.
        folder: PathBuf,
        /// How much that is.
        bytes: u64,
        /// How much is free.
        free: u64,
    },
    /// The copy would have taken too long.
    #[error("copying the {} of `{}` would take more than {} s", size(*bytes), folder.display(), COPY_LIMIT.as_secs())]
    Slow {
        /// What was to be copied.
        folder: PathBuf,
        /// How much that is.
        bytes: u64,
    },
    /// Something could not be read or written.
    #[error("could not copy `{}`", folder.display())]
    Io {
        /// What was to be copied.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another cargo was faster.
    #[error("another cargo builds there already")]
    Taken,
    /// hotrun ends.
    #[error("stopped")]
    Stopped,
}

impl SeedError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::LittleSpace { .. } | Self::Slow { .. })
            .then_some("`--share-build-dir` builds in the project's own build directory instead")
    }
}

/// Tells what is said of a seeding, once its plan is confirmed.
#[derive(Debug)]
pub(super) struct Voice {
    news: mpsc::UnboundedSender<BuildNews>,
    plan: Mutex<Plan>,
    decided: Condvar,
}

/// What is known of a seeding's plan.
#[derive(Debug)]
enum Plan {
    /// Nothing; and this is to be said where it is confirmed.
    Open(Vec<SeedNews>),
    Confirmed,
    Refused,
}

impl Voice {
    pub(super) fn new(news: mpsc::UnboundedSender<BuildNews>) -> Self {
        Self { news, plan: Mutex::new(Plan::Open(Vec::new())), decided: Condvar::new() }
    }

    pub(super) fn tell(&self, said: SeedNews) {
        match &mut *self.plan() {
            Plan::Open(kept) => kept.push(said),
            Plan::Confirmed => self.send(said),
            Plan::Refused => {}
        }
    }

    /// The plan is the right one.
    pub(super) fn confirm(&self) {
        let mut plan = self.plan();
        if let Plan::Open(kept) = std::mem::replace(&mut *plan, Plan::Confirmed) {
            for said in kept {
                self.send(said);
            }
        }
        self.decided.notify_all();
    }

    /// The plan is not to be followed, unless it was confirmed; says whether.
    pub(super) fn refuse(&self) -> bool {
        let mut plan = self.plan();
        let open = matches!(*plan, Plan::Open(_));
        if open {
            *plan = Plan::Refused;
            self.decided.notify_all();
        }
        open
    }

    /// Whether the plan is not to be followed.
    pub(super) fn is_refused(&self) -> bool {
        matches!(*self.plan(), Plan::Refused)
    }

    /// Waits until it is known whether the plan is followed, and says whether.
    pub(super) fn is_confirmed(&self) -> bool {
        let open = |plan: &mut Plan| matches!(plan, Plan::Open(_));
        let plan = self.decided.wait_while(self.plan(), open).unwrap_or_else(PoisonError::into_inner);
        matches!(*plan, Plan::Confirmed)
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, said: SeedNews) {
        // Whoever listened is gone when hotrun ends.
        let _ = self.news.send(BuildNews::Seed(said));
    }
}

/// A size as people are shown it: `476 MB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}
