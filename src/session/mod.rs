//! The session decides: what happened comes in as an [`Event`], what is to be done goes out as [`Effect`]s.
//!
//! Pure: no files, processes, sockets, environment, clock or threads; the time of each event comes with it. The laws it
//! keeps: what a build did not build keeps its live path and its process (L2), the last edit wins and nothing
//! starves it (L3), at most one build and one process of a service at a time (L4).

mod builds;
mod config;
mod events;
mod notices;
mod order;
mod requests;
mod service;
mod setup;
mod standing;
mod warm_up;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

pub use self::builds::{BURST_CAP, CANCELLATIONS_IN_A_ROW};
use self::builds::{Builds, Ended};
pub use self::events::{
    BuildOutcome, ConfigChange, Effect, Event, PublishOutcome, ReadOutcome, Request, Timer, Whom,
};
pub use self::notices::{
    AfterConfig, AfterExit, BuildSummary, Cause, ExitReason, Hindrance, Instead, NotReloaded, Notice,
    QuitReason, Running, StartFailure, StopCause, Unmet,
};
pub use self::service::{BACKOFF_FIRST, BACKOFF_LAST, FAILURES_IN_A_ROW, ProcessStanding, SETTLE};
use self::service::{Service, Start};
pub use self::setup::{Settings, Setup};
use self::standing::Past;
pub use self::standing::{ServiceStanding, Standing, State, Trouble};
use crate::words::{ArtifactId, BuildId, Change, Consequence, ServiceId};

/// A login shell that exits sends SIGHUP while the terminal still answers; it dies within this time.
const HANGUP: Duration = Duration::from_millis(500);
/// How long a `cargo clean` that removed the live binary has for the rest.
const CLEANING: Duration = Duration::from_millis(300);
/// How many builds are retried that a slower clean breaks.
const CLEANED_BUILDS: u32 = 3;

/// Whether a build of what a service runs is under way, or puts a removed live binary back.
fn is_built(service: &Service, builds: &Builds, removed: &BTreeSet<ArtifactId>) -> bool {
    service.runs().is_some_and(|artifact| builds.concerns(artifact) || removed.contains(&artifact))
}

/// Decides what hotrun does.
#[derive(Debug)]
pub struct Session {
    once: bool,
    artifacts: BTreeSet<ArtifactId>,
    builds: Builds,
    services: BTreeMap<ServiceId, Service>,
    past: Past,
    /// Changes saved with an edit of the config, until that is in force.
    edited: Vec<Change>,
    /// Why hotrun leaves, once nothing it started is left.
    quitting: Option<ExitReason>,
    /// Artifacts whose live binary was removed, and how many more builds that removal may break.
    removed: BTreeSet<ArtifactId>,
    cleaned: u32,
    /// What was said last of services that wait for others.
    said: BTreeMap<ServiceId, Vec<(ServiceId, Hindrance)>>,
    /// Everything that is to run was ready at once.
    was_ready: bool,
    exited: bool,
}

impl Session {
    /// Returns a session at rest, which [`Event::Started`] sets going.
    pub fn new(setup: Setup) -> Self {
        let Setup { debounce, once, together, artifacts, services } = setup;
        let mut session = Self {
            once,
            artifacts,
            builds: Builds::new(debounce, together),
            past: Past::new(&services),
            services: services.into_iter().map(|(id, settings)| (id, Service::new(id, settings))).collect(),
            edited: Vec::new(),
            quitting: None,
            removed: BTreeSet::new(),
            cleaned: 0,
            said: BTreeMap::new(),
            was_ready: false,
            exited: false,
        };
        session.need(&session.up());
        session
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
            Event::Started => self.start_all(now, &mut out),
            Event::FilesChanged(changes) => self.files_changed(now, changes, &mut out),
            Event::ConfigRead(change) => self.config_read(now, change, &mut out),
            Event::LiveRemoved(artifact) => self.live_removed(artifact, &mut out),
            Event::HangupSignal { terminal: false } | Event::TimerFired(Timer::Hangup) => {
                self.asked(now, Request::Restart(Whom::All), &mut out);
            }
            Event::HangupSignal { terminal: true } => out.push(Effect::StartTimer(Timer::Hangup, HANGUP)),
            Event::TimerFired(Timer::LiveRemoved) => {
                if self.quitting.is_none() {
                    self.builds.want(now, Cause::LiveRemoved, &self.artifacts, &mut out);
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
            Event::WarmedUp => self.builds.warmed_up(now, &mut out),
            Event::Published { build, artifact, outcome } => {
                self.published(now, build, artifact, outcome, &mut out);
            }
            Event::TimerFired(Timer::Burst) => self.builds.burst_over(now, &mut out),
            Event::Asked(request) => self.asked(now, request, &mut out),
            event => self.service_event(now, event, &mut out),
        }
        self.past.effects(&out);
        let known = out.len();
        if self.quitting.is_none() {
            self.start_in_order(now, &mut out);
        } else {
            self.stop_in_order(now, &mut out);
        }
        self.leave_when_done(now, &mut out);
        self.past.effects(&out[known..]);
        out
    }

    /// Builds everything, and starts what needs no build.
    fn start_all(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.artifacts.is_empty() {
            self.builds.want(now, Cause::Start, &self.artifacts, out);
        }
        for service in self.services.values_mut().filter(|service| service.runs().is_none()) {
            service.begin(now, out);
        }
    }

    /// Returns the services that are to run.
    fn up(&self) -> BTreeSet<ServiceId> {
        self.services.iter().filter(|(_, service)| service.is_up()).map(|(id, _)| *id).collect()
    }

    /// Handles an event of one service.
    fn service_event(&mut self, now: Duration, event: Event, out: &mut Vec<Effect>) {
        let Some(service) = event.service().and_then(|id| self.services.get_mut(&id)) else { return };
        if let Event::RolledBack { .. } = event {
            // The failed build is tried again by `r` or the next save.
            service.runs().iter().for_each(|artifact| self.builds.failed(*artifact, &[]));
        }
        let failed = matches!(event, Event::SpawnFailed { .. });
        let started = matches!(event, Event::ProcessStarted { .. });
        service.take_in(now, event, out);
        if failed && self.once && self.quitting.is_none() {
            self.leave(now, ExitReason::CannotRun, out);
        }
        if started && !self.once && self.quitting.is_none() && !self.services.values().any(Service::is_manual)
        {
            self.builds.warm_up(out);
        }
    }

    fn live_removed(&mut self, artifact: ArtifactId, out: &mut Vec<Effect>) {
        if self.quitting.is_some() {
            return;
        }
        // A folder is removed file by file.
        if self.removed.insert(artifact) {
            out.push(Effect::Report(Notice::LiveRemoved(artifact)));
        }
        out.push(Effect::StartTimer(Timer::LiveRemoved, CLEANING));
        self.cleaned = CLEANED_BUILDS;
    }

    fn files_changed(&mut self, now: Duration, changes: Vec<Change>, out: &mut Vec<Effect>) {
        if self.quitting.is_some() || self.once || changes.is_empty() {
            return;
        }
        // A file may have several roles: an env file that the build reads as well.
        let mut told = BTreeSet::new();
        let paths = changes.iter().map(|change| &change.path).filter(|path| told.insert(*path));
        let paths: Vec<PathBuf> = paths.cloned().collect();
        out.push(Effect::Report(Notice::Changed(paths)));
        let config = changes.iter().filter(|change| change.leads_to.config);
        let config: Vec<_> = config.map(|change| change.path.clone()).collect();
        if config.is_empty() {
            self.follow(now, changes, BTreeSet::new(), out);
        } else {
            self.edited.extend(changes);
            out.push(Effect::ReadConfig(config));
        }
    }

    /// Builds what is to be built for these changes, and starts again the services that they, or an edited config (`launch`),
    /// are about.
    fn follow(
        &mut self,
        now: Duration,
        changes: Vec<Change>,
        mut launch: BTreeSet<ServiceId>,
        out: &mut Vec<Effect>,
    ) {
        for (id, service) in &mut self.services {
            let restarts = |change: &Change| {
                let Consequence { restarts, builds, .. } = &change.leads_to;
                restarts.contains(id) && service.runs().is_none_or(|artifact| !builds.contains(&artifact))
            };
            if service.is_up() && changes.iter().any(restarts) && !service.leave_to_request() {
                launch.insert(*id);
            }
        }
        let built = |change: &Change| !change.leads_to.builds.is_empty();
        let to_build: Vec<Change> = changes.into_iter().filter(built).collect();
        if !to_build.is_empty() {
            self.builds.changed(now, to_build, out);
        }
        self.restart_unless_built(now, &launch, StopCause::Launch, out);
    }

    /// Starts these again: after its build, where one runs or is due, and not during a pause.
    fn restart_unless_built(
        &mut self,
        now: Duration,
        services: &BTreeSet<ServiceId>,
        cause: StopCause,
        out: &mut Vec<Effect>,
    ) {
        for id in services {
            let Some(service) = self.services.get_mut(id).filter(|service| service.is_up()) else { continue };
            let due = service.runs().is_some_and(|artifact| self.builds.due(artifact));
            let built = due || is_built(service, &self.builds, &self.removed);
            if !built && !self.builds.paused() {
                service.restart(now, cause, out);
            } else if service.owed().is_none() {
                service.owe(cause);
            }
        }
    }

    fn build_ended(&mut self, now: Duration, build: BuildId, ended: Option<Ended>, out: &mut Vec<Effect>) {
        let Some(Ended { made, failed, summary }) = ended else { return };
        let success = failed.is_empty();
        let running = self.services.values().filter_map(|service| service.running(now)).collect();
        let again = !self.removed.is_disjoint(&failed) && self.cleaned > 0;
        out.push(Effect::Report(Notice::BuildFinished { build, success, failed, summary, running }));
        if self.quitting.is_some() {
            self.builds.abandon();
            return;
        }
        if self.once && !success {
            self.builds.abandon();
            self.leave(now, ExitReason::BuildFailed, out);
            return;
        }
        if again {
            self.cleaned -= 1;
            out.push(Effect::StartTimer(Timer::LiveRemoved, CLEANING * 2));
        }
        out.extend(made.into_iter().map(|artifact| Effect::Publish { build, artifact }));
        if !self.builds.busy() {
            self.go_on(now, out);
        }
    }

    fn published(
        &mut self,
        now: Duration,
        build: BuildId,
        artifact: ArtifactId,
        outcome: PublishOutcome,
        out: &mut Vec<Effect>,
    ) {
        let Some(finished) = self.builds.finished(build, artifact) else { return };
        let order = Start::because(finished.since, Some(finished.took));
        if !matches!(outcome, PublishOutcome::Failed { .. }) {
            self.removed.remove(&artifact);
        }
        let mut services = self.services.iter_mut();
        let service = services.find(|(_, service)| service.runs() == Some(artifact));
        let mut changes = finished.changes.iter();
        let watched = service.as_ref().is_some_and(|(id, _)| {
            changes.any(|Change { leads_to, .. }| {
                leads_to.restarts.contains(id) && leads_to.builds.contains(&artifact)
            })
        });
        match outcome {
            PublishOutcome::Published { path } => {
                out.push(Effect::Report(Notice::Published { build, artifact, path }));
                if let Some((_, service)) = service {
                    service.published(now, build, watched, order, out);
                }
            }
            PublishOutcome::Unchanged { launch_changed } => match service {
                Some((_, service)) => service.unchanged(now, build, launch_changed || watched, order, out),
                None => out.push(Effect::Report(Notice::Unchanged { build, artifact, restarts: false })),
            },
            PublishOutcome::Failed { error } => {
                let running = service.and_then(|(_, service)| service.running(now));
                self.builds.failed(artifact, &finished.changes);
                out.push(Effect::Report(Notice::PublishFailed { build, artifact, error, running }));
                if self.once && self.quitting.is_none() {
                    self.leave(now, ExitReason::CannotRun, out);
                }
            }
        }
        if self.quitting.is_none() && !self.builds.busy() {
            self.go_on(now, out);
        }
    }

    /// Starts the build that is due, and the restarts that waited for the one that is over.
    fn go_on(&mut self, now: Duration, out: &mut Vec<Effect>) {
        self.builds.go_on(now, out);
        self.pay(now, out);
    }

    /// Restarts that were owed to a build which is over, or to the end of a pause. Without a live binary there would be
    /// nothing to start.
    fn pay(&mut self, now: Duration, out: &mut Vec<Effect>) {
        for service in self.services.values_mut() {
            if !is_built(service, &self.builds, &self.removed)
                && let Some(cause) = service.pay()
            {
                service.restart(now, cause, out);
            }
        }
    }

    fn unpause(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if !self.builds.paused() {
            return;
        }
        out.push(Effect::Report(Notice::Resumed));
        self.builds.resume(now, out);
        self.pay(now, out);
    }

    /// Leaves once the last process has ended.
    fn leave_when_done(&mut self, now: Duration, out: &mut Vec<Effect>) {
        if self.quitting.is_none()
            && let Some(reason) = self.over()
        {
            self.leave(now, reason, out);
        }
        if let Some(reason) = self.quitting
            && !self.builds.busy()
            && self.services.values().all(Service::ended)
        {
            self.exited = true;
            out.push(Effect::Report(Notice::Exiting(reason)));
            out.push(Effect::Exit(reason));
        }
    }
}
