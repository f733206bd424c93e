//! Reporting: everything hotrun says goes through the one [`Reporter`] here, to people on stderr and to machines in the
//! events file.
//!
//! Owns hotrun's stderr, the events file and the log. Decides nothing; stdout is the program's alone.

mod fit;
mod kept;
mod line_file;
pub mod lines;
mod outlet;
mod records;
mod remarks;
mod terminal;
mod text;
mod topic;
mod warnings;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use self::kept::Kept;
pub use self::line_file::{LineFile, open as open_lines};
use self::lines::{Context, Line};
pub use self::outlet::write_all;
pub use self::records::Watching;
use self::remarks::Manner;
pub use self::remarks::{Remark, Told, key_help};
use self::terminal::Output;
pub use self::terminal::{Holder, Style, notifies_by_osc_9, page};
pub use self::text::{in_a_line, short_path, with_causes};
use self::topic::Topic;
use self::warnings::Warnings;
use crate::config::Color;
use crate::messages::{self, Diagnostic, Level, StderrLine};
use crate::session::Notice;
use crate::words::{BuildId, Instance};
pub use crate::words::{short_age, short_time};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// `-q`: errors and warnings.
    Quiet,
    /// The default.
    Normal,
    /// `-v`: also why something counted or did not.
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

/// What is done besides saying things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extras {
    /// `--clear`: the screen is cleared before a change is said.
    pub clear: bool,
    /// `--notify`: the terminal is told when builds fail or succeed again.
    pub notify: bool,
}

/// What a reporter needs to know from the start.
#[derive(Debug)]
pub struct Options {
    /// The program's name, for events.
    pub service: String,
    /// The folder paths are shown relative to.
    pub cwd: PathBuf,
    /// `--color`.
    pub color: Color,
    /// How much is said.
    pub verbosity: Verbosity,
    /// Keys work.
    pub keys: bool,
    /// `--once`.
    pub once: bool,
    /// What is done besides.
    pub extras: Extras,
    /// `--log`, opened by [`open_lines`].
    pub log: Option<LineFile>,
    /// The events file, opened by [`open_lines`].
    pub events: Option<LineFile>,
}

/// Says everything hotrun has to say.
#[derive(Debug)]
pub struct Reporter {
    output: Output,
    events: Option<LineFile>,
    context: Context,
    service: String,
    verbosity: Verbosity,
    /// cargo's own words for the next `build-started` event.
    command: Vec<String>,
    /// What was said in the current or last build.
    kept: Kept,
    diagnostics_of: Option<BuildId>,
    /// The processes that run: two during an overlap.
    running: BTreeSet<Instance>,
    warnings: Warnings,
    extras: Extras,
    /// The last build failed: the next one that does not is worth a notification.
    failed: bool,
    /// A build succeeded after one that failed: its end is said with `-q` too.
    mended: bool,
    /// Edits are not followed, so that a change brings nothing new.
    paused: bool,
}

impl Reporter {
    /// A reporter on this process's stderr.
    pub fn new(options: Options) -> Self {
        Self {
            output: Output::stderr(options.color, options.log),
            events: options.events,
            context: Context {
                cwd: options.cwd,
                service: options.service.clone(),
                keys: options.keys,
                once: options.once,
            },
            service: options.service,
            verbosity: options.verbosity,
            command: Vec::new(),
            kept: Kept::default(),
            diagnostics_of: None,
            running: BTreeSet::new(),
            warnings: Warnings::default(),
            extras: options.extras,
            failed: false,
            mended: false,
            paused: false,
        }
    }

    /// What is done besides, from now on.
    pub fn set_extras(&mut self, extras: Extras) {
        self.extras = extras;
    }

    /// The program has another name from now on.
    pub fn set_service(&mut self, name: &str) {
        name.clone_into(&mut self.service);
        name.clone_into(&mut self.context.service);
    }

    /// Whether keys work from now on.
    pub fn set_keys(&mut self, keys: bool) {
        self.context.keys = keys;
    }

    /// Where events go from now on.
    pub fn set_events(&mut self, events: Option<LineFile>) {
        self.events = events;
    }

    /// Where a copy of hotrun's lines goes from now on.
    pub fn set_log(&mut self, log: Option<LineFile>) {
        self.output.set_log(log);
    }

    /// How cargo may talk.
    pub fn style(&self) -> Style {
        self.output.style()
    }

    /// The command the next build runs, for its event.
    pub fn set_command(&mut self, command: Vec<String>) {
        self.command = command;
    }

    /// A fact the session reports.
    pub fn notice(&mut self, notice: &Notice) {
        if let Some(record) = records::of_notice(notice, &self.command) {
            self.record(record);
        }
        match notice {
            Notice::BuildStarted { build, .. } => {
                self.kept.clear();
                self.diagnostics_of = Some(*build);
                self.warnings.build_started();
            }
            Notice::BuildFinished { success, .. } => self.warnings.build_ended(*success),
            Notice::BuildCancelled(_) => self.warnings.build_ended(false),
            Notice::ProcessStarted { instance, .. } => {
                self.running.insert(*instance);
            }
            Notice::ProcessExited { instance, .. } => {
                self.running.remove(instance);
            }
            _ => {}
        }
        self.output.about(Topic::of_notice(notice));
        match notice {
            Notice::BuildStarted { .. } | Notice::BuildFinished { success: true, .. } => {
                self.output.forget(Topic::Build);
            }
            Notice::ConfigChanged { .. } => self.output.forget(Topic::Config),
            Notice::ProcessExited { .. } => self.output.forget(Topic::Stop),
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
        if let Some(text) = self.news_of_failure(notice)
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
        if ends && std::mem::take(&mut self.mended) {
            shown.iter_mut().take(1).for_each(|line| line.important = true);
        }
        self.show(&shown);
        match notice {
            Notice::Starting { .. } => self.output.share(true),
            Notice::ProcessExited { .. } | Notice::StartFailed { .. } => {
                self.output.share(self.program_runs());
            }
            _ => {}
        }
        if self.verbosity >= Verbosity::Verbose
            && let Notice::BuildStarted { build, cause, paths } = notice
        {
            self.show(&[lines::because(*build, *cause, paths, &self.context)]);
        }
        self.output.about(Topic::Lasting);
    }

    fn program_runs(&self) -> bool {
        !self.running.is_empty()
    }

    /// What somebody who looks elsewhere wants to know: a build failed, or builds succeed again.
    fn news_of_failure(&mut self, notice: &Notice) -> Option<String> {
        let failed = match notice {
            Notice::BuildFinished { success, .. } => !success,
            Notice::PublishFailed { .. } => true,
            _ => return None,
        };
        let failed_before = std::mem::replace(&mut self.failed, failed);
        self.mended = failed_before && !failed;
        if failed || failed_before { lines::notification(notice, &self.context) } else { None }
    }

    /// What is watched.
    pub fn watching(&mut self, watching: &Watching) {
        self.record(records::watching(watching));
        if self.verbosity >= Verbosity::Verbose {
            self.show(&[lines::watching(watching)]);
        }
    }

    /// hotrun runs.
    pub fn started(&mut self, session: &str) {
        self.record(records::started(session));
    }

    /// The compiler said something.
    pub fn diagnostic(&mut self, build: BuildId, diagnostic: Diagnostic) {
        self.record(records::diagnostic(build, &diagnostic));
        // A library that is built for two units says everything twice.
        if self.diagnostics_of != Some(build) || !self.kept.is_new(&diagnostic) {
            return;
        }
        let known = diagnostic.level == Level::Warning && self.warnings.known(&diagnostic.rendered);
        if !known || self.verbosity >= Verbosity::Verbose {
            self.output.about(Topic::Build);
            self.output.text(&diagnostic.rendered);
            self.output.about(Topic::Lasting);
        }
        self.kept.diagnostic(diagnostic);
    }

    /// cargo itself failed: this is both an error and a part of its text.
    pub fn cargo_error(&mut self, build: BuildId, diagnostic: Diagnostic) {
        if self.diagnostics_of == Some(build) {
            self.kept.line(diagnostic.rendered.trim_end());
        }
        self.diagnostic(build, diagnostic);
    }

    /// A line of cargo's stderr.
    pub fn cargo_line(&mut self, text: &str, transient: bool) {
        self.output.about(Topic::Build);
        let plain = console::strip_ansi_codes(text);
        match messages::stderr_line(&plain) {
            StderrLine::Status if transient && !self.program_runs() && self.verbosity > Verbosity::Quiet => {
                self.output.transient(text);
            }
            StderrLine::Status if transient => {}
            // `Finished` and `Running` are for hotrun to say.
            StderrLine::Status
                if !self.program_runs()
                    && self.verbosity > Verbosity::Quiet
                    && !plain.trim_start().starts_with("Finished") =>
            {
                self.output.line(text);
            }
            // A wait for another cargo's lock explains why nothing happens.
            StderrLine::Status
                if self.verbosity > Verbosity::Quiet && plain.trim_start().starts_with("Blocking") =>
            {
                self.output.line(text);
            }
            StderrLine::Status | StderrLine::Summary => {}
            StderrLine::Text => {
                if !(transient && plain.trim().is_empty()) {
                    if !self.warnings.known_line(&plain) || self.verbosity >= Verbosity::Verbose {
                        self.output.line(text);
                    }
                    self.kept.line(text);
                }
            }
        }
    }

    /// What the current build said so far is void: it begins again.
    pub fn begin_again(&mut self) {
        self.kept.clear();
    }

    /// The `e` key: what the compiler said in the last build, once more.
    pub fn repeat(&mut self) {
        if self.kept.is_empty() {
            self.answer(&lines::nothing_to_repeat());
        }
        for text in self.kept.lines() {
            self.output.line(text);
        }
        let is_line = |rendered: &str| self.kept.lines().any(|line| line == rendered.trim_end());
        for diagnostic in self.kept.diagnostics().iter().filter(|said| !is_line(&said.rendered)) {
            self.output.text(&diagnostic.rendered);
        }
    }

    /// What the compiler said in the current or last build, and the lines of cargo's own that are no diagnostics.
    pub fn last_build(&self) -> (&[Diagnostic], impl Iterator<Item = &str>) {
        (self.kept.diagnostics(), self.kept.lines())
    }

    /// Something that is no fact of the session.
    pub fn remark(&mut self, remark: &Remark) {
        let lines = remark.lines();
        let topic = Topic::of_remark(remark);
        if topic == Topic::Config {
            self.output.forget(topic);
        }
        self.output.about(topic);
        match remark.manner() {
            Manner::Status(_) => {
                for line in lines {
                    self.answer(&line);
                }
            }
            Manner::Cargo { transient, .. } => {
                for line in lines {
                    self.cargo_line(&line.plain(), transient);
                }
            }
            Manner::Error | Manner::Warning => {
                self.record(records::warning(&remark.to_string()));
                self.show(&lines);
            }
            Manner::Note => self.show(&lines),
            Manner::Detail if self.verbosity >= Verbosity::Verbose => self.show(&lines),
            Manner::Detail => {}
        }
    }

    /// The `h` key: what the keys do.
    pub fn help(&mut self) {
        for line in key_help() {
            self.answer(&line);
        }
    }

    /// What the program says of itself (`STATUS=`).
    pub fn program_status(&mut self, text: &str) {
        self.output.about(Topic::Lasting);
        self.show(&[Line::status("Status", text)]);
    }

    /// An empty line.
    pub fn empty_line(&mut self) {
        self.output.line("");
    }

    /// Gives what was said a moment to be written, before the program writes to the same place.
    pub fn settle(&self) {
        self.output.settle();
    }

    /// How far the writing has come; nothing where all is written.
    pub fn progress(&self) -> Option<u64> {
        self.output.progress()
    }

    /// Who has the terminal: what cannot be said meanwhile is said afterwards, if it still holds.
    pub fn hold(&mut self, holder: Holder) {
        self.output.hold(holder);
    }

    /// Clears the screen.
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
            events.write(&record.into_line(&self.service));
        }
    }
}

/// How long a reader that takes nothing is waited for where hotrun has nothing else to do.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Says an error that ends hotrun before there is a [`Reporter`], or after.
pub fn fatal(error: &dyn std::error::Error, hint: Option<&str>, color: Color) {
    let mut output = Output::stderr(color, None);
    for line in lines::of_error(error, hint) {
        output.styled(&line);
    }
    output.finish(PATIENCE);
}

/// Says lines where there is no [`Reporter`].
pub fn say(shown: &[Line]) {
    let mut output = Output::stderr(Color::Auto, None);
    for line in shown {
        output.styled(line);
    }
    output.finish(PATIENCE);
}
