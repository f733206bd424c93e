//! The lock of a live path: a single hotrun keeps it, and its pid is in the lock file.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::error::PublishError;
use super::files::{beside, names};

fn path(live: &Path) -> PathBuf {
    beside(live, ".lock")
}

/// The lock of a live path, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    /// The error of a file system without locks, on which this lock excludes nobody.
    pub(super) unsupported: Option<io::Error>,
    /// Whether there was no lock file before.
    pub(super) is_new: bool,
}

impl Lock {
    /// Takes the lock and writes this process's pid into its file.
    pub(super) fn take(live: &Path) -> Result<Self, PublishError> {
        let path = path(live);
        let failed = |what, source| PublishError::Io { what, path: path.clone(), source };
        let mut options = File::options();
        // Writing must not follow another user's symbolic link.
        options.read(true).write(true).custom_flags(libc::O_NOFOLLOW);
        let (mut file, is_new) = match options.open(&path) {
            Ok(file) => (file, false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = options.create(true).truncate(false).open(&path);
                (made.map_err(|error| failed("open the lock file", error))?, true)
            }
            Err(error) => return Err(failed("open the lock file", error)),
        };
        let unsupported = match file.try_lock() {
            Ok(()) => None,
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Without a pid the message is still useful.
                let _ = file.read_to_string(&mut text);
                return Err(PublishError::Taken { pid: text.trim().parse().ok(), live: live.to_owned() });
            }
            Err(TryLockError::Error(error)) if is_unsupported(&error) => Some(error),
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        };
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| failed("write the lock file", error))?;
        Ok(Self { file, unsupported, is_new })
    }

    /// Whether the locked file is still the lock file of this live path.
    pub(super) fn is_of(&self, live: &Path) -> bool {
        names(&path(live), &self.file)
    }
}

/// Whether a file system has no locks. cargo continues without them as well, and does not even try on NFS.
fn is_unsupported(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    number == Some(libc::ENOTSUP)
        || number == Some(libc::EOPNOTSUPP)
        || number == Some(libc::ENOSYS)
        || number == Some(libc::ENOLCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symlinked_lock_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (live, target) = (folder.path().join("app"), folder.path().join("precious"));
        std::fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, path(&live)).unwrap();
        let error = Lock::take(&live).unwrap_err();
        assert!(error.hint().is_some_and(|hint| hint.contains("link")), "{:?}", error.hint());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    }

    #[test]
    fn missing_lock_support_is_no_failure() {
        for number in [libc::ENOTSUP, libc::EOPNOTSUPP, libc::ENOSYS, libc::ENOLCK] {
            assert!(is_unsupported(&io::Error::from_raw_os_error(number)), "{number}");
        }
        assert!(!is_unsupported(&io::Error::from_raw_os_error(libc::EIO)));
    }
}
