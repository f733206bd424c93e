//! Notices that a descriptor has hung up, without waking up for its other events.
//!
//! On Linux an epoll(7) instance in which each descriptor requests no event: errors and hangups are always
//! reported. On other systems nothing is reported, and callers check with [`hung_up`].

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::task::JoinHandle;

/// What counts as a hangup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// Both directions, or an error.
    Both,
    /// The reading direction is enough.
    Reading,
}

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
    /// Calls `on` with the token of each descriptor that hangs up; a descriptor it returns is no longer
    /// watched, and closed. Needs a `LocalSet`.
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

    /// Watches a descriptor. The kernel refuses one that cannot hang up (a file, a memfd), which needs no
    /// watching.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, token: u64, half: Half) {
        use rustix::event::epoll::{self, EventFlags};
        let reading = if half == Half::Reading { EventFlags::RDHUP } else { EventFlags::empty() };
        // Edge-triggered: each hangup is reported once.
        let _ = epoll::add(&*self.set, fd, epoll::EventData::new_u64(token), EventFlags::ET | reading);
    }

    /// Stops watching a descriptor. To be called before it is closed, because others may hold the same file
    /// description.
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
