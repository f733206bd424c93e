//! Remembers the warnings already shown, so that a build shows only new ones.
//!
//! Pure. cargo repeats all warnings of the workspace with every build, even of crates it did not compile
//! again.

use std::collections::HashSet;

#[derive(Debug, Default)]
pub(super) struct Warnings {
    seen: HashSet<String>,
    /// Warnings of the current build.
    current: HashSet<String>,
    /// cargo's warning that is being read was shown before.
    known_line: bool,
}

impl Warnings {
    pub(super) fn build_started(&mut self) {
        self.current.clear();
    }

    /// Whether the warning was shown before, even if its lines have moved.
    pub(super) fn known(&mut self, rendered: &str) -> bool {
        let identity = identity(rendered);
        let known = self.seen.contains(&identity);
        self.current.insert(identity);
        known
    }

    /// Whether a line belongs to a warning of cargo's that was shown before.
    pub(super) fn known_line(&mut self, plain: &str) -> bool {
        if plain.starts_with("warning: ") {
            self.known_line = self.known(plain);
        } else {
            const MORE: [&str; 4] = ["note: ", "help: ", "package: ", "workspace: "];
            let goes_on =
                plain.is_empty() || plain.starts_with(|first: char| first == ' ' || first.is_ascii_digit());
            self.known_line &= goes_on || MORE.iter().any(|more| plain.starts_with(more));
        }
        self.known_line
    }

    /// A successful build has every warning there is, so that one that comes back later counts as new. A
    /// failed build has only some.
    pub(super) fn build_ended(&mut self, success: bool) {
        if success {
            self.seen.clear();
        }
        self.seen.extend(self.current.iter().cloned());
    }
}

/// Strips the parts that change when lines are added above, or when another warning of the same lint comes
/// first.
fn identity(rendered: &str) -> String {
    let plain = console::strip_ansi_codes(rendered);
    let lines =
        plain.lines().map(str::trim_start).filter(|line| !(is_remark(line) && line.contains("#[warn(")));
    let mut identity = String::with_capacity(plain.len());
    for line in lines {
        let line = line.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start();
        let place = line.starts_with("--> ") || line.starts_with("::: ");
        let digits = |letter: char| letter.is_ascii_digit() || letter == ':';
        identity.push_str(if place { line.trim_end_matches(digits) } else { line });
        identity.push('\n');
    }
    identity
}

/// rustc adds `#[warn(…)]` on by default once per lint and crate.
fn is_remark(line: &str) -> bool {
    line.starts_with("= note: ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{Diagnostic, Level};

    fn warning(name: &str, line: usize, note: &str) -> Diagnostic {
        let gutter = " ".repeat(line.to_string().len());
        let rendered = format!(
            "\x1b[33mwarning\x1b[0m: unused variable: `{name}`\n{gutter}--> src/main.rs:{line}:9\n{gutter} |\n\
             {line} |     let {name} = 1;\n{gutter} |         ^ help: if this is intentional\n{gutter} |\n{note}\n"
        );
        let message = format!("unused variable: `{name}`");
        let (code, file) = (None, None);
        Diagnostic { level: Level::Warning, code, message, file, line: None, column: None, rendered }
    }

    const NOTE: &str = "  = note: `#[warn(unused_variables)]` on by default\n";

    fn build(warnings: &mut Warnings, said: &[Diagnostic], success: bool) -> Vec<bool> {
        warnings.build_started();
        let new = said.iter().map(|warning| !warnings.known(&warning.rendered)).collect();
        warnings.build_ended(success);
        new
    }

    #[test]
    fn a_warning_is_new_once_wherever_it_moves_to() {
        let mut warnings = Warnings::default();
        assert_eq!(build(&mut warnings, &[warning("a", 9, NOTE), warning("b", 12, "")], true), [true, true]);
        // Lines were added above, and the first warning was fixed.
        assert_eq!(build(&mut warnings, &[warning("b", 102, NOTE)], true), [false]);
        // A warning that comes back is new.
        assert_eq!(build(&mut warnings, &[warning("a", 9, NOTE), warning("b", 12, "")], true), [true, false]);
    }

    #[test]
    fn a_failed_build_shows_only_some_warnings() {
        let mut warnings = Warnings::default();
        build(&mut warnings, &[warning("a", 1, NOTE), warning("b", 2, "")], true);
        assert_eq!(build(&mut warnings, &[warning("c", 3, "")], false), [true]);
        let all = [warning("a", 1, NOTE), warning("b", 2, ""), warning("c", 3, "")];
        assert_eq!(build(&mut warnings, &all, true), [false, false, false]);
    }
}
