//! Output for people: stderr, coloured if it is a terminal, and the log.
//!
//! Writes the lines of hotrun, cargo and the compiler. Each write is a whole line, so that it does not mix
//! with the program's output. Writing never blocks.

use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::Duration;

use console::{Term, strip_ansi_codes, truncate_str};

use super::line_file::LineFile;
use super::lines::{self, Head, Line};
use super::topic::Topic;
use crate::config::Color;
use crate::sys::{Full, Outlet, TerminalModes, TextKind};

/// How long a reader of stderr may take before the program, or the terminal's next holder, writes.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(100);

/// The most that waits for a reader of stderr, in bytes.
const MAX_QUEUED: usize = 8 << 20;

/// What stderr is connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Screen {
    /// A file or pipe.
    None,
    /// A terminal without escape sequences: `TERM` is `dumb` or unset.
    Dumb,
    Full,
}

/// The style in which cargo may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    pub colors: bool,
    /// The width of cargo's progress bar, if it may show one.
    pub bar: Option<u16>,
}

/// Who has the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalHolder {
    Own,
    Program,
    /// A process that cargo runs.
    Cargo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CursorPosition {
    /// At the start of an empty line.
    Start,
    /// On a line to be overwritten: cargo's progress bar.
    Bar,
    /// Unknown: another process has written.
    Anywhere,
}

const ERASE_LINE: &str = "\r\x1b[K";

#[derive(Debug)]
pub(super) struct Output {
    screen: Screen,
    colors: bool,
    outlet: Outlet,
    log: Option<LineFile>,
    cursor: CursorPosition,
    holder: TerminalHolder,
    /// The topic of the current message.
    topic: Topic,
    /// Output deferred while the terminal is taken.
    deferred: Vec<(Topic, String)>,
    /// Whether the program writes to the terminal as well.
    shared: bool,
    /// The number of errors in the window title; 0 while the title is not hotrun's.
    title_errors: u32,
}

impl Output {
    pub(super) fn stderr(color: Color, log: Option<LineFile>) -> Self {
        let screen = match std::io::stderr().is_terminal() {
            false => Screen::None,
            true if ["", "dumb"].contains(&&*environment("TERM")) => Screen::Dumb,
            true => Screen::Full,
        };
        let colors = colored(color, screen, environment);
        let note = Box::new(move |count| unwrapped(&lines::dropped(count), colors));
        let outlet = Outlet::new("stderr", std::io::stderr(), MAX_QUEUED, Full::Drop(note));
        Self {
            screen,
            colors,
            outlet,
            log,
            cursor: CursorPosition::Start,
            holder: TerminalHolder::Own,
            topic: Topic::Lasting,
            deferred: Vec::new(),
            shared: false,
            title_errors: 0,
        }
    }

    pub(super) fn set_log(&mut self, log: Option<LineFile>) {
        self.log = log;
    }

    pub(super) fn style(&self) -> Style {
        Style { colors: self.colors, bar: if self.screen == Screen::Full { self.width() } else { None } }
    }

    /// Returns the terminal's width.
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

    /// Writes a line to the log only.
    pub(super) fn log(&mut self, line: &Line) {
        if let Some(log) = &mut self.log {
            log.write(&format!("{}\n", line.plain()));
        }
    }

    pub(super) fn line(&mut self, text: &str) {
        self.text(&format!("{text}\n"));
    }

    /// Writes whole lines; adds a missing newline.
    pub(super) fn text(&mut self, text: &str) {
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let plain = strip_ansi_codes(text) + end;
        if self.colors {
            self.write(&format!("{text}{end}"), &plain);
        } else {
            self.write(&plain, &plain);
        }
    }

    /// Writes whole lines to the terminal, and without escape sequences and wrapping to the log.
    fn write(&mut self, text: &str, plain: &str) {
        if let Some(log) = &mut self.log {
            // The log can be followed beside a full-screen program.
            log.write(plain);
        }
        self.deferred.push((self.topic, text.to_owned()));
        self.show_deferred();
    }

    /// Writes deferred output, unless it must still wait.
    fn show_deferred(&mut self) {
        if self.deferred.is_empty() || self.must_wait() {
            return;
        }
        let mut shown = self.line_start();
        shown.extend(std::mem::take(&mut self.deferred).into_iter().map(|(_, text)| text));
        self.outlet.push(TextKind::Lines, shown);
    }

    /// Returns the escape sequence that leads to the start of an empty line.
    fn line_start(&mut self) -> String {
        let after = self.cursor_after();
        match std::mem::replace(&mut self.cursor, after) {
            CursorPosition::Start => String::new(),
            CursorPosition::Bar => ERASE_LINE.to_owned(),
            // This many blanks stay on the same line only if they begin at its start: the cursor waits at the
            // right edge before it wraps (`xenl` in terminfo(5)).
            CursorPosition::Anywhere => match self.width() {
                Some(width) if self.screen == Screen::Full => " ".repeat(usize::from(width)) + ERASE_LINE,
                _ => String::new(),
            },
        }
    }

    /// Returns the cursor's position after hotrun has written.
    fn cursor_after(&self) -> CursorPosition {
        if self.shared { CursorPosition::Anywhere } else { CursorPosition::Start }
    }

    /// Erases the progress bar before another process writes.
    fn erase_bar(&mut self) {
        if self.cursor == CursorPosition::Bar {
            self.outlet.push(TextKind::Escapes, ERASE_LINE.to_owned());
        }
        self.cursor = CursorPosition::Anywhere;
    }

    /// Whether output must wait: a full-screen program has the terminal, or a prompt of a process under cargo
    /// is on it. Applies to terminals only; a file takes lines at any time.
    fn must_wait(&self) -> bool {
        let raw = || TerminalModes::of(std::io::stderr().as_fd()).is_ok_and(|modes| !modes.by_line());
        self.screen > Screen::None
            && match self.holder {
                TerminalHolder::Own => false,
                TerminalHolder::Program => raw(),
                TerminalHolder::Cargo => true,
            }
    }

    /// Sets the topic of the messages that follow.
    pub(super) fn set_topic(&mut self, topic: Topic) {
        self.topic = topic;
    }

    /// Discards deferred messages of a topic.
    pub(super) fn discard(&mut self, topic: Topic) {
        self.deferred.retain(|(about, _)| *about != topic);
    }

    /// Sets whether a program runs that may write to the terminal.
    pub(super) fn set_shared(&mut self, shared: bool) {
        self.shared = shared;
        if shared {
            self.erase_bar();
        }
    }

    /// Gives pending output a moment to be written before another process writes.
    pub(super) fn settle(&self) {
        self.outlet.settle(SETTLE_TIMEOUT);
    }

    /// Returns how much was written; `None` if nothing is pending.
    pub(super) fn progress(&self) -> Option<u64> {
        self.outlet.progress()
    }

    /// Waits until all is written, unless the reader takes nothing for `patience`.
    pub(super) fn finish(&self, stall_timeout: Duration) {
        let mut before = None;
        while let Some(now) = self.outlet.progress().filter(|now| before != Some(*now)) {
            before = Some(now);
            self.outlet.wait(stall_timeout);
        }
    }

    /// Shows a line that the next one overwrites.
    pub(super) fn transient(&mut self, text: &str) {
        if self.screen == Screen::Full && self.holder == TerminalHolder::Own && !self.shared {
            self.cursor = CursorPosition::Bar;
            // The terminal may be narrower than cargo was told.
            let text = truncate_str(text, self.width().map_or(usize::MAX, usize::from), "");
            self.outlet.push(TextKind::Transient, format!("{ERASE_LINE}{text}\r"));
        }
    }

    pub(super) fn set_holder(&mut self, holder: TerminalHolder) {
        if self.screen == Screen::None || self.holder == holder {
            return;
        }
        self.settle();
        let waiting = self.outlet.take_back();
        self.holder = holder;
        self.erase_bar();
        if !waiting.is_empty() {
            self.deferred.insert(0, (Topic::Lasting, String::from_utf8_lossy(&waiting).into_owned()));
        }
        if holder == TerminalHolder::Own {
            self.title(0);
        }
        self.show_deferred();
    }

    /// Shows the number of errors in the window title while another process has the terminal.
    ///
    /// The previous title is kept on the terminal's stack (xterm control sequences: `CSI 22 ; 2 t`, `CSI 23 ;
    /// 2 t`, `OSC 2`). A terminal without a stack has no title afterwards, and the shell sets its own.
    pub(super) fn title(&mut self, errors: u32) {
        let said = match errors {
            0 if std::mem::take(&mut self.title_errors) > 0 => "\x1b]2;\x07\x1b[23;2t".to_owned(),
            1.. if self.screen == Screen::Full && self.must_wait() => {
                let keep =
                    if std::mem::replace(&mut self.title_errors, errors) > 0 { "" } else { "\x1b[22;2t" };
                let plural = if errors == 1 { "" } else { "s" };
                format!("{keep}\x1b]2;hotrun: {errors} error{plural}\x07")
            }
            _ => return,
        };
        self.outlet.push(TextKind::Escapes, said);
    }

    /// Notifies a user who looks elsewhere. Changes nothing on the screen, even while another process has
    /// the terminal.
    pub(super) fn notify(&mut self, text: &str) {
        if self.screen > Screen::None {
            // A dumb terminal has a bell as well.
            self.outlet.push(TextKind::Escapes, notification(text, takes_osc_9(environment)));
        }
    }

    /// Clears the screen, unless another process has it.
    pub(super) fn clear(&mut self) {
        if self.screen == Screen::Full && self.holder == TerminalHolder::Own {
            self.cursor = self.cursor_after();
            // As `clear` does: the screen and the scrollback.
            self.outlet.push(TextKind::Escapes, "\x1b[H\x1b[2J\x1b[3J".to_owned());
        }
    }
}

/// Renders the head of a line, in the colours of cargo and rustc.
fn head(line: &Line, colors: bool) -> String {
    let color = match &line.head {
        Head::Status(_) => "\x1b[1m\x1b[92m",
        Head::Attention(_) | Head::Warning => "\x1b[1m\x1b[33m",
        Head::Error | Head::Fault(_) => "\x1b[1m\x1b[91m",
        Head::Note => "\x1b[1m",
        Head::Plain(_) => "\x1b[2m",
        Head::Hint => "\x1b[1m\x1b[96m",
    };
    let head = line.head.text();
    if colors { format!("{color}{head}\x1b[0m") } else { head }
}

/// Reports lines of a program's output that a slow terminal missed, the last of which may lack its end.
pub fn missing_output(count: u64, colors: bool) -> String {
    let reset = if colors { "\x1b[0m" } else { "" };
    format!("{reset}\r\n{}", unwrapped(&lines::missing_output(count), colors))
}

fn unwrapped(lines: &[Line], colors: bool) -> String {
    let shown = |line: &Line| format!("{} {}\n", head(line, colors), line.body(None));
    lines.iter().map(shown).collect()
}

/// Renders lines for stdout at its width, coloured if it is a terminal; `color` is the value of `--color`.
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

/// Whether notifications use OSC 9 on this terminal; otherwise its bell.
pub fn notifies_by_osc_9() -> bool {
    takes_osc_9(environment)
}

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Whether to use colours: as asked, else as <https://no-color.org> and <https://bixense.com/clicolors/>
/// specify and cargo does.
fn colored(color: Color, screen: Screen, environment: impl Fn(&str) -> String) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if !environment("NO_COLOR").is_empty() => false,
        Color::Auto if !["", "0"].contains(&&*environment("CLICOLOR_FORCE")) => true,
        Color::Auto => screen == Screen::Full && environment("CLICOLOR") != "0",
    }
}

/// Whether the terminal supports OSC 9, which iTerm2 invented and others document as well. tmux and screen,
/// which show in `TERM`, would swallow it.
fn takes_osc_9(environment: impl Fn(&str) -> String) -> bool {
    let name = environment("TERM");
    let multiplexer = ["tmux", "screen"].iter().any(|prefix| name.starts_with(prefix));
    let by_program = ["iTerm.app", "WezTerm", "ghostty"].contains(&&*environment("TERM_PROGRAM"));
    let by_name = ["xterm-kitty", "xterm-ghostty", "foot", "foot-extra", "wezterm"].contains(&&*name);
    !multiplexer && (by_program || by_name)
}

/// Returns a notification: OSC 9 (iTerm2's proprietary escape codes), else the bell. A control character
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
    fn colours_on_terminals_and_on_request() {
        // `--color`, the kind of stderr, variables, whether coloured.
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
