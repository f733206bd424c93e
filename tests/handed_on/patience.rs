//! More time to end, for a program that asks for it.

use super::Stage;
use super::speaker::speaker;

/// Ends one that was told what to do then, by an edit; gives its `process-exited`.
fn ended(order: &str) -> (Stage, serde_json::Value) {
    let args = ["--ready", "notify", "--stop-timeout", "300ms"];
    let mut stage = Stage::of(&speaker("a"), &args);
    let mut app = stage.home.call();
    assert_eq!(app.request(order), "will");
    stage.workshop.build_gives(&speaker("b"));
    let exited = stage.hotrun.wait_for("process-exited").0;
    assert_eq!(exited["pid"], app.pid);
    stage.hotrun.wait_for_build("ready", 2);
    (stage, exited)
}

#[test]
fn a_program_that_asks_for_more_time_to_end_gets_it() {
    // A second, where it has three tenths of one.
    let (stage, exited) = ended("on-stop 10 100 10000");
    assert_eq!((&exited["code"], &exited["expected"]), (&0.into(), &true.into()), "{exited}");
    assert!(!stage.hotrun.stderr().contains("killed"), "{}", stage.hotrun.stderr());
}

#[test]
fn a_program_that_asked_for_more_time_to_end_and_stays_is_killed() {
    let (stage, exited) = ended("on-stop 1 3600000 500");
    assert_eq!(exited["signal"], "SIGKILL", "{exited}");
    stage.hotrun.wait_said("of SIGTERM; killed");
}
