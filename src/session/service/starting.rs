//! A process on its way: ordered, started, ready, settled.

use std::time::Duration;

use super::process::{Phase, Process, Readiness, Start};
use super::{Ends, SETTLE, Service};
use crate::session::events::{Effect, Timer};
use crate::session::notices::{Notice, StopCause};
use crate::words::Instance;

impl Service {
    /// Starts the live binary if that was ordered and there is room, unless others come first.
    pub(super) fn start_if_room(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.comes_after() {
            self.start_in_room(now, out);
        }
    }

    /// Starts the live binary if that was ordered and there is room.
    pub(super) fn start_in_room(&mut self, now: Duration, out: &mut Vec<Effect>) {
        let Some(start) = self.start else { return };
        let room = match self.processes.as_slice() {
            [] => true,
            [process] => start.beside && process.serves(),
            _ => false,
        };
        let Some(live) = self.live.filter(|_| room) else { return };
        self.start = None;
        self.place.started();
        self.started += 1;
        let (instance, build) = (Instance { service: self.id, number: self.started }, live.build);
        self.processes.push(Process {
            instance,
            build,
            start,
            pid: 0,
            started: now,
            ready_by: now,
            phase: Phase::Ordered,
            stop: None,
            debugged: false,
            failure: None,
            readiness: Readiness::Here,
        });
        let starting = Notice::Starting {
            instance,
            build,
            restart: instance.number > 1,
            since_change: start.since.map(|since| now.saturating_sub(since)),
            build_took: start.build_took,
        };
        out.push(Effect::StartProcess { instance, build, starting });
    }

    pub(super) fn process_started(
        &mut self,
        now: Duration,
        instance: Instance,
        pid: u32,
        out: &mut Vec<Effect>,
    ) {
        self.held = false;
        let Some(index) = self.index(instance) else { return };
        let process = &mut self.processes[index];
        process.pid = pid;
        process.started = now;
        out.push(Effect::Report(Notice::ProcessStarted { instance, pid, build: process.build }));
        if process.phase != Phase::Ordered {
            return;
        }
        if self.settings.task {
            // Others wait for its end.
            process.phase = Phase::Settled;
            return;
        }
        process.phase = Phase::Waiting;
        let late = self.silent && self.settings.ready_declared;
        if self.settings.ready_at_spawn || self.silent {
            if late {
                process.readiness = Readiness::Awaited;
            }
            self.count_as_ready(now, index, late, out);
        }
        if late || !(self.settings.ready_at_spawn || self.silent) {
            self.processes[index].ready_by = now + self.settings.ready_timeout;
            out.push(Effect::StartTimer(Timer::Ready(instance), self.settings.ready_timeout));
        }
    }

    /// Follows a program into another process.
    pub(super) fn main_process(&mut self, instance: Instance, pid: u32) {
        if let Some(index) = self.index(instance) {
            self.processes[index].pid = pid;
        }
    }

    /// A process said, or was found, to be ready.
    pub(super) fn ready(&mut self, now: Duration, instance: Instance, out: &mut Vec<Effect>) {
        let Some(index) = self.index(instance) else { return };
        let process = &mut self.processes[index];
        let late = std::mem::replace(&mut process.readiness, Readiness::Here) != Readiness::Here;
        match process.phase {
            Phase::Waiting => {}
            Phase::Reloading(since) => {
                if let Some(live) = self.live {
                    process.build = live.build;
                }
                process.started = since;
                out.push(Effect::Report(Notice::Reloaded {
                    instance,
                    build: process.build,
                    since_change: process.start.since.map(|since| now.saturating_sub(since)),
                    build_took: process.start.build_took,
                }));
            }
            // From now on it is waited for again.
            _ => {
                self.silent &= self.settings.ready_at_spawn;
                if late {
                    out.push(Effect::CancelTimer(Timer::Ready(instance)));
                    out.push(Effect::Report(process.ready_notice(now, false)));
                }
                return;
            }
        }
        self.count_as_ready(now, index, false, out);
    }

    /// Takes a process for ready, with `assumed` before it said so.
    pub(super) fn count_as_ready(
        &mut self,
        now: Duration,
        index: usize,
        assumed: bool,
        out: &mut Vec<Effect>,
    ) {
        let process = &mut self.processes[index];
        let instance = process.instance;
        process.phase = Phase::Ready;
        if let Some(live) = self.live.as_mut().filter(|live| live.build == process.build) {
            live.ran = true;
            live.failed = false;
            self.outdated = false;
            if self.settings.runs.is_some() {
                out.push(Effect::Keep(self.id, live.build));
            }
        }
        out.push(Effect::CancelTimer(Timer::Ready(instance)));
        out.push(Effect::Report(process.ready_notice(now, assumed)));
        out.push(Effect::StartTimer(Timer::Settled(instance), SETTLE));
        for other in (0..self.processes.len()).filter(|other| *other != index) {
            self.stop(now, other, StopCause::Update, self.settings.stop, out);
        }
    }

    /// Starts the program again after the wait.
    pub(super) fn backoff_over(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.processes.is_empty() {
            self.order(Start::default());
            self.start_if_room(now, out);
        }
    }

    /// Notes that a process has lived long enough to count as started.
    pub(super) fn settled(&mut self, instance: Instance) {
        if let Some(index) = self.index(instance)
            && self.processes[index].phase == Phase::Ready
        {
            self.processes[index].phase = Phase::Settled;
            let build = self.processes[index].build;
            // With `manual` a newer one may be live by now.
            let known = [self.live.as_mut(), self.previous.as_mut()].into_iter().flatten();
            known.filter(|known| known.build == build).for_each(|known| known.settled = true);
            self.ends = Ends::default();
        }
    }
}
