//! Which hotrun keeps a live path, asked without touching its lock: an attempt to take it could make one fail that is
//! just being started.

use std::path::Path;

use super::lock;

/// The pid of the hotrun that keeps this live path, where one does.
pub fn holder(live: &Path) -> Option<i32> {
    let lock = lock::path(live);
    let pid: i32 = std::fs::read_to_string(&lock).ok()?.trim().parse().ok().filter(|pid| *pid > 0)?;
    has_open(pid, &lock).then_some(pid)
}

/// Whether the process has the file open: the pid may be somebody else's by now.
#[cfg(target_os = "linux")]
fn has_open(pid: i32, file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else { return false };
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .is_ok_and(|fds| fds.flatten().any(|fd| std::fs::read_link(fd.path()).is_ok_and(|link| link == file)))
}

/// Elsewhere it is not told; that the process is there has to do.
#[cfg(not(target_os = "linux"))]
fn has_open(pid: i32, _file: &Path) -> bool {
    crate::sys::process(pid).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::Publisher;

    #[test]
    fn the_holder_is_who_has_the_lock_open() {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("live/debug/app");
        assert_eq!(holder(&live), None);
        let publisher = Publisher::open(live.clone()).unwrap();
        assert_eq!(holder(&live), Some(std::process::id().cast_signed()));
        drop(publisher);
        assert_eq!(holder(&live), None);
    }
}
