//! Lines of TOML, each with the origin of its value, and TOML strings that no terminal acts on.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::{Origin, Setting, shown};

pub(super) struct Page<'a> {
    /// Each line and the comment after it.
    lines: Vec<(String, Option<String>)>,
    cwd: &'a Path,
}

impl<'a> Page<'a> {
    pub(super) fn new(cwd: &'a Path) -> Self {
        Self { lines: Vec::new(), cwd }
    }

    pub(super) fn table(&mut self, name: &str) {
        self.lines.push((String::new(), None));
        self.lines.push((format!("[{name}]"), None));
    }

    /// Adds what `show` adds, unless `other` would add the same.
    pub(super) fn unless_equal(&mut self, show: impl Fn(&mut Self), other: impl Fn(&mut Self)) {
        let shown = |show: &dyn Fn(&mut Self)| {
            let mut page = Self::new(self.cwd);
            show(&mut page);
            page.lines
        };
        let lines = shown(&show);
        if lines != shown(&other) {
            self.lines.extend(lines);
        }
    }

    pub(super) fn setting(&mut self, key: &str, value: &str, origin: &Origin) {
        let origin = self.origin(origin);
        self.lines.push((format!("{key} = {value}"), Some(origin)));
    }

    pub(super) fn unset(&mut self, key: &str) {
        self.lines.push((format!("# {key} ="), Some("not set".to_owned())));
    }

    /// Adds a list, each item with its origin.
    pub(super) fn list<'o>(&mut self, key: &str, items: impl ExactSizeIterator<Item = (String, &'o Origin)>) {
        if items.len() == 0 {
            self.lines.push((format!("{key} = []"), Some("nothing set".to_owned())));
            return;
        }
        self.lines.push((format!("{key} = ["), None));
        for (value, origin) in items {
            let origin = self.origin(origin);
            self.lines.push((format!("    {value},"), Some(origin)));
        }
        self.lines.push(("]".to_owned(), None));
    }

    pub(super) fn variables(&mut self, key: &str, variables: &BTreeMap<String, Setting<String>>) {
        if variables.is_empty() {
            self.lines.push((format!("{key} = {{}}"), Some("nothing set".to_owned())));
        }
        for (name, Setting { value, origin }) in variables {
            let bare =
                name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
            let name = if bare { name.clone() } else { quoted(name) };
            self.setting(&format!("{key}.{name}"), &quoted(value), origin);
        }
    }

    fn origin(&self, origin: &Origin) -> String {
        match origin {
            Origin::Default => "default".to_owned(),
            Origin::CommandLine => "command line".to_owned(),
            Origin::Environment(name) => (*name).to_owned(),
            Origin::File(path, line) => format!("{}:{line}", shown(path, self.cwd).display()),
        }
    }

    /// Renders the lines; their comments share a column unless a line is long.
    pub(super) fn text(self) -> String {
        const WIDEST: usize = 40;
        let widths =
            self.lines.iter().filter(|(_, comment)| comment.is_some()).map(|(line, _)| line.chars().count());
        let column = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        let mut text = String::new();
        for (line, comment) in self.lines {
            let (line, comment) = (visible(&line), comment.map(|comment| visible(&comment)));
            match comment {
                Some(comment) => writeln!(text, "{line:column$}  # {comment}"),
                None => writeln!(text, "{line}"),
            }
            .expect("writing to memory cannot fail");
        }
        text
    }
}

/// Escapes control characters as in a TOML basic string.
fn visible(line: &str) -> String {
    let mut visible = String::with_capacity(line.len());
    line.chars().for_each(|letter| push_visible(&mut visible, letter));
    visible
}

/// Formats a TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        push_visible(&mut quoted, letter);
    }
    quoted.push('"');
    quoted
}

fn push_visible(text: &mut String, letter: char) {
    match letter {
        '\n' => text.push_str("\\n"),
        '\t' => text.push_str("\\t"),
        '\r' => text.push_str("\\r"),
        control if control.is_control() => {
            write!(text, "\\u{:04X}", u32::from(control)).expect("writing to memory cannot fail");
        }
        plain => text.push(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let line = "events = a\u{1b}[31m\n\u{9b}b\tc";
        assert_eq!(visible(line), "events = a\\u001B[31m\\n\\u009Bb\\tc");
        assert_eq!(quoted("\"\\\u{7}"), r#""\"\\\u0007""#);
    }
}
