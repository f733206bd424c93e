//! What `--clear`, `--notify` and `--quiet` make of what the real hotrun shows.

use super::Person;
use crate::support::{Home, Hotrun, Project};

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
    person.sees("Restarted");
    let _three = home.call_of("three");
    person.types("q");
    person.ended();
}

#[test]
fn quiet_says_errors_and_their_mending_and_nothing_else() {
    let project = Project::caller();
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--quiet"]);
    home.call_of("one");
    hotrun.wait_for("ready");
    // A warning of the compiler's, while the program runs, is shown because it is new, and not counted besides.
    project.write("src/main.rs", &format!("{}\nfn unused() {{}}\n", Project::caller_text("two")));
    home.call_of("two");
    project.break_it();
    hotrun.wait_said("error: build 3 failed (1 error); still running build 2");
    project.set_version("four");
    home.call_of("four");
    hotrun.wait_for_build("ready", 4);
    hotrun.signal(rustix::process::Signal::TERM);
    let (_, said) = hotrun.wait();
    assert!(said.starts_with("warning: function `unused` is never used\n"), "{said}");
    assert!(said.contains("\nerror[E0308]: mismatched types"), "{said}");
    assert!(!said.contains("1 warning in build"), "{said}");
    // That the mistake is mended is worth a line.
    assert_eq!(said.matches("Restarted in").count(), 1, "{said}");
    for verb in ["Compiling", "Changed", "Building", "Started", "Stopped"] {
        assert!(!said.contains(verb), "{said}");
    }
}
