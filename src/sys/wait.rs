//! Waits for children one by one. `waitpid(-1)` would take the exit status of a child another room waits for.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::process::{Pid, WaitId, WaitIdOptions, WaitIdStatus};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::words::Exit;

/// A child stopped or continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildState {
    Stopped(i32),
    Continued,
}

/// Returns how the child `pid` ended. It stays a zombie until [`reap`], so that neither its pid nor its
/// process group can be reused.
pub fn peek_exit(pid: i32) -> Option<Exit> {
    exit(wait_status(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?)
}

/// Reaps the zombie `pid` and returns how it ended.
pub fn reap(pid: i32) -> Option<Exit> {
    exit(wait_status(pid, WaitIdOptions::EXITED)?)
}

/// Returns the latest stop or continuation of the child `pid` that was not yet returned.
pub fn take_stop(pid: i32) -> Option<ChildState> {
    let status = wait_status(pid, WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED)?;
    if status.continued() {
        Some(ChildState::Continued)
    } else {
        status.stopping_signal().map(ChildState::Stopped)
    }
}

/// Makes this process the parent of orphaned descendants (Linux). Returns whether it is one now.
pub fn become_subreaper() -> bool {
    #[cfg(target_os = "linux")]
    {
        // Any pid but 0 switches it on.
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

/// Waits until the process `pid`, which need not be a child, has ended; it may still be a zombie.
///
/// Fails where the kernel offers no such event (Linux before 5.3, macOS): the caller has to poll.
pub async fn exit_of(pid: i32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let Some(pid) = Pid::from_raw(pid) else {
            return Ok(());
        };
        let pidfd = match rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::NONBLOCK) {
            Ok(pidfd) => pidfd,
            Err(rustix::io::Errno::SRCH) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // SAFETY: an `OwnedFd` gives the same descriptor, which it keeps open, for as long as it lives.
        let pidfd = unsafe {
            tokio::io::unix::AsyncFd::register_with_interest(pidfd, tokio::io::Interest::READABLE)
        }?;
        pidfd.readable().await.map(|_| ())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Registers a descriptor with the async runtime.
pub fn wait_on(fd: Rc<OwnedFd>, interest: Interest) -> io::Result<AsyncFd<Rc<OwnedFd>>> {
    // SAFETY: an `Rc<OwnedFd>` gives the same descriptor, and keeps it open, for as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}

fn wait_status(pid: i32, options: WaitIdOptions) -> Option<WaitIdStatus> {
    let pid = Pid::from_raw(pid)?;
    rustix::process::waitid(WaitId::Pid(pid), options | WaitIdOptions::NOHANG).ok().flatten()
}

fn exit(status: WaitIdStatus) -> Option<Exit> {
    status.exit_status().map(Exit::Code).or_else(|| status.terminating_signal().map(Exit::Signal))
}
