//! What a person, a script or a signal asks for.

use std::time::Duration;

use super::Session;
use super::events::{Effect, Request};
use super::notices::{Cause, ExitReason, Notice, QuitReason, StopCause};

/// SIGINT and SIGQUIT, what Ctrl-C and Ctrl-\ send: the same numbers on every Unix (POSIX, `kill -2` and `kill -3`).
const TYPED: [i32; 2] = [2, 3];

impl Session {
    pub(super) fn asked(&mut self, now: Duration, request: Request, out: &mut Vec<Effect>) {
        match request {
            Request::Quit(reason) if self.quitting.is_none() => {
                self.leave(now, ExitReason::Quit(reason), out);
            }
            Request::Quit(reason) | Request::QuitNow(reason) => {
                self.quitting.get_or_insert(ExitReason::Quit(reason));
                self.builds.stop(out);
                self.services.values_mut().for_each(|service| service.kill(out));
            }
            _ if self.quitting.is_some() => {}
            Request::Restart => self.restart(now, out),
            Request::Pause if self.builds.paused() => self.unpause(now, out),
            Request::Pause => {
                self.builds.pause();
                out.push(Effect::Report(Notice::Paused));
            }
        }
    }

    /// Builds what is not built of what was saved, and starts everything again: after its build, where one runs or is due.
    fn restart(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let stale = self.builds.stale();
        let (mut due, mut held_back) = (Vec::new(), false);
        for (id, service) in &mut self.services {
            let artifact = service.runs();
            // The build that puts a removed live binary back is due.
            let built = self.builds.concerns(artifact) || self.removed.contains(&artifact);
            if built || stale.contains(&artifact) {
                service.owe(StopCause::Asked);
            } else {
                // It stands for one that a pause held back.
                held_back |= service.pay().is_some();
                due.push(*id);
            }
        }
        if held_back || !stale.is_empty() {
            self.unpause(now, out);
        }
        let stale = self.builds.stale();
        if !stale.is_empty() {
            self.builds.want(now, Cause::Asked, &stale, out);
        }
        for id in due {
            if let Some(service) = self.services.get_mut(&id) {
                service.restart(now, StopCause::Asked, out);
            }
        }
    }

    /// Stops everything, to end hotrun.
    pub(super) fn leave(&mut self, now: Duration, reason: ExitReason, out: &mut Vec<Effect>) {
        self.quitting = Some(reason);
        self.builds.stop(out);
        // As under `cargo run`, Ctrl-C reaches the program as SIGINT; `stop-signal` is for everything else.
        let signal = match reason {
            ExitReason::Quit(QuitReason::Signal(signal)) if TYPED.contains(&signal) => Some(signal),
            _ => None,
        };
        self.services.values_mut().for_each(|service| service.quit(now, signal, out));
    }
}
