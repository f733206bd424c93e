//! A file at one moment: its stat and its content.
//!
//! Files are compared by content; the stat only saves reading.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::sys;

/// Files that are not named explicitly are read up to this size; larger ones are compared by size and times.
const GUESSED_READ: u64 = 1 << 20;

/// File times come from a clock that ticks, so they may be this much too early.
pub(super) const SLACK: Duration = Duration::from_millis(12);

/// The result of stat(2), links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Device and inode.
    pub id: (u64, u64),
    pub size: u64,
    /// Last modification, which archives, git and `touch` set to any time, past or future.
    pub mtime: SystemTime,
    /// Last change of the inode, which only the kernel sets.
    pub ctime: SystemTime,
    pub kind: EntryKind,
}

/// The kind of a file, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    File,
    Folder,
    /// A socket, a pipe, a device.
    Other,
}

/// The content at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing exists there.
    Missing,
    /// hotrun may not read it.
    Unreadable,
    Folder,
    /// A socket, a pipe, a device.
    Other,
    /// A file with this length and hash.
    Hashed(u64, u64),
    /// A file identified by its stat.
    Large(Stat),
    /// Unknown: differs from everything, even itself.
    Unknown,
}

impl Content {
    /// Whether both are known and equal.
    pub fn same(&self, other: &Self) -> bool {
        *self != Self::Unknown && self == other
    }

    /// Returns the content of a file with this text.
    pub fn of(text: &str) -> Self {
        sys::hash(text.as_bytes()).map_or(Self::Unknown, |(length, hash)| Self::Hashed(length, hash))
    }

    pub fn is_empty_file(&self) -> bool {
        matches!(self, Self::Hashed(0, _))
    }
}

/// Stat and content at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// `None` if nothing exists.
    pub stat: Option<Stat>,
    pub content: Content,
}

impl Fingerprint {
    pub const MISSING: Self = Self { stat: None, content: Content::Missing };

    /// Returns when the file was changed: at the latest now, even if nothing exists to tell.
    pub fn changed_at(&self) -> SystemTime {
        let now = SystemTime::now();
        self.stat.map_or(now, |stat| stat.ctime.min(now))
    }

    /// Whether the file was changed after `moment`, or in the same tick of the clock. `None` if its times do
    /// not tell: it is missing, or they lie after `seen`, because the clock was set back or is another
    /// machine's.
    pub fn changed_after(&self, moment: SystemTime, seen: SystemTime) -> Option<bool> {
        let changed = self.stat?.ctime;
        // A folder's times tell about its entries, which are followed separately.
        (changed <= seen + SLACK).then(|| self.content != Content::Folder && changed + SLACK >= moment)
    }
}

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of it, because it is named explicitly.
    Whole,
    /// All of it unless it is large.
    Guessed,
}

/// Returns the stat of `path`, links followed; `None` if nothing exists.
pub fn stat(path: &Path) -> Option<Stat> {
    std::fs::metadata(path).ok().map(|metadata| from_metadata(&metadata))
}

pub fn from_metadata(metadata: &std::fs::Metadata) -> Stat {
    let kind = if metadata.is_file() {
        EntryKind::File
    } else if metadata.is_dir() {
        EntryKind::Folder
    } else {
        EntryKind::Other
    };
    Stat {
        id: (metadata.dev(), metadata.ino()),
        size: metadata.size(),
        mtime: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime: time(metadata.ctime(), metadata.ctime_nsec()),
        kind,
    }
}

/// Reads `path`. A file being written is read again a few times; then its last state counts.
pub fn fingerprint(path: &Path, depth: Depth) -> Fingerprint {
    let mut latest = Fingerprint::MISSING;
    for _ in 0..4 {
        let Some(before) = stat(path) else {
            return Fingerprint::MISSING;
        };
        latest = Fingerprint { stat: Some(before), content: content(path, &before, depth) };
        if stat(path) == Some(before) {
            break;
        }
    }
    latest
}

fn content(path: &Path, stat: &Stat, depth: Depth) -> Content {
    match stat.kind {
        EntryKind::Folder => return Content::Folder,
        EntryKind::Other => return Content::Other,
        EntryKind::File => {}
    }
    if depth == Depth::Guessed && stat.size > GUESSED_READ {
        return Content::Large(*stat);
    }
    // Non-blocking: the file may have become a pipe meanwhile.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) if file.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo()) => Content::Other,
        Ok(file) => {
            sys::hash(file).map_or(Content::Unreadable, |(length, hash)| Content::Hashed(length, hash))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Content::Missing,
        Err(_) => Content::Unreadable,
    }
}

fn time(seconds: i64, nanoseconds: i64) -> SystemTime {
    let nanoseconds = Duration::from_nanos(nanoseconds.unsigned_abs());
    let whole = Duration::from_secs(seconds.unsigned_abs());
    if seconds >= 0 {
        SystemTime::UNIX_EPOCH + whole + nanoseconds
    } else {
        SystemTime::UNIX_EPOCH - whole + nanoseconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_counts_not_the_inode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        assert_eq!(fingerprint(&path, Depth::Whole), Fingerprint::MISSING);
        std::fs::write(&path, "one").unwrap();
        let one = fingerprint(&path, Depth::Whole);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "one").unwrap();
        let again = fingerprint(&path, Depth::Whole);
        assert!(one.content.same(&again.content));
        std::fs::write(&path, "two").unwrap();
        assert!(!one.content.same(&fingerprint(&path, Depth::Whole).content));
        std::fs::write(&path, "").unwrap();
        assert!(fingerprint(&path, Depth::Whole).content.is_empty_file());
    }

    #[test]
    fn links_are_followed_and_unknown_equals_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&file, "one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(fingerprint(&link, Depth::Whole).content.same(&fingerprint(&file, Depth::Whole).content));
        assert_eq!(fingerprint(folder.path(), Depth::Whole).content, Content::Folder);
        assert!(!Content::Unknown.same(&Content::Unknown));
    }

    #[test]
    fn a_pipe_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(fingerprint(&path, Depth::Whole).content, Content::Other);
    }
}
