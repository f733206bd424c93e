//! One stream of a program: a thread that reads it, keeps its lines and passes it on.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::Winsize;

use super::channel::set_size;
use super::lines::Lines;
use super::ring::Writer;
use super::shared::{Place, Shared};

/// How long a line may stay unfinished before the part that is there is shown.
const PART_AFTER: Duration = Duration::from_millis(200);

/// As much as a pipe holds by default (pipe(7)).
const CHUNK: usize = 64 << 10;

/// What the program has written and hotrun has not yet passed on.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) writer: Writer,
    pub(super) is_terminal: bool,
    fd: OwnedFd,
    state: Mutex<State>,
    /// Signals that `busy` or `ended` has changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Something is being read, kept or passed on.
    busy: bool,
    ended: bool,
    /// The number of reads.
    reads: u64,
    /// The value of `reads` when waiting for it failed.
    stuck: Option<u64>,
}

impl Source {
    pub(super) fn new(writer: Writer, is_terminal: bool, fd: OwnedFd) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { writer, is_terminal, fd, state, changed }
    }

    /// Waits until all that was written is passed on, up to a limit; not at all if the last wait failed and nothing
    /// was read since.
    pub(super) fn settle(&self, until: Instant) {
        let mut state = self.state();
        if state.stuck == Some(state.reads) {
            return;
        }
        while !state.ended && (state.busy || self.is_readable(Some(Duration::ZERO))) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.stuck = Some(state.reads);
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn resize(&self, size: Winsize) {
        set_size(self.fd.as_fd(), size);
    }

    /// Returns the number of reads; `None` if nothing is pending.
    pub(super) fn progress(&self) -> Option<u64> {
        let state = self.state();
        let pending = !state.ended && (state.busy || self.is_readable(Some(Duration::ZERO)));
        pending.then_some(state.reads)
    }

    /// Reads until the end of the stream, or until nobody reads what is passed on.
    pub(super) fn follow(&self, shared: &Shared, place: &Place) {
        let (mut lines, mut chunk) = (Lines::default(), vec![0; CHUNK]);
        let mut part_due: Option<Instant> = None;
        loop {
            let wait = part_due.map(|due| due.saturating_duration_since(Instant::now()));
            if !self.is_readable(wait) {
                part_due = None;
                shared.pass_part(self.writer, place, &mut lines);
                continue;
            }
            // Before the read, so that nothing is neither in the stream nor at work.
            self.set(|state| state.busy = true);
            let read = match rustix::io::read(&self.fd, &mut *chunk) {
                Ok(0) => None,
                Ok(read) => Some(chunk.get(..read).unwrap_or_default()),
                Err(Errno::INTR | Errno::AGAIN) => Some(&[][..]),
                // EIO: no process has the terminal open any more.
                Err(_) => None,
            };
            let goes_on = if let Some(bytes) = read {
                shared.pass(self.writer, place, &mut lines, bytes)
            } else {
                shared.pass_end(self.writer, place, &mut lines);
                false
            };
            part_due = if lines.is_pending() {
                part_due.or_else(|| Some(Instant::now() + PART_AFTER))
            } else {
                None
            };
            self.set(|state| {
                state.busy = false;
                state.ended = !goes_on;
                state.reads += 1;
            });
            if !goes_on {
                return;
            }
        }
    }

    /// Waits until there is something to read or the end, up to a limit.
    fn is_readable(&self, limit: Option<Duration>) -> bool {
        let limit = limit.map(|limit| Timespec::try_from(limit).unwrap_or_default());
        let mut asked = [PollFd::new(&self.fd, PollFlags::IN)];
        loop {
            match poll(&mut asked, limit.as_ref()) {
                Ok(count) => return count > 0,
                Err(Errno::INTR) => {}
                // The read will tell.
                Err(_) => return true,
            }
        }
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread of a source. The source is closed when the thread ends, so that the program sees that nobody
/// reads.
pub(super) fn follow(source: Source, shared: Arc<Shared>, place: Arc<Place>) -> io::Result<Weak<Source>> {
    let source = Arc::new(source);
    let known = Arc::downgrade(&source);
    let thread = std::thread::Builder::new().name("output".to_owned()).stack_size(256 << 10);
    thread.spawn(move || source.follow(&shared, &place))?;
    Ok(known)
}
