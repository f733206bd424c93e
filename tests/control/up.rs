//! `hotrun up`: one command starts a hotrun in the background, or waits for the one that runs.

use std::fs;
use std::process::Stdio;

use super::{ask, wait};
use crate::support::{Home, Hotrun, Project, Said, answering, finish};

/// A hotrun in the background ends with its project.
struct Place {
    project: Project,
    home: Home,
}

impl Place {
    fn new() -> Self {
        Self { project: Project::caller(), home: Home::new() }
    }

    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = answering(self.project.path(), &[&["up"], words].concat());
        command.env("TEST_HOME", self.home.address.to_string()).env("CARGO_NET_OFFLINE", "true");
        command
    }

    fn up(&self, words: &[&str]) -> Said {
        finish(self.command(words))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.project.join("target/hotrun/hotrun.log")).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for words in [&["stop"][..], &["stop", "--release"]] {
            let _ = answering(self.project.path(), words).status();
        }
    }
}

#[test]
fn it_outlives_the_shell_and_stop_ends_all_of_it() {
    let place = Place::new();
    // The shell has a session that ends with it, and a descriptor that nobody may keep open.
    let mut command = answering(place.project.path(), &[]);
    let up = format!("{} up --json --timeout 2m", command.get_program().display());
    let mut shell = std::process::Command::new("setsid");
    shell.args(["sh", "-c", &format!("exec 9>&1; {up}")]).current_dir(place.project.path());
    shell.env("TEST_HOME", place.home.address.to_string()).env("CARGO_NET_OFFLINE", "true");
    shell.env_remove("CARGO_TARGET_DIR");
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command = shell;
    let said = finish(command);
    let answer = said.json();
    assert_eq!((said.code, &*said.stderr, &answer["state"]), (0, "", &"running".into()), "{said:?}");
    let mut first = place.home.call();
    assert_eq!(answer["running"]["pid"], first.pid);
    assert!(place.log().contains("Started build 1"), "{}", place.log());

    // It follows edits, and another `up` waits for it.
    place.project.set_version("two");
    let said = place.up(&[]);
    assert_eq!((said.code, &*said.stderr), (0, ""), "{said:?}");
    assert!(said.stdout.starts_with("     Running build 2 (pid "), "{said:?}");
    first.wait_for_end();
    let mut second = place.home.call_of("two");
    let said = place.up(&["--release", "--json", "--bin", "app"]);
    assert_ne!(said.json()["hotrun"]["pid"], answer["hotrun"]["pid"], "{said:?}");
    let mut release = place.home.call();
    assert_eq!(ask(&place.project, &["stop", "--release"]).code, 0);
    release.wait_for_end();
    let said = place.up(&["--update", "overlap"]);
    let pid = &answer["hotrun"]["pid"];
    assert_eq!(
        said.stderr,
        format!("note: hotrun (pid {pid}) runs already, with the options it was started with\n")
    );

    assert_eq!(ask(&place.project, &["stop"]).code, 0);
    second.wait_for_end();
    assert_eq!(ask(&place.project, &["wait"]).code, 3);
    // The log is that of the last start.
    place.project.break_it();
    let said = place.up(&[]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("E0308") && said.stdout.contains("error: build 1 failed"), "{said:?}");
    assert!(!place.log().contains("Started build"), "{}", place.log());
    place.project.set_version("three");
    assert_eq!(wait(&place.project).0, 0);
    place.home.call_of("three");
}

#[test]
fn of_two_at_once_one_starts_and_both_wait() {
    let place = Place::new();
    let calls =
        [place.command(&["--json"]), place.command(&["--json"])].map(|mut command| command.spawn().unwrap());
    let answers = calls.map(|call| {
        let output = call.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(stderr, "");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    });
    assert_eq!(answers[0]["hotrun"], answers[1]["hotrun"]);
    place.home.call();
    assert!(place.home.called().is_none());
}

#[test]
fn a_start_that_fails_is_told_in_its_own_words() {
    let place = Place::new();
    place.project.write("hotrun.toml", "[run]\nlisen = [\"3000\"]\n");
    let said = place.up(&[]);
    assert_eq!((said.code, &*said.stdout), (2, ""), "{said:?}");
    assert_eq!(said.stderr, ask(&place.project, &[]).stderr);
    let said = place.up(&["--json"]);
    let answer = said.json();
    assert_eq!((said.code, &*said.stderr, &answer["state"]), (2, "", &"none".into()), "{said:?}");
    assert!(answer["reason"].as_str().unwrap().contains("lisen"), "{answer}");
    assert!(answer["hint"].as_str().unwrap().contains("listen"), "{answer}");

    let said = finish(answering(Project::empty().path(), &["up"]));
    assert_eq!((said.code, &*said.stdout), (1, ""), "{said:?}");
    assert!(said.stderr.contains("`Cargo.toml`"), "{said:?}");
    assert_eq!(place.up(&["--timeout", "soon"]).code, 2);
}

#[test]
fn a_crash_at_the_start_is_told_with_its_last_words() {
    let place = Place::new();
    place.project.write("src/main.rs", "fn main() { panic!(\"no database\") }\n");
    let said = place.up(&["--json"]);
    let answer = said.json();
    assert_eq!((said.code, &answer["state"], &answer["exit"]["code"]), (1, &"failed".into(), &101.into()));
    let last = answer["exit"]["last-lines"].to_string();
    assert!(last.contains("panicked at src/main.rs") && last.contains("no database"), "{answer}");
    assert_eq!(answer["stderr"], serde_json::Value::Null, "{answer}");
    for words in [&["wait"][..], &["up"], &["logs"]] {
        let said = ask(&place.project, words);
        assert!(said.stdout.contains("no database"), "{words:?}: {said:?}");
    }
    // It is kept, and fills no file.
    assert!(!place.log().contains("no database"), "{}", place.log());
}

#[test]
fn it_waits_for_one_that_was_started_otherwise() {
    let place = Place::new();
    let mut hotrun = Hotrun::run(&place.project, &place.home, &[]);
    hotrun.wait_for("build-started");
    let said = place.up(&["--json"]);
    assert_eq!((said.code, &said.json()["hotrun"]["pid"]), (0, &hotrun.pid().into()), "{said:?}");
    assert_eq!(place.log(), "");
}

#[test]
fn a_timeout_leaves_it_running() {
    let place = Place::new();
    place.project.write("build.rs", "fn main() { loop { std::thread::park(); } }\n");
    let said = place.up(&["--timeout", "2s", "--json"]);
    assert_eq!((said.code, said.json()["state"].as_str()), (124, Some("timed-out")), "{said:?}");
    fs::remove_file(place.project.join("build.rs")).unwrap();
    // Whether or not it had its socket by then.
    assert_eq!(place.up(&[]).code, 0);
    place.home.call();
}
