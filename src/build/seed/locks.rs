//! cargo's own locks on its folders, taken without waiting.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

/// Takes every lock that cargo takes in these folders. Returns `None`, holding nothing, if one is taken: its
/// holder may wait for another.
///
/// cargo locks files directly in a profile folder, whose names differ by version: `.cargo-lock`, or
/// `.cargo-build-lock` and `.cargo-artifact-lock`. It may hold some of them shared while it writes, so only
/// an exclusive lock excludes it.
pub(super) fn try_locks(folders: &[&Path]) -> io::Result<Option<Vec<File>>> {
    let mut locks = Vec::new();
    for folder in folders {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if is_lock(&entry.file_name()) {
                let lock = File::options().read(true).write(true).open(entry.path())?;
                let Some(()) = try_lock(&lock)? else { return Ok(None) };
                locks.push(lock);
            }
        }
    }
    if locks.is_empty() {
        return Err(io::Error::other("there is no lock of cargo's in it"));
    }
    Ok(Some(locks))
}

pub(super) fn is_lock(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b".cargo") && name.ends_with(b"lock")
}

/// Locks a file; `None` if it is locked already.
pub(super) fn try_lock(lock: &File) -> io::Result<Option<()>> {
    match lock.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
