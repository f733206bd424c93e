//! Builds that cannot start, by example: whose fault it is, and what there is to go back to.

use super::updates::{BACK, edited, notify, ready, settled, started, starting, timeout};
use super::*;

fn took_up(number: u32) -> Event {
    Event::TookUp { instance: process(number) }
}

/// Process 1 was told to run build 2 itself.
fn reloading() -> Table {
    let mut t = edited(notify(Update::Reexec));
    t.expect(published(2), &["timer ready 30s", "reload 0.1"]);
    t
}

#[test]
fn a_program_that_dies_as_the_new_build_is_rolled_back() {
    for failure in [exited(1, 3), Event::ProcessExited { instance: process(1), exit: Exit::Signal(11) }] {
        let mut t = reloading();
        t.expect(took_up(1), &[]);
        assert_eq!(t.said(failure), ["ProcessExited", "StartFailed"]);
        t.expect(gone(1), &["roll back 2 to 1"]);
        t.expect(BACK, &["start 0.2 build 1"]);
    }
}

#[test]
fn a_program_that_dies_right_after_it_was_ready_as_the_new_build_is_rolled_back() {
    let mut t = reloading();
    t.expect(ready(1), &["timer settled"]);
    t.wait(ms(500)).expect(exited(1, 3), &[]);
    t.expect(gone(1), &["roll back 2 to 1"]);
    t.expect(BACK, &["start 0.2 build 1"]);
}

#[test]
fn a_new_build_that_is_not_ready_after_a_reexec_is_rolled_back() {
    let mut t = reloading();
    t.wait(Duration::from_secs(30)).expect(took_up(1), &[]);
    t.expect(timeout(1), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["roll back 2 to 1"]);
    t.expect(BACK, &["start 0.2 build 1"]);
}

#[test]
fn a_new_build_that_ends_with_code_0_after_a_reexec_has_not_failed() {
    let mut t = reloading();
    t.expect(took_up(1), &[]);
    assert_eq!(t.said(exited(1, 0)), ["ProcessExited"]);
    t.expect(gone(1), &[]);
}

#[test]
fn a_program_that_ends_on_sighup_without_taking_the_new_build_up_is_started_as_that() {
    for code in [0, 129] {
        let mut t = reloading();
        assert_eq!(t.said(exited(1, code)), ["ReloadFailed", "ProcessExited"]);
        t.expect(gone(1), &["start 0.2 build 2"]);
        // And is judged by that alone.
        t.expect(started(2), &["timer ready 30s"]);
        t.expect(exited(2, 3), &[]);
        t.expect(gone(2), &["roll back 2 to 1"]);
    }
}

#[test]
fn a_newer_build_replaces_one_that_is_being_taken_up() {
    let mut t = reloading();
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 3"]);
    // What there is to go back to is what ran.
    t.expect(started(2), &["timer ready 30s"]);
    t.expect(exited(2, 3), &[]);
    t.expect(gone(2), &["roll back 3 to 1"]);
}

#[test]
fn a_program_that_never_said_it_is_ready_is_not_asked_to_reexec() {
    let mut t = Table::new(notify(Update::Reexec));
    t.expect(Event::Started, &["build 1"]);
    t.expect(ok(1), &["publish 1"]);
    t.expect(published(1), &["start 0.1 build 1"]);
    t.expect(started(1), &["timer ready 30s"]);
    t.expect(timeout(1), &["timer settled"]);
    t.expect(settled(1), &[]);
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    assert_eq!(t.said(published(2)), ["Published", "ReloadFailed", "Stopping"]);
}

/// What has run before is no new build: something else is wrong, and an older build would be no better.
#[test]
fn a_build_that_has_run_is_not_rolled_back_when_it_cannot_start_again() {
    let mut t = starting(notify(Update::Restart));
    t.expect(ready(2), &["timer settled"]);
    t.wait(SETTLE).expect(settled(2), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.2 with 15"]);
    t.expect(exited(2, 0), &[]);
    t.expect(gone(2), &["start 0.3 build 2"]);
    t.expect(started(3), &["timer ready 30s"]);
    assert_eq!(t.said(exited(3, 1)), ["ProcessExited", "StartFailed"]);
    t.expect(gone(3), &[]);
    // It is still what a newer build that fails makes room for.
    t.edit("a.rs");
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &["start 0.4 build 3"]);
    t.expect(started(4), &["timer ready 30s"]);
    t.expect(exited(4, 1), &[]);
    t.expect(gone(4), &["roll back 3 to 2"]);
}

#[test]
fn in_an_overlap_what_runs_stays_live_when_the_same_build_cannot_start_beside_it() {
    let mut t = starting(notify(Update::Overlap));
    t.expect(ready(2), &["timer settled", "stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &[]);
    t.wait(SETTLE).expect(settled(2), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["start 0.3 build 2"]);
    t.expect(started(3), &["timer ready 30s"]);
    t.expect(exited(3, 1), &[]);
    t.expect(gone(3), &[]);
}

#[test]
fn a_build_that_failed_once_and_runs_then_can_be_gone_back_to() {
    let mut t = Table::new(notify(Update::Restart));
    t.expect(Event::Started, &["build 1"]);
    t.expect(ok(1), &["publish 1"]);
    t.expect(published(1), &["start 0.1 build 1"]);
    t.expect(started(1), &["timer ready 30s"]);
    t.expect(exited(1, 1), &[]);
    t.expect(gone(1), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["start 0.2 build 1"]);
    t.expect(started(2), &["timer ready 30s"]);
    t.expect(ready(2), &["timer settled"]);
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &["stop 0.2 with 15"]);
    t.expect(exited(2, 0), &[]);
    t.expect(gone(2), &["start 0.3 build 2"]);
    t.expect(started(3), &["timer ready 30s"]);
    t.expect(exited(3, 1), &[]);
    t.expect(gone(3), &["roll back 2 to 1"]);
}

/// With `manual` nothing new starts before it is asked for; what then fails is gone back from as ever.
#[test]
fn a_manual_update_that_fails_is_rolled_back_to_what_ran() {
    let mut t = edited(notify(Update::Manual));
    t.expect(published(2), &[]);
    t.edit("a.rs");
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 3"]);
    t.expect(started(2), &["timer ready 30s"]);
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &["roll back 3 to 1"]);
    t.expect(BACK, &["start 0.3 build 1"]);
}

/// Going back comes before what `on-exit` says, which holds where there is no going back.
#[test]
fn a_build_that_cannot_start_is_rolled_back_whatever_on_exit_says() {
    for on_exit in [OnExit::Wait, OnExit::Restart, OnExit::Exit] {
        let mut t = starting(Settings { on_exit, ..notify(Update::Restart) });
        t.expect(exited(2, 1), &[]);
        t.expect(gone(2), &["roll back 2 to 1"]);
        t.expect(BACK, &["start 0.3 build 1"]);
        t.expect(started(3), &["timer ready 30s"]);
        t.expect(exited(3, 1), &[]);
        let follows: &[&str] = match on_exit {
            OnExit::Wait => &[],
            OnExit::Restart => &["timer Backoff 200ms"],
            OnExit::Exit => &["exit ProgramEnded(Code(1))"],
        };
        t.expect(gone(3), follows);
    }
}

#[test]
fn a_manual_update_that_waits_says_so_unless_nothing_runs() {
    let mut t = edited(notify(Update::Manual));
    assert_eq!(t.said(published(2)), ["Published", "Held"]);

    let mut t = edited(notify(Update::Manual));
    t.expect(exited(1, 1), &[]);
    t.expect(gone(1), &[]);
    t.expect(published(2), &["start 0.2 build 2"]);
}

#[test]
fn in_an_overlap_one_that_ends_with_code_0_leaves_the_other_alone() {
    let mut t = starting(notify(Update::Overlap));
    let told = t.session.handle(t.now, exited(2, 0));
    let beside = |effect: &Effect| {
        matches!(effect, Effect::Report(Notice::ProcessExited { next: AfterExit::Beside(BuildId(1)), .. }))
    };
    assert!(told.iter().any(beside), "{told:?}");
    t.expect(gone(2), &[]);
}

/// `on-exit restart` gives up on what is never ready as it does on what always ends.
#[test]
fn what_is_not_ready_in_time_is_not_started_again_for_ever() {
    let settings = Settings { rollback: false, on_exit: OnExit::Restart, ..notify(Update::Restart) };
    let mut t = starting(settings);
    for (number, wait) in (2..).zip(["100ms", "200ms", "400ms", "800ms"]) {
        t.wait(Duration::from_secs(30)).expect(timeout(number), &[&format!("stop 0.{number} with 15")]);
        t.expect(exited(number, 0), &[]);
        t.expect(gone(number), &[&format!("timer Backoff {wait}")]);
        let next = number + 1;
        t.expect(Event::TimerFired(Timer::Backoff(ServiceId::MAIN)), &[&format!("start 0.{next} build 2")]);
        t.expect(started(next), &["timer ready 30s"]);
    }
    t.wait(Duration::from_secs(30)).expect(timeout(6), &["stop 0.6 with 15"]);
    t.expect(exited(6, 0), &[]);
    t.expect(gone(6), &[]);
}

#[test]
fn a_build_that_serves_is_not_gone_back_from_because_a_second_process_of_it_fails() {
    let mut t = edited(notify(Update::Overlap));
    t.expect(published(2), &["start 0.2 build 2"]);
    t.tell(started(2));
    t.tell(ready(2));
    t.tell(exited(1, 0));
    t.expect(gone(1), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["start 0.3 build 2"]);
    t.tell(started(3));
    t.tell(exited(3, 1));
    t.expect(gone(3), &[]);
    assert_eq!(t.session.standing(t.now).process().map(|process| process.build), Some(BuildId(2)));
}

#[test]
fn a_build_is_not_gone_back_from_while_another_process_of_it_starts() {
    let mut t = edited(notify(Update::Overlap));
    t.tell(published(2));
    t.tell(started(2));
    t.tell(ready(2));
    t.tell(exited(1, 0));
    t.tell(gone(1));
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["start 0.3 build 2"]);
    t.tell(started(3));
    t.tell(exited(2, 1));
    t.expect(gone(2), &[]);
    // Where that one fails as well, the one before it is what is left.
    t.tell(exited(3, 1));
    t.expect(gone(3), &["roll back 2 to 1"]);
}

#[test]
fn a_build_that_was_ready_is_kept_and_one_that_cannot_start_is_condemned() {
    let verdicts = |t: &mut Table, event| -> Vec<Effect> {
        let effects = t.session.handle(t.now, event);
        effects
            .into_iter()
            .filter(|effect| matches!(effect, Effect::Keep(..) | Effect::Condemn(..)))
            .collect()
    };
    let mut t = starting(notify(Update::Restart));
    assert_eq!(verdicts(&mut t, ready(2)), [Effect::Keep(ServiceId::MAIN, BuildId(2))]);
    // The live build is another one: nothing that happens to this process is about that.
    let mut t = edited(notify(Update::Manual));
    assert_eq!(verdicts(&mut t, published(2)), []);
    assert_eq!(verdicts(&mut t, exited(1, 1)), []);
    assert_eq!(verdicts(&mut t, gone(1)), []);
    assert_eq!(verdicts(&mut t, started(2)), []);
    assert_eq!(verdicts(&mut t, exited(2, 1)), [Effect::Condemn(ServiceId::MAIN, BuildId(2))]);
}
