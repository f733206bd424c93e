//! What a file was at one moment: its stat, and what it held.
//!
//! Reads the file system and remembers nothing. Files are compared by content; the stat only saves reading.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::sys;

/// Files nobody names are read up to this size; larger ones are told apart by size and times.
const GUESSED_READ: u64 = 1 << 20;

/// File times come from a clock that ticks, so they may lie this far before the moment they stand for.
pub(super) const SLACK: Duration = Duration::from_millis(12);

/// What `stat` says, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Device and inode.
    pub id: (u64, u64),
    /// Bytes.
    pub size: u64,
    /// Last modification, which archives, git and `touch` set to any time, past or future.
    pub mtime: SystemTime,
    /// Last change of the inode, which only the kernel sets.
    pub ctime: SystemTime,
    /// What it is.
    pub kind: Kind,
}

/// What kind of thing a path names, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A socket, a pipe, a device.
    Other,
}

/// What a path held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Nothing is there.
    Missing,
    /// Something is there that hotrun may not read.
    Unreadable,
    /// A folder.
    Folder,
    /// A socket, a pipe, a device.
    Other,
    /// A file of this length and this hash.
    Hashed(u64, u64),
    /// A file told apart by its stat.
    Large(Stat),
    /// Not known: differs from everything, itself included.
    Unknown,
}

impl Content {
    /// Whether both are known and the same.
    pub fn same(&self, other: &Self) -> bool {
        *self != Self::Unknown && self == other
    }

    /// That of a file which holds this.
    pub fn of(text: &str) -> Self {
        sys::hash(text.as_bytes()).map_or(Self::Unknown, |(length, hash)| Self::Hashed(length, hash))
    }

    /// A file without a byte in it.
    pub fn is_empty_file(&self) -> bool {
        matches!(self, Self::Hashed(0, _))
    }
}

/// Stat and content of one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// `None` where nothing is there.
    pub stat: Option<Stat>,
    /// What it held.
    pub content: Content,
}

impl Fingerprint {
    /// Nothing was there.
    pub const MISSING: Self = Self { stat: None, content: Content::Missing };

    /// When it was changed: now at the latest, also where nothing is there to tell.
    pub fn changed_at(&self) -> SystemTime {
        let now = SystemTime::now();
        self.stat.map_or(now, |stat| stat.ctime.min(now))
    }

    /// Whether it was changed after `moment`, or in the same tick of the clock. `None` where its times do not tell: nothing is
    /// there, or they lie after the look at it, because the clock was set back or is another machine's.
    pub fn changed_after(&self, moment: SystemTime, seen: SystemTime) -> Option<bool> {
        let changed = self.stat?.ctime;
        // A folder's times tell of its entries, which are followed by themselves.
        (changed <= seen + SLACK).then(|| self.content != Content::Folder && changed + SLACK >= moment)
    }
}

/// How much of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of it: somebody names it.
    Whole,
    /// All of it unless it is large.
    Guessed,
}

/// The stat of `path`, links followed; `None` where nothing is there.
pub fn stat(path: &Path) -> Option<Stat> {
    std::fs::metadata(path).ok().map(|metadata| from_metadata(&metadata))
}

/// What `metadata` says.
pub fn from_metadata(metadata: &std::fs::Metadata) -> Stat {
    let kind = if metadata.is_file() {
        Kind::File
    } else if metadata.is_dir() {
        Kind::Folder
    } else {
        Kind::Other
    };
    Stat {
        id: (metadata.dev(), metadata.ino()),
        size: metadata.size(),
        mtime: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime: time(metadata.ctime(), metadata.ctime_nsec()),
        kind,
    }
}

/// What `path` holds now. A file that is written meanwhile is read again a few times, and otherwise told by its last state.
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
        Kind::Folder => return Content::Folder,
        Kind::Other => return Content::Other,
        Kind::File => {}
    }
    if depth == Depth::Guessed && stat.size > GUESSED_READ {
        return Content::Large(*stat);
    }
    // Without waiting: the file may have become a pipe since it was looked at.
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
    fn content_is_judged_not_the_inode() {
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
    fn links_are_followed_and_the_unknown_equals_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&file, "one").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(fingerprint(&link, Depth::Whole).content.same(&fingerprint(&file, Depth::Whole).content));
        assert_eq!(fingerprint(folder.path(), Depth::Whole).content, Content::Folder);
        assert!(!Content::Unknown.same(&Content::Unknown));
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        assert_eq!(fingerprint(&path, Depth::Whole).content, Content::Other);
    }
}
