//! The session decides: what happened comes in as an [`Event`], what is to be done goes out as [`Effect`]s.
//!
//! Pure: no files, processes, sockets, environment, clock or threads; the time of each event comes with it. The laws it
//! keeps: a failed or cancelled build touches neither the live path nor the process (L2), the last edit wins and nothing
//! starves it (L3), at most one build and one process at a time (L4).

mod builds;
mod config;
mod events;
mod notices;
mod service;
mod standing;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

pub use self::builds::{BURST_CAP, CANCELLATIONS_IN_A_ROW};
use self::builds::{Builds, Ended};
pub use self::events::{
    BuildOutcome, BuildSummary, ConfigChange, Effect, Event, ExitReason, PublishOutcome, QuitReason,
    ReadOutcome, Request, Timer,
};
pub use self::notices::{
    AfterConfig, AfterExit, Cause, Instead, NotReloaded, Notice, Running, StartFailure, StopCause, Unmet,
};
pub use self::service::{BACKOFF_FIRST, BACKOFF_LAST, FAILURES_IN_A_ROW, SETTLE};
use self::service::{Service, Start};
use self::standing::Past;
pub use self::standing::{ProcessStanding, Standing, State, Trouble};
use crate::config::{Config, OnExit, OnStartFailure, Ready, Update};
use crate::words::{BuildId, Change, ChangeKind, ServiceId, StopPlan};

/// SIGINT and SIGQUIT, what Ctrl-C and Ctrl-\ send: the same numbers on every Unix (POSIX, `kill -2` and `kill -3`).
const TYPED: [i32; 2] = [2, 3];

/// A login shell that exits sends SIGHUP while the terminal still answers; it dies within this time.
const HANGUP: Duration = Duration::from_millis(500);
/// How long a `cargo clean` that took the live binary is given to take the rest.
const CLEANING: Duration = Duration::from_millis(300);
/// A clean that takes longer breaks a build: so many are tried again.
const CLEANED_BUILDS: u32 = 3;

/// The settings the session decides by.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The quiet time that ends a burst of edits.
    pub debounce: Duration,
    /// How a new build takes over.
    pub update: Update,
    /// What follows when the program ends by itself.
    pub on_exit: OnExit,
    /// How the program is stopped.
    pub stop: StopPlan,
    /// A process is ready as soon as it runs.
    pub ready_at_spawn: bool,
    /// `ready` names what is waited for: without it what was saved does not run well.
    pub ready_declared: bool,
    /// How long a process has to become ready.
    pub ready_timeout: Duration,
    /// A build that cannot start makes room for the one before it.
    pub rollback: bool,
    /// Build and run once, without watching.
    pub once: bool,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let run = &config.run;
        let notifies = matches!(run.update.value, Update::Overlap | Update::Reexec);
        let ready_at_spawn = match run.ready.value {
            Ready::Auto => !notifies,
            Ready::Spawn => true,
            Ready::Notify | Ready::Tcp(_) | Ready::Localhost(_) | Ready::Http(_) | Ready::After(_) => false,
        };
        Self {
            debounce: config.watch.debounce.value,
            update: run.update.value,
            ready_at_spawn,
            ready_declared: !matches!(run.ready.value, Ready::Auto | Ready::Spawn),
            ready_timeout: run.ready_timeout.value,
            rollback: match run.on_start_failure.value {
                OnStartFailure::Auto => !ready_at_spawn,
                OnStartFailure::Rollback => true,
                OnStartFailure::Wait => false,
            },
            on_exit: config.run.on_exit.value,
            stop: StopPlan { signal: config.run.stop_signal.value, timeout: config.run.stop_timeout.value },
            once: config.once,
        }
    }
}

/// The one place where anything is decided.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    builds: Builds,
    service: Service,
    past: Past,
    /// What was saved is not in force: `manual` leaves it to a request.
    held: bool,
    /// Changes that came with an edit of the config: they wait until that is in force.
    edited: Vec<Change>,
    /// A restart is owed whatever the next build gives.
    restart: Option<StopCause>,
    /// hotrun leaves for this reason once nothing it started is left.
    quitting: Option<ExitReason>,
    /// There is no live binary: it was removed. So many more builds may fail because the rest is still being removed.
    cleaned: Option<u32>,
    exited: bool,
    /// How long the last successful build took.
    build_took: Duration,
}

impl Session {
    /// A session at rest; [`Event::Started`] sets it going.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            builds: Builds::new(settings.debounce),
            service: Service::new(ServiceId::MAIN),
            past: Past::default(),
            held: false,
            edited: Vec::new(),
            restart: None,
            quitting: None,
            cleaned: None,
            exited: false,
            build_took: Duration::ZERO,
        }
    }

    /// Takes in what happened at `now` (time since the session began, never going backwards) and answers with what is
    /// to be done, in this order.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        let mut out = Vec::new();
        if self.exited {
            return out;
        }
        self.past.event(&event);
        match event {
            Event::Started => self.builds.want(now, Cause::Start, &mut out),
            Event::FilesChanged(changes) => self.files_changed(now, changes, &mut out),
            Event::ConfigRead(change) => self.config_read(now, change, &mut out),
            Event::LiveRemoved => {
                if self.quitting.is_none() {
                    // What removes a folder goes through it file by file.
                    if self.cleaned.is_none() {
                        out.push(Effect::Report(Notice::LiveRemoved));
                    }
                    out.push(Effect::StartTimer(Timer::LiveRemoved, CLEANING));
                    self.cleaned = Some(CLEANED_BUILDS);
                }
            }
            Event::HangupSignal { terminal: false } | Event::TimerFired(Timer::Hangup) => {
                self.asked(now, Request::Restart, &mut out);
            }
            Event::HangupSignal { terminal: true } => out.push(Effect::StartTimer(Timer::Hangup, HANGUP)),
            Event::TimerFired(Timer::LiveRemoved) => {
                if self.quitting.is_none() {
                    self.builds.want(now, Cause::LiveRemoved, &mut out);
                }
            }
            Event::ProjectRead { build, outcome } => {
                let ended = self.builds.project_read(now, build, outcome, &mut out);
                self.build_ended(now, build, ended, &mut out);
            }
            Event::BuildEnded { build, outcome } => {
                let ended = self.builds.ended(now, build, outcome, &mut out);
                self.build_ended(now, build, ended, &mut out);
            }
            Event::Published { build, outcome } => self.published(now, build, outcome, &mut out),
            Event::ProcessStarted { instance, pid } => {
                self.held = false;
                self.service.process_started(now, &self.settings, instance, pid, &mut out);
            }
            Event::MainProcess { instance, pid } => self.service.main_process(instance, pid),
            Event::HeldByDebugger { instance } => {
                self.service.held_by_debugger(now, instance, self.quitting.is_some(), &mut out);
            }
            Event::ProcessReady { instance } => self.service.ready(now, &self.settings, instance, &mut out),
            Event::MoreTime { instance, time } => self.service.extend(now, instance, time, &mut out),
            Event::Stored(stored) => self.service.set_stored(stored),
            Event::TookUp { instance } => self.service.took_up(instance),
            Event::ReloadFailed { instance, reason } => {
                self.service.reload_failed(now, &self.settings, instance, reason, &mut out);
            }
            Event::RolledBack { error: None } => self.rolled_back(now, &mut out),
            Event::RolledBack { error: Some(_) } => {}
            Event::NotReady { instance, unmet } => {
                self.service.not_ready(now, &self.settings, instance, unmet, &mut out);
            }
            Event::TimerFired(Timer::Ready(instance)) => {
                self.service.not_ready(now, &self.settings, instance, None, &mut out);
            }
            Event::SpawnFailed { instance, error } => {
                self.service.spawn_failed(now, &self.settings, instance, error, &mut out);
            }
            Event::ProcessExited { instance, exit } => {
                self.service.process_exited(now, &self.settings, instance, exit, &mut out);
            }
            Event::ProcessGone { instance } => {
                self.service.process_gone(now, &self.settings, instance, self.quitting.is_some(), &mut out);
            }
            Event::TimerFired(Timer::Burst) => self.builds.burst_over(now, &mut out),
            Event::TimerFired(Timer::Backoff) => {
                if self.quitting.is_none() {
                    self.service.backoff_over(now, &mut out);
                }
            }
            Event::TimerFired(Timer::Settled(instance)) => self.service.settled(instance),
            Event::TimerFired(Timer::Slow(instance)) => {
                self.service.slow(now, instance, self.quitting.is_some(), &mut out);
            }
            Event::Asked(request) => self.asked(now, request, &mut out),
        }
        self.leave_when_done(now, &mut out);
        self.past.effects(&out);
        out
    }

    fn files_changed(&mut self, now: Duration, changes: Vec<Change>, out: &mut Vec<Effect>) {
        if self.quitting.is_some() || self.settings.once || changes.is_empty() {
            return;
        }
        // A file may be several things to the program: an env file that the build reads as well.
        let mut told = BTreeSet::new();
        let paths = changes.iter().map(|change| &change.path).filter(|path| told.insert(*path));
        let paths: Vec<PathBuf> = paths.cloned().collect();
        out.push(Effect::Report(Notice::Changed(paths)));
        let configures =
            |kind| matches!(kind, ChangeKind::Config | ChangeKind::EnvFile | ChangeKind::Manifest);
        let config = changes.iter().filter(|change| configures(change.kind));
        let config: Vec<_> = config.map(|change| change.path.clone()).collect();
        if config.is_empty() {
            self.follow(now, changes, false, out);
        } else {
            self.edited.extend(changes);
            out.push(Effect::ReadConfig(config));
        }
    }

    /// Builds what is to be built for these changes, and starts the program again where `launch` asks for it.
    fn follow(&mut self, now: Duration, changes: Vec<Change>, launch: bool, out: &mut Vec<Effect>) {
        let to_build: Vec<Change> = changes
            .into_iter()
            .filter(|change| !matches!(change.kind, ChangeKind::Config | ChangeKind::EnvFile))
            .collect();
        if !to_build.is_empty() {
            self.builds.changed(now, to_build, out);
        }
        if launch {
            if self.builds.busy() || self.builds.paused() || self.cleaned.is_some() {
                self.restart.get_or_insert(StopCause::Launch);
            } else {
                self.restart_now(now, StopCause::Launch, out);
            }
        }
    }

    fn build_ended(&mut self, now: Duration, build: BuildId, ended: Ended, out: &mut Vec<Effect>) {
        match ended {
            Ended::Nothing => {}
            Ended::Succeeded(summary) => {
                let running = self.service.running(now);
                self.build_took = summary.took;
                out.push(Effect::Report(Notice::BuildFinished { build, success: true, summary, running }));
                if self.quitting.is_some() {
                    let _ = self.builds.finished(build);
                } else {
                    out.push(Effect::Publish(build));
                }
            }
            Ended::Failed(summary) => {
                let running = self.service.running(now);
                out.push(Effect::Report(Notice::BuildFinished { build, success: false, summary, running }));
                if self.quitting.is_some() {
                    return;
                }
                if self.settings.once {
                    self.leave(now, ExitReason::BuildFailed, self.settings.stop, out);
                    return;
                }
                if let Some(left) = self.cleaned.as_mut().filter(|left| **left > 0) {
                    *left -= 1;
                    out.push(Effect::StartTimer(Timer::LiveRemoved, CLEANING * 2));
                }
                self.builds.go_on(now, out);
                self.restart_if_owed(now, out);
            }
        }
    }

    fn published(&mut self, now: Duration, build: BuildId, outcome: PublishOutcome, out: &mut Vec<Effect>) {
        let Some(finished) = self.builds.finished(build) else { return };
        let order = Start::because(finished.since, Some(self.build_took));
        let watched = finished.changes.iter().any(|change| change.kind == ChangeKind::Watched);
        if !matches!(outcome, PublishOutcome::Failed { .. }) {
            self.cleaned = None;
        }
        match outcome {
            PublishOutcome::Published { path } => {
                out.push(Effect::Report(Notice::Published { build, path }));
                self.service.published(now, build);
                if self.holds() && self.quitting.is_none() {
                    let running = self.service.running(now);
                    out.push(Effect::Report(Notice::Held { build, running }));
                }
                self.take_over(now, StopCause::Update, order, out);
            }
            PublishOutcome::Unchanged { launch_changed } => {
                let due = launch_changed || watched || self.restart.is_some() || self.service.down();
                let restarts = due && !self.holds();
                out.push(Effect::Report(Notice::Unchanged { build, restarts }));
                if due {
                    self.take_over(now, StopCause::Launch, order, out);
                }
            }
            PublishOutcome::Failed { error } => {
                let running = self.service.running(now);
                self.builds.publish_failed();
                out.push(Effect::Report(Notice::PublishFailed { build, error, running }));
                if self.settings.once {
                    self.leave(now, ExitReason::CannotRun, self.settings.stop, out);
                }
            }
        }
        if self.quitting.is_none() {
            self.builds.go_on(now, out);
            self.restart_if_owed(now, out);
        }
    }

    /// Whether updates wait for a request.
    fn holds(&self) -> bool {
        self.leaves_to_requests() && self.restart.is_none()
    }

    /// `manual` is for what runs: a program that has ended is started with whatever changed.
    fn leaves_to_requests(&self) -> bool {
        self.settings.update == Update::Manual && !self.service.down()
    }

    /// What is live is to run now, unless updates wait for a request.
    fn take_over(&mut self, now: Duration, cause: StopCause, order: Start, out: &mut Vec<Effect>) {
        if self.quitting.is_some() {
            return;
        }
        if self.holds() {
            self.held = true;
            return;
        }
        let asked = self.restart.take();
        self.service.update(now, &self.settings, asked.unwrap_or(cause), order, out);
    }

    fn restart_now(&mut self, now: Duration, cause: StopCause, out: &mut Vec<Effect>) {
        let order = Start::because(now, None);
        self.service.update(now, &self.settings, cause, order, out);
    }

    /// A restart that was owed to a build which is over, or to the end of a pause. Without a live binary there would be
    /// nothing to start.
    fn restart_if_owed(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.builds.busy()
            && self.cleaned.is_none()
            && let Some(cause) = self.restart.take()
        {
            self.restart_now(now, cause, out);
        }
    }

    fn asked(&mut self, now: Duration, request: Request, out: &mut Vec<Effect>) {
        match request {
            Request::Restart => {
                if self.quitting.is_some() {
                    return;
                }
                // The build that puts a removed live binary back is due.
                if self.builds.busy() || self.cleaned.is_some() && !self.builds.stale() {
                    self.restart = Some(StopCause::Asked);
                } else if self.builds.stale() {
                    self.restart = Some(StopCause::Asked);
                    self.unpause(now, out);
                    if !self.builds.busy() {
                        self.builds.want(now, Cause::Asked, out);
                    }
                } else {
                    // One that a pause held back is this one as well.
                    if self.restart.take().is_some() {
                        self.unpause(now, out);
                    }
                    self.restart_now(now, StopCause::Asked, out);
                }
            }
            Request::Pause if self.quitting.is_some() => {}
            Request::Pause if self.builds.paused() => self.unpause(now, out),
            Request::Pause => {
                self.builds.pause();
                out.push(Effect::Report(Notice::Paused));
            }
            Request::Quit(reason) if self.quitting.is_none() => {
                // As under `cargo run`, Ctrl-C reaches the program as SIGINT; `stop-signal` is for everything else.
                let mut plan = self.settings.stop;
                if let QuitReason::Signal(signal) = reason
                    && TYPED.contains(&signal)
                {
                    plan.signal = signal;
                }
                self.leave(now, ExitReason::Quit(reason), plan, out);
            }
            Request::Quit(reason) | Request::QuitNow(reason) => {
                self.quitting.get_or_insert(ExitReason::Quit(reason));
                self.builds.stop(out);
                self.service.kill(out);
            }
        }
    }

    fn rolled_back(&mut self, now: Duration, out: &mut Vec<Effect>) {
        // The failed build is tried again by `r` or the next save.
        self.builds.publish_failed();
        if self.quitting.is_none() {
            self.service.rolled_back(now, out);
        }
    }

    fn unpause(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.builds.paused() {
            return;
        }
        out.push(Effect::Report(Notice::Resumed));
        self.builds.resume(now, out);
        self.restart_if_owed(now, out);
    }

    /// hotrun is to end: what runs is stopped.
    fn leave(&mut self, now: Duration, reason: ExitReason, plan: StopPlan, out: &mut Vec<Effect>) {
        self.quitting = Some(reason);
        self.builds.stop(out);
        self.service.quit(now, plan, out);
    }

    /// hotrun ends with its program, and leaves when the last of what it started has ended.
    fn leave_when_done(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.quitting.is_none()
            && let Some(reason) = self.service.over()
        {
            self.leave(now, reason, self.settings.stop, out);
        }
        if let Some(reason) = self.quitting
            && !self.builds.busy()
            && self.service.ended()
        {
            self.exited = true;
            out.push(Effect::Report(Notice::Exiting(reason)));
            out.push(Effect::Exit(reason));
        }
    }
}
