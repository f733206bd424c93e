//! Readiness, overlap, rollback and reexec, by example.

use super::*;

pub(super) fn notify(update: Update) -> Settings {
    Settings { update, ready_at_spawn: false, rollback: true, ..settings() }
}

pub(super) fn started(number: u32) -> Event {
    Event::ProcessStarted { instance: process(number), pid: 100 + number }
}

pub(super) fn ready(number: u32) -> Event {
    Event::ProcessReady { instance: process(number) }
}

pub(super) fn timeout(number: u32) -> Event {
    Event::TimerFired(Timer::Ready(process(number)))
}

pub(super) fn settled(number: u32) -> Event {
    Event::TimerFired(Timer::Settled(process(number)))
}

pub(super) const BACK: Event = Event::RolledBack { service: ServiceId::MAIN, error: None };

/// Build 1 runs as process 1 and is settled; nothing was started yet for the edit that gave build 2.
pub(super) fn edited(settings: Settings) -> Table {
    let mut t = Table::new(settings);
    t.expect(Event::Started, &["build 1"]);
    t.expect(ok(1), &["publish 1"]);
    t.expect(published(1), &["start 0.1 build 1"]);
    t.expect(started(1), &["timer ready 30s"]);
    t.expect(ready(1), &["timer settled"]);
    t.wait(Duration::from_mins(1)).expect(settled(1), &[]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(ok(2), &["publish 2"]);
    t
}

/// The same, with build 2 starting as process 2: beside process 1 or instead of it.
pub(super) fn starting(settings: Settings) -> Table {
    let overlaps = settings.update == Update::Overlap;
    let mut t = edited(settings);
    if overlaps {
        t.expect(published(2), &["start 0.2 build 2"]);
    } else {
        t.expect(published(2), &["stop 0.1 with 15"]);
        t.expect(exited(1, 0), &[]);
        t.expect(gone(1), &["start 0.2 build 2"]);
    }
    t.expect(started(2), &["timer ready 30s"]);
    t
}

#[test]
fn an_overlap_stops_the_old_process_when_the_new_one_is_ready() {
    let mut t = starting(notify(Update::Overlap));
    t.expect(ready(2), &["timer settled", "stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &[]);
    t.wait(SETTLE).expect(settled(2), &[]);
}

#[test]
fn in_an_overlap_the_old_process_runs_on_when_the_new_one_fails_before_it_is_ready() {
    let mut t = starting(notify(Update::Overlap));
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);
    t.expect(BACK, &[]);

    let mut t = starting(notify(Update::Overlap));
    t.wait(Duration::from_secs(30)).expect(timeout(2), &["stop 0.2 with 15"]);
    t.expect(Event::ProcessExited { instance: process(2), exit: Exit::Signal(15) }, &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);
    t.expect(BACK, &[]);

    // Also where nothing else is asked for than to wait.
    let mut t = starting(Settings { rollback: false, ..notify(Update::Overlap) });
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);

    // And it is the old one that the next good build replaces.
    let mut t = starting(notify(Update::Overlap));
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);
    t.expect(BACK, &[]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &["start 0.3 build 3"]);
    t.expect(started(3), &["timer ready 30s"]);
    t.expect(ready(3), &["timer settled", "stop 0.1 with 15"]);
}

#[test]
fn in_an_overlap_a_new_process_that_dies_right_after_it_was_ready_is_rolled_back() {
    let mut t = starting(notify(Update::Overlap));
    t.expect(ready(2), &["timer settled", "stop 0.1 with 15"]);
    t.wait(ms(500)).expect(exited(2, 1), &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);
    t.expect(BACK, &[]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.3 build 1"]);
}

#[test]
fn a_newer_build_replaces_one_that_is_still_starting_and_the_old_process_runs_on() {
    let mut t = starting(notify(Update::Overlap));
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &["stop 0.2 with 15"]);
    t.expect(Event::ProcessExited { instance: process(2), exit: Exit::Signal(15) }, &[]);
    t.expect(gone(2), &["start 0.3 build 3"]);
}

#[test]
fn at_most_two_processes_overlap() {
    let mut t = starting(notify(Update::Overlap));
    t.expect(ready(2), &["timer settled", "stop 0.1 with 15"]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &[]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.3 build 3"]);
}

#[test]
fn with_stored_descriptors_an_overlap_is_a_restart_and_says_so() {
    let mut t = edited(notify(Update::Overlap));
    t.expect(Event::Stored { service: ServiceId::MAIN, stored: true }, &[]);
    let effects = t.session.handle(t.now, published(2));
    assert!(effects.contains(&Effect::Report(Notice::NoOverlap(ServiceId::MAIN))));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::StopProcess { .. })));
}

#[test]
fn a_restart_whose_new_build_fails_to_start_goes_back_once() {
    for failure in [exited(2, 1), Event::ProcessExited { instance: process(2), exit: Exit::Signal(9) }] {
        let mut t = starting(notify(Update::Restart));
        t.expect(failure, &[]);
        t.expect(gone(2), &["roll back 2 to 1"]);
        t.expect(BACK, &["start 0.3 build 1"]);
        t.expect(started(3), &["timer ready 30s"]);
        // That one fails as well: there is nothing to go back to.
        t.expect(exited(3, 1), &[]);
        t.expect(gone(3), &[]);
        assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    }
}

#[test]
fn a_restart_whose_new_build_is_not_ready_in_time_goes_back() {
    let mut t = starting(notify(Update::Restart));
    t.wait(Duration::from_secs(30)).expect(timeout(2), &["stop 0.2 with 15"]);
    t.expect(exited(2, 0), &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);
    t.expect(BACK, &["start 0.3 build 1"]);
}

#[test]
fn more_time_is_given_to_whoever_asks_for_it_and_never_less() {
    let more =
        |number, seconds| Event::MoreTime { instance: process(number), time: Duration::from_secs(seconds) };
    let mut t = starting(notify(Update::Restart));
    t.wait(Duration::from_secs(10)).expect(more(2, 19), &[]);
    t.expect(more(2, 90), &["timer ready 90s"]);
    t.wait(Duration::from_secs(50)).expect(more(2, 39), &[]);
    t.expect(more(2, 41), &["timer ready 41s"]);
    t.expect(ready(2), &["timer settled"]);
    // Ready, it has all the time there is.
    t.expect(more(2, 90), &[]);

    // Five seconds to end.
    let mut t = starting(notify(Update::Overlap));
    t.expect(ready(2), &["timer settled", "stop 0.1 with 15"]);
    t.wait(Duration::from_secs(2)).expect(more(1, 2), &[]);
    t.expect(more(1, 4), &["stop 0.1 not before 4s"]);
    t.wait(Duration::from_secs(3)).expect(more(1, 1), &[]);
    t.expect(more(1, 2), &["stop 0.1 not before 2s"]);
    t.expect(exited(1, 0), &[]);
    t.expect(more(1, 60), &[]);
}

#[test]
fn a_build_that_settled_and_dies_later_has_not_failed_to_start() {
    let mut t = starting(notify(Update::Restart));
    t.expect(ready(2), &["timer settled"]);
    t.wait(SETTLE).expect(settled(2), &[]);
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &[]);
}

#[test]
fn where_it_waits_the_program_stays_down() {
    let mut t = starting(Settings { rollback: false, ..notify(Update::Restart) });
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &[]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
}

#[test]
fn after_a_rollback_r_tries_the_failed_build_again() {
    let mut t = starting(notify(Update::Restart));
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &["roll back 2 to 1"]);
    t.expect(BACK, &["start 0.3 build 1"]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["build 3"]);
}

#[test]
fn a_program_that_never_says_it_is_ready_is_told_of_once() {
    let mut t = Table::new(notify(Update::Overlap));
    t.expect(Event::Started, &["build 1"]);
    t.expect(ok(1), &["publish 1"]);
    t.expect(published(1), &["start 0.1 build 1"]);
    t.expect(started(1), &["timer ready 30s"]);
    assert_eq!(t.said(timeout(1)), ["NeverReady", "Ready"]);
    t.expect(settled(1), &[]);
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    // Not an overlap: nobody would know when to stop the old one.
    t.expect(published(2), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 2"]);
    t.expect(started(2), &["timer settled"]);
}

#[test]
fn reexec_tells_the_program_and_restarts_it_where_that_leads_to_nothing() {
    let mut t = edited(notify(Update::Reexec));
    t.expect(published(2), &["timer ready 30s", "reload 0.1"]);
    t.expect(ready(1), &["timer settled"]);

    let mut t = edited(notify(Update::Reexec));
    t.expect(published(2), &["timer ready 30s", "reload 0.1"]);
    let failed = Event::ReloadFailed { instance: process(1), reason: NotReloaded::NoHandler };
    t.expect(failed, &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 2"]);

    let mut t = edited(notify(Update::Reexec));
    t.expect(published(2), &["timer ready 30s", "reload 0.1"]);
    t.expect(timeout(1), &["stop 0.1 with 15"]);
}

#[test]
fn the_end_of_the_program_that_is_hotruns_end_waits_for_the_process_it_replaced() {
    let mut t = starting(Settings { on_exit: OnExit::Exit, ..notify(Update::Overlap) });
    t.expect(ready(2), &["timer settled", "stop 0.1 with 15"]);
    t.wait(Duration::from_secs(2)).expect(settled(2), &[]);
    t.expect(exited(2, 7), &[]);
    t.expect(gone(2), &[]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["exit ProgramEnded(Code(7))"]);
}

#[test]
fn a_removed_live_binary_is_built_again_and_the_process_runs_on() {
    let mut t = Table::running(settings());
    t.expect(Event::LiveRemoved(ArtifactId::MAIN), &["timer LiveRemoved 300ms"]);
    let again = t.session.handle(t.now, Event::LiveRemoved(ArtifactId::MAIN));
    assert!(!again.contains(&Effect::Report(Notice::LiveRemoved(ArtifactId::MAIN))), "said once: {again:?}");
    t.expect(Event::TimerFired(Timer::LiveRemoved), &["build 2"]);
    // It was still being removed.
    t.expect(bad(2), &["timer LiveRemoved 600ms"]);
    t.expect(Event::TimerFired(Timer::LiveRemoved), &["build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(unchanged(3, false), &[]);
}

#[test]
fn a_restart_waits_until_a_removed_live_binary_is_there_again() {
    let mut t = Table::running(settings());
    t.expect(Event::LiveRemoved(ArtifactId::MAIN), &["timer LiveRemoved 300ms"]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &[]);
    t.expect(config::env_file_read(settings()), &[]);
    t.expect(Event::TimerFired(Timer::LiveRemoved), &["build 2"]);
    for build in 2..5 {
        t.expect(bad(build), &["timer LiveRemoved 600ms"]);
        t.expect(Event::TimerFired(Timer::LiveRemoved), &[&format!("build {}", build + 1)]);
    }
    // It does not compile either.
    t.expect(bad(5), &[]);
    assert_eq!(t.session.standing(t.now).state, State::Failed(Trouble::Build(BuildId(5))));
    t.expect(config::env_file_read(settings()), &[]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 6"]);
    t.expect(ok(6), &["publish 6"]);
    t.expect(published(6), &["stop 0.1 with 15"]);
}

#[test]
fn a_restart_that_failed_beside_what_runs_is_tried_again_with_the_next_build_of_the_same() {
    let mut t = edited(notify(Update::Overlap));
    t.expect(unchanged(2, false), &[]);
    t.tell(read_and_watched("page.html"));
    t.tell(Event::TimerFired(Timer::Burst));
    t.expect(ok(3), &["publish 3"]);
    t.expect(unchanged(3, false), &["start 0.2 build 1"]);
    t.expect(started(2), &["timer ready 30s"]);
    t.expect(exited(2, 1), &[]);
    t.expect(gone(2), &[]);
    t.tell(Event::FilesChanged(vec![change("a.rs")]));
    t.tell(Event::TimerFired(Timer::Burst));
    t.expect(ok(4), &["publish 4"]);
    t.expect(unchanged(4, false), &["start 0.3 build 1"]);
}
