//! The runtime folder for hotrun's sockets: private to this user, with a short path.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The longest socket path that every platform takes: 104 bytes with the NUL on macOS (unix(4)).
const MAX_SOCKET_PATH: usize = 100;

/// The longest file name in the folder: `n`, a service and a 32-bit number.
const MAX_NAME: usize = "/n65535-4294967295".len();

/// The only user whose programs can become another user.
const ROOT: u32 = 0;

/// The folder, removed with its contents on drop.
#[derive(Debug)]
pub struct RuntimeFolder(PathBuf);

impl RuntimeFolder {
    /// Creates the folder of this run in `$XDG_RUNTIME_DIR` (`preferred`) if that belongs to this user and
    /// its path is short, else in `/tmp`. Only this user may enter it. If that is root, others may pass
    /// through it to the notify socket, so that a program can report readiness after it has become another
    /// user.
    pub fn create(preferred: Option<&Path>, run: &str) -> io::Result<Self> {
        let user = rustix::process::geteuid().as_raw();
        let preferred = preferred.filter(|folder| {
            folder.is_absolute()
                && (user != ROOT || folder.ancestors().all(lets_others_pass))
                && fs::metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == user)
        });
        if let Some(folder) = preferred {
            let path = folder.join(format!("hotrun-{run}"));
            if path.as_os_str().as_bytes().len() + MAX_NAME <= MAX_SOCKET_PATH && make(&path, user).is_ok() {
                return Ok(Self(path));
            }
        }
        let path = PathBuf::from(format!("/tmp/hotrun-{user}-{run}"));
        // Fails if anything has the name, even a link: another user may own it.
        make(&path, user)?;
        Ok(Self(path))
    }

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
    fn is_private_short_and_removed_on_drop() {
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
