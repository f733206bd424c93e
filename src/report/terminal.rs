//! Where lines for people go: stderr, coloured where it is a terminal, and the log.
//!
//! The one place for hotrun's lines, cargo's and the compiler's. Each write is one whole line, so that it does not mix
//! with what the program prints; none is waited for.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::Duration;

use console::{Term, strip_ansi_codes, truncate_str};

use super::line_file::LineFile;
use super::lines::{self, Head, Line};
use super::outlet::{Kind, Outlet};
use super::topic::Topic;
use crate::config::Color;
use crate::sys::TerminalModes;

/// How long a reader of stderr has to keep up before the program gets to write, or the terminal.
const SETTLING: Duration = Duration::from_millis(100);

/// What stderr is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Screen {
    /// A file, a pipe.
    None,
    /// A terminal without escape sequences: `TERM` is `dumb`, or not set.
    Dumb,
    /// A terminal.
    Full,
}

/// How cargo may talk on its way to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// In colours.
    pub colors: bool,
    /// With a progress bar, of this width.
    pub bar: Option<u16>,
}

/// Who has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// hotrun.
    Own,
    /// The program.
    Program,
    /// Something that cargo runs.
    Cargo,
}

/// Where the cursor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// At the beginning of an empty line.
    Start,
    /// On a line that the next one overwrites: cargo's progress bar.
    Bar,
    /// Anywhere: somebody else has written.
    Anywhere,
}

const ERASE_LINE: &str = "\r\x1b[K";

#[derive(Debug)]
pub(super) struct Output {
    screen: Screen,
    colors: bool,
    outlet: Outlet,
    log: Option<LineFile>,
    cursor: Cursor,
    holder: Holder,
    /// What is said now is about this.
    topic: Topic,
    /// What was said while it could not be shown.
    held: Vec<(Topic, String)>,
    /// The program writes to the terminal as well.
    shared: bool,
    /// How many errors the window's title tells; 0 where it is not hotrun's.
    titled: u32,
}

impl Output {
    pub(super) fn stderr(color: Color, log: Option<LineFile>) -> Self {
        let screen = match std::io::stderr().is_terminal() {
            false => Screen::None,
            true if ["", "dumb"].contains(&&*environment("TERM")) => Screen::Dumb,
            true => Screen::Full,
        };
        let colors = colored(color, screen, environment);
        let note = Box::new(move |count| {
            let shown = |line: &Line| format!("{} {}\n", head(line, colors), line.body(None));
            lines::dropped(count).iter().map(shown).collect()
        });
        let outlet = Outlet::new(std::io::stderr(), note);
        Self {
            screen,
            colors,
            outlet,
            log,
            cursor: Cursor::Start,
            holder: Holder::Own,
            topic: Topic::Lasting,
            held: Vec::new(),
            shared: false,
            titled: 0,
        }
    }

    pub(super) fn set_log(&mut self, log: Option<LineFile>) {
        self.log = log;
    }

    /// How cargo may talk on the way here.
    pub(super) fn style(&self) -> Style {
        Style { colors: self.colors, bar: if self.screen == Screen::Full { self.width() } else { None } }
    }

    /// The terminal's width, where there is one.
    fn width(&self) -> Option<u16> {
        let terminal = self.screen > Screen::None;
        let width = if terminal { Term::stderr().size_checked().map(|(_, columns)| columns) } else { None };
        width.filter(|width| *width > 0)
    }

    pub(super) fn styled(&mut self, line: &Line) {
        let body = line.body(self.width().map(usize::from));
        let head = head(line, self.colors);
        self.write(&format!("{head} {body}\n"), &format!("{}\n", line.plain()));
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    /// Whole lines, their ends included (one is added where it is missing).
    pub(super) fn text(&mut self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let plain = strip_ansi_codes(text) + end;
        if self.colors {
            self.write(&format!("{text}{end}"), &plain);
        } else {
            self.write(&plain, &plain);
        }
    }

    /// Whole lines for the terminal, and for the log, which is as wide as it needs to be and has no escape sequences.
    fn write(&mut self, text: &str, plain: &str) {
        if let Some(log) = &mut self.log {
            // A copy for reading beside a full-screen program.
            log.write(plain);
        }
        self.held.push((self.topic, text.to_owned()));
        self.show_held();
    }

    /// Shows what was said, where that can be done now.
    fn show_held(&mut self) {
        if self.held.is_empty() || self.withholds() {
            return;
        }
        let mut shown = self.line_start();
        shown.extend(std::mem::take(&mut self.held).into_iter().map(|(_, text)| text));
        self.outlet.push(Kind::Lines, shown);
    }

    /// Leads to the beginning of an empty line.
    fn line_start(&mut self) -> String {
        let after = self.own_cursor();
        match std::mem::replace(&mut self.cursor, after) {
            Cursor::Start => String::new(),
            Cursor::Bar => ERASE_LINE.to_owned(),
            // So many blanks end on the same line only where they began at its beginning: the cursor waits at the right edge
            // before it goes to the next line (`xenl` in terminfo(5)).
            Cursor::Anywhere => match self.width() {
                Some(width) if self.screen == Screen::Full => " ".repeat(usize::from(width)) + ERASE_LINE,
                _ => String::new(),
            },
        }
    }

    /// Where the cursor is after what hotrun has written.
    fn own_cursor(&self) -> Cursor {
        if self.shared { Cursor::Anywhere } else { Cursor::Start }
    }

    /// Takes the progress bar away: somebody else is about to write.
    fn erase_bar(&mut self) {
        if self.cursor == Cursor::Bar {
            self.outlet.push(Kind::Escapes, ERASE_LINE.to_owned());
        }
        self.cursor = Cursor::Anywhere;
    }

    /// Whether what is said has to wait: a full-screen program has the terminal, or a question of cargo's is on it. Only a
    /// terminal is withheld from; a file takes lines at any time.
    fn withholds(&self) -> bool {
        let raw = || TerminalModes::of(std::io::stderr().as_fd()).is_ok_and(|modes| !modes.by_line());
        self.screen > Screen::None
            && match self.holder {
                Holder::Own => false,
                Holder::Program => raw(),
                Holder::Cargo => true,
            }
    }

    /// What is said from now on is about this.
    pub(super) fn about(&mut self, topic: Topic) {
        self.topic = topic;
    }

    /// What was said about this no longer holds.
    pub(super) fn forget(&mut self, topic: Topic) {
        self.held.retain(|(about, _)| *about != topic);
    }

    /// A program runs that may write to the terminal, or none does any more.
    pub(super) fn share(&mut self, shared: bool) {
        self.shared = shared;
        if shared {
            self.erase_bar();
        }
    }

    /// Gives what was said the time to be written before somebody else writes there.
    pub(super) fn settle(&self) {
        self.outlet.settle(SETTLING);
    }

    /// How far the writing has come; nothing where all is written.
    pub(super) fn progress(&self) -> Option<u64> {
        self.outlet.progress()
    }

    /// Waits until all is written, unless the reader takes nothing for as long as `patience`.
    pub(super) fn finish(&self, patience: Duration) {
        let mut before = None;
        while let Some(now) = self.outlet.progress().filter(|now| before != Some(*now)) {
            before = Some(now);
            self.outlet.wait(patience);
        }
    }

    /// A line that the next one overwrites.
    pub(super) fn transient(&mut self, text: &str) {
        if self.screen == Screen::Full && self.holder == Holder::Own && !self.shared {
            self.cursor = Cursor::Bar;
            // The terminal may have become narrower since cargo was told how wide it is.
            let text = truncate_str(text, self.width().map_or(usize::MAX, usize::from), "");
            self.outlet.push(Kind::Transient, format!("{ERASE_LINE}{text}\r"));
        }
    }

    /// This one has the terminal from now on.
    pub(super) fn hold(&mut self, holder: Holder) {
        if self.screen == Screen::None || self.holder == holder {
            return;
        }
        self.settle();
        let waiting = self.outlet.take_back();
        self.holder = holder;
        self.erase_bar();
        if !waiting.is_empty() {
            self.held.insert(0, (Topic::Lasting, waiting));
        }
        if holder == Holder::Own {
            self.title(0);
        }
        self.show_held();
    }

    /// While somebody else has the terminal its title says how many errors there are.
    ///
    /// The title from before is kept on the terminal's stack (xterm control sequences: `CSI 22 ; 2 t`, `CSI 23 ; 2 t`,
    /// `OSC 2`); one without a stack has none afterwards, and the shell sets its own.
    pub(super) fn title(&mut self, errors: u32) {
        let said = match errors {
            0 if std::mem::take(&mut self.titled) > 0 => "\x1b]2;\x07\x1b[23;2t".to_owned(),
            1.. if self.screen == Screen::Full && self.withholds() => {
                let keep = if std::mem::replace(&mut self.titled, errors) > 0 { "" } else { "\x1b[22;2t" };
                let plural = if errors == 1 { "" } else { "s" };
                format!("{keep}\x1b]2;hotrun: {errors} error{plural}\x07")
            }
            _ => return,
        };
        self.outlet.push(Kind::Escapes, said);
    }

    /// A short text for somebody who looks elsewhere. It changes nothing on the screen, whoever has the terminal.
    pub(super) fn notify(&mut self, text: &str) {
        if self.screen > Screen::None {
            // A dumb terminal has a bell as well.
            self.outlet.push(Kind::Escapes, notification(text, takes_osc_9(environment)));
        }
    }

    /// Clears the screen, unless somebody else has it.
    pub(super) fn clear(&mut self) {
        if self.screen == Screen::Full && self.holder == Holder::Own {
            self.cursor = self.own_cursor();
            // As `clear` does it: the screen and what was scrolled off it.
            self.outlet.push(Kind::Escapes, "\x1b[H\x1b[2J\x1b[3J".to_owned());
        }
    }
}

/// The beginning of a line: in the colours of cargo and rustc, by the same sequences, or without.
fn head(line: &Line, colors: bool) -> String {
    let color = match &line.head {
        Head::Status(_) => "\x1b[92m",
        Head::Attention(_) | Head::Warning => "\x1b[33m",
        Head::Error | Head::Fault(_) => "\x1b[91m",
        Head::Note | Head::Plain(_) => "",
        Head::Hint => "\x1b[96m",
    };
    let head = line.head.text();
    if colors { format!("\x1b[1m{color}{head}\x1b[0m") } else { head }
}

/// Lines for stdout, as wide as its terminal and coloured where that is one; `color` is what `--color` says.
pub fn page(lines: &[Line], color: Option<&str>) -> String {
    let terminal = std::io::stdout().is_terminal();
    let colors = match color {
        Some("always") => true,
        Some("never") => false,
        _ => terminal && console::colors_enabled(),
    };
    let columns = if terminal { Term::stdout().size_checked().map(|(_, columns)| columns) } else { None };
    let width = columns.map(usize::from);
    let shown = |line: &Line| format!("{} {}\n", head(line, colors), line.body(width));
    lines.iter().map(shown).collect()
}

/// Whether a notification goes by OSC 9 on this terminal, or by its bell.
pub fn notifies_by_osc_9() -> bool {
    takes_osc_9(environment)
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Whether to colour: as asked, else as <https://no-color.org> and <https://bixense.com/clicolors/> say and cargo does it.
fn colored(color: Color, screen: Screen, environment: impl Fn(&str) -> String) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if !environment("NO_COLOR").is_empty() => false,
        Color::Auto if !["", "0"].contains(&&*environment("CLICOLOR_FORCE")) => true,
        Color::Auto => screen == Screen::Full && environment("CLICOLOR") != "0",
    }
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
    fn colours_are_for_terminals_and_for_whoever_asks() {
        // `--color`, what stderr is, the variables that are set, whether it is coloured.
        let table = [
            (Color::Auto, Screen::Full, "", true),
            (Color::Auto, Screen::None, "", false),
            (Color::Auto, Screen::Dumb, "", false),
            (Color::Auto, Screen::Full, "NO_COLOR=1", false),
            (Color::Auto, Screen::Full, "NO_COLOR=", true),
            (Color::Auto, Screen::Full, "CLICOLOR=0", false),
            (Color::Auto, Screen::None, "CLICOLOR_FORCE=1", true),
            (Color::Auto, Screen::Dumb, "CLICOLOR_FORCE=1", true),
            (Color::Auto, Screen::None, "CLICOLOR_FORCE=0", false),
            (Color::Auto, Screen::Full, "CLICOLOR_FORCE=1 NO_COLOR=1", false),
            (Color::Always, Screen::Dumb, "NO_COLOR=1", true),
            (Color::Never, Screen::Full, "CLICOLOR_FORCE=1", false),
        ];
        for (color, screen, variables, expected) in table {
            let environment = |name: &str| {
                let set = variables.split(' ').filter_map(|set| set.split_once('='));
                set.filter(|(set, _)| *set == name).map(|(_, value)| value.to_owned()).collect::<String>()
            };
            assert_eq!(colored(color, screen, environment), expected, "{color:?} {screen:?} {variables}");
        }
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
