//! The first build of a project that is built already: cargo has begun with it before cargo has said what the project is,
//! and nothing comes of what was foreseen wrongly.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use rustix::process::Signal;

use super::endings::alive;
use super::seed::{began_with, build, project, set_version};
use super::support::{DEADLINE, Home, Hotrun, Project, Reports, pause};

/// Reports every build, and answers what the project is only when it may.
const STUB: &str = r#"#!/bin/sh
case "$1" in
build)
    [ ! -e "${0%/*}/other-lock" ] || : > target/hotrun/debug/.other-lock
    echo "build $$" > "$TEST_REPORT" ;;
metadata)
    echo "asked $$" > "$TEST_REPORT"
    read answer < "$TEST_REPORT.gate"
    [ "$answer" = yes ] || { echo 'error: no answer' >&2; exit 101; }
esac
exec "$REAL_CARGO" "$@"
"#;

/// A hotrun that waits for cargo's answer, with the first build begun.
struct Asking {
    project: Project,
    home: Home,
    reports: Reports,
    hotrun: Hotrun,
    /// The cargo of that build.
    begun: i32,
}

impl Asking {
    fn start(project: Project, folder: &str) -> Self {
        let (home, reports) = (Home::new(), Reports::new());
        rustix::fs::mkfifoat(rustix::fs::CWD, format!("{}.gate", reports.path()), 0o600.into()).unwrap();
        let path = format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap());
        let cargo = std::env::var("CARGO").expect("cargo runs the tests");
        let hotrun = Hotrun::prepare(&project, &home, &[])
            .folder(&project.join(folder))
            .env("PATH", &path)
            .env("REAL_CARGO", &cargo)
            .env("TEST_REPORT", reports.path())
            .start();
        let mut first = [reports.next(), reports.next()];
        first.sort();
        let [asked, (build, begun)] = first;
        assert_eq!((&*asked.0, &*build), ("asked", "build"));
        Self { project, home, reports, hotrun, begun }
    }

    /// cargo answers.
    fn answer(&self, answer: &str) {
        fs::write(format!("{}.gate", self.reports.path()), format!("{answer}\n")).unwrap();
    }

    /// The cargo of another build, which begins when the first one is gone.
    fn next_build(&self) -> i32 {
        let next = self.reports.wait_for("build");
        assert!(next != self.begun && !alive(self.begun));
        next
    }

    fn first_build_ends(&self) {
        let deadline = Instant::now() + DEADLINE;
        while alive(self.begun) {
            assert!(Instant::now() < deadline, "cargo lives on");
            pause();
        }
    }
}

/// All that is not written by a test itself is older than the build.
fn built() -> Project {
    let project = project();
    project.write("bin/cargo", STUB);
    fs::set_permissions(project.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    build(&project, &[], &[]);
    project
}

#[test]
fn what_was_begun_is_the_first_build() {
    let mut asking = Asking::start(built(), "");
    asking.answer("yes");
    began_with(&mut asking.hotrun, "target/debug");
    assert_eq!(asking.home.call().version, "one");
    set_version(&asking.project, "two");
    asking.home.call_of("two");
    // There was no other before that edit.
    asking.next_build();
    assert_eq!(asking.hotrun.wait_for_build("published", 2).build(), 2);
}

#[test]
fn a_source_that_is_saved_meanwhile_is_built() {
    let asking = Asking::start(built(), "");
    set_version(&asking.project, "two");
    asking.answer("yes");
    asking.home.call_of("two");
}

#[test]
fn a_manifest_that_is_saved_meanwhile_is_read() {
    let asking = Asking::start(built(), "");
    let manifest = fs::read_to_string(asking.project.join("Cargo.toml")).unwrap();
    asking.project.write("Cargo.toml", &manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\""));
    let main = fs::read_to_string(asking.project.join("src/main.rs")).unwrap();
    asking
        .project
        .write("src/main.rs", &main.replace("\"one\"", "concat!(\"of \", env!(\"CARGO_PKG_VERSION\"))"));
    asking.answer("yes");
    asking.next_build();
    asking.home.call_of("of 0.2.0");
}

#[test]
fn a_cargo_that_locks_something_else_does_not_count() {
    let project = built();
    project.write("bin/other-lock", "");
    let asking = Asking::start(project, "");
    asking.answer("yes");
    asking.next_build();
    assert_eq!(asking.home.call().version, "one");
}

#[test]
fn what_was_foreseen_wrongly_ends_before_the_right_build_begins() {
    let project = built();
    project.write("src/bin/other.rs", "fn main() {}");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    project.write("Cargo.toml", &manifest.replace("[workspace]\n", "[workspace]\nmembers = [\"inner\"]\n"));
    project
        .write("inner/Cargo.toml", "[package]\nname = \"inner\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    project.write("inner/src/main.rs", &Project::caller_text("inner"));
    // Only the workspace's own file says so, and where that is only cargo tells.
    project.write("hotrun.toml", "[build]\npackage = \"inner\"\nprofile = \"release\"\n");
    build(&project, &["--workspace"], &[]);
    build(&project, &["--workspace", "--release"], &[]);
    let asking = Asking::start(project, "inner/src");
    asking.answer("yes");
    // cargo is asked about that package.
    asking.reports.wait_for("asked");
    asking.answer("yes");
    asking.next_build();
    assert_eq!(asking.home.call().version, "inner");
    let said = asking.hotrun.wait_said("Started");
    assert!(said.contains("target/release`") && !said.contains("Compiling"), "{said}");
    for gone in ["debug", ".seed"] {
        assert!(!asking.project.join("target/hotrun").join(gone).exists(), "{gone}");
    }
}

#[test]
fn an_answer_that_is_none_ends_it() {
    let mut asking = Asking::start(built(), "");
    asking.answer("no");
    assert!(!asking.hotrun.wait_for_end().success());
    asking.hotrun.wait_said("no answer");
    assert!(!alive(asking.begun));
    for gone in ["debug", ".seed"] {
        assert!(!asking.project.join("target/hotrun").join(gone).exists(), "{gone}");
    }
}

#[test]
fn it_ends_with_hotrun_however_that_ends() {
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        let mut asking = Asking::start(built(), "");
        asking.hotrun.signal(signal);
        assert_eq!(asking.hotrun.wait_for_end().signal(), Some(signal.as_raw()));
        asking.first_build_ends();
        asking.answer("no");
        // The next one begins with the copy all the same.
        let Asking { project, home, .. } = asking;
        let mut hotrun = Hotrun::run(&project, &home, &[]);
        began_with(&mut hotrun, "target/debug");
    }
}
