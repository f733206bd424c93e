//! What follows a build that failed to start: another try, a newer edit, `on-start-failure`.

use rustix::process::Signal;

use super::super::support::{Stage, ask, ask_until, served};
use super::{Column, MANUAL, OVERLAP, REEXEC, RESTART};

/// `r` and SIGHUP try the failed build again, which fails again, and again there is a way back.
#[test]
fn a_request_tries_the_failed_build_again() {
    for column in [RESTART, OVERLAP, MANUAL, REEXEC] {
        let mut stage = column.stage();
        stage.update(column, "bad", "exits", Some("a"));
        stage.hotrun.wait_for_build("start-failed", 2);
        stage.hotrun.wait_for("rolled-back");
        stage.hotrun.signal(Signal::HUP);
        let again = stage.hotrun.wait_for("start-failed");
        assert_eq!((again.build(), &again.0["running"]), (3, &1.into()), "{column:?}");
        stage.hotrun.wait_for("rolled-back");
        assert_eq!(ask(stage.address, 0).unwrap().0, "a", "{column:?}");
        stage.assert_files(("a", ""), None, Some(("bad", "exits")));
    }
}

/// With `wait` the app is down, also where readiness is declared; a request runs the failed build again.
#[test]
fn where_it_waits_the_app_is_down_until_somebody_asks_or_saves() {
    for update in ["restart", "reexec"] {
        let mut stage = Stage::new(update, &["--on-start-failure", "wait"]);
        let failed = stage.edit(&served("bad", "exits"), "start-failed");
        assert!(failed.0["running"].is_null(), "{update}: {failed:?}");
        stage.hotrun.wait_said(" exited with code 3 after ");
        let meanwhile = stage.asks_meanwhile();
        stage.hotrun.signal(Signal::HUP);
        assert_eq!(stage.hotrun.wait_for("start-failed").build(), 2, "{update}");
        stage.edit(&served("b", ""), "ready");
        assert_eq!(meanwhile.join().unwrap(), "b");
        assert!(stage.hotrun.seen().iter().all(|event| event.kind() != "rolled-back"));
    }
}

/// With `wait` nothing is stopped that need not be.
#[test]
fn where_it_waits_an_overlap_leaves_the_old_process_all_the_same() {
    let mut stage = Stage::new("overlap", &["--on-start-failure", "wait"]);
    let (_, before) = ask(stage.address, 0).unwrap();
    stage.edit(&served("bad", "exits"), "rolled-back");
    assert_eq!(ask(stage.address, 0).unwrap(), ("a".to_owned(), before));
    stage.assert_files(("a", ""), None, Some(("bad", "exits")));
}

/// A build that is still starting makes way for a newer one, and what runs beside it runs on.
fn a_newer_build_replaces_one_that_starts(column: Column) {
    let mut stage = column.stage_with(&["--ready-timeout", "60s"]);
    let (_, before) = ask(stage.address, 0).unwrap();
    stage.update(column, "slow", "never-ready", Some("a"));
    if column.update == "reexec" {
        // The same process, so that it answers is all there is to see.
        assert_eq!(ask_until(stage.address, "slow"), "slow");
    } else {
        stage.hotrun.wait_for_build("process-started", 2);
    }
    // Requests go to either during an overlap.
    let runs = ask(stage.address, 0).unwrap().0;
    stage.update(column, "b", "", Some(&runs));
    stage.hotrun.wait_for_build("ready", 3);
    assert_eq!(ask_until(stage.address, "b"), "b");
    if column.update == "overlap" {
        // It follows on readiness, and may be written a moment later.
        stage.hotrun.wait_until("stopping", |event| event.kind() == "stopping" && event.pid() == before);
    }
    let seen = stage.hotrun.seen();
    assert!(seen.iter().all(|event| !["start-failed", "rolled-back"].contains(&event.kind())));
    if column.update == "overlap" {
        let place = |kind: &str, build: Option<u64>, pid: Option<u32>| {
            let found = seen.iter().position(|event| {
                event.kind() == kind
                    && build.is_none_or(|build| event.build() == build)
                    && pid.is_none_or(|pid| event.pid() == pid)
            });
            found.unwrap_or_else(|| panic!("no {kind}"))
        };
        assert!(
            place("process-exited", Some(2), None) < place("process-started", Some(3), None)
                && place("ready", Some(3), None) < place("stopping", None, Some(before)),
            "{seen:#?}"
        );
    }
    // What there is to go back to is what was ready.
    stage.assert_files(("b", ""), Some(("a", "")), None);
}

#[test]
fn a_newer_build_replaces_one_that_starts_by_restart() {
    a_newer_build_replaces_one_that_starts(RESTART);
}

#[test]
fn a_newer_build_replaces_one_that_starts_by_overlap() {
    a_newer_build_replaces_one_that_starts(OVERLAP);
}

#[test]
fn a_newer_build_replaces_one_that_starts_by_manual() {
    a_newer_build_replaces_one_that_starts(MANUAL);
}

#[test]
fn a_newer_build_replaces_one_that_starts_by_reexec() {
    a_newer_build_replaces_one_that_starts(REEXEC);
}

/// It is gone back once: where that fails as well, hotrun waits.
#[test]
fn a_build_gone_back_to_that_dies_itself_is_the_end_of_it() {
    for update in ["restart", "reexec"] {
        // `sick` runs until the file is there.
        let mut stage = Stage::of(&served("a", "sick"), &["--update", update, "--ready", "notify"]);
        stage.workshop.project.write("sick", "");
        stage.edit(&served("bad", "exits"), "rolled-back");
        let failed = stage.hotrun.wait_for("start-failed");
        assert_eq!(failed.build(), 1, "{update}: {failed:?}");
        assert!(failed.0["running"].is_null(), "{update}: {failed:?}");
        let meanwhile = stage.asks_meanwhile();
        stage.edit(&served("b", ""), "ready");
        assert_eq!(meanwhile.join().unwrap(), "b");
        let ends = stage.hotrun.seen().iter().filter(|event| event.kind() == "start-failed").count();
        assert_eq!(ends, 2, "{update}");
    }
}

/// A build that has run is not new: where it cannot start again, an older one is no way out.
#[test]
fn a_build_that_has_run_is_not_gone_back_from() {
    let mut stage = Stage::new("restart", &[]);
    stage.edit(&served("c", "sick"), "ready");
    // It has run for longer than a start takes when this is answered.
    assert_eq!(ask(stage.address, 2000).unwrap().0, "c");
    stage.workshop.project.write("sick", "");
    stage.hotrun.signal(Signal::HUP);
    let failed = stage.hotrun.wait_for("start-failed");
    assert!(failed.0["running"].is_null(), "{failed:?}");
    stage.edit(&served("b", ""), "ready");
    assert_eq!(ask_until(stage.address, "b"), "b");
    stage.assert_files(("b", ""), Some(("c", "sick")), None);
}

/// With `manual` the end of the app is as good as a request; what cannot start then is gone back from as well.
#[test]
fn with_manual_the_end_of_the_app_starts_what_was_built_meanwhile() {
    for (mode, follows) in [("", "ready"), ("exits", "rolled-back")] {
        let mut stage = MANUAL.stage();
        let (_, pid) = ask(stage.address, 0).unwrap();
        stage.edit(&served("b", mode), "published");
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
        stage.hotrun.wait_for_build("process-started", 2);
        stage.hotrun.wait_for(follows);
        let runs = if follows == "ready" { "b" } else { "a" };
        assert_eq!(ask(stage.address, 0).unwrap().0, runs);
    }
}
