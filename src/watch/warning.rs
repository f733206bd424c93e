//! Warnings about watching, with their wording and hints. Pure.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::words::short_time;

#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Warning {
    #[error("file events cannot be relied on in `{}` ({file_system}); polling", folder.display())]
    Unreliable { folder: PathBuf, file_system: &'static str },
    /// The platform refused a watch, and files are polled instead.
    #[error("{missing}; polling every {}", short_time(*every))]
    Polling { missing: Refused, every: Duration },
    /// The platform refused a watch, and `watch.poll` forbids polling.
    #[error("{missing}; some changes will be noticed only after a build")]
    Blind { missing: Refused },
    /// The platform reported a lost event.
    #[error("a file event was lost ({problem}); looking at every file again")]
    Lost { problem: String },
    /// A file or folder that a setting names is not there.
    #[error("`{}`, named by `{key}`, does not exist; it will count when it appears", path.display())]
    Missing {
        /// The file or folder.
        path: PathBuf,
        /// The setting.
        key: &'static str,
    },
    /// Every build writes a file that counts.
    #[error(
        "`{}` is written anew by every build, so it is no longer followed until something else changes",
        path.display()
    )]
    Loop { path: PathBuf },
    /// A file changed after each of several builds or starts and never else.
    #[error("`{}` changes after every build or start, so such changes no longer count", path.display())]
    Echo { path: PathBuf },
    /// The same of a source, which is still followed.
    #[error("`{}` changes after every start of the program", path.display())]
    Repeats { path: PathBuf },
    /// The same again, and at other times.
    #[error("`{}` keeps changing by itself, so it is no longer followed", path.display())]
    Restless { path: PathBuf },
}

impl Warning {
    /// Shortens the path relative to `folder`.
    #[must_use]
    pub fn seen_from(self, folder: &Path) -> Self {
        let short = |path: PathBuf| path.strip_prefix(folder).map(Path::to_owned).unwrap_or(path);
        match self {
            Self::Missing { path, key } => Self::Missing { path: short(path), key },
            Self::Loop { path } => Self::Loop { path: short(path) },
            Self::Echo { path } => Self::Echo { path: short(path) },
            Self::Repeats { path } => Self::Repeats { path: short(path) },
            Self::Restless { path } => Self::Restless { path: short(path) },
            other => other,
        }
    }

    /// Returns a way out, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreliable { .. } => {
                Some("set `--poll=never` to rely on them, or an interval, such as `--poll=2s`")
            }
            Self::Polling { missing, .. } | Self::Blind { missing } => missing.hint(),
            Self::Lost { .. } | Self::Missing { .. } => None,
            Self::Echo { .. } | Self::Repeats { .. } => {
                Some("if the program writes it, name it in `watch.ignore` or let it be written elsewhere")
            }
            Self::Restless { .. } => {
                Some("name it in `watch.ignore`; a requested restart or an edited config follows it again")
            }
            Self::Loop { .. } => Some(
                "let the build script write it only when its content differs, or name it in `watch.ignore`",
            ),
        }
    }
}

/// Why a folder could not be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// No more watches for this user.
    Watches,
    /// No more inotify instances for this user, or no more descriptors for this process.
    Instances,
    /// No more threads for this user.
    Threads,
    /// Anything else; the folder may be unreadable.
    Other,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Watches => "no inotify watches are left for this user",
            Self::Instances => "no inotify instances are left for this user",
            Self::Threads => "no threads are left for this user",
            Self::Other => "file events are not to be had here",
        })
    }
}

impl Refused {
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Watches => Some("raise the limit with `sudo sysctl fs.inotify.max_user_watches=524288`"),
            Self::Instances => Some("raise the limit with `sudo sysctl fs.inotify.max_user_instances=512`"),
            Self::Threads => Some("end some processes, or raise the limit on them (`ulimit -u`)"),
            Self::Other => None,
        }
    }
}
