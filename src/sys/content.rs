//! Hashes the content of files.

use std::hash::{DefaultHasher, Hasher};
use std::io::{ErrorKind, Read};

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
