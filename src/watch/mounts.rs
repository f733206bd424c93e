//! File systems mounted over watched folders, of which no file event tells.
//!
//! A thread sleeps in `poll` on `/proc/self/mountinfo`, which the kernel wakes when the mounts of this namespace change
//! (`proc_pid_mountinfo(5)`). It ends with the first telling that is refused.

use std::fs::File;
use std::io::{Read, Seek};

use rustix::event::{PollFd, PollFlags, poll};

const MOUNTS: &str = "/proc/self/mountinfo";

/// Calls `tell` after each change of the mounts, until it says no. Where the kernel has no such file, never.
pub(super) fn follow(tell: impl Fn() -> bool + Send + 'static) {
    let Ok(mounts) = File::open(MOUNTS) else { return };
    // Without the thread, a mount is noticed by the next walk.
    let _ = std::thread::Builder::new().name("mounts".to_owned()).spawn(move || {
        let mut mounts = mounts;
        loop {
            // The change is reported until the file was read again.
            if read(&mut mounts).is_err() {
                return;
            }
            let mut waiting = [PollFd::new(&mounts, PollFlags::PRI)];
            match poll(&mut waiting, None) {
                Ok(_) if tell() => {}
                Err(rustix::io::Errno::INTR) => {}
                _ => return,
            }
        }
    });
}

fn read(mounts: &mut File) -> std::io::Result<()> {
    mounts.rewind()?;
    mounts.read_to_end(&mut Vec::new()).map(drop)
}
