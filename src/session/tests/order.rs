//! Services that come after one another, by example: an `api` (0, a program) after a task `migrate` (1) after a `db` (2), and
//! a `worker` (3, a program) that is restarted with the `api`.

use super::*;
use crate::session::Hindrance;

const API: u16 = 0;
const MIGRATE: u16 = 1;
const DB: u16 = 2;
const WORKER: u16 = 3;

fn of(service: u16, number: u32) -> Instance {
    Instance { service: ServiceId(service), number }
}

fn ids<const N: usize>(of: [u16; N]) -> BTreeSet<ServiceId> {
    of.map(ServiceId).into()
}

fn only(service: u16) -> Whom {
    Whom::Only(ids([service]))
}

fn shop() -> Setup {
    let command = || Settings { runs: None, ..settings() };
    let api = Settings { after: ids([MIGRATE]), ..settings() };
    let migrate = Settings { task: true, after: ids([DB]), ..command() };
    let db = Settings { ready_at_spawn: false, ready_declared: true, ..command() };
    let worker = Settings { runs: Some(ArtifactId(WORKER)), restart_with: ids([API]), ..settings() };
    let services = [(API, api), (MIGRATE, migrate), (DB, db), (WORKER, worker)];
    Setup {
        artifacts: BTreeSet::from([ArtifactId(API), ArtifactId(WORKER)]),
        services: services.map(|(id, settings)| (ServiceId(id), settings)).into(),
        ..setup(settings())
    }
}

fn up(service: u16, number: u32) -> Event {
    Event::ProcessStarted { instance: of(service, number), pid: 100 }
}

fn ready(service: u16, number: u32) -> Event {
    Event::ProcessReady { instance: of(service, number) }
}

fn live(build: u32, artifact: u16) -> Event {
    let outcome = PublishOutcome::Published { path: PathBuf::from("/live") };
    Event::Published { build: BuildId(build), artifact: ArtifactId(artifact), outcome }
}

fn inputs_of(service: u16) -> Event {
    let leads_to = Consequence { restarts: ids([service]), ..Consequence::default() };
    Event::FilesChanged(vec![Change { path: "/migrations/2.sql".into(), leads_to, hidden: false }])
}

impl Table {
    /// A process ends, and nothing of it is left. Returns what follows.
    fn ends(&mut self, service: u16, number: u32, exit: Exit) -> Vec<String> {
        let instance = of(service, number);
        let mut orders = self.tell(Event::ProcessExited { instance, exit });
        orders.extend(self.tell(Event::ProcessGone { instance }));
        orders
    }

    fn state_of(&self, service: u16) -> State {
        self.session.standing(self.now).services[&ServiceId(service)].state.clone()
    }

    fn waits_for(&self, service: u16) -> BTreeSet<ServiceId> {
        self.session.standing(self.now).services[&ServiceId(service)].waits_for.clone()
    }
}

/// The database is ready, and the task runs.
fn migrating() -> Table {
    let mut t = Table::of(shop());
    t.expect(Event::Started, &["build 1 of 0 of 3", "start 2.1 build 0"]);
    t.expect(ok(1), &["publish 1", "publish 1 of 3"]);
    t.expect(live(1, API), &[]);
    t.expect(live(1, WORKER), &["start 3.1 build 1"]);
    t.expect(up(WORKER, 1), &["timer settled"]);
    t.expect(Event::TimerFired(Timer::Settled(of(WORKER, 1))), &[]);
    t.expect(up(DB, 1), &["timer ready 30s"]);
    assert_eq!((t.state_of(API), t.waits_for(API)), (State::Starting, ids([MIGRATE])));
    t.expect(ready(DB, 1), &["timer settled", "start 1.1 build 0"]);
    t.expect(Event::TimerFired(Timer::Settled(of(DB, 1))), &[]);
    t.expect(up(MIGRATE, 1), &[]);
    assert_eq!(t.state_of(MIGRATE), State::Starting);
    t
}

/// Everything runs.
fn running() -> Table {
    let mut t = migrating();
    assert_eq!(t.ends(MIGRATE, 1, Exit::Code(0)), ["start 0.1 build 1"]);
    assert_eq!(t.session.handle(t.now, up(API, 1)).last(), Some(&Effect::AllReady));
    t.expect(Event::TimerFired(Timer::Settled(of(API, 1))), &[]);
    t.wait(Duration::from_mins(1));
    assert_eq!((t.state_of(MIGRATE), t.session.standing(t.now).state), (State::Exited, State::Running));
    t
}

#[test]
fn each_starts_when_what_it_comes_after_is_ready() {
    running();
}

#[test]
fn a_task_that_fails_starts_nothing_until_it_succeeds() {
    let mut t = migrating();
    t.expect(Event::ProcessExited { instance: of(MIGRATE, 1), exit: Exit::Code(1) }, &[]);
    let said = t.session.handle(t.now, Event::ProcessGone { instance: of(MIGRATE, 1) });
    let waits_for = vec![(ServiceId(MIGRATE), Hindrance::Ended(Exit::Code(1)))];
    let waiting = Effect::Report(Notice::Waiting { service: ServiceId(API), waits_for });
    assert_eq!(said.last(), Some(&waiting));
    assert!(t.said(live(1, API)).is_empty(), "said once");
    assert_eq!((t.state_of(API), t.waits_for(API)), (State::Waiting, ids([MIGRATE])));
    let state = t.session.standing(t.now).state;
    assert_eq!(state, State::Failed(Trouble::Ended(BuildId(0), Exit::Code(1))));
    t.expect(inputs_of(MIGRATE), &["start 1.2 build 0"]);
    assert_eq!(t.state_of(API), State::Starting);
    t.tell(up(MIGRATE, 2));
    assert_eq!(t.ends(MIGRATE, 2, Exit::Code(0)), ["start 0.1 build 1"]);
}

#[test]
fn while_a_task_runs_again_what_came_after_it_runs_on() {
    let mut t = running();
    t.expect(inputs_of(MIGRATE), &["start 1.2 build 0"]);
    t.tell(up(MIGRATE, 2));
    assert!(t.ends(MIGRATE, 2, Exit::Code(1)).is_empty());
    assert_eq!(t.state_of(API), State::Running);
    assert_eq!(t.state_of(MIGRATE), State::Failed(Trouble::Ended(BuildId(0), Exit::Code(1))));
    // Nor does what runs wait for it when it is started again.
    t.expect(Event::Asked(Request::Restart(only(API))), &["stop 0.1 with 15", "start 1.3 build 0"]);
    assert_eq!(t.ends(API, 1, Exit::Signal(15)), ["start 0.2 build 1"]);
}

#[test]
fn inputs_that_change_while_the_task_runs_run_it_again() {
    let mut t = migrating();
    t.expect(inputs_of(MIGRATE), &["stop 1.1 with 15"]);
    assert_eq!(t.ends(MIGRATE, 1, Exit::Signal(15)), ["start 1.2 build 0"]);
    t.tell(up(MIGRATE, 2));
    assert_eq!(t.ends(MIGRATE, 2, Exit::Code(0)), ["start 0.1 build 1"]);
}

#[test]
fn what_goes_with_a_service_is_restarted_when_that_was_replaced() {
    let mut t = running();
    t.expect(Event::Asked(Request::Restart(only(API))), &["stop 0.1 with 15"]);
    assert_eq!(t.ends(API, 1, Exit::Signal(15)), ["start 0.2 build 1"]);
    t.expect(up(API, 2), &["timer settled", "stop 3.1 with 15"]);
    assert_eq!(t.ends(WORKER, 1, Exit::Signal(15)), ["start 3.2 build 1"]);
}

#[test]
fn a_stopped_service_stays_down_over_builds_until_it_is_started() {
    let mut t = running();
    t.expect(Event::Asked(Request::Stop(only(WORKER))), &["stop 3.1 with 15"]);
    assert_eq!(t.state_of(WORKER), State::Stopping);
    let instance = of(WORKER, 1);
    t.tell(Event::ProcessExited { instance, exit: Exit::Signal(15) });
    assert_eq!(t.said(Event::ProcessGone { instance }), ["StoppedByRequest"]);
    assert_eq!((t.state_of(WORKER), t.session.standing(t.now).state), (State::Stopped, State::Running));
    let leads_to = ChangeKind::Source.leads_to(&BTreeSet::from([ArtifactId(WORKER)]), &BTreeSet::new());
    let edit = Change { path: "/worker.rs".into(), leads_to, hidden: false };
    t.expect(Event::FilesChanged(vec![edit]), &[BURST, "build 2 of 3"]);
    t.expect(ok(2), &["publish 2 of 3"]);
    t.expect(live(2, WORKER), &[]);
    // `r` is for what runs.
    t.expect(
        Event::Asked(Request::Restart(Whom::All)),
        &["stop 0.1 with 15", "start 1.2 build 0", "stop 2.1 with 15"],
    );
    t.expect(Event::Asked(Request::Start(only(WORKER))), &["start 3.2 build 2"]);
    t.expect(Event::Asked(Request::Start(only(WORKER))), &[]);
}

#[test]
fn a_service_that_is_started_starts_what_it_needs_first() {
    let mut t = running();
    t.expect(
        Event::Asked(Request::Stop(Whom::All)),
        &["stop 0.1 with 15", "stop 2.1 with 15", "stop 3.1 with 15"],
    );
    for service in [API, DB, WORKER] {
        assert!(t.ends(service, 1, Exit::Signal(15)).is_empty());
    }
    let state = t.session.standing(t.now).state;
    assert!(state == State::Stopped && state.good() && state.rests());
    t.expect(Event::Asked(Request::Start(only(API))), &["start 2.2 build 0"]);
    t.tell(up(DB, 2));
    t.expect(ready(DB, 2), &["timer settled", "start 1.2 build 0"]);
    t.tell(up(MIGRATE, 2));
    assert_eq!(t.ends(MIGRATE, 2, Exit::Code(0)), ["start 0.2 build 1"]);
    assert_eq!(t.state_of(WORKER), State::Stopped);
}

#[test]
fn what_waits_for_a_stopped_service_says_so() {
    let mut t = migrating();
    t.expect(Event::Asked(Request::Stop(only(MIGRATE))), &["stop 1.1 with 15"]);
    assert_eq!(t.state_of(API), State::Starting);
    t.tell(Event::ProcessExited { instance: of(MIGRATE, 1), exit: Exit::Signal(15) });
    let gone = Event::ProcessGone { instance: of(MIGRATE, 1) };
    assert_eq!(t.said(gone), ["ProcessExited", "StoppedByRequest", "Waiting"][1..]);
    assert_eq!(t.session.standing(t.now).state, State::Waiting);
    assert!(!State::Waiting.good() && State::Waiting.rests());
}

#[test]
fn what_does_not_start_by_itself_starts_when_another_needs_it() {
    let asleep = |needed: bool| {
        let mut setup = shop();
        for settings in setup.services.values_mut() {
            settings.autostart = false;
        }
        setup.services.get_mut(&ServiceId(API)).unwrap().autostart = needed;
        Table::of(setup)
    };
    let mut t = asleep(false);
    t.expect(Event::Started, &["build 1 of 0 of 3"]);
    t.expect(ok(1), &["publish 1", "publish 1 of 3"]);
    t.expect(live(1, API), &[]);
    t.expect(live(1, WORKER), &[]);
    assert_eq!(t.session.standing(t.now).state, State::Stopped);
    t.expect(Event::Asked(Request::Start(only(WORKER))), &["start 3.1 build 1"]);

    let mut t = asleep(true);
    t.expect(Event::Started, &["build 1 of 0 of 3", "start 2.1 build 0"]);
}

#[test]
fn what_comes_after_others_is_stopped_before_them() {
    let mut t = running();
    t.expect(quit(QuitReason::Signal(2)), &["stop 0.1 with 2", "stop 3.1 with 2"]);
    assert!(t.ends(WORKER, 1, Exit::Code(0)).is_empty());
    assert_eq!(t.ends(API, 1, Exit::Code(0)), ["stop 2.1 with 2"]);
    assert_eq!(t.ends(DB, 1, Exit::Code(0)), ["exit Quit(Signal(2))"]);
}

#[test]
fn a_second_signal_kills_all_at_once() {
    let mut t = running();
    t.expect(quit(QuitReason::Asked), &["stop 0.1 with 15", "stop 3.1 with 15"]);
    t.expect(quit(QuitReason::Asked), &["kill 0.1", "kill 2.1", "kill 3.1"]);
}

#[test]
fn one_that_crashes_leaves_the_others_alone_and_on_exit_ends_hotrun() {
    let mut t = running();
    assert!(t.ends(API, 1, Exit::Code(3)).is_empty());
    assert_eq!(t.session.standing(t.now).services[&ServiceId(WORKER)].state, State::Running);

    let mut setup = shop();
    setup.services.get_mut(&ServiceId(MIGRATE)).unwrap().on_exit = OnExit::Exit;
    let mut t = Table::of(setup);
    for event in [Event::Started, up(DB, 1), ready(DB, 1), up(MIGRATE, 1)] {
        t.tell(event);
    }
    assert_eq!(t.ends(MIGRATE, 1, Exit::Code(4)), ["cancel 1", "stop 2.1 with 15"]);
    t.expect(cancelled(1), &[]);
    assert_eq!(t.ends(DB, 1, Exit::Code(0)), ["exit ProgramEnded(Code(4))"]);
}

#[test]
fn a_command_that_cannot_be_found_is_down_and_the_others_run() {
    let mut t = Table::of(shop());
    t.tell(Event::Started);
    let error = "no `docker` in PATH".to_owned();
    let failed = Event::SpawnFailed { instance: of(DB, 1), error };
    assert_eq!(t.said(failed), ["StartFailed", "Waiting"]);
    assert!(matches!(t.state_of(DB), State::Failed(Trouble::Start(..))));
    assert_eq!(t.state_of(MIGRATE), State::Waiting);
    t.tell(ok(1));
    t.expect(live(1, WORKER), &["start 3.1 build 1"]);
    // One that waits for one that waits.
    t.expect(live(1, API), &[]);
    assert_eq!(t.state_of(API), State::Waiting);
}

#[test]
fn together_publishes_nothing_of_a_build_that_failed() {
    let mut t = Table::of(Setup { together: true, ..shop() });
    t.tell(Event::Started);
    let made = BTreeSet::from([ArtifactId(API)]);
    let outcome = BuildOutcome::Failed { summary: BuildSummary::default(), made };
    t.expect(Event::BuildEnded { build: BuildId(1), outcome }, &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["build 2 of 0 of 3", "stop 2.1 with 15"]);
    t.expect(ok(2), &["publish 2", "publish 2 of 3"]);
}

#[test]
fn once_ends_with_the_first_failure_and_else_without_waiting_for_servers() {
    let once = || {
        let mut setup = Setup { once: true, ..shop() };
        setup.services.values_mut().for_each(|settings| settings.on_exit = OnExit::Exit);
        let mut t = Table::of(setup);
        for event in [Event::Started, ok(1), live(1, API), live(1, WORKER), up(WORKER, 1), up(DB, 1)] {
            t.tell(event);
        }
        t.tell(ready(DB, 1));
        t.tell(up(MIGRATE, 1));
        t
    };
    let mut t = once();
    assert_eq!(t.ends(MIGRATE, 1, Exit::Code(1)), ["stop 2.1 with 15", "stop 3.1 with 15"]);
    t.ends(DB, 1, Exit::Code(0));
    assert_eq!(t.ends(WORKER, 1, Exit::Code(0)), ["exit ProgramEnded(Code(1))"]);
    let mut t = once();
    assert_eq!(t.ends(MIGRATE, 1, Exit::Code(0)), ["start 0.1 build 1"]);
    t.tell(up(API, 1));
    assert!(t.ends(WORKER, 1, Exit::Code(0)).is_empty());
    assert_eq!(t.ends(API, 1, Exit::Code(0)), ["stop 2.1 with 15"]);
    assert_eq!(t.ends(DB, 1, Exit::Signal(15)), ["exit ProgramEnded(Code(0))"]);
}

/// Of one build everything was published before the session hears of the first.
#[test]
fn what_is_being_published_starts_as_the_new_build() {
    let mut setup = shop();
    let migrate = setup.services.get_mut(&ServiceId(MIGRATE)).unwrap();
    (migrate.runs, migrate.after) = (Some(ArtifactId(MIGRATE)), BTreeSet::new());
    setup.artifacts.insert(ArtifactId(MIGRATE));
    setup.services.get_mut(&ServiceId(WORKER)).unwrap().after = ids([MIGRATE]);
    let mut t = Table::of(setup);
    t.expect(Event::Started, &["build 1 of 0 of 1 of 3", "start 2.1 build 0"]);
    t.expect(ok(1), &["publish 1", "publish 1 of 1", "publish 1 of 3"]);
    t.expect(live(1, API), &[]);
    t.expect(live(1, MIGRATE), &["start 1.1 build 1"]);
    t.expect(live(1, WORKER), &[]);
    t.tell(up(MIGRATE, 1));
    t.expect(Event::FilesChanged(vec![of_kind("/a.rs", ChangeKind::Source)]), &[BURST, "build 2"]);
    // The old build would be started for a moment.
    assert_eq!(t.ends(MIGRATE, 1, Exit::Code(0)), ["start 3.1 build 1"]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(ok(2), &["publish 2"]);
    t.expect(live(2, API), &["start 0.1 build 2"]);
}
