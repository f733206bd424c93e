//! Publishing: the fresh binary becomes the live one by one rename, so that the live path always names a complete
//! executable (L1).
//!
//! Owns the live folder. Never writes to a file that was ever visible under the live path: each publish gives it an inode
//! that nothing will write again (a link to what cargo built, which cargo unlinks before it links anew; or a copy, synced).

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{BuildConfig, TargetName};

/// Where the live binary of a program is: `<target>/hotrun/live/[<triple>/]<profile>/[examples/]<name>`.
pub fn live_path(staging: &Path, build: &BuildConfig, triple: Option<&str>, target: &TargetName) -> PathBuf {
    let mut path = staging.join("live");
    path.extend(triple.map(|triple| triple.trim_end_matches(".json")));
    path.push(profile_folder(&build.profile.value));
    match target {
        TargetName::Bin(name) => path.push(name),
        TargetName::Example(name) => path.extend(["examples", name]),
    }
    path
}

/// The folder cargo keeps a profile's artifacts in
/// (<https://doc.rust-lang.org/cargo/reference/profiles.html>: `dev` and `test` share `debug`, `bench` uses `release`).
pub(super) fn profile_folder(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

/// Why the live path could not be taken or given a new binary.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Another hotrun keeps this program running.
    #[error("hotrun is already running this program (pid {pid}), from `{}`", live.display())]
    Taken {
        /// The pid the other one wrote down, or `unknown`.
        pid: String,
        /// The live path.
        live: PathBuf,
    },
    /// No build has given a binary.
    #[error("there is no fresh binary")]
    NoBinary,
    /// A file or folder could not be made, read or renamed.
    #[error("could not {what} `{}`", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl PublishError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Taken { pid, .. } => Some(format!(
                "stop the other one (`kill {pid}`), or use another target directory with `--target-dir <DIR>`"
            )),
            Self::NoBinary => None,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
                    "make the target directory writable, or name another one with `--target-dir <DIR>`"
                        .to_owned(),
                ),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("free some disk space; the next save, or `r`, tries again".to_owned())
                }
                _ => None,
            },
        }
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Io { what, path, source }
}

/// What a publish came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The live path names the new binary.
    Published,
    /// The live binary has the same bytes already.
    Unchanged,
}

/// Keeps one live path, which no other hotrun may keep at the same time.
#[derive(Debug)]
pub struct Publisher {
    live: PathBuf,
    /// Held locked as long as this hotrun lives.
    lock: File,
    /// The binary published last, open, so that it can be compared with also when its name is gone.
    last: Option<File>,
    ran: bool,
    temporaries: u32,
}

impl Publisher {
    /// Takes the live path: makes its folder, locks it, clears what a killed hotrun left.
    pub fn open(live: PathBuf) -> Result<Self, PublishError> {
        let folder = live.parent().unwrap_or(Path::new("/")).to_owned();
        fs::create_dir_all(&folder).map_err(failed("create the folder", &folder))?;
        let publisher = Self { lock: take_lock(&live)?, live, last: None, ran: false, temporaries: 0 };
        publisher.clear_temporaries(&folder);
        Ok(publisher)
    }

    /// The live path.
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// Where the last build that ran and is not live is kept.
    pub fn previous(&self) -> PathBuf {
        beside(&self.live, ".previous")
    }

    /// Whether the live binary will be kept as the previous one.
    pub fn has_run(&self) -> bool {
        self.ran
    }

    /// The live binary was started and was ready.
    pub fn mark_ran(&mut self) {
        self.ran = true;
    }

    /// Makes `staged` the live binary, unless the one published last has the same bytes. On an error the live path is
    /// what it was.
    pub fn publish(&mut self, staged: &Path) -> Result<Publication, PublishError> {
        let folder = self.live.parent().unwrap_or(Path::new("/")).to_owned();
        fs::create_dir_all(&folder).map_err(failed("create the folder", &folder))?;
        if !names(&lock_path(&self.live), &self.lock) {
            // `cargo clean` took the name of the lock: another hotrun would not see it.
            self.lock = take_lock(&self.live)?;
        }
        let fresh = File::open(staged).map_err(failed("read the fresh binary", staged))?;
        let unchanged = match &self.last {
            Some(last) => {
                same_bytes(last, &fresh).map_err(failed("compare with the fresh binary", staged))?
            }
            None => false,
        };
        if unchanged && self.live_is_last() {
            return Ok(Publication::Unchanged);
        }
        let temporary = self.temporary(&folder);
        let placed = place(staged, &temporary)
            .and_then(|()| replace(&temporary, &self.live))
            .and_then(|replaced| self.keep_or_drop(&temporary, replaced, unchanged));
        if let Err(source) = placed {
            let _ = fs::remove_file(&temporary);
            return Err(PublishError::Io {
                what: "publish the new binary as",
                path: self.live.clone(),
                source,
            });
        }
        // The inode under the live path, which is not `fresh` where it had to be copied.
        self.last = Some(File::open(&self.live).unwrap_or(fresh));
        if unchanged {
            return Ok(Publication::Unchanged);
        }
        self.ran = false;
        Ok(Publication::Published)
    }

    /// Makes the binary before the live one the live one again; the one that could not start is kept as `.failed`.
    pub fn roll_back(&mut self) -> Result<(), PublishError> {
        let folder = self.live.parent().unwrap_or(Path::new("/")).to_owned();
        let temporary = self.temporary(&folder);
        let done =
            place(&self.previous(), &temporary).and_then(|()| match replace(&temporary, &self.live)? {
                Replaced::NowNamed => rename(&temporary, &beside(&self.live, ".failed")),
                Replaced::Nothing => Ok(()),
            });
        if let Err(source) = done {
            let _ = fs::remove_file(&temporary);
            return Err(PublishError::Io {
                what: "set back the live binary",
                path: self.live.clone(),
                source,
            });
        }
        // It is the live one now.
        let _ = fs::remove_file(self.previous());
        self.last = File::open(&self.live).ok();
        self.ran = true;
        Ok(())
    }

    /// The live binary could not start: it is no binary to go back to.
    pub fn mark_failed(&mut self) {
        self.ran = false;
    }

    /// Whether the live path still names the binary published last.
    pub fn live_is_last(&self) -> bool {
        self.last.as_ref().is_some_and(|last| names(&self.live, last))
    }

    /// The binary that was live is the previous one if it ran.
    fn keep_or_drop(&mut self, temporary: &Path, replaced: Replaced, unchanged: bool) -> io::Result<()> {
        let dropped = match replaced {
            Replaced::NowNamed if self.ran && !unchanged => replace(temporary, &self.previous())?,
            other => other,
        };
        if dropped == Replaced::NowNamed {
            // Freeing the blocks of a large file takes longer than all else here, and nobody waits for it. What is left
            // behind should hotrun end now is cleared away by the next one.
            let name = temporary.to_owned();
            let remove = move || drop(fs::remove_file(name));
            if std::thread::Builder::new().name("remove".to_owned()).spawn(remove).is_err() {
                // No more threads are to be had.
                let _ = fs::remove_file(temporary);
            }
        }
        Ok(())
    }

    fn temporary(&mut self, folder: &Path) -> PathBuf {
        self.temporaries += 1;
        let mut name = self.temporary_prefix();
        name.push(format!("{}", self.temporaries));
        folder.join(name)
    }

    /// What every temporary name of this live path begins with; only the holder of the lock makes such names.
    fn temporary_prefix(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(self.live.file_name().unwrap_or(OsStr::new("program")));
        name.push(".new-");
        name
    }

    fn clear_temporaries(&self, folder: &Path) {
        let prefix = self.temporary_prefix();
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Whether `path` names the file that is open as `file`.
fn names(path: &Path, file: &File) -> bool {
    let id = |metadata: io::Result<fs::Metadata>| metadata.map(|it| (it.dev(), it.ino())).ok();
    id(fs::metadata(path)).is_some_and(|named| Some(named) == id(file.metadata()))
}

pub(super) fn lock_path(live: &Path) -> PathBuf {
    beside(live, ".lock")
}

/// Takes the lock of a live path and writes this process's pid into it.
fn take_lock(live: &Path) -> Result<File, PublishError> {
    let path = lock_path(live);
    let mut lock = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed("open the lock file", &path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Without a pid to name, the message still tells what is the matter.
            let _ = lock.read_to_string(&mut pid);
            let pid = if pid.trim().is_empty() { "unknown" } else { pid.trim() }.to_owned();
            return Err(PublishError::Taken { pid, live: live.to_owned() });
        }
        Err(TryLockError::Error(source)) => return Err(PublishError::Io { what: "lock", path, source }),
    }
    lock.set_len(0)
        .and_then(|()| writeln!(lock, "{}", std::process::id()))
        .map_err(failed("write the lock file", &path))?;
    Ok(lock)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

/// Gives `temporary` the bytes of `staged`: a link where the file system can, else a synced copy.
fn place(staged: &Path, temporary: &Path) -> io::Result<()> {
    let _ = fs::remove_file(temporary);
    match fs::hard_link(staged, temporary) {
        Ok(()) => return Ok(()),
        Err(error) if no_link(&error) => {}
        Err(error) => return Err(error),
    }
    let mut from = File::open(staged)?;
    let permissions = from.metadata()?.permissions();
    let mut to = File::options().write(true).create_new(true).open(temporary)?;
    io::copy(&mut from, &mut to)?;
    to.set_permissions(permissions)?;
    to.sync_all()
}

/// Whether a link was refused for what the file systems are, not for what is on them.
fn no_link(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}

/// What became of the file that a new one took the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replaced {
    /// There was none, or it is gone.
    Nothing,
    /// The name of the new one is its name now.
    NowNamed,
}

/// Puts `new` in the place of `live` in one atomic step, by exchanging the two names where the file system can. A plain
/// rename over an existing file makes ext4 write the new file's data out first (`auto_da_alloc`, ext4(5)), which takes
/// longer than all else here.
fn replace(new: &Path, live: &Path) -> io::Result<Replaced> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, new, CWD, live, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(Replaced::NowNamed),
        // Nothing is live yet, or the file system exchanges no names.
        Err(_) => rename(new, live).map(|()| Replaced::Nothing),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the room that renames")]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Compares two files. Two builds differ early (the build id is near the start of the file), so this is quick where it
/// matters: when the binary has changed.
fn same_bytes(one: &File, other: &File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
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

    struct Place {
        _root: tempfile::TempDir,
        staged: PathBuf,
        live: PathBuf,
    }

    fn place() -> Place {
        let root = tempfile::tempdir().unwrap();
        let (staged, live) = (root.path().join("app"), root.path().join("live/debug/app"));
        Place { _root: root, staged, live }
    }

    /// As cargo does: a new inode each time.
    fn build(staged: &Path, bytes: &str) {
        let _ = fs::remove_file(staged);
        fs::write(staged, bytes).unwrap();
    }

    #[test]
    fn the_live_path_follows_the_staged_binary_and_keeps_the_one_that_ran() {
        let place = place();
        let mut publisher = Publisher::open(place.live.clone()).unwrap();
        build(&place.staged, "one");
        assert_eq!(publisher.publish(&place.staged).unwrap(), Publication::Published);
        publisher.mark_ran();
        build(&place.staged, "two");
        assert_eq!(publisher.publish(&place.staged).unwrap(), Publication::Published);
        build(&place.staged, "three");
        assert_eq!(publisher.publish(&place.staged).unwrap(), Publication::Published);
        assert_eq!(fs::read_to_string(&place.live).unwrap(), "three");
        // "two" never ran.
        assert_eq!(fs::read_to_string(publisher.previous()).unwrap(), "one");
    }

    #[test]
    fn a_rollback_gives_the_previous_binary_back_and_keeps_the_one_that_failed() {
        let place = place();
        let mut publisher = Publisher::open(place.live.clone()).unwrap();
        for bytes in ["good", "bad"] {
            build(&place.staged, bytes);
            publisher.publish(&place.staged).unwrap();
            publisher.mark_ran();
        }
        publisher.mark_failed();
        publisher.roll_back().unwrap();
        assert_eq!(fs::read_to_string(&place.live).unwrap(), "good");
        assert_eq!(fs::read_to_string(beside(&place.live, ".failed")).unwrap(), "bad");
        // The same bad bytes are published again when they are built again.
        assert_eq!(publisher.publish(&place.staged).unwrap(), Publication::Published);
        assert_eq!(fs::read_to_string(publisher.previous()).unwrap(), "good");
    }

    #[test]
    fn the_same_bytes_are_not_published_again() {
        let place = place();
        let mut publisher = Publisher::open(place.live.clone()).unwrap();
        build(&place.staged, "one");
        publisher.publish(&place.staged).unwrap();
        let inode = fs::metadata(&place.live).unwrap().ino();
        build(&place.staged, "one");
        assert_eq!(publisher.publish(&place.staged).unwrap(), Publication::Unchanged);
        assert_eq!(fs::metadata(&place.live).unwrap().ino(), inode);
    }

    #[test]
    fn a_removed_live_folder_is_made_again_from_the_same_bytes() {
        let place = place();
        let mut publisher = Publisher::open(place.live.clone()).unwrap();
        build(&place.staged, "one");
        publisher.publish(&place.staged).unwrap();
        fs::remove_dir_all(place.live.parent().unwrap()).unwrap();
        build(&place.staged, "one");
        assert_eq!(publisher.publish(&place.staged).unwrap(), Publication::Unchanged);
        assert_eq!(fs::read_to_string(&place.live).unwrap(), "one");
    }

    #[test]
    fn one_live_path_has_one_hotrun() {
        let place = place();
        let first = Publisher::open(place.live.clone()).unwrap();
        let error = Publisher::open(place.live.clone()).unwrap_err();
        let PublishError::Taken { pid, .. } = &error else { panic!("{error}") };
        assert_eq!(*pid, std::process::id().to_string());
        drop(first);
        Publisher::open(place.live).unwrap();
    }

    #[test]
    fn what_a_killed_hotrun_left_is_cleared_away() {
        let place = place();
        let folder = place.live.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(".app.new-7"), "").unwrap();
        fs::write(folder.join(".apple.new-7"), "").unwrap();
        drop(Publisher::open(place.live.clone()).unwrap());
        assert!(!folder.join(".app.new-7").exists());
        assert!(folder.join(".apple.new-7").exists());
    }

    #[test]
    fn a_missing_fresh_binary_leaves_the_live_one() {
        let place = place();
        let mut publisher = Publisher::open(place.live.clone()).unwrap();
        build(&place.staged, "one");
        publisher.publish(&place.staged).unwrap();
        fs::remove_file(&place.staged).unwrap();
        publisher.publish(&place.staged).unwrap_err();
        assert_eq!(fs::read_to_string(&place.live).unwrap(), "one");
    }
}
