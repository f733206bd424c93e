//! Finds the hotrun that keeps a live path without taking its lock, which could make a starting one fail.

use std::path::Path;

use super::lock;

/// Returns the pid of the hotrun that keeps this live path.
pub fn holder(live: &Path) -> Option<i32> {
    let lock = lock::path(live);
    let pid: i32 = std::fs::read_to_string(&lock).ok()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    has_open(pid, &lock).then_some(pid)
}

/// Whether the process has the file open: its pid may have been reused.
#[cfg(target_os = "linux")]
fn has_open(pid: i32, file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else { return false };
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .is_ok_and(|fds| fds.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|link| link == file)))
}

/// Whether the process exists; other platforms do not tell its open files.
#[cfg(not(target_os = "linux"))]
fn has_open(pid: i32, _file: &Path) -> bool {
    crate::sys::process(pid).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Publisher;

    #[test]
    fn the_holder_has_the_lock_open() {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("live/debug/app");
        assert_eq!(holder(&live), None);
        let publisher = Publisher::open(live.clone()).unwrap();
        assert_eq!(holder(&live), Some(std::process::id().cast_signed()));
        drop(publisher);
        assert_eq!(holder(&live), None);
    }
}
