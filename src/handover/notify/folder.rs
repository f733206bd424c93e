//! The runtime folder: hotrun's sockets, in a place that is this user's alone and whose path is short enough for them.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The longest path of a socket that every platform takes: 104 bytes with the NUL on macOS (unix(4)).
const LONGEST: usize = 100;

/// The longest name of a file in it: `n` and a 32-bit number.
const ROOM: usize = "/n4294967295".len();

/// The folder; dropped, it is gone with all that is in it.
#[derive(Debug)]
pub struct RuntimeFolder(PathBuf);

impl RuntimeFolder {
    /// Makes the folder of this run, in `$XDG_RUNTIME_DIR` (`preferred`) where that is this user's and its path is short,
    /// else in `/tmp`. Nobody but this user may enter it.
    ///
    /// # Errors
    /// Where neither can be written to.
    pub fn create(preferred: Option<&Path>, run: &str) -> io::Result<Self> {
        let user = rustix::process::geteuid().as_raw();
        let preferred = preferred.filter(|folder| {
            folder.is_absolute()
                && fs::metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == user)
        });
        if let Some(folder) = preferred {
            let path = folder.join(format!("hotrun-{run}"));
            if path.as_os_str().as_bytes().len() + ROOM <= LONGEST && make(&path).is_ok() {
                return Ok(Self(path));
            }
        }
        let path = PathBuf::from(format!("/tmp/hotrun-{user}-{run}"));
        // It must not be there yet, not even as a link: somebody else might own it.
        make(&path)?;
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

fn make(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_private_and_short_and_goes() {
        let base = tempfile::tempdir_in("/tmp").unwrap();
        let folder = RuntimeFolder::create(Some(base.path()), "0123456789abcdef").unwrap();
        assert!(folder.path().starts_with(base.path()));
        assert_eq!(fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
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
