//! The runtime folder: hotrun's sockets, in a place that is this user's alone and whose path is short enough for them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The longest path of a socket that every platform takes: 104 bytes with the NUL on macOS (unix(4)).
const LONGEST: usize = 100;

/// The longest name of a file in it: `n`, a service and a 32-bit number.
const ROOM: usize = "/n65535-4294967295".len();

/// The only user whose programs can become another one.
const ROOT: u32 = 0;

/// The folder; dropped, it is gone with all that is in it.
#[derive(Debug)]
pub struct RuntimeFolder(PathBuf);

impl RuntimeFolder {
    /// Makes the folder of this run, in `$XDG_RUNTIME_DIR` (`preferred`) where that is this user's and its path is short,
    /// else in `/tmp`. Only this user may enter it. Where that is root, other users may pass through it to the notify socket,
    /// so that a program can say that it is ready after it has become another user.
    ///
    /// # Errors
    /// Where neither can be written to.
    pub fn create(preferred: Option<&Path>, run: &str) -> io::Result<Self> {
        let user = rustix::process::geteuid().as_raw();
        let preferred = preferred.filter(|folder| {
            folder.is_absolute()
                && (user != ROOT || folder.ancestors().all(lets_others_pass))
                && fs::metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == user)
        });
        if let Some(folder) = preferred {
            let path = folder.join(format!("hotrun-{run}"));
            if path.as_os_str().as_bytes().len() + ROOM <= LONGEST && make(&path, user).is_ok() {
                return Ok(Self(path));
            }
        }
        let path = PathBuf::from(format!("/tmp/hotrun-{user}-{run}"));
        // It must not be there yet, not even as a link: somebody else might own it.
        make(&path, user)?;
        Ok(Self(path))
    }

    /// Where it is: to be told to the reaper as well.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for RuntimeFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn make(path: &Path, user: u32) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    if user == ROOT {
        fs::set_permissions(path, fs::Permissions::from_mode(0o711))?;
    }
    Ok(())
}

fn lets_others_pass(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_private_and_short_and_goes() {
        let base = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let folder = RuntimeFolder::create(Some(base.path()), "0123456789abcdef").unwrap();
        assert!(folder.path().starts_with(base.path()));
        let root = rustix::process::geteuid().is_root();
        let mode = if root { 0o711 } else { 0o700 };
        assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, mode);
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());

        let deep = base.path().join("x".repeat(90));
        fs::create_dir(&deep).unwrap();
        let run = format!("t{}", std::process::id());
        let folder = RuntimeFolder::create(Some(&deep), &run).unwrap();
        assert!(folder.path().starts_with("/tmp") && RuntimeFolder::create(None, &run).is_err());
    }
}
