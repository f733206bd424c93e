//! The last lines of a service, up to a limit in bytes.
//!
//! Pure.

use std::collections::VecDeque;

use super::lines::plain;
use crate::words::Instance;

/// The limit, for the text and what is kept about each line.
const MAX_BYTES: usize = 1 << 20;

/// How much more there may be for a while.
const SPARE: usize = MAX_BYTES / 4;

/// Where a program wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
    /// To a terminal or file that is both.
    Both,
}

impl Stream {
    /// Its name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Both => "both",
        }
    }
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    pub instance: Instance,
    pub stream: Stream,
}

/// A line that a program wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedLine {
    /// Counts the lines of all services.
    pub number: u64,
    pub writer: Writer,
    /// With colours and links.
    pub text: String,
}

impl LoggedLine {
    /// Returns the text without colours and links.
    pub fn plain(&self) -> String {
        plain(&self.text)
    }
}

#[derive(Debug)]
struct Entry {
    number: u64,
    length: usize,
    writer: Writer,
}

#[derive(Debug, Default)]
pub(super) struct Ring {
    text: Vec<u8>,
    entries: VecDeque<Entry>,
    /// The number of the last line that had to go.
    lost: Option<u64>,
}

impl Ring {
    pub(super) fn push(&mut self, number: u64, writer: Writer, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.entries.push_back(Entry { number, length: text.len(), writer });
        if self.size() > MAX_BYTES + SPARE {
            self.make_room();
        }
    }

    fn size(&self) -> usize {
        self.text.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Drops the oldest lines, many at once because the rest moves.
    fn make_room(&mut self) {
        let (mut size, mut bytes) = (self.size(), 0);
        while size > MAX_BYTES
            && let Some(first) = self.entries.pop_front()
        {
            size -= first.length + size_of::<Entry>();
            bytes += first.length;
            self.lost = Some(first.number);
        }
        self.text.drain(..bytes);
    }

    /// Returns the last `count` lines that satisfy, the newest first.
    pub(super) fn last(&self, count: usize, satisfies: impl Fn(u64, Writer) -> bool) -> Vec<LoggedLine> {
        let (mut end, mut lines) = (self.text.len(), Vec::new());
        for entry in self.entries.iter().rev() {
            if lines.len() == count {
                break;
            }
            let start = end - entry.length;
            if satisfies(entry.number, entry.writer) {
                let text = self.text.get(start..end).unwrap_or_default();
                lines.push(LoggedLine {
                    number: entry.number,
                    writer: entry.writer,
                    text: String::from_utf8_lossy(text).into_owned(),
                });
            }
            end = start;
        }
        lines
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether lines from this number on had to go.
    pub(super) fn has_lost(&self, number: u64) -> bool {
        self.lost.is_some_and(|lost| lost >= number)
    }

    /// Returns the lines from this number on, in order.
    pub(super) fn since(&self, number: u64) -> Vec<LoggedLine> {
        let newer = self.entries.iter().rev().take_while(|entry| entry.number >= number).count();
        let mut lines = self.last(newer, |_, _| true);
        lines.reverse();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ServiceId;
    use proptest::prelude::*;

    fn writer(number: u32, stream: Stream) -> Writer {
        Writer { instance: Instance { service: ServiceId::MAIN, number }, stream }
    }

    fn texts(lines: &[LoggedLine]) -> Vec<&str> {
        lines.iter().map(|line| &*line.text).collect()
    }

    #[test]
    fn lines_of_one_process_and_stream() {
        let mut ring = Ring::default();
        for (number, process_number, stream, text) in [
            (3, 1, Stream::Stderr, "old"),
            (5, 2, Stream::Stdout, "out"),
            (6, 2, Stream::Stderr, "one"),
            (9, 2, Stream::Stderr, ""),
            (10, 2, Stream::Stderr, "tŵo"),
        ] {
            ring.push(number, writer(process_number, stream), text);
        }
        let of_second = |_, who: Writer| who.instance.number == 2 && who.stream != Stream::Stdout;
        assert_eq!(texts(&ring.last(9, of_second)), ["tŵo", "", "one"]);
        assert_eq!(texts(&ring.last(2, of_second)), ["tŵo", ""]);
        assert_eq!(texts(&ring.last(0, of_second)), [""; 0]);
        assert_eq!(texts(&ring.since(6)), ["one", "", "tŵo"]);
        assert_eq!(texts(&ring.since(11)), [""; 0]);
        assert_eq!(ring.since(0).len(), 5);
    }

    proptest! {
        #[test]
        fn the_last_lines_are_kept_within_the_limit(
            lengths in prop::collection::vec(prop_oneof![0..9_usize, 0..(MAX_BYTES / 3)], 1..40),
        ) {
            let mut ring = Ring::default();
            let letters = ('a'..='z').cycle().map(String::from);
            let lines: Vec<String> =
                lengths.iter().zip(letters).map(|(length, letter)| letter.repeat(*length)).collect();
            for (number, line) in (0..).zip(&lines) {
                ring.push(number, writer(1, Stream::Both), line);
            }
            let kept = ring.since(0);
            prop_assert!(lines.ends_with(&kept.iter().map(|line| line.text.clone()).collect::<Vec<_>>()));
            let size: usize = kept.iter().map(|line| line.text.len() + size_of::<Entry>()).sum();
            prop_assert!(size <= MAX_BYTES + SPARE);
            prop_assert!(kept.len() == lines.len() || size > MAX_BYTES / 3);
            let first = (lines.len() - kept.len()) as u64;
            prop_assert!(!ring.has_lost(first) && (first == 0 || ring.has_lost(first - 1)));
        }
    }
}
