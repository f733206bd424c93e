//! `update = "reexec"` where the new build is not taken up, or is.

use super::super::support::{Stage, ask, ask_until, served};

/// A program of this mode serves as build 1, and build 2 is to be taken up.
fn reexec(mode: &str) -> (Stage, u32) {
    let mut stage = Stage::of(&served("a", mode), &["--update", "reexec"]);
    let (version, pid) = ask(stage.address, 0).unwrap();
    assert_eq!(version, "a");
    stage.edit(&served("b", ""), "published");
    (stage, pid)
}

/// hotrun restarts the program and says why it had to.
fn restarts(mode: &str, why: &str) {
    let (mut stage, before) = reexec(mode);
    stage.hotrun.wait_for_build("process-started", 2);
    assert_eq!(ask_until(stage.address, "b"), "b");
    assert_ne!(ask(stage.address, 0).unwrap().1, before);
    stage.hotrun.wait_said(&format!("did not take up the new binary: {why}; restarting it"));
}

#[test]
fn the_new_build_runs_in_the_same_process_time_and_again() {
    let (mut stage, before) = reexec("");
    stage.hotrun.wait_for_build("ready", 2);
    assert_eq!(ask(stage.address, 0).unwrap(), ("b".to_owned(), before));
    for build in 3..6 {
        let version = if build % 2 == 0 { "b" } else { "a" };
        stage.workshop.build_gives(&served(version, ""));
        stage.hotrun.wait_for_build("ready", build);
        assert_eq!(ask(stage.address, 0).unwrap(), (version.to_owned(), before));
    }
}

#[test]
fn without_a_handler_for_sighup() {
    restarts("no-reexec", "it has no handler for SIGHUP");
}

#[test]
fn where_sighup_ends_the_program() {
    restarts("ends-on-hangup", "it ended on SIGHUP");
}

/// Where the system does not tell which binary a process runs, it is taken at its word.
#[cfg(target_os = "linux")]
#[test]
fn where_the_program_is_ready_again_as_what_it_was() {
    restarts("reexecs-old", "it is ready again with the old binary");
}
