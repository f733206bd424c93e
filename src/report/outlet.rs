//! The way to stderr: a thread writes, so that a reader that is slow, or gone for good, delays nothing else.
//!
//! What waits to be written is bounded: beyond that whole texts are dropped, and the number of lines that are missing is said
//! where they would have been.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How many bytes wait at most.
const ROOM: usize = 8 << 20;

/// Pause where a descriptor says that it takes more and then does not.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whole lines.
    Lines,
    /// A line that the next text overwrites.
    Transient,
    /// Escape sequences that have to arrive, whatever is dropped.
    Escapes,
}

/// What is said where lines were dropped, given their number.
type Note = Box<dyn Fn(u64) -> String + Send + Sync>;

/// The queue in front of a descriptor.
pub(super) struct Outlet {
    shared: Arc<Shared>,
    begun: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    more: Condvar,
    /// Something was written.
    less: Condvar,
    to: Box<dyn AsFd + Send + Sync>,
    note: Note,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Kind, String)>,
    bytes: usize,
    /// Something is being written.
    writing: bool,
    /// How many texts have been written.
    written: u64,
    /// Lines dropped since the queue was full.
    dropped: u64,
    /// Nothing more comes.
    closed: bool,
    /// A wait for its end was in vain when so many texts were written.
    stuck: Option<u64>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0 && !self.writing
    }

    fn push(&mut self, kind: Kind, text: String) {
        if kind == Kind::Transient {
            if let Some((Kind::Transient, last)) = self.waiting.back_mut() {
                self.bytes = self.bytes - last.len() + text.len();
                *last = text;
                return;
            }
            if self.dropped > 0 {
                return;
            }
        }
        let full = self.dropped > 0 || (self.bytes > 0 && self.bytes + text.len() > ROOM);
        if kind == Kind::Lines && full {
            self.dropped += count_lines(&text);
            return;
        }
        self.bytes += text.len();
        self.waiting.push_back((kind, text));
    }

    /// The next text to write.
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
    /// Writes to `to`; `note` words how many lines are missing.
    pub(super) fn new(to: impl AsFd + Send + Sync + 'static, note: Note) -> Self {
        let shared = Shared {
            queue: Mutex::default(),
            more: Condvar::new(),
            less: Condvar::new(),
            to: Box::new(to),
            note,
        };
        Self { shared: Arc::new(shared), begun: false }
    }

    /// Writes this after what waits already.
    pub(super) fn push(&mut self, kind: Kind, text: String) {
        if text.is_empty() {
            return;
        }
        self.shared.queue().push(kind, text);
        if !self.begun {
            let shared = Arc::clone(&self.shared);
            let writer = std::thread::Builder::new().name("stderr".to_owned()).spawn(move || shared.write());
            // Where there is no room for a thread, this one writes.
            if writer.is_err() {
                self.shared.write_waiting();
                return;
            }
            self.begun = true;
        }
        self.shared.more.notify_one();
    }

    /// Waits until all is written, for as long as `limit`: not at all where the last wait was in vain and nothing was written since.
    pub(super) fn settle(&self, limit: Duration) {
        let queue = self.shared.queue();
        if queue.stuck == Some(queue.written) {
            return;
        }
        drop(queue);
        if !self.wait(limit) {
            let mut queue = self.shared.queue();
            queue.stuck = Some(queue.written);
        }
    }

    /// Waits until all is written, and says no where that has not come within `limit`.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut queue = self.shared.queue();
        while !queue.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            queue = self.shared.less.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// How many texts have been written; nothing where none waits.
    pub(super) fn progress(&self) -> Option<u64> {
        let queue = self.shared.queue();
        (!queue.is_empty()).then_some(queue.written)
    }

    /// Takes back the lines that wait, the number of dropped ones included.
    pub(super) fn take_back(&self) -> String {
        let mut queue = self.shared.queue();
        let mut taken = String::new();
        let waiting = std::mem::take(&mut queue.waiting);
        queue.bytes = 0;
        for (kind, text) in waiting {
            match kind {
                Kind::Lines => taken.push_str(&text),
                Kind::Transient => {}
                Kind::Escapes => queue.push(kind, text),
            }
        }
        if queue.dropped > 0 {
            taken.push_str(&(self.shared.note)(std::mem::take(&mut queue.dropped)));
        }
        taken
    }
}

impl Drop for Outlet {
    /// The thread ends when it is done; nobody waits for that.
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.more.notify_one();
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("queue", &self.shared.queue).finish_non_exhaustive()
    }
}

impl Shared {
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
            // Nobody reads it any more: the program and its updates go on all the same.
            let _ = write_all(self.to.as_fd(), text.as_bytes());
            let mut queue = self.queue();
            queue.writing = false;
            queue.written += 1;
            drop(queue);
            self.less.notify_all();
        }
    }
}

/// Writes everything, also where another process has made the open file non-blocking (`O_NONBLOCK` in open(2)).
///
/// # Errors
/// As write(2).
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
                    let _ = poll(&mut [], Some(&PAUSE));
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

    /// A pipe that takes nothing before something is read.
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
    fn a_reader_that_takes_nothing_delays_nobody_and_is_told_what_is_missing() {
        let (reader, writer, held) = full();
        let mut outlet = outlet(writer);
        let long = format!("{}\n", "y".repeat(ROOM / 4));
        outlet.push(Kind::Lines, "first\n".to_owned());
        for _ in 0..10 {
            outlet.push(Kind::Lines, long.clone());
        }
        outlet.push(Kind::Lines, "two\nlines\n".to_owned());
        outlet.push(Kind::Transient, "bar\r".to_owned());
        outlet.push(Kind::Escapes, "title".to_owned());
        assert!(!outlet.wait(Duration::from_millis(1)));
        outlet.settle(Duration::from_millis(1));
        // The wait was in vain once.
        outlet.settle(Duration::from_hours(1));
        assert!(outlet.progress().is_some());

        let reading = std::thread::spawn(move || rest(reader, held));
        assert!(outlet.wait(Duration::from_mins(1)));
        outlet.push(Kind::Lines, "last\n".to_owned());
        assert!(outlet.wait(Duration::from_mins(1)));
        drop(outlet);
        let text = reading.join().unwrap();
        let kept = text.matches(&long).count();
        assert_eq!(text.replace(&long, ""), format!("first\ntitle{} missing\nlast\n", 12 - kept));
        assert!((3..=5).contains(&kept), "{kept}");
    }

    #[test]
    fn what_waits_can_be_taken_back() {
        let (reader, writer, held) = full();
        let mut outlet = outlet(writer);
        outlet.push(Kind::Lines, "begun\n".to_owned());
        // Until the thread has it in hand.
        while !outlet.shared.queue().writing {
            std::thread::yield_now();
        }
        outlet.push(Kind::Transient, "bar\r".to_owned());
        outlet.push(Kind::Lines, "taken\n".to_owned());
        outlet.push(Kind::Escapes, "title".to_owned());
        assert_eq!(outlet.take_back(), "taken\n");
        let reading = std::thread::spawn(move || rest(reader, held));
        assert!(outlet.wait(Duration::from_mins(1)));
        drop(outlet);
        assert_eq!(reading.join().unwrap(), "begun\ntitle");
    }

    #[test]
    fn a_bar_takes_the_place_of_the_one_before() {
        let mut queue = Queue::default();
        for text in ["one", "two", "three"] {
            queue.push(Kind::Transient, text.to_owned());
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
