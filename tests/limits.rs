//! hotrun at the limits of the system: what it cannot have is an error or a warning, and what runs runs on.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use super::programs::program;
use super::support::{Home, Hotrun, Reports, Workshop};

/// What makes hotrun another user's without taking a file away from it: the kernel does not limit the processes of root.
/// `None` where that is not permitted, and not needed for another user than root.
fn as_another_user() -> Option<Vec<String>> {
    if !rustix::process::getuid().is_root() {
        return Some(Vec::new());
    }
    // Nobody else's, not even another run's of these tests.
    let user = 100_000 + std::process::id() % 100_000;
    let words = [
        "setpriv".to_owned(),
        format!("--reuid={user}"),
        format!("--regid={user}"),
        "--clear-groups".to_owned(),
        "--inh-caps=-all,+dac_override".to_owned(),
        "--ambient-caps=+dac_override".to_owned(),
        "--bounding-set=-all,+dac_override".to_owned(),
    ];
    let done = Command::new(&words[0]).args(&words[1..]).arg("true").status();
    done.is_ok_and(|status| status.success()).then(|| words.into())
}

/// Sets the limit of a hotrun that was started by these words.
fn limit(by: &[&str], hotrun: &Hotrun, limit: &str) {
    let words: Vec<&str> = by.iter().copied().chain(["prlimit", limit, "--pid"]).collect();
    let done = Command::new(words[0]).args(&words[1..]).arg(hotrun.pid().to_string()).status();
    assert!(done.unwrap().success(), "{limit}");
}

/// The fixture as another binary.
fn app(workshop: &Workshop, version: &str) -> PathBuf {
    let path = workshop.project.join("bin").join(version);
    let mut text = fs::read(program("app")).unwrap();
    text.extend_from_slice(version.as_bytes());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn at_the_limit_of_processes_what_runs_runs_on() {
    let Some(by) = as_another_user() else { return };
    let by: Vec<&str> = by.iter().map(String::as_str).collect();
    let (workshop, home, reports) = (Workshop::new(&program("app")), Home::new(), Reports::new());
    // What this build ends with: hotrun can start nothing more, neither a thread nor a process.
    let stub = fs::read_to_string(workshop.project.join("bin/cargo")).unwrap();
    let limited = "grep -q limited src/main.rs && prlimit --pid $PPID --nproc=1:\ncat <<END";
    workshop.project.write("bin/cargo", &stub.replacen("cat <<END", limited, 1));
    let mut start = Hotrun::prepare_by(&by, &workshop.project, &home, &["--", "plain"]);
    workshop.equip(start.command());
    let mut hotrun = start.env("TEST_REPORT", reports.path()).start();
    let first = reports.wait_for("ready");
    hotrun.wait_for("ready");

    limit(&by, &hotrun, "--nproc=1:");
    workshop.build_gives(&app(&workshop, "b"));
    assert_eq!(hotrun.wait_for("build-finished").0["success"], false);
    hotrun.wait_said("raise the limit on them (`ulimit -u`)");
    assert!(super::endings::alive(first));

    limit(&by, &hotrun, "--nproc=4096:");
    workshop
        .project
        .write("src/main.rs", &format!("// use: {}\n// limited\n", app(&workshop, "c").display()));
    hotrun.wait_for("published");
    let failed = hotrun.wait_for("start-failed");
    assert!(failed.0["reason"].as_str().unwrap().contains("could not start"), "{failed:?}");

    limit(&by, &hotrun, "--nproc=4096:");
    hotrun.signal(Signal::HUP);
    reports.wait_for("ready");
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}

#[test]
fn a_start_with_few_processes_ends_with_an_error_or_runs() {
    let Some(by) = as_another_user().filter(|by| !by.is_empty()) else { return };
    let home = Home::new();
    let workshop = Workshop::new(&program("app"));
    for most in 1..9 {
        let limited = format!("--nproc={most}");
        let by: Vec<&str> = ["prlimit", &limited].into_iter().chain(by.iter().map(String::as_str)).collect();
        let mut start =
            Hotrun::prepare_by(&by, &workshop.project, &home, &["--on-exit", "exit", "--", "exit", "0"]);
        workshop.equip(start.command());
        let mut hotrun = start.start();
        hotrun.wait_for_end();
        let said = hotrun.stderr();
        // rustc panics where it gets no thread.
        let panics = said.lines().filter(|line| line.contains("panicked") && !line.contains("'rustc'"));
        assert_eq!(panics.count(), 0, "{most} processes:\n{said}");
    }
}

#[test]
fn without_descriptors_or_room_for_files_what_runs_runs_on_and_a_stop_is_complete() {
    let (workshop, home, reports) = (Workshop::new(&program("app")), Home::new(), Reports::new());
    let log = workshop.project.join("target/log");
    let log = ["--log", log.to_str().unwrap(), "--stop-timeout", "200ms", "--", "family"];
    let mut start = Hotrun::prepare(&workshop.project, &home, &log);
    workshop.equip(start.command());
    let mut hotrun = start.env("TEST_REPORT", reports.path()).start();
    let first: Vec<i32> = (0..3).map(|_| reports.next().1).collect();
    hotrun.wait_for("ready");

    // Whatever is written to a file is too much, so SIGXFSZ comes (setrlimit(2)).
    limit(&[], &hotrun, "--fsize=0:");
    // The limit is one on numbers: all below this one are taken.
    let open = |fd: &i32| PathBuf::from(format!("/proc/{}/fd/{fd}", hotrun.pid())).exists();
    let free = (0..1024).find(|fd| !open(fd)).unwrap();
    limit(&[], &hotrun, &format!("--nofile={free}:"));
    workshop.build_gives(&app(&workshop, "b"));
    assert_eq!(hotrun.wait_for("build-finished").0["success"], false);
    hotrun.wait_said("raise the limit on open files (`ulimit -n`)");
    assert!(first.iter().all(|&pid| super::endings::alive(pid)));

    hotrun.signal(Signal::HUP);
    hotrun.wait_for("start-failed");
    assert!(!first.iter().any(|&pid| super::endings::alive(pid)), "{first:?}");

    limit(&[], &hotrun, "--nofile=1024:");
    limit(&[], &hotrun, "--fsize=unlimited:");
    workshop.build_gives(&app(&workshop, "c"));
    hotrun.wait_for("published");
    reports.wait_for("ready");
}
