//! How things stand: what the session is doing, and, when it rests, whether everything that was saved is running.
//!
//! Pure, and only a reader: [`Past`] remembers from the effects of the session what its other parts have no need to,
//! and nothing here changes what is decided.

use std::time::Duration;

use super::Session;
use super::events::{BuildSummary, Effect, Event, Timer};
use super::notices::{Instead, Notice, StartFailure, Unmet};
use crate::words::{BuildId, Exit};

/// Where the session is. It rests in the states that say how it ended; the others lead on to another by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Files changed and a build is due.
    Changed,
    /// A build runs or is being published.
    Building(BuildId),
    /// A process is being started, is not ready yet, or has not yet lived long enough to count as started.
    Starting,
    /// A process is being stopped.
    Stopping,
    /// hotrun is leaving.
    Leaving,
    /// Everything that was saved is running.
    Running,
    /// Everything that was saved ran to its end, with code 0.
    Exited,
    /// Edits are not followed, and something was saved since.
    Paused,
    /// A newer build, or another environment, waits for a restart (`update = "manual"`).
    Held,
    /// What was saved does not run.
    Failed(Trouble),
}

impl State {
    /// Whether it stays so until somebody does something.
    pub fn rests(&self) -> bool {
        !matches!(self, Self::Changed | Self::Building(_) | Self::Starting | Self::Stopping | Self::Leaving)
    }

    /// Whether everything that was saved is running, or ran to its end.
    pub fn good(&self) -> bool {
        matches!(self, Self::Running | Self::Exited)
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
    /// The build it is about; the first there could be where it is about none.
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
    /// Where it is.
    pub state: State,
    /// Edits are not followed.
    pub paused: bool,
    /// The process that runs.
    pub process: Option<ProcessStanding>,
    /// The last build that ended by itself, whether it succeeded, and what it came to.
    pub last_build: Option<(BuildId, bool, BuildSummary)>,
}

/// A process that runs and was not told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStanding {
    /// The build it runs.
    pub build: BuildId,
    /// Its process id.
    pub pid: u32,
    /// Since when it runs.
    pub up: Duration,
}

/// What a service is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    Starting,
    Stopping,
    /// This process cannot be stopped, and the next waits for its end.
    Stuck(u32),
    /// The process that runs was not ready in this time.
    Unready(BuildId, Duration, Option<Unmet>),
    /// The process that runs has started; whether it is the live build.
    Running {
        live: bool,
    },
    Down,
}

/// What there is to remember.
#[derive(Debug, Default)]
pub(super) struct Past {
    last_build: Option<(BuildId, bool, BuildSummary)>,
    trouble: Option<Trouble>,
    /// The build that was started last.
    started: Option<BuildId>,
    /// How the last process ended, if it did so by itself.
    end: Option<(BuildId, Exit)>,
    /// A wait before the program is started again.
    backoff: bool,
    /// A wait before what was removed is built again.
    removed: bool,
}

impl Past {
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::TimerFired(Timer::Backoff) => self.backoff = false,
            Event::TimerFired(Timer::LiveRemoved) => self.removed = false,
            _ => {}
        }
    }

    pub(super) fn effects(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::StartBuild { .. } => self.trouble = None,
                Effect::StartTimer(Timer::Backoff, _) => self.backoff = true,
                Effect::CancelTimer(Timer::Backoff) => self.backoff = false,
                Effect::StartTimer(Timer::LiveRemoved, _) => self.removed = true,
                Effect::Report(notice) => self.notice(notice),
                _ => {}
            }
        }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::BuildFinished { build, success, summary, .. } => {
                self.last_build = Some((*build, *success, *summary));
                if !success {
                    self.trouble = Some(Trouble::Build(*build));
                }
            }
            Notice::PublishFailed { build, error, .. } => {
                self.trouble = Some(Trouble::Publish(*build, error.clone()));
            }
            // The same binary as one that runs, or that is started now.
            Notice::Unchanged { build, .. } => {
                self.trouble.take_if(|trouble| trouble.build() < *build);
            }
            // What became of an older build neither adds to a newer one's trouble nor mends it.
            Notice::StartFailed { build, .. }
                if self.trouble.as_ref().is_some_and(|old| old.build() > *build)
                    || self.started.is_some_and(|newer| newer > *build) => {}
            Notice::StartFailed { build, failure, instead, .. } => {
                self.trouble = Some(Trouble::Start(*build, failure.clone(), *instead));
            }
            // It or a newer one is tried again: what becomes of that counts. The one before it, started instead, mends
            // nothing.
            Notice::ProcessStarted { build, .. } => {
                self.end = None;
                self.started = Some(*build);
                self.trouble.take_if(|trouble| trouble.build() <= *build);
            }
            Notice::Ready { build, .. } => {
                self.trouble.take_if(|trouble| trouble.build() <= *build);
            }
            Notice::ProcessExited { expected: false, build, exit, .. } => self.end = Some((*build, *exit)),
            _ => {}
        }
    }
}

impl Session {
    /// How things stand at `now`.
    pub fn standing(&self, now: Duration) -> Standing {
        Standing {
            state: self.state(),
            paused: self.builds.paused() && self.quitting.is_none(),
            process: self.service.process(now),
            last_build: self.past.last_build,
        }
    }

    fn state(&self) -> State {
        if self.quitting.is_some() || self.exited {
            return State::Leaving;
        }
        if let Some(build) = self.builds.current() {
            return State::Building(build);
        }
        if self.past.removed || self.builds.due() && !self.builds.paused() {
            return State::Changed;
        }
        let doing = self.service.doing(&self.settings);
        match doing {
            Doing::Starting => return State::Starting,
            Doing::Stopping => return State::Stopping,
            Doing::Down if self.past.backoff && self.past.end.is_some_and(|(_, exit)| !exit.success()) => {
                return State::Starting;
            }
            Doing::Stuck(pid) => return State::Failed(Trouble::Stuck(pid)),
            Doing::Unready(..) | Doing::Running { .. } | Doing::Down => {}
        }
        if self.builds.due() || self.restart.is_some() && self.cleaned.is_none() {
            return State::Paused;
        }
        if let Some(trouble) = &self.past.trouble {
            return State::Failed(trouble.clone());
        }
        match (doing, self.past.end) {
            (Doing::Unready(build, waited, unmet), _) => {
                State::Failed(Trouble::NeverReady(build, waited, unmet))
            }
            (Doing::Running { live: false }, _) => State::Held,
            (Doing::Running { .. }, _) if self.held => State::Held,
            (Doing::Running { .. }, _) => State::Running,
            (_, Some((_, exit))) if exit.success() => State::Exited,
            (_, Some((build, exit))) => State::Failed(Trouble::Ended(build, exit)),
            // Between the end of the first build and the start of its process.
            (_, None) => State::Starting,
        }
    }
}
