//! Where lines for people go: stderr, coloured where it is a terminal, and the log.
//!
//! The one writer for hotrun's lines, cargo's and the compiler's. Each write is one whole line, so that it does not mix
//! with what the program prints.

use std::fs::File;
use std::io::{IsTerminal, Write};

use console::{Style, Term, strip_ansi_codes};

use super::lines::{Head, Line, wrapped};
use crate::config::Color;

#[derive(Debug)]
pub(super) struct Output {
    terminal: bool,
    colors: bool,
    log: Option<File>,
    /// A line that the next one overwrites (cargo's progress bar) is on the screen.
    transient: bool,
    /// Somebody else has the terminal; what was said since.
    held: Option<String>,
    /// How many errors the window's title tells; 0 where it is not hotrun's.
    titled: u32,
}

impl Output {
    pub(super) fn stderr(color: Color, log: Option<File>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let colors = match color {
            Color::Always => true,
            Color::Never => false,
            // `NO_COLOR` and a dumb terminal are looked at by `console`.
            Color::Auto => terminal && console::colors_enabled_stderr(),
        };
        Self { terminal, colors, log, transient: false, held: None, titled: 0 }
    }

    pub(super) fn set_log(&mut self, log: Option<File>) {
        self.log = log;
    }

    pub(super) fn colors(&self) -> bool {
        self.colors
    }

    /// The terminal's width, where there is one.
    pub(super) fn width(&self) -> Option<u16> {
        if self.terminal { Term::stderr().size_checked().map(|(_, columns)| columns) } else { None }
    }

    pub(super) fn styled(&mut self, line: &Line) {
        self.line(&painted(line, self.colors));
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    /// Whole lines, their ends included (one is added where it is missing).
    pub(super) fn text(&mut self, text: &str) {
        let mut shown = String::with_capacity(text.len() + 8);
        if std::mem::take(&mut self.transient) {
            shown.push_str("\r\x1b[K");
        }
        shown.push_str(&if self.colors { text.into() } else { strip_ansi_codes(text) });
        if !shown.ends_with('\n') {
            shown.push('\n');
        }
        if let Some(log) = &mut self.log {
            // The log is a copy for reading beside a full-screen program; without disk room it goes quiet.
            let _ = log.write_all(strip_ansi_codes(&shown).as_bytes());
        }
        if let Some(held) = &mut self.held {
            held.push_str(&shown);
            return;
        }
        // Nobody reads stderr any more: the program and its updates go on all the same.
        let _ = std::io::stderr().write_all(shown.as_bytes());
    }

    /// A line that the next one overwrites.
    pub(super) fn transient(&mut self, text: &str) {
        if self.terminal && self.held.is_none() {
            self.transient = true;
            let _ = std::io::stderr().write_all(format!("\r\x1b[K{text}\r").as_bytes());
        }
    }

    /// Somebody else has the terminal, or no longer. Only a terminal is held: a file takes lines at any time.
    pub(super) fn hold(&mut self, held: bool) {
        if held && self.terminal {
            self.held.get_or_insert_default();
        } else if let Some(said) = self.held.take() {
            self.title(0);
            let _ = std::io::stderr().write_all(said.as_bytes());
        }
    }

    /// While somebody else has the terminal its title says how many errors there are.
    ///
    /// The title from before is kept on the terminal's stack (xterm control sequences: `CSI 22 ; 2 t`, `CSI 23 ; 2 t`,
    /// `OSC 2`); one without a stack has none afterwards, and the shell sets its own.
    pub(super) fn title(&mut self, errors: u32) {
        let said = match errors {
            0 if std::mem::take(&mut self.titled) > 0 => "\x1b]2;\x07\x1b[23;2t".to_owned(),
            1.. if self.terminal && self.held.is_some() => {
                let keep = if std::mem::replace(&mut self.titled, errors) > 0 { "" } else { "\x1b[22;2t" };
                let plural = if errors == 1 { "" } else { "s" };
                format!("{keep}\x1b]2;hotrun: {errors} error{plural}\x07")
            }
            _ => return,
        };
        let _ = std::io::stderr().write_all(said.as_bytes());
    }

    /// A short text for somebody who looks elsewhere. It changes nothing on the screen, whoever has the terminal.
    pub(super) fn notify(&self, text: &str) {
        if self.terminal {
            let _ = std::io::stderr().write_all(notification(text, takes_osc_9(environment)).as_bytes());
        }
    }

    /// Clears the screen, unless somebody else has it.
    pub(super) fn clear(&mut self) {
        if self.terminal && self.held.is_none() {
            self.transient = false;
            // As `clear` does it: the screen and what was scrolled off it.
            let _ = std::io::stderr().write_all(b"\x1b[H\x1b[2J\x1b[3J");
        }
    }
}

/// A line with its beginning in colour, or without.
fn painted(line: &Line, colors: bool) -> String {
    if !colors {
        return line.plain();
    }
    let bold = Style::new().force_styling(true).bold();
    let head = match &line.head {
        Head::Status(verb) => bold.green().apply_to(format!("{verb:>12}")),
        Head::Attention(verb) => bold.yellow().apply_to(format!("{verb:>12}")),
        Head::Fault(verb) => bold.red().apply_to(format!("{verb:>12}")),
        Head::Plain(verb) => bold.apply_to(format!("{verb:>12}")),
        Head::Error => bold.red().apply_to("error:".to_owned()),
        Head::Warning => bold.yellow().apply_to("warning:".to_owned()),
        Head::Note => bold.apply_to("note:".to_owned()),
        Head::Hint => bold.cyan().apply_to("  hint:".to_owned()),
    };
    format!("{head} {}", line.text)
}

/// Lines for stdout, as wide as its terminal and coloured where that is one; `color` is what `--color` says.
pub(super) fn page(lines: &[Line], color: Option<&str>) -> String {
    let terminal = std::io::stdout().is_terminal();
    let colors = match color {
        Some("always") => true,
        Some("never") => false,
        _ => terminal && console::colors_enabled(),
    };
    let columns = if terminal { Term::stdout().size_checked().map(|(_, columns)| columns) } else { None };
    let width = columns.map_or(usize::MAX, usize::from);
    lines.iter().fold(String::new(), |page, line| page + &painted(&wrapped(line, width), colors) + "\n")
}

/// Whether a notification goes by OSC 9 on this terminal, or by its bell.
pub(super) fn notifies_by_osc_9() -> bool {
    takes_osc_9(environment)
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Whether the terminal shows OSC 9 to the desktop. iTerm2 invented it; the others say in their manuals that they follow.
/// Inside tmux and screen, which say so in `TERM`, it would be swallowed.
fn takes_osc_9(environment: impl Fn(&str) -> String) -> bool {
    let name = environment("TERM");
    let multiplexer = ["tmux", "screen"].iter().any(|prefix| name.starts_with(prefix));
    let by_program = ["iTerm.app", "WezTerm", "ghostty"].contains(&&*environment("TERM_PROGRAM"));
    let by_name = ["xterm-kitty", "xterm-ghostty", "foot", "foot-extra", "wezterm"].contains(&&*name);
    !multiplexer && (by_program || by_name)
}

/// The bytes that make a terminal notify: OSC 9 (iTerm2's proprietary escape codes), else its bell. A control character
/// would end the sequence early.
fn notification(text: &str, osc_9: bool) -> String {
    if !osc_9 {
        return "\x07".to_owned();
    }
    let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
    format!("\x1b]9;hotrun: {text}\x07")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_is_osc_9_or_the_bell() {
        assert_eq!(notification("build 2 failed\x1b", true), "\x1b]9;hotrun: build 2 failed\x07");
        assert_eq!(notification("build 2 failed", false), "\x07");
    }

    #[test]
    fn terminals_that_show_osc_9_are_known_by_name() {
        let table = [
            ("xterm-256color", "", false),
            ("xterm-256color", "WezTerm", true),
            ("xterm-256color", "iTerm.app", true),
            ("tmux-256color", "iTerm.app", false),
            ("xterm-kitty", "", true),
            ("foot", "", true),
            ("dumb", "", false),
        ];
        for (term, program, expected) in table {
            let environment = |name: &str| if name == "TERM" { term } else { program }.to_owned();
            assert_eq!(takes_osc_9(environment), expected, "{term} {program}");
        }
    }
}
