//! Writes to stderr in a thread, so that a slow or stopped reader delays nothing else.
//!
//! The queue is bounded: beyond the limit whole texts are dropped, and the number of missing lines is
//! reported in their place.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The limit of the queue, in bytes.
const MAX_QUEUED: usize = 8 << 20;

/// The pause if poll(2) reports a descriptor as writable and write(2) refuses.
const RETRY_PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    /// Whole lines.
    Lines,
    /// A line that the next text overwrites.
    Transient,
    /// Escape sequences, which are never dropped.
    Escapes,
}

/// Words the message for dropped lines, given their number.
type Note = Box<dyn Fn(u64) -> String + Send + Sync>;

/// The queue in front of a descriptor.
pub(super) struct Outlet {
    writer: Arc<Writer>,
    started: bool,
}

struct Writer {
    queue: Mutex<Queue>,
    /// Signals that the queue is not empty.
    more: Condvar,
    /// Signals progress.
    less: Condvar,
    to: Box<dyn AsFd + Send + Sync>,
    note: Note,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(TextKind, String)>,
    bytes: usize,
    /// A text is being written.
    writing: bool,
    /// The number of texts written.
    written: u64,
    /// Lines dropped since the queue became full.
    dropped: u64,
    closed: bool,
    /// The value of `written` when waiting for the reader failed.
    stuck: Option<u64>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0 && !self.writing
    }

    fn push(&mut self, kind: TextKind, text: String) {
        if kind == TextKind::Transient {
            if let Some((TextKind::Transient, last)) = self.waiting.back_mut() {
                self.bytes = self.bytes - last.len() + text.len();
                *last = text;
                return;
            }
            if self.dropped > 0 {
                return;
            }
        }
        let full = self.dropped > 0 || (self.bytes > 0 && self.bytes + text.len() > MAX_QUEUED);
        if kind == TextKind::Lines && full {
            self.dropped += count_lines(&text);
            return;
        }
        self.bytes += text.len();
        self.waiting.push_back((kind, text));
    }

    fn next(&mut self, note: &Note) -> Option<String> {
        let text = match self.waiting.pop_front() {
            Some((_, text)) => {
                self.bytes -= text.len();
                text
            }
            None if self.dropped > 0 => note(std::mem::take(&mut self.dropped)),
            None => return None,
        };
        self.writing = true;
        Some(text)
    }
}

impl Outlet {
    /// `note` words the message for dropped lines.
    pub(super) fn new(to: impl AsFd + Send + Sync + 'static, note: Note) -> Self {
        let writer = Writer {
            queue: Mutex::default(),
            more: Condvar::new(),
            less: Condvar::new(),
            to: Box::new(to),
            note,
        };
        Self { writer: Arc::new(writer), started: false }
    }

    /// Queues a text.
    pub(super) fn push(&mut self, kind: TextKind, text: String) {
        if text.is_empty() {
            return;
        }
        self.writer.queue().push(kind, text);
        if !self.started {
            let writer = Arc::clone(&self.writer);
            let thread = std::thread::Builder::new().name("stderr".to_owned()).spawn(move || writer.write());
            // Without a thread (resource limit), writes here.
            if thread.is_err() {
                self.writer.write_waiting();
                return;
            }
            self.started = true;
        }
        self.writer.more.notify_one();
    }

    /// Waits until all is written, up to `limit`; not at all if the last wait failed and nothing was written
    /// since.
    pub(super) fn settle(&self, limit: Duration) {
        let queue = self.writer.queue();
        if queue.stuck == Some(queue.written) {
            return;
        }
        drop(queue);
        if !self.wait(limit) {
            let mut queue = self.writer.queue();
            queue.stuck = Some(queue.written);
        }
    }

    /// Waits until all is written. Returns `false` if that takes longer than `limit`.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut queue = self.writer.queue();
        while !queue.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue = self.writer.less.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Returns the number of texts written; `None` if nothing is pending.
    pub(super) fn progress(&self) -> Option<u64> {
        let queue = self.writer.queue();
        (!queue.is_empty()).then_some(queue.written)
    }

    /// Takes the pending lines back, with a message for dropped ones.
    pub(super) fn take_back(&self) -> String {
        let mut queue = self.writer.queue();
        let mut taken = String::new();
        let waiting = std::mem::take(&mut queue.waiting);
        queue.bytes = 0;
        for (kind, text) in waiting {
            match kind {
                TextKind::Lines => taken.push_str(&text),
                TextKind::Transient => {}
                TextKind::Escapes => queue.push(kind, text),
            }
        }
        if queue.dropped > 0 {
            taken.push_str(&(self.writer.note)(std::mem::take(&mut queue.dropped)));
        }
        taken
    }
}

impl Drop for Outlet {
    /// The thread ends by itself when it is done.
    fn drop(&mut self) {
        self.writer.queue().closed = true;
        self.writer.more.notify_one();
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("queue", &self.writer.queue).finish_non_exhaustive()
    }
}

impl Writer {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) {
        loop {
            self.write_waiting();
            let queue = self.queue();
            if queue.is_empty() {
                if queue.closed {
                    return;
                }
                drop(self.more.wait(queue));
            }
        }
    }

    fn write_waiting(&self) {
        loop {
            let Some(text) = self.queue().next(&self.note) else { return };
            // A failed write (closed stderr) is ignored: the program and its updates go on.
            let _ = write_all(self.to.as_fd(), text.as_bytes());
            let mut queue = self.queue();
            queue.writing = false;
            queue.written += 1;
            drop(queue);
            self.less.notify_all();
        }
    }
}

/// Writes everything, even if another process has set `O_NONBLOCK` on the file description (open(2)).
pub fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    let mut refused = false;
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                bytes = &bytes[written..];
                refused = false;
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if std::mem::replace(&mut refused, true) {
                    let _ = poll(&mut [], Some(&RETRY_PAUSE));
                }
                let _ = poll(&mut [PollFd::new(&to, PollFlags::OUT)], None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn count_lines(text: &str) -> u64 {
    text.bytes().filter(|byte| *byte == b'\n').count().try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read, pipe};

    fn outlet(to: impl AsFd + Send + Sync + 'static) -> Outlet {
        Outlet::new(to, Box::new(|count| format!("{count} missing\n")))
    }

    /// Returns a pipe that accepts nothing until something is read.
    fn full() -> (PipeReader, io::PipeWriter, usize) {
        let (reader, writer) = pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        let mut held = 0;
        while let Ok(written) = rustix::io::write(&writer, b"x") {
            held += written;
        }
        rustix::fs::fcntl_setfl(&writer, flags).unwrap();
        (reader, writer, held)
    }

    fn rest(mut reader: PipeReader, held: usize) -> String {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text.split_off(held)
    }

    #[test]
    fn a_stalled_reader_delays_nothing_and_learns_what_is_missing() {
        let (reader, writer, held) = full();
        let mut outlet = outlet(writer);
        let long = format!("{}\n", "y".repeat(MAX_QUEUED / 4));
        outlet.push(TextKind::Lines, "first\n".to_owned());
        for _ in 0..10 {
            outlet.push(TextKind::Lines, long.clone());
        }
        outlet.push(TextKind::Lines, "two\nlines\n".to_owned());
        outlet.push(TextKind::Transient, "bar\r".to_owned());
        outlet.push(TextKind::Escapes, "title".to_owned());
        assert!(!outlet.wait(Duration::from_millis(1)));
        outlet.settle(Duration::from_millis(1));
        // A wait failed already, so this returns at once.
        outlet.settle(Duration::from_hours(1));
        assert!(outlet.progress().is_some());

        let reading = std::thread::spawn(move || rest(reader, held));
        assert!(outlet.wait(Duration::from_mins(1)));
        outlet.push(TextKind::Lines, "last\n".to_owned());
        assert!(outlet.wait(Duration::from_mins(1)));
        drop(outlet);
        let text = reading.join().unwrap();
        let kept = text.matches(&long).count();
        assert_eq!(text.replace(&long, ""), format!("first\ntitle{} missing\nlast\n", 12 - kept));
        assert!((3..=5).contains(&kept), "{kept}");
    }

    #[test]
    fn pending_lines_can_be_taken_back() {
        let (reader, writer, held) = full();
        let mut outlet = outlet(writer);
        outlet.push(TextKind::Lines, "started\n".to_owned());
        // Until the thread has taken the first text.
        while !outlet.writer.queue().writing {
            std::thread::yield_now();
        }
        outlet.push(TextKind::Transient, "bar\r".to_owned());
        outlet.push(TextKind::Lines, "taken\n".to_owned());
        outlet.push(TextKind::Escapes, "title".to_owned());
        assert_eq!(outlet.take_back(), "taken\n");
        let reading = std::thread::spawn(move || rest(reader, held));
        assert!(outlet.wait(Duration::from_mins(1)));
        drop(outlet);
        assert_eq!(reading.join().unwrap(), "started\ntitle");
    }

    #[test]
    fn a_bar_replaces_the_one_before() {
        let mut queue = Queue::default();
        for text in ["one", "two", "three"] {
            queue.push(TextKind::Transient, text.to_owned());
        }
        assert_eq!((queue.waiting.len(), queue.bytes), (1, 5));
    }

    #[test]
    fn a_descriptor_that_another_process_made_non_blocking_takes_everything() {
        let (mut reader, writer) = pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        let reading = std::thread::spawn(move || {
            let (mut count, mut chunk) = (0, [0; 1000]);
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                count += read;
            }
            count
        });
        write_all(writer.as_fd(), &vec![b'x'; 1 << 20]).unwrap();
        drop(writer);
        assert_eq!(reading.join().unwrap(), 1 << 20);
    }
}
