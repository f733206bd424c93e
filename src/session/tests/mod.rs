//! The session by example: events in, effects out, one table per situation.

mod config;
mod failing;
mod life;
mod order;
mod several;
mod standing;
mod stopping;
mod updates;
mod warming;

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::config::{OnExit, Update};
use crate::words::{ChangeKind, Exit, Instance, StopPlan};

const TERM: i32 = 15;

fn settings() -> Settings {
    Settings {
        runs: Some(ArtifactId::MAIN),
        task: false,
        autostart: true,
        after: BTreeSet::new(),
        restart_with: BTreeSet::new(),
        update: Update::Restart,
        on_exit: OnExit::Wait,
        stop: StopPlan { signal: TERM, timeout: Duration::from_secs(5) },
        ready_at_spawn: true,
        ready_declared: false,
        ready_timeout: Duration::from_secs(30),
        rollback: false,
    }
}

fn setup(settings: Settings) -> Setup {
    Setup {
        debounce: ms(50),
        once: false,
        together: false,
        artifacts: BTreeSet::from([ArtifactId::MAIN]),
        services: BTreeMap::from([(ServiceId::MAIN, settings)]),
    }
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn process(number: u32) -> Instance {
    Instance { service: ServiceId::MAIN, number }
}

fn change(path: &str) -> Change {
    of_kind(path, ChangeKind::Source)
}

fn of_kind(path: &str, kind: ChangeKind) -> Change {
    let leads_to = kind.leads_to(&BTreeSet::from([ArtifactId::MAIN]), &BTreeSet::from([ServiceId::MAIN]));
    Change { path: PathBuf::from(path), leads_to, hidden: false }
}

/// A watched file that a build reads as well.
fn read_and_watched(path: &str) -> Event {
    Event::FilesChanged(vec![of_kind(path, ChangeKind::Source), of_kind(path, ChangeKind::Watched)])
}

/// A session with a clock, and its answers in one short line each.
struct Table {
    session: Session,
    now: Duration,
}

impl Table {
    fn new(settings: Settings) -> Self {
        Self::of(setup(settings))
    }

    fn of(setup: Setup) -> Self {
        Self { session: Session::new(setup), now: Duration::ZERO }
    }

    fn tell(&mut self, event: Event) -> Vec<String> {
        self.session.handle(self.now, event).iter().filter_map(brief).collect()
    }

    /// Tells it and compares what it orders (reports left out).
    #[track_caller]
    fn expect(&mut self, event: Event, orders: &[&str]) {
        let told = format!("{event:?}");
        assert_eq!(self.tell(event), orders, "after {told}");
    }

    /// What is said, by the names of the notices.
    fn said(&mut self, event: Event) -> Vec<String> {
        self.session
            .handle(self.now, event)
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Report(notice) => {
                    let text = format!("{notice:?}");
                    Some(text.split([' ', '(', '{']).next().unwrap_or_default().to_owned())
                }
                _ => None,
            })
            .collect()
    }

    fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    fn edit(&mut self, path: &str) -> Vec<String> {
        self.tell(Event::FilesChanged(vec![change(path)]))
    }

    /// Build 1 runs as process 1, long settled.
    fn running(settings: Settings) -> Self {
        Self::running_of(setup(settings))
    }

    fn running_of(setup: Setup) -> Self {
        let mut table = Self::of(setup);
        table.expect(Event::Started, &["build 1"]);
        table.expect(ok(1), &["publish 1"]);
        table.expect(published(1), &["start 0.1 build 1"]);
        table.expect(Event::ProcessStarted { instance: process(1), pid: 101 }, &["timer settled"]);
        table.wait(Duration::from_mins(1)).expect(Event::TimerFired(Timer::Settled(process(1))), &[]);
        table
    }
}

fn brief(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::ReadProject { build, .. } => format!("read for {build}"),
        Effect::StartBuild { build, artifacts, .. } => format!("build {build}{}", others(artifacts)),
        Effect::CancelBuild(build) => format!("cancel {build}"),
        Effect::WarmUp => "warm up".to_owned(),
        Effect::CancelWarmUp => "cancel the warm-up".to_owned(),
        Effect::Publish { build, artifact } => {
            format!("publish {build}{}", others(&BTreeSet::from([*artifact])))
        }
        Effect::StartProcess { instance, build, .. } => format!("start {instance} build {build}"),
        Effect::StopProcess { instance, plan } => format!("stop {instance} with {}", plan.signal),
        Effect::ExtendStop { instance, time } => format!("stop {instance} not before {time:?}"),
        Effect::KillProcess(instance) => format!("kill {instance}"),
        Effect::StartTimer(Timer::Settled(_), _) => "timer settled".to_owned(),
        Effect::StartTimer(Timer::Ready(_), after) => format!("timer ready {after:?}"),
        Effect::StartTimer(Timer::Slow(_), _)
        | Effect::CancelTimer(_)
        | Effect::Keep(..)
        | Effect::Condemn(..)
        | Effect::Report(_)
        | Effect::AllReady => return None,
        Effect::StartTimer(Timer::Backoff(_), after) => format!("timer Backoff {after:?}"),
        Effect::StartTimer(timer, after) => format!("timer {timer:?} {after:?}"),
        Effect::Reload(instance) => format!("reload {instance}"),
        Effect::RollBack { from, to, .. } => format!("roll back {from} to {to}"),
        Effect::ReadConfig(_) => "read config".to_owned(),
        Effect::Exit(reason) => format!("exit {reason:?}"),
    })
}

/// Names the artifacts where there are others than the first.
fn others(artifacts: &BTreeSet<ArtifactId>) -> String {
    let main = *artifacts == BTreeSet::from([ArtifactId::MAIN]);
    let names = artifacts.iter().filter(|_| !main).map(|artifact| format!(" of {}", artifact.0));
    names.collect()
}

fn project_read(build: u32, outcome: ReadOutcome) -> Event {
    Event::ProjectRead { build: BuildId(build), outcome }
}

fn ok(build: u32) -> Event {
    Event::BuildEnded { build: BuildId(build), outcome: BuildOutcome::Succeeded(BuildSummary::default()) }
}

fn bad(build: u32) -> Event {
    let summary = BuildSummary { errors: 3, ..BuildSummary::default() };
    let outcome = BuildOutcome::Failed { summary, made: BTreeSet::new() };
    Event::BuildEnded { build: BuildId(build), outcome }
}

fn cancelled(build: u32) -> Event {
    Event::BuildEnded { build: BuildId(build), outcome: BuildOutcome::Cancelled }
}

fn published(build: u32) -> Event {
    let outcome = PublishOutcome::Published { path: PathBuf::from("/live") };
    Event::Published { build: BuildId(build), artifact: ArtifactId::MAIN, outcome }
}

fn unchanged(build: u32, launch_changed: bool) -> Event {
    Event::Published {
        build: BuildId(build),
        artifact: ArtifactId::MAIN,
        outcome: PublishOutcome::Unchanged { launch_changed },
    }
}

fn exited(number: u32, code: i32) -> Event {
    Event::ProcessExited { instance: process(number), exit: Exit::Code(code) }
}

fn gone(number: u32) -> Event {
    Event::ProcessGone { instance: process(number) }
}

fn quit(reason: QuitReason) -> Event {
    Event::Asked(Request::Quit(reason))
}

const BURST: &str = "timer Burst 50ms";
