//! What the compiler and cargo said in one build, for the key `e` and for those who ask: each message once, and bounded.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::messages::Diagnostic;

/// Bytes of messages that are kept: the first ones, which the others may follow from.
const MESSAGES: usize = 4 << 20;

/// Bytes of cargo's lines that are kept: the last ones, in which it says how it ended.
const LINES: usize = 1 << 20;

/// What was said in a build.
#[derive(Debug, Default)]
pub(super) struct Kept {
    diagnostics: Vec<Diagnostic>,
    /// Hashes of all messages, also of those that are not kept.
    seen: HashSet<u64>,
    bytes: usize,
    lines: VecDeque<String>,
    line_bytes: usize,
}

impl Kept {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.diagnostics.is_empty() && self.lines.is_empty()
    }

    /// Takes note of a message; says no where it is known already.
    pub(super) fn is_new(&mut self, diagnostic: &Diagnostic) -> bool {
        let mut hasher = DefaultHasher::new();
        diagnostic.hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }

    /// Keeps a message, where there is room.
    pub(super) fn diagnostic(&mut self, diagnostic: Diagnostic) {
        self.bytes += diagnostic.rendered.len();
        if self.bytes <= MESSAGES || self.diagnostics.is_empty() {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Keeps a line, in the place of the oldest ones where there is no room.
    pub(super) fn line(&mut self, line: &str) {
        self.line_bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.line_bytes > LINES
            && let Some(oldest) = self.lines.pop_front()
        {
            self.line_bytes -= oldest.len() + 1;
        }
    }

    pub(super) fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::Level;

    fn error(number: usize) -> Diagnostic {
        let message = format!("error {number}");
        let rendered = format!("error: {message}\n{}\n", "=".repeat(300));
        let (level, code, file) = (Level::Error, None, None);
        Diagnostic { level, code, message, file, line: None, column: None, rendered }
    }

    #[test]
    fn a_flood_of_messages_is_told_apart_and_bounded() {
        let mut kept = Kept::default();
        for number in 0..100_000 {
            assert!(kept.is_new(&error(number)));
            kept.diagnostic(error(number));
        }
        assert!((0..100_000).step_by(1000).all(|number| !kept.is_new(&error(number))));
        let count = kept.diagnostics().len();
        assert!((10_000..20_000).contains(&count), "{count}");
        assert_eq!(kept.diagnostics()[count - 1], error(count - 1));
        kept.clear();
        assert!(kept.is_empty() && kept.is_new(&error(1)));
    }

    #[test]
    fn of_many_lines_the_last_ones_are_kept() {
        let mut kept = Kept::default();
        (0..50).for_each(|number| kept.line(&format!("{number}{}", "x".repeat(LINES / 10))));
        let first: Vec<&str> = kept.lines().map(|line| &line[..2]).collect();
        assert_eq!(first, ["41", "42", "43", "44", "45", "46", "47", "48", "49"]);
    }
}
