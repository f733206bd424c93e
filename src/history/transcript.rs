//! The output of one build, for the key `e` and control clients: each message once, within limits.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::messages::Diagnostic;

/// The limit for messages, in bytes. The first ones are kept, because later ones may result from them.
const MESSAGES: usize = 4 << 20;

/// The limit for cargo's lines, in bytes. The last ones are kept, because they tell how the build ended.
const LINES: usize = 1 << 20;

/// The output of a build.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    diagnostics: Vec<Diagnostic>,
    /// Hashes of all messages, including dropped ones.
    seen: HashSet<u64>,
    bytes: usize,
    lines: VecDeque<String>,
    line_bytes: usize,
}

impl Transcript {
    /// Adds a message if there is room. Returns whether it is new.
    pub(super) fn diagnostic(&mut self, diagnostic: &Diagnostic) -> bool {
        let mut hasher = DefaultHasher::new();
        diagnostic.hash(&mut hasher);
        let is_new = self.seen.insert(hasher.finish());
        if is_new {
            self.bytes += diagnostic.rendered.len();
            if self.bytes <= MESSAGES || self.diagnostics.is_empty() {
                self.diagnostics.push(diagnostic.clone());
            }
        }
        is_new
    }

    /// Adds a line, and drops the oldest ones if there is no room.
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
    fn a_flood_of_messages_is_deduplicated_and_bounded() {
        let mut said = Transcript::default();
        for number in 0..100_000 {
            assert!(said.diagnostic(&error(number)));
        }
        assert!((0..100_000).step_by(1000).all(|number| !said.diagnostic(&error(number))));
        let count = said.diagnostics().len();
        assert!((10_000..20_000).contains(&count), "{count}");
        assert_eq!(said.diagnostics()[count - 1], error(count - 1));
    }

    #[test]
    fn of_many_lines_the_last_ones_are_kept() {
        let mut said = Transcript::default();
        (0..50).for_each(|number| said.line(&format!("{number}{}", "x".repeat(LINES / 10))));
        let first: Vec<&str> = said.lines().map(|line| &line[..2]).collect();
        assert_eq!(first, ["41", "42", "43", "44", "45", "46", "47", "48", "49"]);
    }
}
