//! The project is read beside everything else: what is asked about it holds nothing up, and ends with hotrun.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use rustix::process::Signal;

use super::edits::world::skip;
use super::endings::alive;
use super::support::{DEADLINE, Home, Hotrun, Project, Reports, manifest, pause, said};

/// Waits, with a child, before it says what the project is where there is a gate.
const STUB: &str = r#"#!/bin/sh
gate="${0%/*}/gate"
if [ "$1" = metadata ] && [ -e "$gate" ]; then
    sleep 600 &
    echo "child $!" > "$TEST_REPORT"
    echo "asked $$" > "$TEST_REPORT"
    read answer < "$gate"
    kill $!
fi
exec "$REAL_CARGO" "$@"
"#;

/// A project whose program calls home with the package's version.
struct Gated {
    project: Project,
    home: Home,
    reports: Reports,
}

impl Gated {
    fn new() -> Self {
        let (project, home, reports) = (Project::caller(), Home::new(), Reports::new());
        let version = "env!(\"CARGO_PKG_VERSION\")";
        project.write("src/main.rs", &Project::caller_text("").replace("\"\"", version));
        project.write("bin/cargo", STUB);
        fs::set_permissions(project.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { project, home, reports }
    }

    fn start(&self) -> Hotrun {
        let path = format!("{}:{}", self.project.join("bin").display(), std::env::var("PATH").unwrap());
        let cargo = std::env::var("CARGO").expect("cargo runs the tests");
        Hotrun::prepare(&self.project, &self.home, &[])
            .env("PATH", &path)
            .env("REAL_CARGO", &cargo)
            .env("TEST_REPORT", self.reports.path())
            .start()
    }

    fn shut(&self) {
        let gate = self.project.join("bin/gate");
        rustix::fs::mkfifoat(rustix::fs::CWD, gate, 0o600.into()).unwrap();
    }

    /// Whoever waits goes on, and nobody waits any more.
    fn open(&self) {
        let gate = self.project.join("bin/gate");
        fs::write(&gate, "yes\n").unwrap();
        fs::remove_file(gate).unwrap();
    }

    fn set_version(&self, version: &str) {
        self.project.write("Cargo.toml", &manifest("app").replace("0.1.0", version));
    }

    /// cargo is asked, and waits: its processes.
    fn asked(&self) -> [i32; 2] {
        let child = self.reports.wait_for("child");
        [child, self.reports.wait_for("asked")]
    }
}

#[track_caller]
fn all_end(pids: [i32; 2]) {
    let deadline = Instant::now() + DEADLINE;
    while pids.iter().any(|pid| alive(*pid)) {
        assert!(Instant::now() < deadline, "{pids:?} live on");
        pause();
    }
}

#[test]
fn a_first_reading_ends_with_hotrun() {
    let gated = Gated::new();
    gated.shut();
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let mut hotrun = gated.start();
        let asked = gated.asked();
        hotrun.signal(signal);
        assert_eq!(hotrun.wait_for_end().signal(), Some(signal.as_raw()));
        all_end(asked);
        assert_eq!(hotrun.stderr(), "", "{signal:?}");
    }
}

#[test]
fn a_reading_holds_nothing_up_and_gives_way_to_a_newer_save() {
    let gated = Gated::new();
    let mut hotrun = gated.start();
    let mut running = gated.home.call();
    assert_eq!(running.version, "0.1.0");
    hotrun.wait_for("ready");
    gated.shut();
    gated.set_version("0.2.0");
    let first = gated.asked();
    let status = said(gated.project.path(), &["status", "--json"]);
    assert_eq!(status.json()["state"], "building", "{status:?}");
    assert!(running.ask().ends_with(" 0.1.0"));

    gated.set_version("0.3.0");
    let second = gated.asked();
    all_end(first);
    gated.open();
    gated.home.call_of("0.3.0");
    all_end(second);
    // A reading that gave way was no build.
    hotrun.wait_for_build("published", 2);
    assert!(hotrun.seen().iter().all(|event| event.kind() != "build-cancelled"));

    // What cannot be read is a failed build, and what runs runs on.
    gated.project.write("Cargo.toml", "[package\n");
    hotrun.wait_for_build("build-finished", 3);
    let wait = said(gated.project.path(), &["wait"]);
    assert!(wait.code == 1 && wait.stdout.contains("Cargo.toml:1:9"), "{wait:?}");
    gated.set_version("0.3.0");
    let wait = said(gated.project.path(), &["wait"]);
    assert_eq!(wait.code, 0, "{wait:?}");

    gated.shut();
    gated.set_version("0.4.0");
    let last = gated.asked();
    hotrun.signal(Signal::TERM);
    let (status, _) = hotrun.wait();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    all_end(last);
}

#[test]
fn a_toolchain_that_is_not_installed_is_a_failed_build() {
    let (project, home) = (Project::caller(), Home::new());
    if std::process::Command::new("rustup").arg("--version").output().is_err() {
        return skip("toolchains: rustup is not installed");
    }
    let mut hotrun = Hotrun::prepare(&project, &home, &[]).env_remove("RUSTUP_TOOLCHAIN").start();
    let mut running = home.call();
    hotrun.wait_for("ready");
    project.write("rust-toolchain.toml", "[toolchain]\nchannel = \"of-nobody\"\n");
    hotrun.wait_for_build("build-finished", 2);
    let said_of = hotrun.wait_said("build 2 failed");
    assert!(said_of.contains("error: custom toolchain 'of-nobody' specified in override file"), "{said_of}");
    let wait = said(project.path(), &["wait"]);
    assert!(wait.code == 1 && wait.stdout.contains("of-nobody"), "{wait:?}");
    assert!(running.ask().ends_with(" one"));
    fs::remove_file(project.join("rust-toolchain.toml")).unwrap();
    let wait = said(project.path(), &["wait"]);
    assert_eq!(wait.code, 0, "{wait:?}");
}
