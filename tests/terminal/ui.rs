//! What `--clear` and `--notify` write, seen on a terminal by the real hotrun.

use super::Person;
use crate::support::{Home, Project};

const CLEARED: &str = "\x1b[H\x1b[2J\x1b[3J";

#[test]
fn a_change_clears_the_screen_and_failure_and_recovery_notify() {
    let project = Project::caller();
    let home = Home::new();
    let manifest = project.join("Cargo.toml");
    let mut person = Person::start(
        &[
            env!("CARGO_BIN_EXE_hotrun"),
            "--offline",
            "--color=never",
            "--clear",
            "--notify",
            "--manifest-path",
            manifest.to_str().unwrap(),
        ],
        &[("TEST_HOME", &home.address.to_string()), ("TERM", "xterm-kitty")],
    );
    person.sees("Started build 1");
    let _one = home.call_of("one");
    project.break_it();
    person.sees(CLEARED);
    person.sees("Changed ");
    person.sees("\x1b]9;hotrun: build 2 failed (1 error); still running build 1");
    person.sees("error: build 2 failed (1 error)");
    project.set_version("three");
    person.sees(CLEARED);
    person.sees("\x1b]9;hotrun: build 3 succeeded\x07");
    person.sees("Restarted build 3");
    let _three = home.call_of("three");
    person.types("q");
    person.ended();
}
