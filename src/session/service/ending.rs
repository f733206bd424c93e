//! A process on its way out: stopped, killed, ended by itself, and what follows.

use std::time::Duration;

use super::process::{Phase, Start};
use super::{BACKOFF_FIRST, BACKOFF_LAST, Ends, FAILURES_IN_A_ROW, MOMENT, SETTLE, Service};
use crate::config::{OnExit, Update};
use crate::session::events::{Effect, Timer};
use crate::session::notices::{AfterExit, ExitReason, Notice, StartFailure, StopCause};
use crate::words::{Exit, Instance, StopPlan};

impl Service {
    /// Stops what runs, with this signal if given: hotrun ends.
    pub(in crate::session) fn quit(&mut self, now: Duration, signal: Option<i32>, out: &mut Vec<Effect>) {
        let StopPlan { signal: usual, timeout } = self.settings.stop;
        let plan = StopPlan { signal: signal.unwrap_or(usual), timeout };
        for index in 0..self.processes.len() {
            let process = &mut self.processes[index];
            if matches!(process.phase, Phase::Stopping | Phase::Ended(_))
                && let Some((since, before)) = process.stop
            {
                out.push(Effect::StartTimer(Timer::Slow(process.instance), MOMENT));
                // One that is being stopped already hears of Ctrl-C as well; the same signal twice may mean something
                // else to it. Its time does not start again.
                if before.signal != plan.signal {
                    let left = before.timeout.saturating_sub(now.saturating_sub(since));
                    let plan = StopPlan { timeout: plan.timeout.min(left), ..plan };
                    process.stop = Some((now, plan));
                    out.push(Effect::StopProcess { instance: process.instance, plan });
                }
            }
            self.stop(now, index, StopCause::Quit, plan, out);
        }
    }

    /// Reports a stop that takes longer than a moment.
    pub(super) fn slow(&self, now: Duration, instance: Instance, out: &mut Vec<Effect>) {
        let Some(process) = self.index(instance).map(|index| &self.processes[index]) else { return };
        if let Some((since, plan)) = process.stop
            && process.phase != Phase::Stuck
        {
            let ago = now.saturating_sub(since);
            let held = process.debugged && process.phase == Phase::Stopping;
            out.push(Effect::Report(Notice::StillStopping {
                instance,
                pid: process.pid,
                signal: plan.signal,
                ago,
                left: (!held).then(|| plan.timeout.saturating_sub(ago)),
                quitting: self.leaving(),
            }));
        }
    }

    /// Kills what is left.
    pub(in crate::session) fn kill(&mut self, out: &mut Vec<Effect>) {
        self.cease(out);
        self.takes_leave();
        out.extend(self.processes.iter().map(|process| Effect::KillProcess(process.instance)));
    }

    pub(super) fn stop(
        &mut self,
        now: Duration,
        index: usize,
        cause: StopCause,
        plan: StopPlan,
        out: &mut Vec<Effect>,
    ) {
        let process = &mut self.processes[index];
        if !process.wanted() {
            return;
        }
        process.phase = Phase::Stopping;
        process.stop = Some((now, plan));
        out.push(Effect::CancelTimer(Timer::Settled(process.instance)));
        out.push(Effect::CancelTimer(Timer::Ready(process.instance)));
        out.push(Effect::Report(Notice::Stopping {
            instance: process.instance,
            pid: process.pid,
            build: process.build,
            signal: plan.signal,
            cause,
        }));
        out.push(Effect::StopProcess { instance: process.instance, plan });
        if plan.timeout > MOMENT {
            out.push(Effect::StartTimer(Timer::Slow(process.instance), MOMENT));
        }
    }

    /// Handles the end of a process, while the rest of its tree is cleared away.
    pub(super) fn process_exited(
        &mut self,
        now: Duration,
        instance: Instance,
        exit: Exit,
        out: &mut Vec<Effect>,
    ) {
        let Some(index) = self.index(instance) else { return };
        self.ended_instead(index, out);
        let leaving = self.leaving();
        let process = &mut self.processes[index];
        let before = std::mem::replace(&mut process.phase, Phase::Ended(exit));
        let stuck = before == Phase::Stuck;
        let expected = stuck || before == Phase::Stopping || leaving;
        let lived = now.saturating_sub(process.started);
        let (pid, build) = (process.pid, process.build);
        out.push(Effect::CancelTimer(Timer::Settled(instance)));
        out.push(Effect::CancelTimer(Timer::Ready(instance)));
        if !expected {
            self.count_end(exit, lived);
            if !exit.success() && before != Phase::Settled {
                self.fail(index, StartFailure::Exited { exit, lived }, out);
            }
        }
        let next = if expected { AfterExit::AsPlanned } else { self.after_exit(index, exit) };
        out.push(Effect::Report(Notice::ProcessExited { instance, pid, build, exit, lived, expected, next }));
        if !expected {
            self.report_failure(now, index, out);
        }
        if stuck {
            // [`Event::ProcessGone`] came before.
            self.process_gone(now, instance, out);
        }
    }

    fn count_end(&mut self, exit: Exit, lived: Duration) {
        if lived >= SETTLE {
            self.ends = Ends::default();
        }
        self.ends.failures += u32::from(!exit.success());
        self.ends.quick += 1;
    }

    /// Returns what follows when the program ended by itself.
    fn after_exit(&self, index: usize, exit: Exit) -> AfterExit {
        let process = &self.processes[index];
        let mut others = self.processes.iter().filter(|other| other.instance != process.instance);
        let beside = others.find(|other| other.wanted()).map(|other| other.build);
        let newer = self.live.is_some_and(|live| live.build != process.build)
            && self.settings.update == Update::Manual;
        if self.start.is_some() || newer || self.rolls_back(process) {
            return AfterExit::AsPlanned;
        }
        if let Some(build) = beside {
            return AfterExit::Beside(build);
        }
        match self.settings.on_exit {
            OnExit::Exit => AfterExit::Ends,
            OnExit::Wait if self.settings.task && exit.success() => AfterExit::Done,
            OnExit::Wait => AfterExit::Waits,
            OnExit::Restart if self.ends.failures >= FAILURES_IN_A_ROW => AfterExit::GivesUp,
            OnExit::Restart => {
                let doublings = self.ends.quick.saturating_sub(1).min(16);
                AfterExit::Restarts((BACKOFF_FIRST * 2_u32.pow(doublings)).min(BACKOFF_LAST))
            }
        }
    }

    /// Nothing of a process is left, or nothing that hotrun could stop: the next one may start, unless the process
    /// itself lives on.
    pub(super) fn process_gone(&mut self, now: Duration, instance: Instance, out: &mut Vec<Effect>) {
        let Some(index) = self.index(instance) else { return };
        out.push(Effect::CancelTimer(Timer::Slow(instance)));
        let Phase::Ended(exit) = self.processes[index].phase else {
            self.processes[index].phase = Phase::Stuck;
            return;
        };
        let next = self.after_exit(index, exit);
        let process = self.processes.remove(index);
        self.say_stopped(out);
        if self.leaving() {
            return;
        }
        if self.settings.task && process.stop.is_none() && exit.success() {
            self.done(instance.number, process.build);
        }
        if self.start.is_some() {
            self.start_if_room(now, out);
            return;
        }
        if process.failure.is_some() && self.go_back(&process, out) {
            return;
        }
        match next {
            AfterExit::Ends => self.over = Some(ExitReason::ProgramEnded(exit)),
            AfterExit::Restarts(after) => out.push(Effect::StartTimer(Timer::Backoff(self.id), after)),
            AfterExit::AsPlanned
                if self.processes.is_empty() && self.live.is_some_and(|live| live.build != process.build) =>
            {
                self.order(Start::default());
                self.start_if_room(now, out);
            }
            AfterExit::AsPlanned
            | AfterExit::Beside(_)
            | AfterExit::Waits
            | AfterExit::Done
            | AfterExit::GivesUp => {}
        }
    }
}
