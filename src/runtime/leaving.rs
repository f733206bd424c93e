//! How hotrun leaves: with an exit code, or of a signal.

use std::process::ExitCode;

use crate::session::{ExitReason, QuitReason};
use crate::sys;
use crate::words::Exit;

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
