//! Operations on files that are never written to once in place: links, copies, exchanged names, comparison.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Appends `suffix` to the file name of `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Whether `path` names the open file `file`.
pub(super) fn names(path: &Path, file: &File) -> bool {
    let id = |metadata: io::Result<fs::Metadata>| metadata.map(|it| (it.dev(), it.ino())).ok();
    id(fs::metadata(path)).is_some_and(|named| Some(named) == id(file.metadata()))
}

/// Identifies a state of a file without reading it: no program can set the change time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Creates `to` with the content of `from`: a hard link if the file system can, else a synced copy.
pub(super) fn place(from: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    match fs::hard_link(from, to) {
        Err(error) if no_link(&error) => copy(from, to),
        linked => linked,
    }
}

/// Copies `from` to `to`, synced, in a new inode: a clone if the file system can.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Whether a link failed because of the kind of file systems.
fn no_link(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}

/// The fate of a file replaced by a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// There was none, or it is gone.
    Nothing,
    /// It has the former name of the new file.
    NowNamed,
}

/// Replaces `live` by `new` atomically, by exchanging the names if the file system can. A plain rename over
/// an existing file makes ext4 write out the data of the new file first (`auto_da_alloc`, ext4(5)), which
/// takes longer than all other steps.
pub(super) fn replace(new: &Path, live: &Path) -> io::Result<Replaced> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, new, CWD, live, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Replaced::NowNamed),
        // There is no live file yet, or the file system cannot exchange names.
        Err(_) => replace_by_rename(new, live),
    }
}

/// Does the same by a rename, keeping the old file under another name meanwhile.
fn replace_by_rename(new: &Path, live: &Path) -> io::Result<Replaced> {
    let old = beside(new, "-old");
    // If there is no room for both, only the new file matters.
    let kept = place(live, &old).is_ok();
    let renamed = rename(new, live);
    if !kept || renamed.is_err() {
        let _ = fs::remove_file(old);
        return renamed.map(|()| Replaced::Nothing);
    }
    rename(&old, new).map(|()| Replaced::NowNamed)
}

/// Renames a file. If both names are links to one file, only `to` is left.
#[expect(clippy::disallowed_methods, reason = "this is the room that renames")]
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // rename(2) does nothing between links to the same file.
    let _ = fs::remove_file(from);
    Ok(())
}

/// Compares two files. Fast if they differ, as changed binaries do near the start (build id).
pub(super) fn same_bytes(one: &File, other: &File) -> io::Result<bool> {
    let (a, b) = (one.metadata()?, other.metadata()?);
    if (a.dev(), a.ino()) == (b.dev(), b.ino()) {
        return Ok(true);
    }
    if a.len() != b.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; 1 << 17], vec![0; 1 << 17]);
    let mut at = 0;
    loop {
        let n = one.read_at(&mut left, at)?;
        if n == 0 {
            return Ok(at == a.len());
        }
        other.read_exact_at(&mut right[..n], at)?;
        if left[..n] != right[..n] {
            return Ok(false);
        }
        at += n as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_name_exchange_the_old_file_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (new, live) = (folder.path().join("new"), folder.path().join("live"));
        let read = |path: &Path| fs::read_to_string(path).ok();
        fs::write(&new, "one").unwrap();
        assert_eq!(replace_by_rename(&new, &live).unwrap(), Replaced::Nothing);
        assert_eq!((read(&new), read(&live)), (None, Some("one".to_owned())));
        fs::write(&new, "two").unwrap();
        assert_eq!(replace_by_rename(&new, &live).unwrap(), Replaced::NowNamed);
        assert_eq!((read(&new), read(&live)), (Some("one".to_owned()), Some("two".to_owned())));
        // Two names of one file.
        place(&live, &new).unwrap();
        assert_eq!(replace_by_rename(&new, &live).unwrap(), Replaced::NowNamed);
        assert_eq!((read(&new), read(&live)), (Some("two".to_owned()), Some("two".to_owned())));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
