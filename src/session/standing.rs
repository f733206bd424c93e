//! How things stand: what the session is doing, and, when it rests, whether everything that was saved is running.
//!
//! Pure, and only a reader: [`Past`] remembers from the effects of the session what its other parts have no need to.
//! Nothing is decided by it but that `--once` ends where a service waits in vain.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::events::{Effect, Event, Timer};
use super::notices::{BuildSummary, Hindrance, Instead, Notice, StartFailure, Unmet};
use super::service::{Doing, ProcessStanding, Service};
use super::{Session, Settings};
use crate::words::{ArtifactId, BuildId, Exit, ServiceId};

/// The state of a session or service. Some states rest, the others lead on by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Files changed and a build is due.
    Changed,
    /// A build runs or is being published.
    Building(BuildId),
    /// A process is being started, is not ready yet, has not yet lived long enough to count as started, or is a task's.
    Starting,
    /// A process is being stopped.
    Stopping,
    /// hotrun is leaving.
    Leaving,
    /// Everything that was saved is running.
    Running,
    /// Everything that was saved ran to its end, with code 0.
    Exited,
    /// It is not to run: it was stopped, or nobody asked for it.
    Stopped,
    /// It starts after others, which are in trouble.
    Waiting,
    /// Edits are not followed, and something was saved since.
    Paused,
    /// A newer build, or another environment, waits for a restart (`update = "manual"`).
    Held,
    /// What was saved does not run.
    Failed(Trouble),
}

impl State {
    /// Whether it lasts until something is done.
    pub fn rests(&self) -> bool {
        !matches!(self, Self::Changed | Self::Building(_) | Self::Starting | Self::Stopping | Self::Leaving)
    }

    /// Returns how much it tells of what there is to wait for or to do.
    fn rank(&self) -> u32 {
        match self {
            Self::Stopped => 0,
            Self::Exited => 1,
            Self::Running => 2,
            Self::Held => 3,
            Self::Paused => 4,
            Self::Waiting => 5,
            Self::Failed(_) => 6,
            Self::Stopping => 7,
            Self::Starting => 8,
            Self::Changed => 9,
            Self::Building(_) => 10,
            Self::Leaving => 11,
        }
    }

    /// Returns what it means for those who come after a service that is not ready.
    fn hindrance(&self) -> Option<Hindrance> {
        match self {
            Self::Stopped => Some(Hindrance::Stopped),
            Self::Exited => Some(Hindrance::Ended(Exit::Code(0))),
            Self::Failed(trouble) => Some(trouble.hindrance()),
            Self::Waiting => Some(Hindrance::Waits),
            _ => None,
        }
    }

    /// Whether everything that was saved and is to run is running, or ran to its end.
    pub fn good(&self) -> bool {
        matches!(self, Self::Running | Self::Exited | Self::Stopped)
    }
}

/// Why what was saved does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The build failed.
    Build(BuildId),
    /// The binary could not be published.
    Publish(BuildId, String),
    /// The new build could not start.
    Start(BuildId, StartFailure, Instead),
    /// The program runs and is not ready, for this long.
    NeverReady(BuildId, Duration, Option<Unmet>),
    /// The program ended by itself, and not with code 0.
    Ended(BuildId, Exit),
    /// A process that hotrun cannot stop is in the way of the next.
    Stuck(u32),
}

impl Trouble {
    fn hindrance(&self) -> Hindrance {
        match self {
            Self::Build(build) | Self::Publish(build, _) => Hindrance::NotBuilt(*build),
            Self::Ended(_, exit) | Self::Start(_, StartFailure::Exited { exit, .. }, _) => {
                Hindrance::Ended(*exit)
            }
            Self::Start(..) => Hindrance::NotStarted,
            Self::NeverReady(..) | Self::Stuck(_) => Hindrance::NotReady,
        }
    }

    /// Whether there is no binary to run.
    fn is_of_build(&self) -> bool {
        matches!(self, Self::Build(_) | Self::Publish(..))
    }

    /// Returns its build, or 0.
    fn build(&self) -> BuildId {
        match self {
            Self::Build(build)
            | Self::Publish(build, _)
            | Self::Start(build, ..)
            | Self::NeverReady(build, ..)
            | Self::Ended(build, _) => *build,
            Self::Stuck(_) => BuildId(0),
        }
    }
}

/// What the session is doing and what runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state of what is built and run that tells most.
    pub state: State,
    /// Edits are not followed.
    pub paused: bool,
    pub services: BTreeMap<ServiceId, ServiceStanding>,
    /// The last build that ended by itself, whether it succeeded, and what it came to.
    pub last_build: Option<(BuildId, bool, BuildSummary)>,
}

impl Standing {
    /// Returns how these services alone stand.
    #[must_use]
    pub fn of(self, services: &BTreeSet<ServiceId>) -> Self {
        let named = self.services.into_iter().filter(|(id, _)| services.contains(id));
        let services: BTreeMap<_, _> = named.collect();
        let worst =
            services.values().map(|service| service.state.clone()).min_by_key(|state| Reverse(state.rank()));
        Self { state: worst.unwrap_or(State::Running), services, ..self }
    }

    /// Returns the process of the first service that runs.
    pub fn process(&self) -> Option<ProcessStanding> {
        self.services.values().find_map(|service| service.process)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStanding {
    pub state: State,
    pub process: Option<ProcessStanding>,
    /// The services without which it does not start.
    pub waits_for: BTreeSet<ServiceId>,
}

/// What the session itself does not remember.
#[derive(Debug, Default)]
pub(super) struct Past {
    last_build: Option<(BuildId, bool, BuildSummary)>,
    /// A wait before a removed binary is built again.
    removed: bool,
    runs: BTreeMap<ServiceId, Subject>,
    records: BTreeMap<Subject, Record>,
}

/// What a past is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// An artifact and the service that runs it.
    Built(ArtifactId),
    /// A service that runs a command.
    Command(ServiceId),
}

/// The past of an artifact or a service.
#[derive(Debug, Default)]
struct Record {
    trouble: Option<Trouble>,
    /// The build started last.
    started: Option<BuildId>,
    /// How the last process ended, if it did so by itself.
    end: Option<(BuildId, Exit)>,
    /// A wait before the program is started again.
    backoff: bool,
}

impl Past {
    pub(super) fn new(services: &BTreeMap<ServiceId, Settings>) -> Self {
        let subject = |(id, settings): (&ServiceId, &Settings)| {
            (*id, settings.runs.map_or(Subject::Command(*id), Subject::Built))
        };
        Self { runs: services.iter().map(subject).collect(), ..Self::default() }
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::TimerFired(Timer::Backoff(service)) => self.of(*service).backoff = false,
            Event::TimerFired(Timer::LiveRemoved) => self.removed = false,
            _ => {}
        }
    }

    pub(super) fn effects(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::StartBuild { artifacts, .. } => {
                    for artifact in artifacts {
                        self.made(*artifact).trouble = None;
                    }
                }
                Effect::StartTimer(Timer::Backoff(service), _) => self.of(*service).backoff = true,
                Effect::CancelTimer(Timer::Backoff(service)) => self.of(*service).backoff = false,
                Effect::StartTimer(Timer::LiveRemoved, _) => self.removed = true,
                Effect::Report(notice) => self.notice(notice),
                _ => {}
            }
        }
    }

    fn made(&mut self, artifact: ArtifactId) -> &mut Record {
        self.records.entry(Subject::Built(artifact)).or_default()
    }

    fn of(&mut self, service: ServiceId) -> &mut Record {
        self.records.entry(self.runs[&service]).or_default()
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::BuildFinished { build, success, failed, summary, .. } => {
                self.last_build = Some((*build, *success, *summary));
                for artifact in failed {
                    self.made(*artifact).trouble = Some(Trouble::Build(*build));
                }
            }
            Notice::PublishFailed { build, artifact, error, .. } => {
                self.made(*artifact).trouble = Some(Trouble::Publish(*build, error.clone()));
            }
            // The same binary as one that runs, or that is started now.
            Notice::Unchanged { build, artifact, .. } => {
                self.made(*artifact).trouble.take_if(|trouble| trouble.build() < *build);
            }
            Notice::StartFailed { instance, build, failure, instead, .. } => {
                let record = self.of(instance.service);
                // What became of an older build neither adds to a newer one's trouble nor mends it.
                let newer = record.trouble.as_ref().is_some_and(|old| old.build() > *build)
                    || record.started.is_some_and(|newer| newer > *build);
                if !newer {
                    record.trouble = Some(Trouble::Start(*build, failure.clone(), *instead));
                }
            }
            // It or a newer one is tried again: what becomes of that counts. The one before it, started instead, mends
            // nothing.
            Notice::ProcessStarted { instance, build, .. } => {
                let record = self.of(instance.service);
                record.end = None;
                record.started = Some(*build);
                record.trouble.take_if(|trouble| trouble.build() <= *build);
            }
            // What fails to start from here on is no older build.
            Notice::RolledBack { service, to } => self.of(*service).started = Some(*to),
            Notice::Ready { instance, build, .. } => {
                self.of(instance.service).trouble.take_if(|trouble| trouble.build() <= *build);
            }
            Notice::ProcessExited { instance, expected: false, build, exit, .. } => {
                self.of(instance.service).end = Some((*build, *exit));
            }
            _ => {}
        }
    }
}

impl Session {
    /// Returns how things stand at `now`.
    pub fn standing(&self, now: Duration) -> Standing {
        let services: BTreeMap<_, _> = self
            .services
            .iter()
            .map(|(id, service)| {
                let (state, process) = (self.state_of(*id, service), service.process(now));
                let waits_for = self.lacks(*id).filter(|_| service.waits()).collect();
                (*id, ServiceStanding { state, process, waits_for })
            })
            .collect();
        let states = services.values().map(|service| service.state.clone());
        let is_run = |artifact| self.services.values().any(|service| service.runs() == Some(artifact));
        let unused = self.artifacts.iter().copied().filter(|artifact| !is_run(*artifact));
        let built = unused.filter_map(|artifact| self.state_of_artifact(artifact));
        let worst = states.chain(built).min_by_key(|state| Reverse(state.rank()));
        Standing {
            state: worst.unwrap_or(State::Running),
            paused: self.builds.paused() && self.quitting.is_none(),
            services,
            last_build: self.past.last_build,
        }
    }

    /// Returns the state of an artifact that is not live as it was saved.
    fn state_of_artifact(&self, artifact: ArtifactId) -> Option<State> {
        if self.quitting.is_some() || self.exited {
            return Some(State::Leaving);
        }
        if let Some(build) = self.builds.current().filter(|_| self.builds.concerns(artifact)) {
            return Some(State::Building(build));
        }
        let due = self.builds.due(artifact);
        if self.past.removed || due && !self.builds.paused() {
            return Some(State::Changed);
        }
        if due {
            return Some(State::Paused);
        }
        let trouble = self.past.records.get(&Subject::Built(artifact))?.trouble.clone()?;
        Some(State::Failed(trouble))
    }

    /// Returns the state of a service as long as it is not what was saved that runs, or how that could not be started.
    fn state_of_saved(&self, id: ServiceId, service: &Service) -> Option<State> {
        if let Some(artifact) = service.runs() {
            return self.state_of_artifact(artifact);
        }
        if self.quitting.is_some() || self.exited {
            return Some(State::Leaving);
        }
        let trouble = self.past.records.get(&Subject::Command(id))?.trouble.clone()?;
        Some(State::Failed(trouble))
    }

    fn state_of(&self, id: ServiceId, service: &Service) -> State {
        let of_saved = self.state_of_saved(id, service);
        if let Some(state @ (State::Leaving | State::Building(_) | State::Changed)) = of_saved {
            return state;
        }
        let record = self.past.runs.get(&id).and_then(|subject| self.past.records.get(subject));
        let (end, backoff) = record.map_or((None, false), |record| (record.end, record.backoff));
        let doing = service.doing();
        if !service.is_up() {
            return match (doing, of_saved) {
                (Doing::Stuck(pid), _) => State::Failed(Trouble::Stuck(pid)),
                // It is not for its program that it is down.
                (Doing::Down, Some(State::Failed(trouble))) if trouble.is_of_build() => {
                    State::Failed(trouble)
                }
                (Doing::Down, Some(State::Paused)) => State::Paused,
                (Doing::Down, _) => State::Stopped,
                _ => State::Stopping,
            };
        }
        match doing {
            Doing::Starting if self.is_stuck_behind_others(id) => return of_saved.unwrap_or(State::Waiting),
            Doing::Starting => return State::Starting,
            Doing::Stopping => return State::Stopping,
            Doing::Down if backoff && end.is_some_and(|(_, exit)| !exit.success()) => {
                return State::Starting;
            }
            Doing::Stuck(pid) => return State::Failed(Trouble::Stuck(pid)),
            Doing::Unready(..) | Doing::Running { .. } | Doing::Down => {}
        }
        if service.owed().is_some() && service.runs().is_none_or(|artifact| !self.removed.contains(&artifact))
        {
            return State::Paused;
        }
        if let Some(state) = of_saved {
            return state;
        }
        match (doing, end) {
            (Doing::Unready(build, waited, unmet), _) => {
                State::Failed(Trouble::NeverReady(build, waited, unmet))
            }
            (Doing::Running { live: false }, _) => State::Held,
            (Doing::Running { .. }, _) if service.is_held() => State::Held,
            (Doing::Running { .. }, _) => State::Running,
            (_, Some((_, exit))) if exit.success() => State::Exited,
            (_, Some((build, exit))) => State::Failed(Trouble::Ended(build, exit)),
            // Between the end of the first build and the start of its process.
            (_, None) => State::Starting,
        }
    }

    /// Whether it waits for others that will not be ready by themselves.
    pub(super) fn is_stuck_behind_others(&self, id: ServiceId) -> bool {
        if !self.services.get(&id).is_some_and(Service::waits) {
            return false;
        }
        let (mut seen, mut next) = (BTreeSet::new(), vec![id]);
        while let Some(waiting) = next.pop() {
            for other in self.lacks(waiting) {
                let Some(service) = self.services.get(&other) else { continue };
                if self.only_waits(other, service) {
                    next.extend(seen.insert(other).then_some(other));
                } else if !self.state_of(other, service).rests() {
                    return false;
                }
            }
        }
        true
    }

    /// Whether there is nothing about a service but that it waits for others.
    fn only_waits(&self, id: ServiceId, service: &Service) -> bool {
        let is_built = matches!(
            self.state_of_saved(id, service),
            Some(State::Leaving | State::Building(_) | State::Changed)
        );
        service.waits() && service.doing() == Doing::Starting && !is_built
    }

    /// Returns the services that this one comes after and that are in trouble.
    pub(super) fn hindrances(&self, id: ServiceId) -> Vec<(ServiceId, Hindrance)> {
        let hindrance = |other| Some((other, self.state_of(other, self.services.get(&other)?).hindrance()?));
        self.lacks(id).filter_map(hindrance).collect()
    }
}
