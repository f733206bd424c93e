//! What is stored after a rollback: what the old process left, and not what the failed one made of it.

use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;

use rustix::process::Signal;

use super::super::programs::variant;
use super::super::support::{DEADLINE, Stage};

fn keeper(version: &str) -> PathBuf {
    variant("keeper", &format!("-{version}"), &[("KEEPER_VERSION", version)])
}

fn answer(stage: &Stage) -> String {
    let mut stream = TcpStream::connect(stage.address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.trim().to_owned()
}

fn is_as_the_old_process_left_it(update: &str) {
    let mut stage = Stage::of(&keeper("a"), &["--update", update, "--ready", "notify"]);
    assert_eq!(answer(&stage), "a found nobody");
    stage.workshop.build_gives(&keeper("bad"));
    stage.hotrun.wait_for("published");
    if update == "manual" {
        stage.hotrun.signal(Signal::HUP);
    }
    stage.hotrun.wait_for("rolled-back");
    assert_eq!(answer(&stage), "a found what a left");
    // Once more, by a restart.
    stage.hotrun.signal(Signal::HUP);
    stage.hotrun.wait_for("rolled-back");
    assert_eq!(answer(&stage), "a found what a left");
    stage.workshop.build_gives(&keeper("b"));
    stage.hotrun.wait_for("published");
    if update == "manual" {
        stage.hotrun.signal(Signal::HUP);
    }
    stage.hotrun.wait_for("ready");
    // It is known again that something is stored: an overlap would be a restart here as well.
    assert_eq!(answer(&stage), "b found what a left");
}

#[test]
fn what_is_stored_is_as_the_old_process_left_it_by_restart() {
    is_as_the_old_process_left_it("restart");
}

/// It is a restart, since something is stored.
#[test]
fn what_is_stored_is_as_the_old_process_left_it_by_overlap() {
    is_as_the_old_process_left_it("overlap");
}

#[test]
fn what_is_stored_is_as_the_old_process_left_it_by_manual() {
    is_as_the_old_process_left_it("manual");
}

/// The same process becomes the failed one, so what counts is what is stored when it says RELOADING=1.
#[test]
fn what_is_stored_is_as_the_old_process_left_it_by_reexec() {
    is_as_the_old_process_left_it("reexec");
}
