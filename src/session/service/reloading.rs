//! `update = "reexec"`: a program that runs the live binary itself, in the same process.
//!
//! Its old code does not become the new build before it has begun to take that up ([`Service::took_up`]). Ending before is
//! the old code's doing, and the new build is started; ending after is the new build's.

use std::time::Duration;

use super::Service;
use super::process::{Phase, Start};
use crate::session::events::{Effect, Timer};
use crate::session::notices::{NotReloaded, Notice, StopCause};
use crate::words::Instance;

impl Service {
    /// Tells a serving program to run the live binary itself.
    pub(super) fn reload(&mut self, now: Duration, order: Start, out: &mut Vec<Effect>) -> bool {
        let silent = self.silent;
        let [process] = self.processes.as_mut_slice() else { return false };
        if !matches!(process.phase, Phase::Ready | Phase::Settled) {
            return false;
        }
        if silent {
            // Nothing would tell when it is done.
            let (instance, reason) = (process.instance, NotReloaded::Silent);
            out.push(Effect::Report(Notice::ReloadFailed { instance, reason }));
            return false;
        }
        process.phase = Phase::Reloading(now);
        process.ready_by = now + self.settings.ready_timeout;
        process.start = order;
        out.push(Effect::CancelTimer(Timer::Settled(process.instance)));
        out.push(Effect::StartTimer(Timer::Ready(process.instance), self.settings.ready_timeout));
        out.push(Effect::Reload(process.instance));
        true
    }

    /// Turns the process into a start of the live build, which it has begun to run.
    pub(in crate::session) fn took_up(&mut self, instance: Instance) {
        let (Some(index), Some(live)) = (self.index(instance), self.live) else { return };
        let process = &mut self.processes[index];
        let Phase::Reloading(since) = process.phase else { return };
        process.phase = Phase::Waiting;
        process.started = since;
        process.build = live.build;
    }

    /// Restarts a program that was told to run the live binary itself and did not.
    pub(in crate::session) fn reload_failed(
        &mut self,
        now: Duration,
        instance: Instance,
        reason: NotReloaded,
        out: &mut Vec<Effect>,
    ) {
        let reloading = |index: &usize| matches!(self.processes[*index].phase, Phase::Reloading(_));
        let Some(index) = self.index(instance).filter(reloading) else { return };
        out.push(Effect::CancelTimer(Timer::Ready(instance)));
        out.push(Effect::Report(Notice::ReloadFailed { instance, reason }));
        self.processes[index].phase = Phase::Settled;
        if self.leaving() {
            return;
        }
        self.order(self.processes[index].start);
        self.stop(now, index, StopCause::Update, self.settings.stop, out);
        self.start_if_room(now, out);
    }

    /// A process that was to run the live binary itself ended before it began to: many a handler for SIGHUP ends the
    /// program. The new build is not to blame, and is started.
    pub(super) fn ended_instead(&mut self, index: usize, out: &mut Vec<Effect>) {
        let process = &mut self.processes[index];
        if !matches!(process.phase, Phase::Reloading(_)) {
            return;
        }
        process.phase = Phase::Stopping;
        let (instance, start, reason) = (process.instance, process.start, NotReloaded::Ended);
        self.order(start);
        out.push(Effect::Report(Notice::ReloadFailed { instance, reason }));
    }
}
