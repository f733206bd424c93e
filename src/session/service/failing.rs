//! A new build that cannot start: what counts as that, and going back to the one before.

use std::time::Duration;

use super::process::{Phase, Process, Readiness, Start};
use super::{Live, Service};
use crate::session::events::Effect;
use crate::session::notices::{Instead, NotReloaded, Notice, Running, StartFailure, StopCause, Unmet};
use crate::words::{BuildId, Instance};

impl Service {
    /// Handles a process that could not be started.
    pub(in crate::session) fn spawn_failed(
        &mut self,
        now: Duration,
        instance: Instance,
        error: String,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        self.fail(index, StartFailure::Spawn(error), out);
        self.report_failure(now, index, out);
        let process = self.processes.remove(index);
        self.say_stopped(out);
        if self.start.is_some() {
            self.start_if_room(now, out);
        } else {
            self.go_back(&process, out);
        }
    }

    pub(super) fn fail(&mut self, index: usize, failure: StartFailure, out: &mut Vec<Effect>) {
        let process = &mut self.processes[index];
        process.failure = Some(failure);
        let build = process.build;
        let proven = self.proven(build);
        if let Some(live) = self.live.as_mut().filter(|live| live.build == build && !proven) {
            live.failed = true;
            out.push(Effect::Condemn(self.id, build));
        }
    }

    /// Handles a process that was not ready in time.
    pub(in crate::session) fn not_ready(
        &mut self,
        now: Duration,
        instance: Instance,
        unmet: Option<Unmet>,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        let alone = self.previous.is_none() && self.processes.len() == 1;
        let process = &mut self.processes[index];
        let waited = now.saturating_sub(process.started);
        match process.phase {
            // It took the live binary up, and need not say so.
            Phase::Waiting if self.settings.ready_at_spawn => return self.ready(now, instance, out),
            Phase::Waiting => {}
            Phase::Reloading(_) => {
                let reason = NotReloaded::NotReady;
                self.reload_failed(now, instance, reason, out);
                return;
            }
            // It was not waited for: an earlier one was not ready in time.
            _ => {
                if process.readiness == Readiness::Awaited {
                    process.readiness = Readiness::Missing { waited, unmet };
                }
                return;
            }
        }
        if alone {
            // At its first start a program that never says it is ready has most likely never been taught to: said once,
            // not at every edit.
            self.silent = true;
            let (build, update) = (process.build, self.settings.update);
            if self.settings.ready_declared {
                process.readiness = Readiness::Missing { waited, unmet: unmet.clone() };
            }
            out.push(Effect::Report(Notice::NeverReady { instance, build, waited, unmet, update }));
            self.count_as_ready(now, index, true, out);
            return;
        }
        self.fail(index, StartFailure::NotReady { waited, unmet }, out);
        self.ends.failures += 1;
        self.ends.quick += 1;
        self.report_failure(now, index, out);
        self.stop(now, index, StopCause::NotReady, self.settings.stop, out);
    }

    /// Reports that a build could not start, and what happens instead.
    pub(super) fn report_failure(&self, now: Duration, index: usize, out: &mut Vec<Effect>) {
        let process = &self.processes[index];
        let Some(failure) = process.failure.clone() else { return };
        let serving = self.running_beside(now, process);
        let instead = match self.back_to().filter(|_| self.rolls_back(process)) {
            _ if serving.is_some() => Instead::StillRunning(serving),
            Some(previous) => Instead::RollsBack(previous.build),
            None => Instead::Down,
        };
        out.push(Effect::Report(Notice::StartFailed {
            instance: process.instance,
            build: process.build,
            pid: process.pid,
            failure,
            instead,
            proven: self.proven(process.build),
        }));
    }

    fn running_beside(&self, now: Duration, process: &Process) -> Option<Running> {
        let mut others = self.processes.iter().filter(|other| other.instance != process.instance);
        others.find(|other| other.wanted() && other.pid != 0).map(|other| self.facts(now, other))
    }

    /// Whether the live build is this one and has run before, or runs beside the process that cannot start. Something else
    /// is at fault then, and an older build would be no better.
    fn proven(&self, build: BuildId) -> bool {
        let serves =
            |process: &Process| process.build == build && process.failure.is_none() && process.serves();
        self.live
            .is_some_and(|live| live.build == build && (live.settled || self.processes.iter().any(serves)))
    }

    /// Returns the build to go back to.
    fn back_to(&self) -> Option<Live> {
        self.previous.filter(|previous| !previous.failed)
    }

    /// Whether the previous binary is started instead of one that failed to start: once.
    pub(super) fn rolls_back(&self, process: &Process) -> bool {
        process.failure.is_some()
            && self.settings.rollback
            && !process.start.rollback
            && self.live.is_some_and(|live| live.build == process.build)
            && !self.proven(process.build)
            && self.back_to().is_some()
    }

    /// A process that failed to start is gone: the live path goes back to what runs, or to what is started instead.
    pub(super) fn go_back(&mut self, process: &Process, out: &mut Vec<Effect>) -> bool {
        let is_live =
            self.live.is_some_and(|live| live.build == process.build) && !self.proven(process.build);
        let mut wanted = self.processes.iter().filter(|other| other.wanted()).peekable();
        let serving = wanted.peek().is_some();
        if wanted.any(|other| other.build == process.build) {
            // Another process of the same build decides.
            return true;
        }
        let Some(previous) = self.back_to().filter(|_| is_live) else { return serving };
        if serving || self.rolls_back(process) {
            let (from, to) = (process.build, previous.build);
            out.push(Effect::RollBack { service: self.id, from, to });
            return true;
        }
        false
    }

    /// Starts the previous build once the live path names it again.
    pub(in crate::session) fn rolled_back(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.leaving() {
            return;
        }
        let Some(previous) = self.previous.take() else { return };
        self.live = Some(previous);
        out.push(Effect::Report(Notice::RolledBack { service: self.id, to: previous.build }));
        if !self.processes.iter().any(Process::wanted) {
            self.order(Start { rollback: true, ..Start::default() });
            self.start_if_room(now, out);
        }
    }
}
