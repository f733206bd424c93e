//! Edits, builds, restarts and the way out, by example.

use super::*;

#[test]
fn a_good_edit_stops_the_old_process_and_then_starts_the_new() {
    let mut t = Table::running(settings());
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 2"]);
}

#[test]
fn a_file_that_is_two_things_to_the_program_is_said_once() {
    let mut t = Table::running(settings());
    let changes =
        vec![of_kind(".env", ChangeKind::EnvFile), change("a.rs"), of_kind(".env", ChangeKind::Watched)];
    let effects = t.session.handle(t.now, Event::FilesChanged(changes));
    let paths = vec![PathBuf::from(".env"), PathBuf::from("a.rs")];
    assert_eq!(effects.first(), Some(&Effect::Report(Notice::Changed(paths))));
}

#[test]
fn a_broken_edit_touches_nothing_and_the_next_edit_builds() {
    let mut t = Table::running(settings());
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(bad(2), &[]);
    t.wait(ms(500));
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &["stop 0.1 with 15"]);
}

#[test]
fn a_failed_build_tells_what_is_still_running_and_how_old_it_is() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    let effects = t.session.handle(t.now, bad(2));
    let Some(Effect::Report(Notice::BuildFinished { running, .. })) = effects.first() else {
        panic!("{effects:?}");
    };
    let [running] = running.as_slice() else { panic!("{running:?}") };
    assert_eq!((running.build, running.pid, running.age), (BuildId(1), 101, Duration::from_mins(1)));
}

#[test]
fn a_first_build_that_fails_waits_for_an_edit() {
    let mut t = Table::new(settings());
    t.expect(Event::Started, &["build 1"]);
    t.expect(bad(1), &[]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &["start 0.1 build 2"]);
}

#[test]
fn an_edit_during_a_build_cancels_it_and_builds_again() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.wait(ms(200));
    assert_eq!(t.edit("b.rs"), [BURST, "cancel 2"]);
    t.expect(cancelled(2), &["build 3"]);
}

#[test]
fn a_build_that_ends_while_it_is_being_cancelled_is_not_published() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.edit("b.rs");
    t.expect(ok(2), &["build 3"]);
}

#[test]
fn what_was_in_a_cancelled_build_is_in_the_next() {
    let mut t = Table::running(settings());
    t.tell(read_and_watched("page.html"));
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.edit("b.rs");
    let effects = t.session.handle(t.now, cancelled(2));
    let changes = effects.iter().find_map(|effect| match effect {
        Effect::StartBuild { changes, .. } => Some(changes.clone()),
        _ => None,
    });
    assert_eq!(changes, Some(vec![change("b.rs"), change("page.html")]));
}

#[test]
fn a_second_edit_of_a_burst_waits_for_its_end() {
    let mut t = Table::running(settings());
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
    t.wait(ms(10));
    assert_eq!(t.edit("b.rs"), [BURST, "cancel 2"]);
    t.expect(cancelled(2), &[]);
    t.wait(ms(50)).expect(Event::TimerFired(Timer::Burst), &["build 3"]);
}

#[test]
fn a_burst_is_capped_at_ten_times_the_quiet_time() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    for _ in 0..12 {
        t.wait(ms(40));
        t.edit("a.rs");
    }
    t.wait(ms(15));
    let orders = t.edit("a.rs");
    assert_eq!(orders.first().map(String::as_str), Some("timer Burst 5ms"));
}

#[test]
fn after_three_cancellations_the_next_build_runs_to_its_end_and_one_follows() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    for build in 2..5 {
        t.wait(ms(200));
        assert_eq!(t.edit("a.rs"), [BURST.to_owned(), format!("cancel {build}")]);
        t.expect(cancelled(build), &[&format!("build {}", build + 1)]);
        t.expect(Event::TimerFired(Timer::Burst), &[]);
    }
    t.wait(ms(200));
    assert_eq!(t.edit("a.rs"), [BURST]);
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(ok(5), &["publish 5"]);
    t.expect(published(5), &["stop 0.1 with 15", "build 6"]);
}

#[test]
fn the_same_binary_is_not_restarted() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(unchanged(2, false), &[]);
}

#[test]
fn the_same_binary_with_another_launch_or_a_watched_file_is_restarted() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(unchanged(2, true), &["stop 0.1 with 15"]);

    let mut t = Table::running(settings());
    t.tell(read_and_watched("page.html"));
    t.expect(ok(2), &["publish 2"]);
    t.expect(unchanged(2, false), &["stop 0.1 with 15"]);
}

#[test]
fn a_watched_file_that_no_build_reads_restarts_without_one() {
    let mut t = Table::running(settings());
    let watched = || Event::FilesChanged(vec![of_kind("page.html", ChangeKind::Watched)]);
    t.expect(watched(), &["stop 0.1 with 15"]);

    // With the build that is under way, or about to be.
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(watched(), &[]);
    t.expect(ok(2), &["publish 2"]);
    t.expect(unchanged(2, false), &["stop 0.1 with 15"]);
}

#[test]
fn a_watched_file_in_a_failed_build_restarts_what_runs() {
    let mut t = Table::running(settings());
    t.tell(read_and_watched("page.html"));
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(bad(2), &["stop 0.1 with 15"]);
}

#[test]
fn a_program_that_has_ended_is_run_again_by_an_edit_with_the_same_binary() {
    let mut t = Table::running(settings());
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &[]);
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(unchanged(2, false), &["start 0.2 build 1"]);
}

#[test]
fn a_newer_build_during_a_stop_is_the_one_that_starts() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &["stop 0.1 with 15"]);
    t.wait(ms(100)).expect(Event::TimerFired(Timer::Burst), &[]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(published(3), &[]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 3"]);
}

#[test]
fn the_next_process_starts_only_when_nothing_is_left_of_the_last() {
    let mut t = Table::running(settings());
    t.expect(exited(1, 0), &[]);
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &[]);
    t.expect(gone(1), &["start 0.2 build 2"]);
}

#[test]
fn stale_news_is_ignored() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(ok(1), &[]);
    t.expect(published(1), &[]);
    t.expect(exited(7, 0), &[]);
    t.expect(gone(1), &[]);
}

#[test]
fn r_restarts_and_builds_first_if_the_last_build_failed() {
    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);

    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(bad(2), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["build 3"]);
    t.expect(ok(3), &["publish 3"]);
    t.expect(unchanged(3, false), &["stop 0.1 with 15"]);
}

#[test]
fn r_during_a_build_that_fails_restarts_what_is_live() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(Event::Asked(Request::Restart(Whom::All)), &[]);
    t.expect(bad(2), &["stop 0.1 with 15"]);
}

#[test]
fn while_paused_nothing_builds_and_going_on_builds_once() {
    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Pause), &[]);
    assert!(t.edit("a.rs").is_empty());
    assert!(t.edit("b.rs").is_empty());
    t.expect(Event::Asked(Request::Pause), &["build 2"]);
}

#[test]
fn manual_updates_wait_for_a_request_or_the_end_of_the_program() {
    let manual = || Settings { update: Update::Manual, ..settings() };
    let mut t = Table::running(manual());
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 2"]);

    let mut t = Table::running(manual());
    t.edit("a.rs");
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &[]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 2"]);
}

#[test]
fn on_exit_restart_backs_off_and_gives_up_after_five_failures() {
    let mut t = Table::running(Settings { on_exit: OnExit::Restart, ..settings() });
    t.expect(exited(1, 1), &[]);
    let mut waits = Vec::new();
    for number in 1..=5 {
        let orders = t.tell(gone(number));
        let Some(order) = orders.first() else { break };
        waits.push(order.clone());
        let next = number + 1;
        t.expect(Event::TimerFired(Timer::Backoff(ServiceId::MAIN)), &[&format!("start 0.{next} build 1")]);
        t.expect(Event::ProcessStarted { instance: process(next), pid: 200 + next }, &["timer settled"]);
        t.expect(exited(next, 1), &[]);
    }
    let expected: Vec<String> =
        ["100ms", "200ms", "400ms", "800ms"].map(|wait| format!("timer Backoff {wait}")).into();
    assert_eq!(waits, expected);
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
}

#[test]
fn on_exit_exit_leaves_with_the_code() {
    let mut t = Table::running(Settings { on_exit: OnExit::Exit, ..settings() });
    t.expect(exited(1, 7), &[]);
    t.expect(gone(1), &["exit ProgramEnded(Code(7))"]);
}

#[test]
fn once_leaves_when_the_program_ends_or_the_build_fails() {
    let once = Setup { once: true, ..setup(Settings { on_exit: OnExit::Exit, ..settings() }) };
    let mut t = Table::running_of(once.clone());
    t.expect(exited(1, 3), &[]);
    t.expect(gone(1), &["exit ProgramEnded(Code(3))"]);
    let mut t = Table::of(once);
    t.expect(Event::Started, &["build 1"]);
    t.expect(bad(1), &["exit BuildFailed"]);
}

#[test]
fn quitting_waits_for_the_build_and_the_process() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(quit(QuitReason::Asked), &["cancel 2", "stop 0.1 with 15"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &[]);
    t.expect(cancelled(2), &["exit Quit(Asked)"]);
    t.expect(Event::Started, &[]);
}

#[test]
fn ctrl_c_reaches_the_program_as_sigint_and_a_second_one_kills() {
    let mut t = Table::running(settings());
    t.expect(quit(QuitReason::Signal(2)), &["stop 0.1 with 2"]);
    t.expect(quit(QuitReason::Signal(2)), &["kill 0.1"]);
    t.expect(Event::ProcessExited { instance: process(1), exit: Exit::Signal(9) }, &[]);
    t.expect(gone(1), &["exit Quit(Signal(2))"]);
}

#[test]
fn a_binary_that_cannot_be_published_leaves_what_runs_and_is_tried_again() {
    let mut t = Table::running(settings());
    t.edit("a.rs");
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(ok(2), &["publish 2"]);
    let outcome = PublishOutcome::Failed { error: "disk full".to_owned() };
    t.expect(Event::Published { build: BuildId(2), artifact: ArtifactId::MAIN, outcome }, &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["build 3"]);
}

#[test]
fn a_watched_file_in_a_build_that_cannot_be_published_restarts_what_runs() {
    let mut t = Table::running(settings());
    t.tell(read_and_watched("page.html"));
    t.expect(Event::TimerFired(Timer::Burst), &[]);
    t.expect(ok(2), &["publish 2"]);
    let outcome = PublishOutcome::Failed { error: "disk full".to_owned() };
    let failed = Event::Published { build: BuildId(2), artifact: ArtifactId::MAIN, outcome };
    t.expect(failed, &["stop 0.1 with 15"]);
}

#[test]
fn a_program_that_cannot_be_executed_is_said_and_waited_for() {
    let mut t = Table::new(settings());
    t.expect(Event::Started, &["build 1"]);
    t.expect(ok(1), &["publish 1"]);
    t.expect(published(1), &["start 0.1 build 1"]);
    let failed = Event::SpawnFailed { instance: process(1), error: "exec format error".to_owned() };
    assert_eq!(t.said(failed), ["StartFailed"]);
    assert_eq!(t.edit("a.rs"), [BURST, "build 2"]);
    t.expect(ok(2), &["publish 2"]);
    t.expect(published(2), &["start 0.2 build 2"]);
}

#[test]
fn a_sighup_means_r_unless_the_terminal_goes_away() {
    let mut t = Table::running(settings());
    t.expect(Event::HangupSignal { terminal: false }, &["stop 0.1 with 15"]);

    let mut t = Table::running(settings());
    t.expect(Event::HangupSignal { terminal: true }, &["timer Hangup 500ms"]);
    t.expect(Event::TimerFired(Timer::Hangup), &["stop 0.1 with 15"]);

    let mut t = Table::running(settings());
    t.expect(Event::HangupSignal { terminal: true }, &["timer Hangup 500ms"]);
    t.expect(quit(QuitReason::Hangup), &["stop 0.1 with 15"]);
    t.expect(Event::TimerFired(Timer::Hangup), &[]);
}

#[test]
fn ctrl_c_during_a_stop_is_sent_to_the_program_as_well_and_the_second_kills() {
    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.expect(quit(QuitReason::Signal(2)), &["stop 0.1 with 2"]);
    t.expect(quit(QuitReason::Signal(2)), &["kill 0.1"]);
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["exit Quit(Signal(2))"]);

    // The same signal is not sent twice, and another one does not begin the time anew.
    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.expect(quit(QuitReason::Signal(TERM)), &[]);

    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.wait(ms(2000));
    let effects = t.session.handle(t.now, quit(QuitReason::Signal(2)));
    let plan = StopPlan { signal: 2, timeout: ms(3000) };
    assert!(effects.contains(&Effect::StopProcess { instance: process(1), plan }), "{effects:?}");
}

#[test]
fn a_process_that_cannot_be_stopped_keeps_nobody_from_leaving() {
    let mut t = Table::running(settings());
    t.expect(quit(QuitReason::Asked), &["stop 0.1 with 15"]);
    t.expect(gone(1), &["exit Quit(Asked)"]);

    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.expect(gone(1), &[]);
    t.expect(quit(QuitReason::Signal(TERM)), &["exit Quit(Signal(15))"]);
}

#[test]
fn a_process_that_cannot_be_stopped_is_followed_by_the_next_when_it_ends() {
    let mut t = Table::running(settings());
    t.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    t.expect(gone(1), &[]);
    t.expect(Event::Asked(Request::Restart(Whom::All)), &[]);
    t.expect(exited(1, 0), &["start 0.2 build 1"]);
    t.expect(gone(1), &[]);
}

#[test]
fn the_end_of_the_program_that_is_hotruns_end_cancels_the_build_first() {
    let mut t = Table::running(Settings { on_exit: OnExit::Exit, ..settings() });
    t.edit("a.rs");
    t.expect(exited(1, 7), &[]);
    t.expect(gone(1), &["cancel 2"]);
    t.expect(cancelled(2), &["exit ProgramEnded(Code(7))"]);
}
