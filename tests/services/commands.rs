//! Commands and tasks beside programs: their order, their failures, their ends.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;

use super::super::endings::alive;
use super::super::programs::program;
use super::super::support::{Home, Hotrun, Project, Reports, manifest};
use super::{count, wait_for, workspace};

/// A package without an edit to follow, and these services.
fn commands(services: &str) -> Project {
    let project = Project::empty();
    project.write("Cargo.toml", &manifest("app"));
    project.write("src/main.rs", "fn main() {}\n");
    project.write("hotrun.toml", services);
    project
}

#[test]
fn what_is_after_another_starts_when_that_is_ready_or_done() {
    let services = "
        [service.a]
        package = 'a'
        after = ['migrate']
        [service.migrate]
        command = 'grep -q good state'
        task = true
        inputs = ['state']
        after = ['db']
        [service.db]
        command = ['sleep', '1000']
        ready = '20ms'
    ";
    let (project, home) = (workspace(services), Home::new());
    project.write("state", "bad");
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    wait_for(&mut hotrun, "db", "ready");
    let exited = wait_for(&mut hotrun, "migrate", "process-exited");
    assert_eq!(exited.0["code"], 1);
    assert!(home.silent_for(Duration::from_millis(300)), "it is not started");

    project.write("state", "good");
    let mut call = home.call_of("a1-1");
    let order: Vec<String> = hotrun
        .seen()
        .iter()
        .filter(|event| event.kind() == "process-started")
        .map(|event| event.0["service"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, ["db", "migrate", "migrate", "a"]);

    // A task that fails later takes nothing away.
    project.write("state", "bad");
    wait_for(&mut hotrun, "migrate", "process-exited");
    assert_eq!(call.ask(), format!("{} a1-1", call.pid));
    hotrun.signal(Signal::TERM);
    call.wait_for_end();
    hotrun.wait();
}

#[test]
fn a_command_that_is_not_there_keeps_no_other_from_running() {
    let services = "
        [service.missing]
        command = ['no-such-program-anywhere']
        [service.there]
        command = 'exec sleep 1000'
    ";
    let (project, home) = (commands(services), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let started = wait_for(&mut hotrun, "there", "process-started");
    hotrun.wait_said("no program `no-such-program-anywhere` found on `PATH`");
    assert!(alive(started.pid().cast_signed()));
    hotrun.signal(Signal::TERM);
    hotrun.wait();
    assert!(!alive(started.pid().cast_signed()));
}

#[test]
fn a_tool_that_ends_with_its_stdin_lives_until_its_stop() {
    let services = "
        [service.tool]
        command = 'cat; echo done > ended'
        stop-signal = 'WINCH'
        [service.none]
        command = 'cat; echo done > null'
        stdin = 'null'
    ";
    let (project, home) = (commands(services), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    wait_for(&mut hotrun, "none", "process-exited");
    assert_eq!(count(&mut hotrun, "tool", "process-exited"), 0);
    hotrun.signal(Signal::TERM);
    hotrun.wait();
    assert_eq!(
        fs::read_to_string(project.join("ended")).unwrap(),
        "done\n",
        "its stdin was closed at the stop"
    );
}

#[test]
fn nothing_is_left_of_five_services_when_hotrun_is_killed() {
    let app = program("app");
    let one = |name: &str| format!("[service.{name}]\ncommand = [{app:?}, \"family\"]\n");
    let services: String = ["a", "b", "c", "d", "e"].into_iter().map(one).collect();
    let (project, home, reports) = (commands(&services), Home::new(), Reports::new());
    let mut hotrun = Hotrun::prepare(&project, &home, &[]).env("TEST_REPORT", reports.path()).start();
    // Each is three processes.
    let pids: Vec<i32> = (0..15).map(|_| reports.next().1).collect();
    assert!(pids.iter().all(|pid| alive(*pid)));
    hotrun.signal(Signal::KILL);
    hotrun.wait();
    let deadline = std::time::Instant::now() + super::super::support::DEADLINE;
    while pids.iter().any(|pid| alive(*pid)) {
        assert!(std::time::Instant::now() < deadline, "something is left");
        super::super::support::pause();
    }
}

#[test]
fn twenty_services_start_and_stop() {
    let one = |number: usize| {
        let after =
            if number.is_multiple_of(4) { String::new() } else { format!("after = ['s{}']\n", number - 1) };
        format!("[service.s{number}]\ncommand = 'exec sleep 1000'\n{after}")
    };
    let services: String = (0..20).map(one).collect();
    let (project, home) = (commands(&services), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut pids = Vec::new();
    while pids.len() < 20 {
        pids.push(hotrun.wait_for("process-started").pid().cast_signed());
    }
    hotrun.signal(Signal::TERM);
    let (status, _) = hotrun.wait();
    assert!(!status.success());
    assert!(!pids.iter().any(|pid| alive(*pid)));
    let ends: Vec<String> = hotrun
        .seen()
        .iter()
        .filter(|event| event.kind() == "process-exited")
        .map(|event| event.0["service"].as_str().unwrap().to_owned())
        .collect();
    let at = |name: &str| ends.iter().position(|end| end == name).unwrap();
    assert_eq!(ends.len(), 20);
    assert!(at("s3") < at("s2") && at("s2") < at("s1") && at("s1") < at("s0"), "{ends:?}");
}

#[test]
fn an_edit_right_after_the_first_run_of_a_task_runs_it_again() {
    let task = "[service.copy]\ncommand = 'cat word >> seen'\ntask = true\ninputs = ['word']\n";
    for _ in 0..5 {
        let (project, home) = (commands(task), Home::new());
        project.write("word", "one\n");
        let mut hotrun = Hotrun::run(&project, &home, &[]);
        wait_for(&mut hotrun, "copy", "process-exited");
        project.write("word", "two\n");
        wait_for(&mut hotrun, "copy", "process-exited");
        assert_eq!(fs::read_to_string(project.join("seen")).unwrap(), "one\ntwo\n");
    }
}
