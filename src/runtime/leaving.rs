//! How hotrun leaves: with an exit code, or of a signal.

use std::process::ExitCode;

use tokio::time::{Duration, Instant, sleep, sleep_until};

use super::Runtime;
use crate::report::{self, TerminalHolder};
use crate::session::{ExitReason, QuitReason};
use crate::sys;
use crate::terminal::TerminalNews;
use crate::words::Exit;

/// How long hotrun waits for a stalled reader of stderr after it was told to end.
const SHORT_PATIENCE: Duration = Duration::from_millis(500);

/// The pause between looks at the progress of the last output.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

impl Runtime {
    /// Waits until the last output is written, unless its reader stalls or another signal comes.
    pub(super) async fn finish_writing(&mut self, reason: ExitReason) {
        let patience = match reason {
            ExitReason::Quit(_) => SHORT_PATIENCE,
            _ => report::STALL_TIMEOUT,
        };
        let mut before = None;
        let mut since = Instant::now();
        let begun = Instant::now();
        loop {
            // A terminal that is too slow for what the programs wrote last does not keep hotrun.
            let is_over = matches!(reason, ExitReason::Quit(_)) && begun.elapsed() > SHORT_PATIENCE;
            let output = &self.shared.output;
            let theirs = output.progress().filter(|_| !(is_over && output.is_terminal()));
            let now = (self.reporter.progress(), theirs);
            if now == (None, None) {
                return;
            }
            if before.replace(now) != Some(now) {
                since = Instant::now();
            }
            tokio::select! {
                Some(TerminalNews::Signal(libc::SIGINT | libc::SIGTERM | libc::SIGQUIT)) =
                    self.sources.terminal.recv() => return,
                () = sleep_until(since + patience) => return,
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Leaves everything as it was found: the terminal first, so that a kill before the farewell finds the reaper ready.
    pub(super) fn close(&mut self) {
        drop(self.shared.terminal.take());
        self.reporter.set_holder(TerminalHolder::Own);
        self.processes.dismiss_reaper();
    }
}

/// Returns the exit code for a reason, or dies of its signal.
pub(super) fn leave(reason: ExitReason) -> ExitCode {
    let code = match reason {
        ExitReason::Quit(QuitReason::Asked) => 0,
        ExitReason::Quit(QuitReason::Signal(signal)) => die_of(signal),
        ExitReason::Quit(QuitReason::Hangup) => die_of(libc::SIGHUP),
        ExitReason::ProgramEnded(Exit::Code(code)) => code,
        ExitReason::ProgramEnded(Exit::Signal(signal)) => 128 + signal,
        ExitReason::BuildFailed => 101,
        ExitReason::CannotRun => 1,
    };
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(1))
}

/// The default action of a signal does not end a process that is PID 1 (kill(2)): there it is an exit code.
fn die_of(signal: i32) -> i32 {
    if std::process::id() == 1 { 128 + signal } else { sys::die_of(signal) }
}
