//! Learning that a descriptor has hung up, without being woken for anything else that happens to it.
//!
//! On Linux an epoll(7) instance of its own, in which each descriptor asks for no event: errors and hang-ups are always
//! told. Elsewhere nothing is told, and callers look with [`hung_up`] when they need to know.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::task::JoinHandle;

/// What counts as a hang-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// Only both directions together, or an error.
    Both,
    /// That no more can be read is enough.
    Reading,
}

/// Descriptors that are watched.
#[derive(Debug)]
pub(super) struct Hangups {
    set: Rc<OwnedFd>,
    task: JoinHandle<()>,
}

impl Drop for Hangups {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(target_os = "linux")]
impl Hangups {
    /// Calls `on` with the token of each descriptor that hangs up; what it gives back is watched no longer, and closed.
    /// Needs a `LocalSet`.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub(super) fn watch(on: impl Fn(u64) -> Option<OwnedFd> + 'static) -> io::Result<Self> {
        use rustix::event::epoll;
        use tokio::io::Interest;

        let set = Rc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        let events = crate::sys::wait_on(Rc::clone(&set), Interest::READABLE)?;
        let task = tokio::task::spawn_local(async move {
            let mut buffer =
                [epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) }; 32];
            while let Ok(mut guard) = events.readable().await {
                match epoll::wait(events.get_ref(), &mut buffer[..], Some(&Timespec::default())) {
                    Ok(0) => guard.clear_ready(),
                    Ok(count) => {
                        for closed in buffer[..count].iter().filter_map(|event| on(event.data.u64())) {
                            let _ = epoll::delete(events.get_ref(), &closed);
                        }
                    }
                    Err(rustix::io::Errno::INTR) => {}
                    Err(_) => return,
                }
                drop(guard);
                tokio::task::yield_now().await;
            }
        });
        Ok(Self { set, task })
    }

    /// Watches one more. What cannot hang up (a file, a memfd) is refused by the kernel, and need not be watched.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, token: u64, half: Half) {
        use rustix::event::epoll::{self, EventFlags};
        let reading = if half == Half::Reading { EventFlags::RDHUP } else { EventFlags::empty() };
        // Told once: whoever is told acts on it.
        let _ = epoll::add(&*self.set, fd, epoll::EventData::new_u64(token), EventFlags::ET | reading);
    }

    /// Watches it no longer: to be called before it is closed, since others may hold the same open file.
    pub(super) fn remove(&self, fd: BorrowedFd<'_>) {
        let _ = rustix::event::epoll::delete(&*self.set, fd);
    }
}

#[cfg(not(target_os = "linux"))]
impl Hangups {
    pub(super) fn watch(_: impl Fn(u64) -> Option<OwnedFd> + 'static) -> io::Result<Self> {
        let set = Rc::new(std::fs::File::open("/dev/null")?.into());
        Ok(Self { set, task: tokio::task::spawn_local(std::future::pending()) })
    }

    pub(super) fn add(&self, _: BorrowedFd<'_>, _: u64, _: Half) {}

    pub(super) fn remove(&self, _: BorrowedFd<'_>) {
        debug_assert!(Rc::strong_count(&self.set) == 1, "the only holder");
    }
}

/// Whether it has hung up by now.
pub(super) fn hung_up(fd: impl AsFd, half: Half) -> bool {
    #[cfg(target_os = "linux")]
    let reading = if half == Half::Reading { PollFlags::RDHUP } else { PollFlags::empty() };
    #[cfg(not(target_os = "linux"))]
    let reading = {
        let _ = half;
        PollFlags::empty()
    };
    let fd = fd.as_fd();
    let mut fds = [PollFd::from_borrowed_fd(fd, reading)];
    poll(&mut fds, Some(&Timespec::default())).is_ok()
        && fds[0].revents().intersects(reading | PollFlags::HUP | PollFlags::ERR)
}
