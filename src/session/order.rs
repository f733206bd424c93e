//! Services in the order of `after`: who may start, who is restarted with another, and who is stopped first.
//!
//! A service starts, for the first time or after it was stopped, only when all it comes after are ready. It is stopped before
//! them when hotrun leaves. What somebody stopped stays down until it is asked for or needed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::events::Effect;
use super::notices::{ExitReason, Notice, QuitReason, StopCause};
use super::service::Service;
use super::{Session, is_built};
use crate::words::{Exit, ServiceId};

/// SIGINT and SIGQUIT, what Ctrl-C and Ctrl-\ send: the same numbers on every Unix (POSIX, `kill -2` and `kill -3`).
const TYPED: [i32; 2] = [2, 3];

impl Session {
    /// Starts what waited for services that are ready now, after its build, where one runs; and restarts what goes with one
    /// that was replaced.
    pub(super) fn start_in_order(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let replaced =
            self.services.iter_mut().filter_map(|(id, service)| service.was_replaced().then_some(*id));
        let replaced: BTreeSet<ServiceId> = replaced.collect();
        if !replaced.is_empty() {
            let mut with = BTreeSet::new();
            for (id, service) in &mut self.services {
                if service.is_up() && service.goes_with(&replaced) && !service.leave_to_request() {
                    with.insert(*id);
                }
            }
            self.restart_unless_built(now, &with, StopCause::Dependency, out);
        }
        let waiting = self.services.iter().filter(|(_, service)| service.waits()).map(|(id, _)| *id);
        let waiting: Vec<ServiceId> = waiting.collect();
        for id in waiting {
            let lacks = self.lacks(id).next().is_some();
            if let Some(service) = self.services.get_mut(&id).filter(|_| !lacks)
                && !is_built(service, &self.builds, &self.removed)
            {
                service.come_in(now, out);
            }
        }
        self.say_who_waits(out);
        if !self.was_ready && self.all_there() {
            self.was_ready = true;
            out.push(Effect::AllReady);
        }
    }

    /// Returns the services that this one comes after and that are not ready.
    pub(super) fn lacks(&self, id: ServiceId) -> impl Iterator<Item = ServiceId> {
        let after = self.services.get(&id).map(Service::after).into_iter().flatten();
        after.copied().filter(|other| !self.is_there(*other))
    }

    /// Whether others may start after it. A task whose next build runs has something to do before.
    fn is_there(&self, id: ServiceId) -> bool {
        self.services.get(&id).is_none_or(|service| {
            let built = service.runs().is_some_and(|artifact| self.builds.concerns(artifact));
            service.there().is_some() && !(service.is_task() && built)
        })
    }

    fn all_there(&self) -> bool {
        self.services.iter().all(|(id, service)| !service.is_up() || self.is_there(*id))
    }

    /// Says once of each service that waits for others which of them are in its way.
    fn say_who_waits(&mut self, out: &mut Vec<Effect>) {
        for (id, service) in &self.services {
            let waits_for = if service.waits() { self.hindrances(*id) } else { Vec::new() };
            let said = self.said.get(id).map_or(&[][..], Vec::as_slice);
            if said == waits_for {
                continue;
            }
            if !waits_for.is_empty() {
                let waits_for = waits_for.clone();
                out.push(Effect::Report(Notice::Waiting { service: *id, waits_for }));
            }
            self.said.insert(*id, waits_for);
        }
    }

    /// Returns the services that these need, themselves left out.
    pub(super) fn needed_by(&self, services: &BTreeSet<ServiceId>) -> BTreeSet<ServiceId> {
        let mut needed = BTreeSet::new();
        let mut next: Vec<ServiceId> = services.iter().copied().collect();
        while let Some(id) = next.pop() {
            let after = self.services.get(&id).map(Service::after).into_iter().flatten();
            next.extend(after.copied().filter(|other| needed.insert(*other)));
        }
        &needed - services
    }

    /// These and what they need are to run.
    pub(super) fn need(&mut self, services: &BTreeSet<ServiceId>) {
        for id in &self.needed_by(services) | services {
            self.services.entry(id).and_modify(Service::need);
        }
    }

    /// Stops everything, to end hotrun: first what comes after others.
    pub(super) fn leave(&mut self, now: Duration, reason: ExitReason, out: &mut Vec<Effect>) {
        self.quitting = Some(reason);
        self.builds.stop(out);
        self.services.values_mut().for_each(|service| service.cease(out));
        self.stop_in_order(now, out);
    }

    /// Stops the services that nothing runs after.
    pub(super) fn stop_in_order(&mut self, now: Duration, out: &mut Vec<Effect>) {
        // As under `cargo run`, Ctrl-C reaches the program as SIGINT; `stop-signal` is for everything else.
        let signal = match self.quitting {
            Some(ExitReason::Quit(QuitReason::Signal(signal))) if TYPED.contains(&signal) => Some(signal),
            _ => None,
        };
        let left = self.services.iter().filter(|(_, service)| !service.ended()).map(|(id, _)| *id);
        let needed: BTreeSet<ServiceId> = left.flat_map(|id| self.needed_by(&BTreeSet::from([id]))).collect();
        for (id, service) in &mut self.services {
            if !needed.contains(id) && service.takes_leave() {
                service.quit(now, signal, out);
            }
        }
    }

    /// Why hotrun ends with its services: with one whose `on-exit` says so. Under `--once` it ends with the first that
    /// failed, and else with the last of those that are to end, which declare no readiness (or all do); and where one
    /// cannot start, because what it comes after is in trouble.
    pub(super) fn over(&self) -> Option<ExitReason> {
        let mut ends = self.services.values().filter_map(Service::over);
        let failed = ends.clone().find(|reason| *reason != ExitReason::ProgramEnded(Exit::Code(0)));
        if failed.is_some() || !self.once {
            return failed.or_else(|| ends.next());
        }
        let up = || self.services.values().filter(|service| service.is_up());
        if self.services.keys().any(|id| self.is_stuck_behind_others(*id)) {
            return Some(ExitReason::CannotRun);
        }
        let all = up().all(Service::declares_readiness);
        let mut awaited = up().filter(|service| all || !service.declares_readiness());
        let last = ends.next()?;
        awaited.all(|service| service.over().is_some()).then_some(last)
    }
}
