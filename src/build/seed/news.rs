//! What is told of the seeding.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// How long a copy may take that is not finished soon: whoever has that much to copy is served better by compiling.
pub(super) const COPY_LIMIT: Duration = Duration::from_mins(1);

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

/// A size as people are shown it: `476 MB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}
