//! The project is read beside everything else: what is asked about it holds nothing up, and ends with hotrun.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use rustix::process::Signal;

use super::edits::world::skip;
use super::endings::alive;
use super::support::{DEADLINE, Home, Hotrun, Person, Project, Reports, manifest, pause, said};

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

    /// Where the stub is found, and what it needs.
    fn environment(&self) -> [(&str, String); 3] {
        let path = format!("{}:{}", self.project.join("bin").display(), std::env::var("PATH").unwrap());
        let cargo = std::env::var("CARGO").expect("cargo runs the tests");
        [("PATH", path), ("REAL_CARGO", cargo), ("TEST_REPORT", self.reports.path().to_owned())]
    }

    fn start(&self, args: &[&str]) -> Hotrun {
        let start = Hotrun::prepare(&self.project, &self.home, args);
        self.environment().iter().fold(start, |start, (name, value)| start.env(name, value)).start()
    }

    /// hotrun at a terminal.
    fn person(&self) -> Person {
        let (environment, home) = (self.environment(), self.home.address.to_string());
        let mut env: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        env.push(("TEST_HOME", &home));
        Person::start_in(self.project.path(), &[env!("CARGO_BIN_EXE_hotrun"), "--offline"], &env)
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
        let mut hotrun = gated.start(&[]);
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
    let mut hotrun = gated.start(&[]);
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
fn keys_are_answered_while_the_project_is_read() {
    let gated = Gated::new();
    for (at, (last, signal)) in [("q", None), ("\x03", Some(libc::SIGINT))].into_iter().enumerate() {
        let mut person = gated.person();
        let mut running = gated.home.call();
        person.sees("Started");
        person.keys_are_read();
        gated.shut();
        gated.set_version(&format!("0.2.{at}"));
        let first = gated.asked();
        // The restart is the build's, as while any build runs.
        person.types("rh");
        person.sees("show the last errors");
        assert!(!running.has_ended());
        gated.open();
        running.wait_for_end();
        gated.home.call_of(&format!("0.2.{at}"));
        person.sees("Restarted");
        all_end(first);

        gated.shut();
        gated.set_version(&format!("0.3.{at}"));
        let second = gated.asked();
        person.types(last);
        assert_eq!(person.ended().signal(), signal);
        all_end(second);
        fs::remove_file(gated.project.join("bin/gate")).unwrap();
        assert!(gated.home.called().is_none(), "one restart");
    }
}

#[test]
fn a_program_gets_ready_while_the_project_is_read() {
    let gated = Gated::new();
    let text = fs::read_to_string(gated.project.join("src/main.rs")).unwrap();
    let ready = "Some((\"ready\", _)) => {
        let socket = std::os::unix::net::UnixDatagram::unbound().unwrap();
        socket.send_to(b\"READY=1\", std::env::var(\"NOTIFY_SOCKET\").unwrap()).unwrap();
    }
    _ =>";
    gated.project.write("src/main.rs", &text.replace("_ =>", ready));
    let mut hotrun = gated.start(&["--ready", "notify", "--ready-timeout", "10m"]);
    let mut running = gated.home.call();
    gated.shut();
    gated.set_version("0.2.0");
    let asked = gated.asked();
    running.tell("ready now");
    hotrun.wait_for_build("ready", 1);
    hotrun.signal(Signal::INT);
    let (status, _) = hotrun.wait();
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()));
    all_end(asked);
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
