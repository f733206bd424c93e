//! What each command answers, and its exit codes.

use serde_json::Value;

use super::{ask, wait};
use crate::support::{Home, Hotrun, Project, answering, finish, free_address, manifest};

#[test]
fn where_no_hotrun_runs() {
    let project = Project::caller();
    for name in ["status", "wait", "restart", "start", "stop"] {
        let said = ask(&project, &[name]);
        assert_eq!((said.code, &*said.stdout), (3, ""), "{name}: {said:?}");
        assert!(said.stderr.starts_with("error: no hotrun runs here, in `"), "{said:?}");
        assert!(said.stderr.contains("  hint: start it with `hotrun`"), "{said:?}");
        let said = ask(&project, &[name, "--json"]);
        let answer = said.json();
        assert_eq!((said.code, &*said.stderr), (3, ""), "{said:?}");
        assert_eq!((&answer["ok"], &answer["state"]), (&false.into(), &"none".into()), "{answer}");
        assert!(answer["reason"].as_str().unwrap().starts_with("no hotrun runs here"), "{answer}");
    }
    for wrong in [
        &["wait", "--timeout", "5"][..],
        &["wait", "--bogus"],
        &["status", "--timeout", "5s"],
        &["stop", "--now"],
    ] {
        let said = ask(&project, wrong);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.stderr.contains("error: "), "{said:?}");
    }
    assert_eq!(ask(&Project::empty(), &["--bin", "app", "wait"]).code, 3);
}

#[test]
fn a_life_by_commands_alone() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    hotrun.wait_for("build-started");
    let (code, answer) = wait(&project);
    assert_eq!(code, 0, "{answer}");
    let mut first = home.call();
    assert_eq!(
        (&answer["program"], &answer["running"]["pid"]),
        (&"app".into(), &first.pid.into()),
        "{answer}"
    );
    assert_eq!((&answer["running"]["build"], &answer["last-build"]["success"]), (&1.into(), &true.into()));
    assert_eq!(answer["hotrun"]["pid"], hotrun.pid());
    assert!(answer["live"].as_str().unwrap().ends_with("target/hotrun/live/debug/app"), "{answer}");
    assert!(answer["running"]["since"].as_str().unwrap().ends_with('Z'), "{answer}");

    let said = ask(&project, &["status"]);
    assert_eq!(said.code, 0);
    assert!(said.stdout.starts_with("     Running build 1 of `app` (pid "), "{said:?}");
    assert_eq!(ask(&project, &["status", "--json"]).json(), answer, "the same");
    let service = &answer["services"]["app"];
    assert_eq!(
        (&service["state"], &service["build"], &service["pid"]),
        (&"running".into(), &1.into(), &first.pid.into())
    );
    for command in ["status", "wait", "restart", "start", "stop"] {
        let said = ask(&project, &[command, "app", "ap"]);
        let expected = "error: no service is named `ap`\n  hint: hotrun runs `app`\n";
        assert_eq!((said.code, &*said.stdout, &*said.stderr), (2, "", expected), "{command}");
    }
    let said = ask(&project, &["wait", "ap", "--json"]);
    assert_eq!((said.code, said.json()["state"].as_str()), (2, Some("unknown")), "{said:?}");
    assert_eq!(ask(&project, &["wait", "app", "--json"]).json(), answer);

    // An edit saved before a restart is in it, and `wait` sees it through.
    project.set_version("two");
    let said = ask(&project, &["restart"]);
    assert_eq!((said.code, &*said.stdout, &*said.stderr), (0, "", ""));
    let (code, answer) = wait(&project);
    first.wait_for_end();
    let mut second = home.call_of("two");
    assert_eq!((code, &answer["running"]["pid"]), (0, &second.pid.into()), "{answer}");

    let said = ask(&project, &["stop"]);
    assert_eq!((said.code, &*said.stdout, &*said.stderr), (0, "", ""));
    second.wait_for_end();
    assert!(hotrun.wait_for_end().success());
    assert_eq!(ask(&project, &["stop"]).code, 3);
    assert_eq!(ask(&project, &["status", "--json"]).json()["state"], "none");
}

#[test]
fn a_service_is_stopped_and_started_by_its_name() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    hotrun.wait_for("ready");
    let mut first = home.call();
    let said = ask(&project, &["stop", "app", "--json"]);
    let answer = said.json();
    assert_eq!(
        (said.code, &answer["state"], &answer["running"]),
        (0, &"stopped".into(), &().into()),
        "{said:?}"
    );
    assert_eq!(answer["services"]["app"]["state"], "stopped", "{answer}");
    first.wait_for_end();

    // What is saved is built, and waits for its start.
    project.set_version("two");
    let (_, answer) = wait(&project);
    assert_eq!(
        (&answer["state"], &answer["last-build"]["build"]),
        (&"stopped".into(), &2.into()),
        "{answer}"
    );
    let said = ask(&project, &["start", "app"]);
    assert_eq!((said.code, &*said.stdout, &*said.stderr), (0, "", ""));
    let (code, answer) = wait(&project);
    assert_eq!((code, &answer["running"]["build"]), (0, &2.into()), "{answer}");
    let mut second = home.call_of("two");

    assert_eq!(ask(&project, &["stop", "app"]).code, 0);
    second.wait_for_end();
    assert_eq!(ask(&project, &["restart", "app"]).code, 0);
    assert_eq!(wait(&project).0, 0);
    let mut third = home.call_of("two");
    assert_eq!(ask(&project, &["stop"]).code, 0);
    third.wait_for_end();
    assert!(hotrun.wait_for_end().success());
}

#[test]
fn how_a_program_ends_is_what_is_answered() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    hotrun.wait_for("ready");
    home.call().tell("exit 0");
    hotrun.wait_for("process-exited");
    let (code, answer) = wait(&project);
    assert_eq!((code, &answer["state"], &answer["running"]), (0, &"exited".into(), &().into()), "{answer}");

    assert_eq!(ask(&project, &["restart"]).code, 0);
    assert_eq!(wait(&project).0, 0);
    home.call().tell("exit 7");
    hotrun.wait_for("process-exited");
    let (code, answer) = wait(&project);
    assert_eq!((code, &answer["state"]), (1, &"failed".into()), "{answer}");
    assert_eq!(answer["reason"], "the program (build 1) exited with code 7");
    assert_eq!((&answer["exit"]["build"], &answer["exit"]["code"]), (&1.into(), &7.into()), "{answer}");
    let output_is =
        |answer: &Value| answer["hint"].as_str().unwrap_or_default().starts_with("its output is ");
    assert!(output_is(&answer), "{answer}");

    // One that dies at its start is not called running, although it was started.
    project.write("src/main.rs", "fn main() { std::process::exit(101) }\n");
    let (code, answer) = wait(&project);
    assert_eq!((code, &answer["state"]), (1, &"failed".into()), "{answer}");
    assert!(
        answer["reason"].as_str().unwrap().starts_with("build 2 could not start: it exited with code 101"),
        "{answer}"
    );
    assert!(answer["exit"]["code"] == 101 && output_is(&answer), "{answer}");
    let said = ask(&project, &["status"]);
    assert!(
        said.stdout.contains("exited with code 101") && said.stdout.contains("its output is "),
        "{said:?}"
    );
}

#[test]
fn manual_updates_are_held_until_they_are_ordered() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &["--update", "manual"]);
    hotrun.wait_for("build-started");
    assert_eq!(wait(&project).0, 0);
    project.set_version("two");
    let (code, answer) = wait(&project);
    assert_eq!(
        (code, &answer["state"], &answer["running"]["build"]),
        (1, &"held".into(), &1.into()),
        "{answer}"
    );
    assert_eq!(answer["hint"], "`hotrun restart` runs it");
    project.set_version("three");
    assert_eq!(ask(&project, &["restart"]).code, 0);
    assert_eq!(wait(&project).0, 0);
    home.call_of("three");
}

/// A build that never ends by itself.
fn endless() -> Project {
    let project = Project::caller();
    let script = "fn main() { loop { std::thread::park(); } }\n";
    project.write("build.rs", script);
    project
}

#[test]
fn a_timeout_and_a_stop_while_building() {
    let (project, home) = (endless(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    hotrun.wait_for("build-started");
    let said = ask(&project, &["wait", "--timeout", "200ms"]);
    assert_eq!((said.code, &*said.stderr), (124, "error: timed out after 200ms: building\n"), "{said:?}");
    let said = ask(&project, &["wait", "--timeout", "1ms", "--json"]);
    assert_eq!((said.code, said.json()["state"].as_str()), (124, Some("timed-out")), "{said:?}");
    let said = ask(&project, &["status", "--json"]);
    assert_eq!(said.json()["state"], "building", "{said:?}");

    // Who waits hears that there is nothing to wait for any more.
    let waiting = answering(project.path(), &["wait"]).spawn().unwrap();
    let said = ask(&project, &["stop", "--json"]);
    assert_eq!((said.code, said.json()["state"].as_str()), (0, Some("stopped")), "{said:?}");
    let output = waiting.wait_with_output().unwrap();
    // It may have come to its question only when hotrun was gone.
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(hotrun.wait_for_end().success());
}

#[test]
fn two_programs_of_a_workspace() {
    let project = Project::empty();
    project
        .write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"api\", \"worker\", \"other\"]\n");
    let package = |name: &str| manifest(name).replace("\n[workspace]\n", "");
    for name in ["api", "worker", "other"] {
        project.write(&format!("{name}/Cargo.toml"), &package(name));
        project.write(&format!("{name}/src/main.rs"), &Project::caller_text(name));
    }
    let home = Home::new();
    let mut api = Hotrun::run(&project, &home, &["--bin", "api"]);
    api.wait_for("ready");
    let one = |words: &[&str]| ask(&project, &[words, &["--json"]].concat()).json();
    assert_eq!(one(&["wait"])["program"], "api", "there is only one");
    let mut worker = Hotrun::run(&project, &home, &["-p", "worker", "--bin", "worker"]);
    worker.wait_for("ready");

    let said = ask(&project, &["status"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(
        said.stderr,
        "error: several hotruns run here\n  hint: name one: `-p api --bin api`, `-p worker --bin worker`\n"
    );
    assert_eq!(one(&["status"])["state"], "several");
    assert_eq!(one(&["status", "--bin", "worker"])["program"], "worker");
    assert_eq!(one(&["-p", "api", "wait"])["program"], "api");
    assert_eq!(one(&["status", "--manifest-path", "worker/Cargo.toml"])["program"], "worker");
    assert_eq!(one(&["status", "-r"])["state"], "none");
    let in_folder = |folder: &str, words: &[&str]| finish(answering(&project.join(folder), words));
    assert_eq!(in_folder("api/src", &["status", "--json"]).json()["program"], "api");
    assert_eq!(in_folder("worker", &["status", "--json"]).json()["program"], "worker");
    // Nobody runs this one's program; but one that is named may be asked from here.
    let said = in_folder("other", &["wait"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("hint: those that run in this workspace: `-p api --bin api`, "), "{said:?}");
    assert_eq!(in_folder("other", &["status", "--bin", "api", "--json"]).json()["program"], "api");

    assert_eq!(in_folder("api", &["stop"]).code, 0);
    assert!(api.wait_for_end().success());
    assert_eq!(one(&["wait"])["program"], "worker", "the other goes on");
}

#[test]
fn a_config_that_cannot_be_in_force_is_not_running() {
    let (project, home) = (Project::caller(), Home::new());
    let hotrun = Hotrun::run(&project, &home, &[]);
    let call = home.call();
    project.write("hotrun.toml", "[run]\nupdat = \"overlap\"\n");
    let (code, answer) = wait(&project);
    let reason = answer["reason"].as_str().unwrap_or_default();
    assert_eq!((code, &answer["state"]), (1, &"failed".into()), "{answer}");
    assert!(reason.contains("hotrun.toml") && reason.contains("updat"), "{answer}");
    assert_eq!(answer["running"]["pid"], call.pid, "{answer}");
    project.write("hotrun.toml", "[run]\nenv = { A = \"b\" }\n");
    let (code, answer) = wait(&project);
    assert_eq!(code, 0, "{answer}");
    assert_ne!(answer["running"]["pid"], call.pid, "the edited environment is in force: {answer}");
    drop(hotrun);
}

#[test]
fn declared_readiness_that_never_comes_is_not_running() {
    let (project, home) = (Project::caller(), Home::new());
    let probe = format!("tcp:{}", free_address());
    let mut hotrun = Hotrun::run(&project, &home, &["--ready", &probe, "--ready-timeout", "300ms"]);
    hotrun.wait_for("build-started");
    // The process from before, which was waited for, and one that was not.
    for build in [1, 2] {
        let (code, answer) = wait(&project);
        let reason = answer["reason"].as_str().unwrap_or_default();
        assert_eq!((code, &answer["state"]), (1, &"failed".into()), "{answer}");
        assert!(reason.starts_with(&format!("build {build} runs but was not ready within ")), "{answer}");
        assert!(reason.contains(&format!("`{probe}` (`--ready`): connection refused")), "{answer}");
        assert_eq!(answer["running"]["build"], build, "{answer}");
        project.set_version("two");
    }
    assert!(hotrun.seen().iter().all(|event| event.kind() != "ready"));
}

#[test]
fn an_overlap_without_any_notify_restarts_and_says_so_once() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &["--update", "overlap", "--ready-timeout", "300ms"]);
    hotrun.wait_for("build-started");
    for version in ["two", "three"] {
        let (code, answer) = wait(&project);
        assert_eq!(code, 0, "nobody declared anything: {answer}");
        project.set_version(version);
    }
    home.call_of("three");
    assert_eq!(hotrun.stderr().matches("updates will restart instead of overlapping").count(), 1);
}
