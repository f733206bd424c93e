//! Writes to stdout or stderr in a thread, so that a slow or stopped reader delays nothing else.
//!
//! The queue is bounded. Beyond the limit whole texts are dropped, and the number of missing lines is
//! reported in their place; or who writes waits.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

/// The most that a pipe takes in one piece (`PIPE_BUF`, pipe(7)).
const PIECE: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// The pause if poll(2) reports a descriptor as writable and write(2) refuses.
const RETRY_PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// Whole lines.
    Lines,
    /// A line that the next text overwrites.
    Transient,
    /// Escape sequences, which are never dropped.
    Escapes,
}

/// What happens to a text that finds the queue full.
pub enum Full {
    /// It is dropped. Words the message for dropped lines, given their number.
    Drop(Box<dyn Fn(u64) -> String + Send + Sync>),
    /// Who writes waits.
    Wait,
}

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Wait) { "Wait" } else { "Drop" })
    }
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Queued,
    Dropped,
    /// Nobody will ever read it: the other end of a pipe is closed.
    Closed,
}

/// The queue in front of a descriptor.
pub struct Outlet {
    writer: Arc<Writer>,
    name: &'static str,
    /// There is a thread that writes.
    started: AtomicBool,
}

struct Writer {
    queue: Mutex<Queue>,
    /// The most that waits, in bytes.
    limit: usize,
    /// Signals that the queue is not empty.
    more: Condvar,
    /// Signals progress.
    less: Condvar,
    to: Box<dyn AsFd + Send + Sync>,
    /// Others may write to the same pipe, and not into a line.
    is_pipe: bool,
    full: Full,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(TextKind, Vec<u8>)>,
    bytes: usize,
    /// A text is being written.
    writing: bool,
    /// The number of texts written.
    written: u64,
    /// Lines dropped since the queue became full.
    dropped: u64,
    closed: bool,
    /// The reader of the pipe has gone.
    broken: bool,
    /// The value of `written` when waiting for the reader failed.
    stuck: Option<u64>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0 && !self.writing
    }

    fn push(&mut self, kind: TextKind, text: Vec<u8>, limit: usize) -> Pushed {
        if kind == TextKind::Transient {
            if let Some((TextKind::Transient, last)) = self.waiting.back_mut() {
                self.bytes = self.bytes - last.len() + text.len();
                *last = text;
                return Pushed::Queued;
            }
            if self.dropped > 0 {
                return Pushed::Dropped;
            }
        }
        if kind == TextKind::Lines && (self.dropped > 0 || self.is_full(text.len(), limit)) {
            self.dropped += count_lines(&text);
            return Pushed::Dropped;
        }
        self.bytes += text.len();
        self.waiting.push_back((kind, text));
        Pushed::Queued
    }

    fn is_full(&self, more: usize, limit: usize) -> bool {
        self.bytes > 0 && self.bytes + more > limit
    }

    fn next(&mut self, full: &Full) -> Option<Vec<u8>> {
        let text = match self.waiting.pop_front() {
            Some((_, text)) => {
                self.bytes -= text.len();
                text
            }
            None => self.note(full)?,
        };
        self.writing = true;
        Some(text)
    }

    /// Returns the message for dropped lines.
    fn note(&mut self, full: &Full) -> Option<Vec<u8>> {
        match full {
            Full::Drop(note) if self.dropped > 0 => Some(note(std::mem::take(&mut self.dropped)).into()),
            Full::Drop(_) | Full::Wait => None,
        }
    }
}

impl Outlet {
    /// `name` is that of the thread, `limit` the most that waits, in bytes.
    pub fn new(name: &'static str, to: impl AsFd + Send + Sync + 'static, limit: usize, full: Full) -> Self {
        let writer = Writer {
            queue: Mutex::default(),
            limit,
            more: Condvar::new(),
            less: Condvar::new(),
            is_pipe: fstat(&to).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_fifo()),
            to: Box::new(to),
            full,
        };
        Self { writer: Arc::new(writer), name, started: AtomicBool::new(false) }
    }

    /// Queues a text; waits for room if the outlet is one that waits.
    pub fn push(&self, kind: TextKind, text: impl Into<Vec<u8>>) -> Pushed {
        let (text, writer) = (text.into(), &self.writer);
        if text.is_empty() {
            return Pushed::Queued;
        }
        let mut queue = writer.queue();
        if matches!(writer.full, Full::Wait) {
            while !queue.broken && queue.is_full(text.len(), writer.limit) {
                queue = writer.less.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if queue.broken {
            return Pushed::Closed;
        }
        let pushed = queue.push(kind, text, writer.limit);
        drop(queue);
        if !self.started.swap(true, Ordering::Relaxed) {
            let thread_writer = Arc::clone(writer);
            let thread = std::thread::Builder::new().name(self.name.to_owned());
            // Without a thread (resource limit), writes here.
            if thread.spawn(move || thread_writer.write()).is_err() {
                self.started.store(false, Ordering::Relaxed);
                writer.write_waiting();
                return pushed;
            }
        }
        writer.more.notify_one();
        pushed
    }

    /// Waits until all is written, up to `limit`; not at all if the last wait failed and nothing was written
    /// since.
    pub fn settle(&self, limit: Duration) {
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
    pub fn wait(&self, limit: Duration) -> bool {
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
    pub fn progress(&self) -> Option<u64> {
        let queue = self.writer.queue();
        (!queue.is_empty()).then_some(queue.written)
    }

    /// Takes the pending lines back, with a message for dropped ones.
    pub fn take_back(&self) -> Vec<u8> {
        let mut queue = self.writer.queue();
        let mut taken = Vec::new();
        let waiting = std::mem::take(&mut queue.waiting);
        queue.bytes = 0;
        for (kind, text) in waiting {
            match kind {
                TextKind::Lines => taken.extend(text),
                TextKind::Transient => {}
                TextKind::Escapes => {
                    queue.push(kind, text, self.writer.limit);
                }
            }
        }
        taken.extend(queue.note(&self.writer.full).unwrap_or_default());
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
            let Some(text) = self.queue().next(&self.full) else { return };
            // A failed write (closed stderr) is ignored: the program and its updates go on.
            let failed = if self.is_pipe {
                pieces(&text).try_for_each(|piece| write_all(self.to.as_fd(), piece)).err()
            } else {
                write_all(self.to.as_fd(), &text).err()
            };
            let mut queue = self.queue();
            queue.writing = false;
            queue.written += 1;
            queue.broken |= failed.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
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

/// Cuts a text after lines into pieces that a pipe takes whole. A longer line is cut.
fn pieces(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let most = text.get(..PIECE).unwrap_or(text);
        let end = most.iter().rposition(|byte| *byte == b'\n').map_or(most.len(), |at| at + 1);
        let end = if most.len() == text.len() { most.len() } else { end };
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

fn count_lines(text: &[u8]) -> u64 {
    (text.split(|byte| *byte == b'\n').count() - 1).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read, pipe};

    const LIMIT: usize = 8 << 20;

    fn outlet(to: impl AsFd + Send + Sync + 'static) -> Outlet {
        Outlet::new("test", to, LIMIT, Full::Drop(Box::new(|count| format!("{count} missing\n"))))
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
        let outlet = outlet(writer);
        let long = format!("{}\n", "y".repeat(LIMIT / 4));
        outlet.push(TextKind::Lines, "first\n");
        for _ in 0..10 {
            outlet.push(TextKind::Lines, &*long);
        }
        outlet.push(TextKind::Lines, "two\nlines\n");
        outlet.push(TextKind::Transient, "bar\r");
        outlet.push(TextKind::Escapes, "title");
        assert!(!outlet.wait(Duration::from_millis(1)));
        outlet.settle(Duration::from_millis(1));
        // A wait failed already, so this returns at once.
        outlet.settle(Duration::from_hours(1));
        assert!(outlet.progress().is_some());

        let reading = std::thread::spawn(move || rest(reader, held));
        assert!(outlet.wait(Duration::from_mins(1)));
        outlet.push(TextKind::Lines, "last\n");
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
        let outlet = outlet(writer);
        outlet.push(TextKind::Lines, "started\n");
        // Until the thread has taken the first text.
        while !outlet.writer.queue().writing {
            std::thread::yield_now();
        }
        outlet.push(TextKind::Transient, "bar\r");
        outlet.push(TextKind::Lines, "taken\n");
        outlet.push(TextKind::Escapes, "title");
        assert_eq!(outlet.take_back(), b"taken\n");
        let reading = std::thread::spawn(move || rest(reader, held));
        assert!(outlet.wait(Duration::from_mins(1)));
        drop(outlet);
        assert_eq!(reading.join().unwrap(), "started\ntitle");
    }

    #[test]
    fn a_bar_replaces_the_one_before() {
        let mut queue = Queue::default();
        for text in ["one", "two", "three"] {
            queue.push(TextKind::Transient, text.into(), LIMIT);
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

    #[test]
    fn pipes_get_whole_lines() {
        let line = "x".repeat(PIECE / 3) + "\n";
        let long = "y".repeat(PIECE + 9);
        for (text, expected) in [
            (String::new(), Vec::new()),
            ("a\nb".to_owned(), vec![3]),
            (line.repeat(4) + "end", vec![2 * line.len(), 2 * line.len() + 3]),
            (long.clone() + "\n", vec![PIECE, 10]),
            (line.clone() + &long, vec![line.len(), PIECE, 9]),
        ] {
            assert_eq!(pieces(text.as_bytes()).map(<[u8]>::len).collect::<Vec<_>>(), expected);
            assert_eq!(pieces(text.as_bytes()).collect::<Vec<_>>().concat(), text.as_bytes());
        }
    }

    #[test]
    fn who_must_lose_nothing_waits() {
        let (mut reader, writer) = pipe().unwrap();
        let outlet = Outlet::new("test", writer, 1000, Full::Wait);
        let writing = std::thread::spawn(move || {
            for _ in 0..1000 {
                assert_eq!(outlet.push(TextKind::Lines, [b'x'; 700]), Pushed::Queued);
                assert!(outlet.writer.queue().bytes <= 1000);
            }
            assert!(outlet.wait(Duration::from_mins(1)));
        });
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        writing.join().unwrap();
        assert_eq!(read.len(), 700_000);

        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let outlet = Outlet::new("test", writer, 1000, Full::Wait);
        while outlet.push(TextKind::Lines, [b'x'; 700]) != Pushed::Closed {}
    }
}
