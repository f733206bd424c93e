//! Bytes that a program writes become lines of text, fit to stand between those of others.
//!
//! Pure. Of a line that is overwritten (`\r`) the last state counts. Colours and links are ended at the end of a line
//! and set again on the next. Other escape sequences and control characters are dropped.

use std::borrow::Cow;

use super::style::Style;

/// A longer line, in bytes, is cut.
const MAX_LINE: usize = 16 << 10;

/// A longer sequence, in bytes, has no effect.
const MAX_SEQUENCE: usize = 2048;

/// A line, or what is there of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// The line from its start.
    pub(super) text: Cow<'a, str>,
    /// What is new since a part of it was told.
    pub(super) rest: Cow<'a, str>,
    /// A part of it was told.
    pub(super) continues: bool,
    /// What was told has been overwritten.
    pub(super) rewritten: bool,
}

/// Cuts a stream into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// The look at the end of `line`, and that of the text to come.
    written: Style,
    style: Style,
    /// The cursor was returned to the start of the line.
    returned: bool,
    /// How much of `line` was told as a part.
    told: usize,
    continues: bool,
    rewritten: bool,
    state: State,
    /// The sequence so far.
    sequence: Vec<u8>,
}

/// Where in a sequence (ECMA-48) the stream is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC, or ESC and intermediate bytes.
    Escape,
    /// After ESC `[`.
    Control,
    /// After ESC `]`.
    Command,
    /// After ESC and `P`, `X`, `^` or `_`.
    Other,
    /// After ESC in a command, or in another string: `\` ends it.
    CommandEnd,
    OtherEnd,
}

impl Lines {
    /// Takes what was read, and tells the lines that end in it.
    pub(super) fn take(&mut self, mut bytes: &[u8], told: &mut dyn FnMut(Line<'_>)) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.state == State::Text {
                let length = bytes.iter().position(|byte| is_control(*byte)).unwrap_or(bytes.len());
                if length > 0 {
                    let (text, rest) = bytes.split_at(length);
                    self.text(text, told);
                    bytes = rest;
                    continue;
                }
            }
            self.control(first, told);
            bytes = rest;
        }
    }

    /// Tells the line that has not ended, once the stream has.
    pub(super) fn end(&mut self, told: &mut dyn FnMut(Line<'_>)) {
        if self.is_begun() {
            self.end_line(told);
        }
    }

    /// Whether there is something of a line that was not told.
    pub(super) fn is_pending(&self) -> bool {
        self.line.len() > self.told || self.rewritten
    }

    /// Whether a part that was told has been overwritten.
    pub(super) fn overwrites(&self) -> bool {
        self.rewritten
    }

    /// Returns the unfinished line; `None` if it was told already, or ends within a letter.
    pub(super) fn part(&mut self) -> Option<Line<'_>> {
        if !self.is_pending() || ends_within_letter(&self.line) {
            return None;
        }
        self.close();
        let (before, continues, rewritten) = (self.told, self.continues, self.rewritten);
        (self.told, self.continues, self.rewritten) = (self.line.len(), true, false);
        Some(line(&self.line, before, continues, rewritten))
    }

    fn is_begun(&self) -> bool {
        !self.line.is_empty() || self.continues
    }

    fn text(&mut self, mut text: &[u8], told: &mut dyn FnMut(Line<'_>)) {
        if std::mem::take(&mut self.returned) && self.is_begun() {
            self.rewritten |= self.continues;
            self.line.clear();
            self.told = 0;
            self.written = Style::default();
        }
        while let Some((&first, rest)) = text.split_first() {
            if self.line.len() >= MAX_LINE && (!is_within_letter(first) || self.line.len() >= MAX_LINE + 3) {
                self.end_line(told);
            }
            if self.written != self.style {
                self.written.change_to(&self.style, &mut self.line);
                self.written.clone_from(&self.style);
            }
            let room = MAX_LINE.saturating_sub(self.line.len()).min(text.len());
            if room > 0 {
                let (now, later) = text.split_at(room);
                self.line.extend_from_slice(now);
                text = later;
            } else {
                self.line.push(first);
                text = rest;
            }
        }
    }

    fn control(&mut self, byte: u8, told: &mut dyn FnMut(Line<'_>)) {
        match (self.state, byte) {
            // A newline ends any sequence, so that a broken one does not swallow what follows.
            (_, b'\n') => {
                self.state = State::Text;
                self.returned = false;
                self.end_line(told);
            }
            // CAN, SUB; the end of a string.
            (_, 0x18 | 0x1a) | (State::OtherEnd, b'\\') => self.state = State::Text,
            (State::Command, 0x1b) => self.state = State::CommandEnd,
            (State::Other, 0x1b) => self.state = State::OtherEnd,
            (_, 0x1b) => {
                self.state = State::Escape;
                self.sequence.clear();
            }
            (State::Command, 0x07) | (State::CommandEnd, b'\\') => self.end_command(),
            (State::Escape | State::CommandEnd | State::OtherEnd, _) => {
                self.sequence.clear();
                self.state = match byte {
                    b'[' => State::Control,
                    b']' => State::Command,
                    b'P' | b'X' | b'^' | b'_' => State::Other,
                    0..=0x2f => State::Escape,
                    _ => State::Text,
                };
            }
            (State::Control, 0x40..=0x7e) => self.end_control(byte),
            (State::Control, 0x20..=0x3f) | (State::Command, _) => {
                if self.sequence.len() <= MAX_SEQUENCE {
                    self.sequence.push(byte);
                }
            }
            (State::Control, 0x80..) => {
                self.state = State::Text;
                self.text(&[byte], told);
            }
            (State::Text, b'\r') => self.returned = true,
            (State::Text | State::Control | State::Other, _) => {}
        }
    }

    /// Applies a control sequence, given its last byte.
    fn end_control(&mut self, last: u8) {
        self.state = State::Text;
        let sequence = std::mem::take(&mut self.sequence);
        let Some(parameters) = std::str::from_utf8(&sequence).ok().filter(|text| text.len() <= MAX_SEQUENCE)
        else {
            return;
        };
        match (last, parameters) {
            (b'm', _) if parameters.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')) => {
                self.style.apply(parameters);
            }
            // To the first column: as `\r`.
            (b'G', "" | "0" | "1") => self.returned = true,
            // Erases the line, or its rest.
            (b'K', "2") => self.erase(),
            (b'K', "" | "0") if self.returned => self.erase(),
            _ => {}
        }
        self.sequence = sequence;
    }

    fn erase(&mut self) {
        if self.is_begun() {
            self.rewritten |= self.continues;
            self.line.clear();
            self.told = 0;
            self.written = Style::default();
        }
        self.returned = false;
    }

    /// Applies an operating system command, if it is a link.
    fn end_command(&mut self) {
        self.state = State::Text;
        if self.sequence.len() <= MAX_SEQUENCE
            && let Some(link) = self.sequence.strip_prefix(b"8;")
        {
            self.style.set_link(link);
        }
    }

    fn end_line(&mut self, told: &mut dyn FnMut(Line<'_>)) {
        self.close();
        told(line(&self.line, self.told, self.continues, self.rewritten));
        self.line.clear();
        (self.told, self.continues, self.rewritten) = (0, false, false);
    }

    /// Ends colours and links at the end of what is there.
    fn close(&mut self) {
        if !self.written.is_plain() {
            self.written.change_to(&Style::default(), &mut self.line);
            self.written = Style::default();
        }
    }
}

/// Returns a line without colours and links.
pub(super) fn plain(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // A colour, the start of a link or the end of one, and what follows it.
        let text = match part.as_bytes().first() {
            Some(b'[') => part.split_once('m').map(|(_, text)| text),
            Some(b'\\') => part.get(1..),
            _ => None,
        };
        plain.push_str(text.unwrap_or_default());
    }
    plain
}

fn line(bytes: &[u8], told: usize, continues: bool, rewritten: bool) -> Line<'_> {
    let text = text_of(bytes);
    let rest = if told == 0 { text.clone() } else { text_of(bytes.get(told..).unwrap_or_default()) };
    Line { text, rest, continues, rewritten }
}

/// Returns bytes as text, without the control characters that UTF-8 has beyond ASCII: some terminals obey them.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    // Most lines are text.
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    if bytes.contains(&0xc2) && text.contains(is_high_control) {
        return Cow::Owned(text.replace(is_high_control, ""));
    }
    text
}

fn is_high_control(letter: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&letter)
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Whether a byte continues a letter of UTF-8.
fn is_within_letter(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn ends_within_letter(bytes: &[u8]) -> bool {
    let Some(start) = bytes.iter().rev().take(4).position(|byte| !is_within_letter(*byte)) else {
        return false;
    };
    let length = match bytes[bytes.len() - 1 - start] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    start + 1 < length
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
