//! How things stand, by example: what somebody who waits is told.

use super::config::env_file_read;
use super::*;
use crate::session::{State, Trouble};

impl Table {
    fn state(&self) -> State {
        self.session.standing(self.now).state
    }

    #[track_caller]
    fn now(&mut self, event: Event, state: State) {
        let told = format!("{event:?}");
        self.tell(event);
        assert_eq!(self.state(), state, "after {told}");
    }
}

fn started(number: u32) -> Event {
    Event::ProcessStarted { instance: process(number), pid: 100 + number }
}

fn settled(number: u32) -> Event {
    Event::TimerFired(Timer::Settled(process(number)))
}

fn edit() -> Event {
    Event::FilesChanged(vec![change("a.rs")])
}

#[test]
fn nothing_rests_before_the_new_process_has_started() {
    let mut t = Table::new(settings());
    t.now(Event::Started, State::Building(BuildId(1)));
    t.now(ok(1), State::Building(BuildId(1)));
    t.now(published(1), State::Starting);
    t.now(started(1), State::Starting);
    t.now(settled(1), State::Running);
    t.now(edit(), State::Building(BuildId(2)));
    t.now(Event::TimerFired(Timer::Burst), State::Building(BuildId(2)));
    t.now(ok(2), State::Building(BuildId(2)));
    t.now(published(2), State::Stopping);
    t.now(exited(1, 0), State::Stopping);
    t.now(gone(1), State::Starting);
    t.now(started(2), State::Starting);
    t.now(settled(2), State::Running);
    assert_eq!(t.session.standing(t.now).process().map(|process| process.build), Some(BuildId(2)));
}

#[test]
fn a_declared_readiness_is_not_waited_beyond() {
    let mut t = Table::new(Settings { ready_at_spawn: false, ..settings() });
    t.tell(Event::Started);
    t.tell(ok(1));
    t.tell(published(1));
    t.now(started(1), State::Starting);
    t.now(Event::ProcessReady { instance: process(1) }, State::Running);
}

#[test]
fn an_edit_that_waits_for_its_build_is_no_rest() {
    let mut t = Table::running(settings());
    t.now(edit(), State::Building(BuildId(2)));
    t.tell(edit());
    t.now(cancelled(2), State::Changed);
    t.now(Event::TimerFired(Timer::Burst), State::Building(BuildId(3)));
}

#[test]
fn a_failed_build_is_failed_until_the_next_begins() {
    let mut t = Table::running(settings());
    t.tell(edit());
    t.now(bad(2), State::Failed(Trouble::Build(BuildId(2))));
    t.tell(Event::TimerFired(Timer::Burst));
    t.now(edit(), State::Building(BuildId(3)));
    t.tell(ok(3));
    t.now(unchanged(3, false), State::Running);
}

#[test]
fn a_failed_build_is_no_success_because_the_old_program_starts_again() {
    let mut t = Table::running(Settings { on_exit: OnExit::Restart, ..settings() });
    t.tell(edit());
    t.tell(bad(2));
    t.tell(exited(1, 1));
    t.tell(gone(1));
    t.tell(Event::TimerFired(Timer::Backoff(ServiceId::MAIN)));
    t.tell(started(2));
    t.now(settled(2), State::Failed(Trouble::Build(BuildId(2))));
}

#[test]
fn how_a_program_ended_is_how_it_stands() {
    let mut t = Table::running(settings());
    t.now(exited(1, 0), State::Stopping);
    t.now(gone(1), State::Exited);
    let mut t = Table::running(settings());
    t.tell(exited(1, 3));
    t.now(gone(1), State::Failed(Trouble::Ended(BuildId(1), Exit::Code(3))));
    t.now(Event::Asked(Request::Restart(Whom::All)), State::Starting);
    t.tell(started(2));
    t.now(settled(2), State::Running);
}

#[test]
fn a_program_that_is_tried_again_does_not_rest_before_hotrun_gives_up() {
    let mut t = Table::running(Settings { on_exit: OnExit::Restart, ..settings() });
    for number in 1..=FAILURES_IN_A_ROW {
        t.tell(exited(number, 1));
        t.tell(gone(number));
        if number < FAILURES_IN_A_ROW {
            assert_eq!(t.state(), State::Starting);
            t.tell(Event::TimerFired(Timer::Backoff(ServiceId::MAIN)));
            t.now(started(number + 1), State::Starting);
        }
    }
    assert!(matches!(t.state(), State::Failed(_)));
    // One that ends with code 0 again and again has done what it was to do.
    let mut t = Table::running(Settings { on_exit: OnExit::Restart, ..settings() });
    t.tell(exited(1, 0));
    t.now(gone(1), State::Exited);
}

#[test]
fn a_rollback_is_a_failure_although_something_runs() {
    let mut t = Table::new(Settings { ready_at_spawn: false, rollback: true, ..settings() });
    t.tell(Event::Started);
    t.tell(ok(1));
    t.tell(published(1));
    t.tell(started(1));
    t.tell(Event::ProcessReady { instance: process(1) });
    t.now(settled(1), State::Running);
    t.tell(edit());
    t.tell(ok(2));
    t.tell(published(2));
    t.tell(exited(1, 0));
    t.tell(gone(1));
    t.tell(started(2));
    t.tell(exited(2, 1));
    t.tell(gone(2));
    t.now(Event::RolledBack { service: ServiceId::MAIN, error: None }, State::Starting);
    t.tell(started(3));
    t.tell(Event::ProcessReady { instance: process(3) });
    assert!(matches!(t.state(), State::Failed(Trouble::Start(BuildId(2), ..))), "{:?}", t.state());
    assert_eq!(t.session.standing(t.now).process().map(|process| process.build), Some(BuildId(1)));
}

#[test]
fn an_older_build_that_fails_to_start_and_then_does_mends_no_newer_one() {
    let mut t = Table::new(Settings { ready_at_spawn: false, rollback: true, ..settings() });
    t.tell(Event::Started);
    t.tell(ok(1));
    t.tell(published(1));
    t.tell(started(1));
    t.tell(Event::ProcessReady { instance: process(1) });
    t.now(settled(1), State::Running);
    t.tell(edit());
    t.now(bad(2), State::Failed(Trouble::Build(BuildId(2))));
    // The process from before ends, and is started again, first in vain.
    t.tell(exited(1, 1));
    t.tell(gone(1));
    t.tell(env_file_read(Settings { ready_at_spawn: false, rollback: true, ..settings() }));
    t.tell(started(2));
    t.tell(exited(2, 1));
    t.now(gone(2), State::Failed(Trouble::Build(BuildId(2))));
    t.tell(env_file_read(Settings { ready_at_spawn: false, rollback: true, ..settings() }));
    t.tell(started(3));
    t.tell(Event::ProcessReady { instance: process(3) });
    t.now(settled(3), State::Failed(Trouble::Build(BuildId(2))));
}

#[test]
fn what_waits_for_a_request_is_held() {
    let mut t = Table::running(Settings { update: Update::Manual, ..settings() });
    t.tell(edit());
    t.tell(ok(2));
    t.now(published(2), State::Held);
    t.now(Event::Asked(Request::Restart(Whom::All)), State::Stopping);
    t.tell(exited(1, 0));
    t.now(gone(1), State::Starting);
    t.tell(started(2));
    t.now(settled(2), State::Running);
    t.now(env_file_read(Settings { update: Update::Manual, ..settings() }), State::Held);
}

#[test]
fn a_pause_is_a_rest_only_for_what_was_saved_before() {
    let mut t = Table::running(settings());
    t.now(Event::Asked(Request::Pause), State::Running);
    assert!(t.session.standing(t.now).paused);
    t.now(edit(), State::Paused);
    t.now(Event::Asked(Request::Pause), State::Building(BuildId(2)));
}

#[test]
fn a_restart_that_a_pause_holds_back_is_not_running() {
    let mut t = Table::running(settings());
    t.tell(Event::Asked(Request::Pause));
    t.now(env_file_read(settings()), State::Paused);
    t.now(Event::Asked(Request::Pause), State::Stopping);
}

#[test]
fn what_manual_held_is_not_held_for_ever() {
    let manual = || Settings { update: Update::Manual, ..settings() };
    let mut t = Table::running(manual());
    t.now(env_file_read(manual()), State::Held);
    let change = ConfigChange {
        files: Vec::new(),
        keys: vec!["run.update".to_owned()],
        readiness: BTreeSet::from([ServiceId::MAIN]),
        setup: setup(settings()),
        restart: BTreeSet::new(),
        build: BTreeSet::new(),
        next_start: false,
    };
    t.now(Event::ConfigRead(Some(change)), State::Stopping);
}

#[test]
fn who_leaves_does_not_rest() {
    let mut t = Table::running(settings());
    t.now(Event::Asked(Request::Quit(QuitReason::Asked)), State::Leaving);
    assert!(!t.state().rests() && !t.state().good());
}

#[test]
fn what_was_removed_is_built_before_anything_rests() {
    let mut t = Table::running(settings());
    t.now(Event::LiveRemoved(ArtifactId::MAIN), State::Changed);
    t.now(Event::TimerFired(Timer::LiveRemoved), State::Building(BuildId(2)));
}

#[test]
fn a_build_that_could_not_start_is_no_success_because_the_one_before_it_does() {
    let mut t = Table::new(Settings { ready_at_spawn: false, rollback: true, ..settings() });
    for event in
        [Event::Started, ok(1), published(1), started(1), Event::ProcessReady { instance: process(1) }]
    {
        t.tell(event);
    }
    for event in [edit(), ok(2), published(2), exited(1, 0), gone(1), started(2), exited(2, 1), gone(2)] {
        t.tell(event);
    }
    // The one before it cannot start either at first.
    for event in
        [Event::RolledBack { service: ServiceId::MAIN, error: None }, started(3), exited(3, 1), gone(3)]
    {
        t.tell(event);
    }
    t.tell(env_file_read(Settings { ready_at_spawn: false, rollback: true, ..settings() }));
    t.tell(started(4));
    t.tell(Event::ProcessReady { instance: process(4) });
    assert!(matches!(t.state(), State::Failed(Trouble::Start(BuildId(2), ..))), "{:?}", t.state());
}

/// Build 2 dies at its start while its mending build is under way.
fn dying_late() -> Table {
    let mut t = Table::new(Settings { ready_at_spawn: false, rollback: true, ..settings() });
    for event in
        [Event::Started, ok(1), published(1), started(1), Event::ProcessReady { instance: process(1) }]
    {
        t.tell(event);
    }
    let calm = Event::TimerFired(Timer::Burst);
    for event in [edit(), calm, ok(2), published(2), exited(1, 0), gone(1), started(2), edit()] {
        t.tell(event);
    }
    for event in [exited(2, 1), gone(2), Event::RolledBack { service: ServiceId::MAIN, error: None }] {
        t.tell(event);
    }
    t.tell(started(3));
    t.tell(Event::ProcessReady { instance: process(3) });
    t.now(settled(3), State::Building(BuildId(3)));
    t
}

#[test]
fn a_late_failure_of_an_older_build_is_mended_by_a_newer_one() {
    let mut t = dying_late();
    for event in [ok(3), published(3), exited(3, 0), gone(3), started(4)] {
        t.tell(event);
    }
    t.now(Event::ProcessReady { instance: process(4) }, State::Running);
    // Also where that is what went back to running.
    let mut t = dying_late();
    t.tell(ok(3));
    t.now(unchanged(3, false), State::Running);
}

#[test]
fn what_is_declared_and_never_comes_is_no_success() {
    let declared = Settings { ready_at_spawn: false, ready_declared: true, ..settings() };
    let mut t = Table::new(declared);
    let unmet = Some(Unmet { reason: "no answer".to_owned(), hint: None });
    let late = |number| Event::NotReady { instance: process(number), unmet: unmet.clone() };
    for event in [Event::Started, ok(1), published(1)] {
        t.tell(event);
    }
    t.now(started(1), State::Starting);
    let never = |build| State::Failed(Trouble::NeverReady(BuildId(build), Duration::ZERO, unmet.clone()));
    t.now(late(1), never(1));
    // The next is not waited for, and is no success before its time either.
    for event in [settled(1), edit(), ok(2), published(2), exited(1, 0), gone(1)] {
        t.tell(event);
    }
    t.now(started(2), State::Starting);
    t.now(settled(2), State::Starting);
    t.now(late(2), never(2));
    t.now(Event::ProcessReady { instance: process(2) }, State::Running);
}

#[test]
fn what_was_gone_back_to_and_cannot_be_started_again_is_a_failure() {
    let mut t = Table::new(Settings { update: Update::Overlap, ready_at_spawn: false, ..settings() });
    for event in [Event::Started, ok(1), published(1), started(1)] {
        t.tell(event);
    }
    t.tell(Event::ProcessReady { instance: process(1) });
    t.now(settled(1), State::Running);
    for event in [edit(), ok(2), published(2), started(2), exited(2, 1), gone(2)] {
        t.tell(event);
    }
    t.tell(Event::RolledBack { service: ServiceId::MAIN, error: None });
    for event in [Event::TimerFired(Timer::Burst), edit(), ok(3), unchanged(3, true)] {
        t.tell(event);
    }
    t.tell(Event::SpawnFailed { instance: process(3), error: "exec format error".to_owned() });
    assert!(matches!(t.state(), State::Failed(Trouble::Start(BuildId(1), ..))), "{:?}", t.state());
}
