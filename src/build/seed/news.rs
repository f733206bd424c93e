//! Events and errors of seeding and of the warm-up.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// How long a copy may take: beyond that, compiling is better.
pub(super) const COPY_LIMIT: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub enum SeedNews {
    /// Another cargo holds the project's own target.
    Blocked,
    Began {
        /// The profile folder that decides.
        from: PathBuf,
        bytes: u64,
    },
    /// The progress of a long copy.
    Progress { copied: u64, bytes: u64 },
    /// The first build begins with nothing, although there is something to copy.
    Declined(SeedError),
    /// The first build failed because of the copy, and is repeated without it.
    Discarded { from: PathBuf },
}

#[derive(Debug)]
pub enum WarmUpNews {
    Spawned {
        /// cargo's pid, which is also the id of its process group.
        pid: u32,
    },
    /// That process group has ended.
    Gone { pid: u32 },
    Ended {
        /// How long it took, if it came to its end.
        took: Option<Duration>,
    },
}

/// Why the first build begins with nothing.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Another cargo kept its locks.
    #[error("another cargo has held `{}` for {} s", folder.display(), waited.as_secs())]
    Blocked { folder: PathBuf, waited: Duration },
    #[error("a copy of `{}` would take {} of the {} that are free", folder.display(), size(*bytes), size(*free))]
    LittleSpace { folder: PathBuf, bytes: u64, free: u64 },
    #[error("copying the {} of `{}` would take more than {} s", size(*bytes), folder.display(), COPY_LIMIT.as_secs())]
    Slow { folder: PathBuf, bytes: u64 },
    #[error("could not copy `{}`", folder.display())]
    Io {
        folder: PathBuf,
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
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::LittleSpace { .. } | Self::Slow { .. })
            .then_some("`--share-build-dir` builds in the project's own build directory instead")
    }
}

/// Formats a size, as in `476 MB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}
