//! Two services, each with a program of its own.

use super::*;

fn of(service: u16, number: u32) -> Instance {
    Instance { service: ServiceId(service), number }
}

fn source(of: &[u16], kind: ChangeKind) -> Event {
    let artifacts = of.iter().copied().map(ArtifactId).collect();
    let services = of.iter().copied().map(ServiceId).collect();
    let path = PathBuf::from(format!("/{kind:?}/{of:?}"));
    // A watched file that builds read as well.
    let kinds = if kind == ChangeKind::Watched { vec![ChangeKind::Source, kind] } else { vec![kind] };
    let change = |kind: ChangeKind| Change {
        path: path.clone(),
        leads_to: kind.leads_to(&artifacts, &services),
        hidden: false,
    };
    Event::FilesChanged(kinds.into_iter().map(change).collect())
}

/// cargo fails, and has built this artifact all the same.
fn half(build: u32, artifact: u16) -> Event {
    let made = BTreeSet::from([ArtifactId(artifact)]);
    let outcome = BuildOutcome::Failed { summary: BuildSummary::default(), made };
    Event::BuildEnded { build: BuildId(build), outcome }
}

fn live(build: u32, artifact: u16) -> Event {
    let outcome = PublishOutcome::Published { path: PathBuf::from("/live") };
    Event::Published { build: BuildId(build), artifact: ArtifactId(artifact), outcome }
}

fn same(build: u32, artifact: u16) -> Event {
    let outcome = PublishOutcome::Unchanged { launch_changed: false };
    Event::Published { build: BuildId(build), artifact: ArtifactId(artifact), outcome }
}

fn setup_of_two(once: bool) -> Setup {
    let service = |id| (ServiceId(id), Settings { runs: Some(ArtifactId(id)), ..settings() });
    let artifacts = (0..2).map(ArtifactId).collect();
    Setup { once, artifacts, services: (0..2).map(service).collect(), ..setup(settings()) }
}

/// Build 1 of both runs.
fn two() -> Table {
    let mut table = Table::of(setup_of_two(false));
    table.expect(Event::Started, &["build 1 of 0 of 1"]);
    table.expect(ok(1), &["publish 1", "publish 1 of 1"]);
    for id in 0..2 {
        table.expect(live(1, id), &[&format!("start {id}.1 build 1")]);
        table.expect(Event::ProcessStarted { instance: of(id, 1), pid: 100 }, &["timer settled"]);
        table.expect(Event::TimerFired(Timer::Settled(of(id, 1))), &[]);
    }
    table.wait(Duration::from_mins(1));
    table
}

#[test]
fn what_was_built_is_published_while_another_failed() {
    let mut t = two();
    t.expect(source(&[0, 1], ChangeKind::Source), &[BURST, "build 2 of 0 of 1"]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(half(2, 0), &["publish 2"]);
    let states = t.session.standing(t.now);
    assert_eq!(states.services[&ServiceId(0)].state, State::Building(BuildId(2)));
    assert_eq!(states.services[&ServiceId(1)].state, State::Failed(Trouble::Build(BuildId(2))));
    t.expect(live(2, 0), &["stop 0.1 with 15"]);
    // What failed is in every build until it can be built.
    t.expect(source(&[0], ChangeKind::Source), &[BURST, "build 3 of 0 of 1"]);
    t.expect(ok(3), &["publish 3", "publish 3 of 1"]);
}

#[test]
fn a_watched_file_restarts_what_was_built_and_what_was_not() {
    let mut t = two();
    t.expect(source(&[0, 1], ChangeKind::Watched), &[BURST, "build 2 of 0 of 1"]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(half(2, 0), &["publish 2"]);
    t.expect(same(2, 0), &["stop 0.1 with 15", "stop 1.1 with 15"]);
}

#[test]
fn once_publishes_nothing_of_a_build_that_failed() {
    let mut t = Table::of(setup_of_two(true));
    t.expect(Event::Started, &["build 1 of 0 of 1"]);
    t.expect(half(1, 0), &["exit BuildFailed"]);
}
