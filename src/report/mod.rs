//! All of hotrun's output goes through the [`Reporter`]: to stderr for people, to the events file for
//! machines.
//!
//! Owns hotrun's stderr, the events file and the log. Decides nothing. stdout belongs to the program.

mod context;
mod fit;
mod line;
mod line_file;
pub mod lines;
mod records;
mod remarks;
mod terminal;
mod text;
mod topic;
mod warnings;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

pub use self::line_file::{LineFile, open as open_lines};
use self::lines::{Context, Line, Past};
pub use self::records::Watching;
use self::remarks::RemarkKind;
pub use self::remarks::{ErrorText, ProgramRemark, Remark, key_help};
use self::terminal::Output;
pub use self::terminal::{Style, TerminalHolder, missing_output, notifies_by_osc_9, page};
pub use self::text::{in_a_line, short_path, with_causes};
use self::topic::Topic;
use self::warnings::Warnings;
use crate::config::Color;
use crate::history::History;
use crate::messages::{self, Diagnostic, Level, StderrLine};
use crate::session::Notice;
use crate::words::{ArtifactId, BuildId, Names, ServiceId};
pub use crate::words::{short_age, short_time};

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-q`: errors and warnings.
    Quiet,
    /// The default.
    Normal,
    /// `-v`: also why a file counted or did not.
    Verbose,
}

impl From<i8> for Verbosity {
    fn from(verbosity: i8) -> Self {
        match verbosity {
            ..0 => Self::Quiet,
            0 => Self::Normal,
            1.. => Self::Verbose,
        }
    }
}

/// Optional terminal effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extras {
    /// `--clear`: clear the screen before a change is shown.
    pub clear: bool,
    /// `--notify`: notify through the terminal when builds fail or succeed again.
    pub notify: bool,
}

/// The settings of a reporter.
#[derive(Debug)]
pub struct Options {
    /// Of the services.
    pub names: Names,
    /// Paths are shown relative to it.
    pub cwd: PathBuf,
    pub color: Color,
    pub verbosity: Verbosity,
    /// Whether keys work.
    pub keys: bool,
    pub once: bool,
    pub extras: Extras,
    pub log: Option<LineFile>,
    pub events: Option<LineFile>,
}

/// Writes all of hotrun's output.
#[derive(Debug)]
pub struct Reporter {
    output: Output,
    events: Option<LineFile>,
    context: Context,
    verbosity: Verbosity,
    /// cargo's command line for the next `build-started` event.
    command: Vec<String>,
    /// What the last build is of.
    builds: BTreeSet<ArtifactId>,
    warnings: Warnings,
    extras: Extras,
    /// The last build failed: a success is worth a notification.
    failed: bool,
    /// Edits are not followed, so that a change does not clear the screen.
    paused: bool,
}

impl Reporter {
    /// Creates a reporter on this process's stderr.
    pub fn new(options: Options) -> Self {
        Self {
            output: Output::stderr(options.color, options.log),
            events: options.events,
            context: Context {
                cwd: options.cwd,
                names: options.names,
                keys: options.keys,
                once: options.once,
                verbose: options.verbosity >= Verbosity::Verbose,
                past: Past::default(),
            },
            verbosity: options.verbosity,
            command: Vec::new(),
            builds: BTreeSet::new(),
            warnings: Warnings::default(),
            extras: options.extras,
            failed: false,
            paused: false,
        }
    }

    pub fn set_extras(&mut self, extras: Extras) {
        self.extras = extras;
    }

    pub fn set_names(&mut self, names: Names) {
        self.context.names = names;
    }

    pub fn set_keys(&mut self, keys: bool) {
        self.context.keys = keys;
    }

    pub fn set_events(&mut self, events: Option<LineFile>) {
        self.events = events;
    }

    pub fn set_log(&mut self, log: Option<LineFile>) {
        self.output.set_log(log);
    }

    /// Returns the style in which cargo may write.
    pub fn style(&self) -> Style {
        self.output.style()
    }

    /// Sets the command line of the next build, for its event.
    pub fn set_command(&mut self, command: Vec<String>) {
        self.command = command;
    }

    /// Reports a fact of the session.
    pub fn notice(&mut self, notice: &Notice) {
        if let Notice::BuildStarted { artifacts, .. } = notice {
            self.builds.clone_from(artifacts);
        }
        if let Some(record) = records::of_notice(notice, &self.command) {
            self.record(record);
        }
        match notice {
            Notice::BuildStarted { .. } => self.warnings.build_started(),
            Notice::BuildFinished { success, .. } => self.warnings.build_ended(*success),
            Notice::BuildCancelled(_) => self.warnings.build_ended(false),
            _ => {}
        }
        self.output.set_topic(Topic::of_notice(notice));
        match notice {
            Notice::BuildStarted { .. } | Notice::BuildFinished { success: true, .. } => {
                self.output.discard(Topic::Build);
            }
            Notice::ConfigChanged { .. } => self.output.discard(Topic::Config),
            Notice::ProcessExited { .. } => self.output.discard(Topic::Stop),
            _ => {}
        }
        match notice {
            Notice::Changed(_) if self.extras.clear && !self.paused => self.output.clear(),
            Notice::Paused => self.paused = true,
            Notice::Resumed => self.paused = false,
            Notice::BuildFinished { success, summary, .. } => {
                self.output.title(if *success { 0 } else { summary.errors.max(1) });
            }
            _ => {}
        }
        if let Some(text) = self.failure_notification(notice)
            && self.extras.notify
        {
            self.output.notify(&text);
        }
        let mut shown = lines::of_notice(notice, &self.context);
        let ends = matches!(
            notice,
            Notice::Starting { .. }
                | Notice::Reloaded { .. }
                | Notice::Unchanged { .. }
                | Notice::Held { .. }
        );
        // That a mistake is mended is shown with `-q` too.
        if ends && self.context.past.recovered {
            shown.iter_mut().take(1).for_each(|line| line.important = true);
        }
        self.context.past.notice(notice);
        self.show(&shown);
        match notice {
            Notice::Starting { .. } => self.output.set_shared(true),
            Notice::ProcessExited { .. } | Notice::StartFailed { .. } => {
                self.output.set_shared(self.program_runs());
            }
            _ => {}
        }
        if self.verbosity >= Verbosity::Verbose
            && let Notice::BuildStarted { build, cause, paths, .. } = notice
        {
            self.show(&[lines::because(*build, *cause, paths, &self.context)]);
        }
        self.output.set_topic(Topic::Lasting);
    }

    fn program_runs(&self) -> bool {
        !self.context.past.running.is_empty()
    }

    /// Returns a notification for users who look elsewhere: a build failed, or builds succeed again.
    fn failure_notification(&mut self, notice: &Notice) -> Option<String> {
        let failed = match notice {
            Notice::BuildFinished { success, .. } => !success,
            Notice::PublishFailed { .. } => true,
            _ => return None,
        };
        let failed_before = std::mem::replace(&mut self.failed, failed);
        self.context.past.recovered = failed_before && !failed;
        if failed || failed_before { lines::notification(notice, &self.context) } else { None }
    }

    /// Reports what is watched.
    pub fn watching(&mut self, watching: &Watching) {
        self.record(records::watching(watching));
        if self.verbosity >= Verbosity::Verbose {
            self.show(&[lines::watching(watching)]);
        }
    }

    /// Reports the start of hotrun.
    pub fn started(&mut self, session: &str) {
        self.record(records::started(session));
    }

    /// Reports a compiler message or an error of cargo itself; shows it if it `is_new`.
    pub fn diagnostic(&mut self, build: BuildId, diagnostic: &Diagnostic, is_new: bool) {
        self.record(records::diagnostic(build, diagnostic));
        if !is_new {
            return;
        }
        let known = diagnostic.level == Level::Warning && self.warnings.known(&diagnostic.rendered);
        if !known || self.verbosity >= Verbosity::Verbose {
            self.output.set_topic(Topic::Build);
            self.output.text(&diagnostic.rendered);
            self.output.set_topic(Topic::Lasting);
        }
    }

    /// Reports a line of cargo's stderr.
    pub fn cargo_line(&mut self, text: &str, transient: bool) {
        self.output.set_topic(Topic::Build);
        let plain = console::strip_ansi_codes(text);
        match messages::stderr_line(&plain) {
            StderrLine::Status if transient && !self.program_runs() && self.verbosity > Verbosity::Quiet => {
                self.output.transient(text);
            }
            StderrLine::Status if transient => {}
            // hotrun itself reports `Finished` and `Running`.
            StderrLine::Status
                if !self.program_runs()
                    && self.verbosity > Verbosity::Quiet
                    && !plain.trim_start().starts_with("Finished") =>
            {
                self.output.line(text);
            }
            // Waiting for another cargo's lock explains the delay.
            StderrLine::Status
                if self.verbosity > Verbosity::Quiet && plain.trim_start().starts_with("Blocking") =>
            {
                self.output.line(text);
            }
            StderrLine::Status | StderrLine::Summary => {}
            StderrLine::Text => {
                let is_empty = transient && plain.trim().is_empty();
                if !is_empty && (!self.warnings.known_line(&plain) || self.verbosity >= Verbosity::Verbose) {
                    self.output.line(text);
                }
            }
        }
    }

    /// The `e` key: shows the compiler's messages of the last build again.
    pub fn repeat(&mut self, history: &History) {
        if history.diagnostics().is_empty() && history.lines().next().is_none() {
            self.answer(&lines::nothing_to_repeat());
        }
        for text in history.lines() {
            self.output.line(text);
        }
        let is_line = |rendered: &str| history.lines().any(|line| line == rendered.trim_end());
        for diagnostic in history.diagnostics().iter().filter(|said| !is_line(&said.rendered)) {
            self.output.text(&diagnostic.rendered);
        }
    }

    /// Reports a fact that is not the session's.
    pub fn remark(&mut self, remark: &Remark) {
        let lines = remark.lines(&self.context.names);
        let topic = Topic::of_remark(remark);
        if topic == Topic::Config {
            self.output.discard(topic);
        }
        self.output.set_topic(topic);
        match remark.kind() {
            RemarkKind::Status(_) => {
                for line in lines {
                    self.answer(&line);
                }
            }
            RemarkKind::Cargo { transient, .. } => {
                for line in lines {
                    self.cargo_line(&line.plain(), transient);
                }
            }
            RemarkKind::Error | RemarkKind::Warning => {
                let record = records::warning(&remark.to_string());
                self.record(match remark {
                    Remark::Program(service, _) => record.service(*service),
                    _ => record,
                });
                self.show(&lines);
            }
            RemarkKind::Note | RemarkKind::Fact(_) => self.show(&lines),
            RemarkKind::Detail(_) if self.verbosity >= Verbosity::Verbose => self.show(&lines),
            RemarkKind::Detail(_) => {}
        }
    }

    /// Reports a fact about the program of a service.
    pub fn remark_on(&mut self, service: ServiceId, remark: ProgramRemark) {
        self.remark(&Remark::Program(service, remark));
    }

    /// The `h` key.
    pub fn help(&mut self) {
        for line in key_help(self.context.names.are_several()) {
            self.answer(&line);
        }
    }

    /// Puts the last output of a program that crashed into the log; on the screen it is already.
    pub fn last_words(&mut self, said: &[String]) {
        for text in said {
            self.output.log(&lines::said(text));
        }
    }

    /// Reports the program's status (`STATUS=`).
    pub fn program_status(&mut self, service: ServiceId, text: &str) {
        self.output.set_topic(Topic::Lasting);
        let name = self.context.names.told(service);
        self.show(&[Line::status("Status", name.map_or(text.to_owned(), |name| format!("{name}: {text}")))]);
    }

    pub fn empty_line(&mut self) {
        self.output.line("");
    }

    /// Gives pending output a moment to be written before the program writes to the same place.
    pub fn settle(&self) {
        self.output.settle();
    }

    /// Returns how much was written; `None` if nothing is pending.
    pub fn progress(&self) -> Option<u64> {
        self.output.progress()
    }

    /// Sets who has the terminal. Output that must wait is shown later, if it is still valid.
    pub fn set_holder(&mut self, holder: TerminalHolder) {
        self.output.set_holder(holder);
    }

    pub fn clear(&mut self) {
        self.output.clear();
    }

    fn answer(&mut self, line: &Line) {
        self.output.styled(line);
    }

    fn show(&mut self, shown: &[Line]) {
        for line in shown {
            if self.verbosity > Verbosity::Quiet || line.important {
                self.output.styled(line);
            }
        }
    }

    fn record(&mut self, record: records::Record) {
        if let Some(events) = &mut self.events {
            events.write(&record.into_line(&self.context.names, &self.builds));
        }
    }
}

/// How long to wait, at the end, for a reader that takes nothing.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Prints an error that ends hotrun without a [`Reporter`].
pub fn fatal(error: &dyn std::error::Error, hint: Option<&str>, color: Color) {
    let mut output = Output::stderr(color, None);
    for line in lines::of_error(error, hint) {
        output.styled(&line);
    }
    output.finish(STALL_TIMEOUT);
}

/// Prints lines without a [`Reporter`].
pub fn say(shown: &[Line]) {
    let mut output = Output::stderr(Color::Auto, None);
    for line in shown {
        output.styled(line);
    }
    output.finish(STALL_TIMEOUT);
}
