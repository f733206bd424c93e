//! Hashes of files, and when they changed.

use std::fs::Metadata;
use std::hash::{DefaultHasher, Hasher};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

/// Reads to the end and returns the length and a hash of the content.
pub fn hash(mut file: impl Read) -> std::io::Result<(u64, u64)> {
    let mut hasher = DefaultHasher::new();
    let mut length = 0;
    let mut buffer = [0; 16 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((length, hasher.finish())),
            Ok(read) => {
                hasher.write(&buffer[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Returns when the inode changed, a time that no program can set.
pub fn changed_at(metadata: &Metadata) -> Option<SystemTime> {
    let since = Duration::new(metadata.ctime().try_into().ok()?, metadata.ctime_nsec().try_into().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}
