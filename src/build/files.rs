//! Files that are placed once and never written to again: links and copies, exchanged names, comparison.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// `path` with `suffix` after its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Whether `path` names the file that is open as `file`.
pub(super) fn names(path: &Path, file: &File) -> bool {
    let id = |metadata: io::Result<fs::Metadata>| metadata.map(|it| (it.dev(), it.ino())).ok();
    id(fs::metadata(path)).is_some_and(|named| Some(named) == id(file.metadata()))
}

/// What tells a file from its later states without reading it: the change time cannot be set by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &fs::Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Gives `to` the bytes of `from`: a link where the file system can, else a synced copy.
pub(super) fn place(from: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    match fs::hard_link(from, to) {
        Err(error) if no_link(&error) => copy(from, to),
        linked => linked,
    }
}

/// Gives `to` the bytes of `from`, synced, in an inode of its own: a clone where the file system can.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

/// Whether a link was refused for what the file systems are, not for what is on them.
fn no_link(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}

/// What became of the file that a new one took the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// There was none, or it is gone.
    Nothing,
    /// The name of the new one is its name now.
    NowNamed,
}

/// Puts `new` in the place of `live` in one atomic step, by exchanging the two names where the file system can. A plain
/// rename over an existing file makes ext4 write the new file's data out first (`auto_da_alloc`, ext4(5)), which takes
/// longer than all else here.
pub(super) fn replace(new: &Path, live: &Path) -> io::Result<Replaced> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, new, CWD, live, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Replaced::NowNamed),
        // Nothing is live yet, or the file system exchanges no names.
        Err(_) => replace_by_rename(new, live),
    }
}

/// The same with a rename, the old file kept by another name meanwhile.
fn replace_by_rename(new: &Path, live: &Path) -> io::Result<Replaced> {
    let old = beside(new, "-old");
    // Where there is no room for both, the new one matters.
    let kept = place(live, &old).is_ok();
    let renamed = rename(new, live);
    if !kept || renamed.is_err() {
        let _ = fs::remove_file(old);
        return renamed.map(|()| Replaced::Nothing);
    }
    rename(&old, new).map(|()| Replaced::NowNamed)
}

/// Renames a file. Where both names are links to one file already, only `to` is left.
#[expect(clippy::disallowed_methods, reason = "this is the room that renames")]
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    // Between links to the same file rename(2) does nothing.
    let _ = fs::remove_file(from);
    Ok(())
}

/// Compares two files. Two builds differ early (the build id is near the start of the file), so this is quick where it
/// matters: when the binary has changed.
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
    fn a_file_system_that_exchanges_no_names_keeps_the_old_file_all_the_same() {
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
