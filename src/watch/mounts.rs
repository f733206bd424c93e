//! Notices file systems mounted over watched folders, which cause no file event.
//!
//! A thread polls `/proc/self/mountinfo`, which becomes ready when the mounts of this namespace change
//! (`proc_pid_mountinfo(5)`). It ends when the receiver does.

use std::fs::File;
use std::io::{Read, Seek};

use rustix::event::{PollFd, PollFlags, poll};

const MOUNTS: &str = "/proc/self/mountinfo";

/// Calls `tell` after each change of the mounts until it returns `false`. Never, if the kernel has no such
/// file.
pub(super) fn follow(tell: impl Fn() -> bool + Send + 'static) {
    let Ok(mounts) = File::open(MOUNTS) else { return };
    // Without the thread, the next scan notices a mount.
    let _ = std::thread::Builder::new().name("mounts".to_owned()).spawn(move || {
        let mut mounts = mounts;
        loop {
            // The change is reported until the file is read again.
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
