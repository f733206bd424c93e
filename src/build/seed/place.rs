//! The destination of a copy, and how the copy gets there while a cargo waits.
//!
//! Most of a build with nothing to compile is reading manifests and resolving dependencies; only then cargo
//! locks a file in its profile folder. So cargo is started during the copy: by then the destination has the
//! lock file of the copy (the same inode), which is held until the two have exchanged names.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::locks::{is_lock, try_lock, try_locks};

/// A folder being copied to.
#[derive(Debug)]
pub(super) struct Destination {
    wait_point: WaitPoint,
    /// Held until this is dropped.
    _locks: Vec<File>,
}

/// Makes a cargo wait at the destination.
#[derive(Debug, Clone)]
pub(super) struct WaitPoint {
    copy: PathBuf,
    place: PathBuf,
    locks: Vec<OsString>,
}

impl Destination {
    /// Creates the folder `copy` with the lock files of `from`, and locks them. Returns `None` if another
    /// cargo builds at the destination.
    pub(super) fn make(from: &Path, copy: PathBuf, place: PathBuf) -> io::Result<Option<Self>> {
        if place.exists() {
            // A leftover of a killed hotrun.
            let Some(_locks) = try_locks(&[&place])? else { return Ok(None) };
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir_all(&copy)?;
        let (mut names, mut locks) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(from)? {
            let name = entry?.file_name();
            if is_lock(&name) {
                let lock = File::create_new(copy.join(&name))?;
                try_lock(&lock)?;
                locks.push(lock);
                names.push(name);
            }
        }
        Ok(Some(Self { wait_point: WaitPoint { copy, place, locks: names }, _locks: locks }))
    }

    pub(super) fn wait_point(&self) -> &WaitPoint {
        &self.wait_point
    }

    pub(super) fn copy(&self) -> &Path {
        &self.wait_point.copy
    }

    pub(super) fn place(&self) -> &Path {
        &self.wait_point.place
    }

    /// Moves the copy to its destination, unless another cargo has put something there.
    pub(super) fn fill(&self) -> io::Result<()> {
        let WaitPoint { copy, place, .. } = &self.wait_point;
        fs::create_dir_all(place.parent().unwrap_or(Path::new("/")))?;
        if rename_new(copy, place).is_ok() {
            return Ok(());
        }
        if !self.wait_point.is_installed() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        exchange(copy, place)
    }
}

/// Exchanges the names of two folders.
pub(super) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).or_else(|_| {
        // The file system cannot exchange names. If a cargo finds no folder meanwhile, it creates one, which
        // then stays.
        let aside = one.with_extension("aside");
        rename_new(other, &aside)?;
        rename_new(one, other)?;
        rename_new(&aside, one)
    })
}

impl WaitPoint {
    /// Links the locks of the copy into the destination. Returns whether a cargo would wait there.
    pub(super) fn install(&self) -> bool {
        // If the copy is already in place, nothing is left to do.
        let _ = fs::create_dir_all(&self.place);
        for name in &self.locks {
            let _ = fs::hard_link(self.copy.join(name), self.place.join(name));
        }
        self.has_locks()
    }

    fn has_locks(&self) -> bool {
        let inode =
            |folder: &Path, name| folder.join(name).metadata().map(|file| (file.dev(), file.ino())).ok();
        self.locks.iter().all(|name| {
            let there = inode(&self.place, name);
            // Once in place, the copy is gone from where it was made.
            there.is_some() && inode(&self.copy, name).is_none_or(|own| there == Some(own))
        })
    }

    /// Whether the destination holds these locks and nothing else: another cargo's may have other names.
    fn is_installed(&self) -> bool {
        let mut names =
            fs::read_dir(&self.place).into_iter().flatten().map(|entry| entry.map(|it| it.file_name()));
        names.all(|name| name.is_ok_and(|name| self.locks.contains(&name))) && self.has_locks()
    }
}

/// Whether a folder holds only lock files of cargo.
pub(super) fn holds_only_locks(folder: &Path) -> bool {
    fs::read_dir(folder)
        .is_ok_and(|mut entries| entries.all(|entry| entry.is_ok_and(|entry| is_lock(&entry.file_name()))))
}

/// Renames a folder to a free name; a folder with content there is kept (rename(2), `ENOTEMPTY`).
#[expect(clippy::disallowed_methods, reason = "these are folders, and not the live one")]
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the source, the copy and its destination.
    fn folders() -> (tempfile::TempDir, [PathBuf; 3]) {
        let root = tempfile::tempdir().unwrap();
        let folders = ["from", "copy", "staging/debug"].map(|name| root.path().join(name));
        fs::create_dir(&folders[0]).unwrap();
        fs::write(folders[0].join(".cargo-lock"), "").unwrap();
        (root, folders)
    }

    fn make([from, copy, place]: &[PathBuf; 3]) -> Option<Destination> {
        let made = Destination::make(from, copy.clone(), place.clone()).unwrap();
        made.inspect(|_| fs::write(copy.join("app"), "copied").unwrap())
    }

    #[test]
    fn a_waiting_cargo_continues_in_the_copy() {
        let (_root, folders) = folders();
        let made = make(&folders).unwrap();
        assert!(made.wait_point().install());
        let waits = File::open(folders[2].join(".cargo-lock")).unwrap();
        assert!(try_lock(&waits).unwrap().is_none());
        made.fill().unwrap();
        assert_eq!(fs::read_to_string(folders[2].join("app")).unwrap(), "copied");
        assert!(made.wait_point().install(), "where it is too late nothing is to be done");
        assert!(try_lock(&waits).unwrap().is_none());
        drop(made);
        assert!(try_lock(&waits).unwrap().is_some());
        // The lock excludes the next cargo.
        let next = File::open(folders[2].join(".cargo-lock")).unwrap();
        assert!(try_lock(&next).unwrap().is_none());
    }

    #[test]
    fn a_destination_without_a_wait_point_is_filled() {
        let (_root, folders) = folders();
        make(&folders).unwrap().fill().unwrap();
        assert!(folders[2].join("app").exists() && folders[2].join(".cargo-lock").exists());
    }

    #[test]
    fn builds_of_another_cargo_are_kept() {
        let (_root, folders) = folders();
        let made = make(&folders).unwrap();
        assert!(made.wait_point().install());
        fs::write(folders[2].join("app"), "built").unwrap();
        assert_eq!(made.fill().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(folders[2].join("app")).unwrap(), "built");
        fs::remove_dir_all(&folders[2]).unwrap();
        // A lock file that is not the held one.
        fs::create_dir(&folders[2]).unwrap();
        fs::write(folders[2].join(".cargo-lock"), "").unwrap();
        assert!(!made.wait_point().install());
        assert!(made.fill().is_err());
        // A lock file of another name.
        fs::remove_dir_all(&folders[2]).unwrap();
        assert!(made.wait_point().install());
        fs::write(folders[2].join(".cargo-build-lock"), "").unwrap();
        assert!(made.fill().is_err());
    }

    #[test]
    fn leftovers_are_removed_unless_a_cargo_holds_them() {
        let (_root, folders) = folders();
        fs::create_dir_all(&folders[2]).unwrap();
        fs::write(folders[2].join(".cargo-lock"), "").unwrap();
        let other = File::open(folders[2].join(".cargo-lock")).unwrap();
        other.lock().unwrap();
        assert!(make(&folders).is_none());
        other.unlock().unwrap();
        assert!(make(&folders).unwrap().wait_point().install());
    }
}
