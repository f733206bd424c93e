//! A service among others: whether it is to run, what it waits for before it starts, what others see of it, and when it
//! makes way for them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::place::Leaving;
use super::process::{Readiness, Start};
use super::{Ends, Service};
use crate::session::events::{Effect, Timer};
use crate::session::notices::{Notice, StopCause};
use crate::words::{BuildId, ServiceId};

impl Service {
    /// Whether it is to run.
    pub(in crate::session) fn is_up(&self) -> bool {
        self.place.up
    }

    /// It is to run from now on.
    pub(in crate::session) fn need(&mut self) {
        self.place.up = true;
    }

    pub(in crate::session) fn is_task(&self) -> bool {
        self.settings.task
    }

    /// Returns the services that must be ready before it starts.
    pub(in crate::session) fn after(&self) -> &BTreeSet<ServiceId> {
        &self.settings.after
    }

    /// Whether it is started again when one of these was replaced.
    pub(in crate::session) fn goes_with(&self, replaced: &BTreeSet<ServiceId>) -> bool {
        !self.settings.restart_with.is_disjoint(replaced)
    }

    pub(in crate::session) fn declares_readiness(&self) -> bool {
        self.settings.ready_declared
    }

    /// Whether others are looked at before it starts.
    pub(super) fn comes_after(&self) -> bool {
        self.place.first && !self.settings.after.is_empty()
    }

    /// Whether it would start now, were it not for the services it comes after.
    pub(in crate::session) fn waits(&self) -> bool {
        self.comes_after() && self.start.is_some()
    }

    /// Starts it: the services it comes after are ready.
    pub(in crate::session) fn come_in(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.start_in_room(now, out);
    }

    /// Orders a start, unless there is to be none.
    pub(super) fn order(&mut self, start: Start) {
        if self.place.up && !self.leaving() {
            self.start = Some(start);
        }
    }

    /// Returns the process for which others may start: of a task, the one that did what it was to do.
    pub(in crate::session) fn there(&self) -> Option<(u32, BuildId)> {
        if self.settings.task {
            return self.place.done.filter(|_| self.start.is_none() && self.processes.is_empty());
        }
        let mut latest = self.processes.iter().rev();
        let there = latest.find(|process| {
            process.serves() && (!self.settings.ready_declared || process.readiness == Readiness::Here)
        })?;
        Some((there.instance.number, there.build))
    }

    /// Whether another process or build has taken the place of the one that others saw, since they were told last.
    pub(in crate::session) fn was_replaced(&mut self) -> bool {
        let Some(there) = self.there() else { return false };
        self.place.seen.replace(there).is_some_and(|before| before != there)
    }

    /// Whether a task has done what it was to do.
    pub(super) fn is_done(&self) -> bool {
        self.place.done.is_some()
    }

    /// A task has done what it was to do.
    pub(super) fn done(&mut self, number: u32, build: BuildId) {
        self.place.done = Some((number, build));
        self.outdated = false;
    }

    /// Stops what runs, and starts nothing before somebody asks for it.
    pub(in crate::session) fn stop_for_good(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !std::mem::replace(&mut self.place.up, false) {
            return;
        }
        (self.place.first, self.start, self.owed) = (true, None, None);
        (self.held, self.ends, self.place.done) = (false, Ends::default(), None);
        out.push(Effect::CancelTimer(Timer::Backoff(self.id)));
        for index in 0..self.processes.len() {
            self.stop(now, index, StopCause::Asked, self.settings.stop, out);
        }
        self.say_stopped(out);
    }

    /// Says that it was stopped, once nothing of it is left.
    pub(super) fn say_stopped(&self, out: &mut Vec<Effect>) {
        if !self.place.up && self.processes.is_empty() && !self.leaving() {
            out.push(Effect::Report(Notice::StoppedByRequest(self.id)));
        }
    }

    /// Starts nothing more: hotrun ends.
    pub(in crate::session) fn cease(&mut self, out: &mut Vec<Effect>) {
        self.place.leaving = Leaving::Due;
        self.start = None;
        out.push(Effect::CancelTimer(Timer::Backoff(self.id)));
    }

    /// Whether it ends with hotrun, and was not told so yet.
    pub(in crate::session) fn takes_leave(&mut self) -> bool {
        let due = self.place.leaving == Leaving::Due;
        if due {
            self.place.leaving = Leaving::Told;
        }
        due
    }

    pub(super) fn leaving(&self) -> bool {
        self.place.leaving != Leaving::No
    }
}
