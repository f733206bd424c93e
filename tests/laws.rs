//! The laws on a real cargo project with real processes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use super::programs::program;
use super::support::{EventLine, Home, Hotrun, Project, Workshop};

/// The project's program runs as version `one`.
fn running(args: &[&str]) -> (Project, Home, Hotrun, super::support::Call) {
    let project = Project::caller();
    let home = Home::new();
    let hotrun = Hotrun::run(&project, &home, args);
    let call = home.call_of("one");
    (project, home, hotrun, call)
}

#[test]
fn a_broken_edit_leaves_the_same_process_answering_and_a_good_one_replaces_it() {
    let (project, home, mut hotrun, mut one) = running(&[]);
    hotrun.wait_for("ready");
    let live = fs::metadata(project.live("app")).unwrap().ino();

    project.break_it();
    let failed = hotrun.wait_for("build-finished");
    assert_eq!(failed.0["success"], false);
    assert_eq!(failed.0["errors"], 1);
    assert_eq!(one.ask(), format!("{} one", one.pid));
    assert_eq!(fs::metadata(project.live("app")).unwrap().ino(), live);

    project.set_version("two");
    let two = home.call_of("two");
    one.wait_for_end();
    assert_ne!(two.pid, one.pid);
    let ready = hotrun.wait_for("ready");
    assert_eq!(ready.pid(), two.pid);
    let said = hotrun.wait_said("   Restarted in ");
    assert!(said.contains("build 2 failed (1 error); still running build 1, built "), "{said}");
    assert_eq!(said.matches("mismatched types").count(), 1, "{said}");
}

#[test]
fn a_first_build_that_is_broken_waits_and_recovers() {
    let project = Project::caller();
    project.break_it();
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    assert_eq!(hotrun.wait_for("build-finished").0["success"], false);
    project.set_version("two");
    home.call_of("two");
}

#[test]
fn reverting_an_edit_while_its_build_runs_restarts_nothing() {
    let (project, _home, mut hotrun, mut one) = running(&[]);
    hotrun.wait_for("ready");
    project.set_version("two");
    hotrun.wait_for_build("build-started", 2);
    project.set_version("one");
    hotrun.wait_for("unchanged");
    assert_eq!(one.ask(), format!("{} one", one.pid));
    assert!(!hotrun.seen().iter().any(|event| event.kind() == "stopping"));
}

#[test]
fn the_last_edit_wins_also_during_a_build() {
    let (project, home, mut hotrun, _one) = running(&[]);
    hotrun.wait_for("ready");
    project.set_version("two");
    hotrun.wait_for_build("build-started", 2);
    project.set_version("three");
    home.call_of("three");
}

#[test]
fn twenty_quick_saves_end_with_the_last_one_served() {
    let (project, home, mut hotrun, _one) = running(&[]);
    hotrun.wait_for("ready");
    for n in 0..20 {
        project.set_version(&format!("save {n}"));
        // A person who saves often, not a loop: let hotrun see the save. A build that starts after it has it without a word.
        if n % 4 == 3 {
            hotrun.wait_until("a seen save", |event| matches!(event.kind(), "changed" | "build-started"));
        }
    }
    let last_save = std::time::Instant::now();
    home.call_of("save 19");
    assert!(last_save.elapsed() < super::support::DEADLINE);
    hotrun.wait_for("ready");
    let events = hotrun.seen();
    assert_one_build_at_a_time(events);
}

/// L4, as the events tell it.
fn assert_one_build_at_a_time(events: &[EventLine]) {
    let mut current = None;
    for event in events {
        match event.kind() {
            "build-started" => assert_eq!(current.replace(event.build()), None, "two builds at once"),
            "build-finished" | "build-cancelled" => assert_eq!(current.take(), Some(event.build())),
            _ => {}
        }
    }
}

#[test]
fn the_live_path_can_be_executed_at_any_moment() {
    // The same program fifty times, each with another tail.
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read(program("app")).unwrap();
    let version = |number: usize| {
        let path = folder.path().join(number.to_string());
        fs::write(&path, [&text[..], number.to_string().as_bytes()].concat()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let workshop = Workshop::new(&version(0));
    let home = Home::new();
    let mut start = Hotrun::prepare(&workshop.project, &home, &["--", "quiet"]);
    workshop.equip(start.command());
    let mut hotrun = start.start();
    hotrun.wait_for("ready");
    let live = workshop.project.live("app");
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (live, stop, text) = (live.clone(), Arc::clone(&stop), text.clone());
        std::thread::spawn(move || {
            let mut runs = 0;
            while !stop.load(Ordering::Relaxed) {
                let status = Command::new(&live)
                    .args(["exit", "7"])
                    .status()
                    .unwrap_or_else(|error| panic!("run {runs}: {error}"));
                assert_eq!(status.code(), Some(7), "run {runs}");
                assert_eq!(fs::read(&live).unwrap()[..text.len()], text, "run {runs}");
                runs += 1;
            }
            runs
        })
    };
    for number in 1..=50 {
        workshop.build_gives(&version(number));
        hotrun.wait_for("process-started");
        assert!(fs::read(&live).unwrap().ends_with(number.to_string().as_bytes()));
    }
    stop.store(true, Ordering::Relaxed);
    let runs = reader.join().expect("the live path failed a reader");
    assert!(runs > 50, "{runs} runs");
}

#[test]
fn the_previous_binary_is_kept_and_the_same_binary_is_not_restarted() {
    let (project, home, mut hotrun, _one) = running(&[]);
    hotrun.wait_for("ready");
    let first = fs::read(project.live("app")).unwrap();
    project.set_version("two");
    let mut two = home.call_of("two");
    hotrun.wait_for("ready");
    assert_eq!(fs::read(project.live("app.previous")).unwrap(), first);

    // A comment does not change the binary where no debug information names lines after it.
    project.write("src/main.rs", &format!("{}\n// the end\n", Project::caller_text("two")));
    hotrun.wait_for("unchanged");
    assert_eq!(two.ask(), format!("{} two", two.pid));
    hotrun.wait_said("gave the same program, build 2 keeps running");
}

#[test]
fn cargo_clean_is_noticed_and_built_again_and_the_process_runs_on() {
    let (project, home, mut hotrun, mut one) = running(&[]);
    hotrun.wait_for("ready");
    let cleaned = Command::new("cargo").args(["clean", "-q"]).current_dir(project.path()).status().unwrap();
    assert!(cleaned.success());
    hotrun.wait_for_build("build-finished", 2);
    hotrun.wait_until("published or unchanged", |event| matches!(event.kind(), "published" | "unchanged"));
    assert!(project.live("app").exists());
    assert_eq!(one.ask(), format!("{} one", one.pid));
    project.set_version("two");
    home.call_of("two");
}

#[test]
fn a_restart_right_after_cargo_clean_builds_first() {
    let (project, home, mut hotrun, mut one) = running(&[]);
    hotrun.wait_for("ready");
    // A stopped hotrun does not build into the directory while the directory is removed.
    hotrun.signal(Signal::STOP);
    fs::remove_dir_all(project.join("target")).unwrap();
    // There is no terminal: it means `r`.
    hotrun.signal(Signal::HUP);
    hotrun.signal(Signal::CONT);
    hotrun.wait_for_build("build-started", 2);
    assert_eq!(one.ask(), format!("{} one", one.pid));
    let started = hotrun.wait_for("process-started");
    assert_eq!(home.call_of("one").pid, started.pid());
    one.wait_for_end();
    let kinds: Vec<&str> = hotrun.seen().iter().map(EventLine::kind).collect();
    let place = |kind: &str| kinds.iter().rposition(|seen| *seen == kind);
    assert!(place("build-finished") < place("stopping") && place("start-failed").is_none(), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "stopping").count(), 1, "{kinds:?}");
}

#[test]
fn only_the_target_directory_is_written_to() {
    let (project, home, mut hotrun, _one) = running(&[]);
    hotrun.wait_for("ready");
    project.set_version("two");
    home.call_of("two");
    let before = ["Cargo.toml", "src", "src/main.rs"].map(|file| modified(&project.join(file)));
    hotrun.signal(Signal::TERM);
    hotrun.wait();
    assert_eq!(before, ["Cargo.toml", "src", "src/main.rs"].map(|file| modified(&project.join(file))));
    let mut names: Vec<String> = fs::read_dir(project.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["Cargo.lock", "Cargo.toml", "src", "target"]);
    let targets: Vec<_> = fs::read_dir(project.join("target"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(targets, ["hotrun"]);
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path).unwrap().modified().unwrap()
}

#[test]
fn a_program_that_ends_is_said_and_run_again_by_a_change() {
    let (project, home, mut hotrun, mut one) = running(&[]);
    hotrun.wait_for("ready");
    one.tell("exit 7");
    let exited = hotrun.wait_for("process-exited");
    assert_eq!((exited.0["code"].as_i64(), exited.0["expected"].as_bool()), (Some(7), Some(false)));
    project.write("src/main.rs", &format!("{}\n// again\n", Project::caller_text("one")));
    home.call_of("one");
    hotrun.wait_said("     Crashed app exited with code 7 after ");
}

#[test]
fn hotrun_dies_of_the_signal_that_stopped_it_and_leaves_nothing() {
    use std::os::unix::process::ExitStatusExt;
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2)] {
        let (_project, home, mut hotrun, mut one) = running(&[]);
        hotrun.wait_for("ready");
        hotrun.signal(signal);
        let (status, _) = hotrun.wait();
        assert_eq!(status.signal(), Some(number));
        one.wait_for_end();
        assert!(home.silent_for(Duration::from_millis(50)));
    }
}

#[test]
fn a_second_hotrun_for_the_same_program_is_refused_with_the_pid_of_the_first() {
    let (project, home, mut hotrun, _one) = running(&[]);
    hotrun.wait_for("ready");
    let second = Command::new(env!("CARGO_BIN_EXE_hotrun"))
        .args(["--offline"])
        .current_dir(project.path())
        .env("TEST_HOME", home.address.to_string())
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains(&format!("pid {}", hotrun.pid())), "{said}");
}

#[test]
fn once_runs_to_the_end_of_the_program_and_gives_its_code() {
    let project = Project::caller();
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--once"]);
    home.call().tell("exit 7");
    let (status, _) = hotrun.wait();
    assert_eq!(status.code(), Some(7));

    project.break_it();
    let mut hotrun = Hotrun::run(&project, &home, &["--once"]);
    let (status, _) = hotrun.wait();
    assert_eq!(status.code(), Some(101));
}

#[test]
fn the_program_gets_what_its_build_script_set_as_under_cargo_run() {
    let project = Project::caller();
    project.write("build.rs", "fn main() { println!(\"cargo::rustc-env=ANSWER=42\"); }\n");
    let text = Project::caller_text("one").replace(
        "{VERSION}",
        "{VERSION} {} {} {}",
    ).replace(
        "std::process::id())",
        "std::process::id(), std::env::var(\"ANSWER\").unwrap(), std::env::var(\"CARGO_PKG_NAME\").unwrap(), std::env::var(\"OUT_DIR\").is_ok())",
    );
    project.write("src/main.rs", &text);
    let home = Home::new();
    let _hotrun = Hotrun::run(&project, &home, &[]);
    assert_eq!(home.call().version, "one 42 app true");
}
