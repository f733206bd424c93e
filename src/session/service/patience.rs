//! More time, for a process that asks for it (`EXTEND_TIMEOUT_USEC=`) or is held by a debugger.

use std::time::Duration;

use super::process::Phase;
use super::{MOMENT, Service};
use crate::session::events::{Effect, Timer};
use crate::words::Instance;

impl Service {
    /// A process asked for this much time from now, to become ready or to end. What it has anyway is not cut short, as
    /// `sd_notify(3)` has it.
    pub(in crate::session) fn extend(
        &mut self,
        now: Duration,
        instance: Instance,
        time: Duration,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        let process = &mut self.processes[index];
        let until = now.saturating_add(time);
        match (process.phase, &mut process.stop) {
            (Phase::Waiting | Phase::Reloading(_), _) if until > process.ready_by => {
                process.ready_by = until;
                out.push(Effect::StartTimer(Timer::Ready(instance), time));
            }
            (Phase::Stopping, Some((since, plan))) if until > since.saturating_add(plan.timeout) => {
                plan.timeout = until.saturating_sub(*since);
                out.push(Effect::ExtendStop { instance, time });
            }
            _ => {}
        }
    }

    /// Notes that a debugger holds a process that was told to stop.
    pub(in crate::session) fn held_by_debugger(
        &mut self,
        now: Duration,
        instance: Instance,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        let process = &mut self.processes[index];
        process.debugged = true;
        let Some((since, _)) = process.stop else { return };
        match MOMENT.checked_sub(now.saturating_sub(since)) {
            Some(moment) if !moment.is_zero() => {
                out.push(Effect::StartTimer(Timer::Slow(instance), moment));
            }
            _ => self.slow(now, instance, out),
        }
    }
}
