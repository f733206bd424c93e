//! The current or last build: its output, and the time each part of it took.
//!
//! Pure. Fed where notices and cargo's output pass; read by report (the key `e`), control and
//! `hotrun doctor -v`.

mod timing;
mod transcript;

use std::path::PathBuf;
use std::time::Duration;

use self::timing::Timing;
pub use self::timing::{BuildTimes, Outcome, Part};
use self::transcript::Transcript;
use crate::messages::{self, Diagnostic, StderrLine};
use crate::session::Notice;
use crate::words::BuildId;

/// The current or last build of a program.
#[derive(Debug)]
pub struct History {
    build: Option<BuildId>,
    transcript: Transcript,
    /// Why cargo could not run, or the project could not be read.
    error: Option<String>,
    timing: Timing,
}

impl History {
    pub fn new(program: String, workspace: PathBuf) -> Self {
        let timing = Timing::new(program, workspace);
        Self { build: None, transcript: Transcript::default(), error: None, timing }
    }

    /// Changes the program's name, or the place of its workspace.
    pub fn set_program(&mut self, program: String, workspace: PathBuf) {
        self.timing = Timing::new(program, workspace);
    }

    /// Records a notice, `at` this time after hotrun's start. For a change, `saved` is the time since its
    /// save. Returns the times of the build that ends with it.
    pub fn notice(&mut self, notice: &Notice, at: Duration, saved: Option<Duration>) -> Option<&BuildTimes> {
        if let Notice::BuildStarted { build, .. } = notice {
            self.build = Some(*build);
            self.transcript = Transcript::default();
        }
        self.timing.notice(notice, at, saved)
    }

    /// Records a compiler message. Returns whether it is new: a library built for two units repeats all its
    /// messages.
    pub fn diagnostic(&mut self, build: BuildId, diagnostic: &Diagnostic) -> bool {
        self.build == Some(build) && self.transcript.diagnostic(diagnostic)
    }

    /// Records an error of cargo itself, which is in its output as well.
    pub fn cargo_error(&mut self, build: BuildId, diagnostic: &Diagnostic) -> bool {
        if self.build == Some(build) {
            self.transcript.line(diagnostic.rendered.trim_end());
        }
        self.diagnostic(build, diagnostic)
    }

    /// Records a line of cargo's stderr.
    pub fn cargo_line(&mut self, text: &str, transient: bool) {
        let plain = console::strip_ansi_codes(text);
        let is_empty = transient && plain.trim().is_empty();
        if messages::stderr_line(&plain) == StderrLine::Text && !is_empty {
            self.transcript.line(text);
        }
    }

    /// Sets the error of a build that has no diagnostic for it.
    pub fn set_error(&mut self, error: Option<String>) {
        self.error = error;
    }

    /// Discards the output of the current build, which starts again.
    pub fn restart_build(&mut self) {
        self.transcript = Transcript::default();
    }

    /// Returns the compiler's messages, each once, up to a limit.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        self.transcript.diagnostics()
    }

    /// Returns cargo's other lines, up to a limit the last ones.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.transcript.lines()
    }

    /// Returns the error that has no diagnostic.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}
