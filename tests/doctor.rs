//! `hotrun doctor`: each finding provoked for real, and the exit code that goes with it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::edits::world::skip;
use super::support::{Home, Hotrun, Project, Said, answering, finish, said};

/// What the doctor found, by its exit code and its JSON.
struct Examined {
    code: i32,
    document: Value,
}

impl Examined {
    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.document["findings"].as_array().unwrap().iter()
    }

    /// The message of the one finding of this check and level.
    #[track_caller]
    fn has(&self, check: &str, level: &str) -> &str {
        let found = self.findings().find(|it| it["check"] == check && it["level"] == level);
        let found = found.unwrap_or_else(|| panic!("no {level} on {check} in {:#}", self.document));
        if ["warning", "error"].contains(&level) {
            assert!(found["hint"].is_string(), "no remedy: {found}");
        }
        found["message"].as_str().unwrap()
    }

    #[track_caller]
    fn lacks(&self, check: &str) {
        let found = self.findings().find(|it| it["check"] == check);
        assert!(found.is_none(), "{found:?}");
    }
}

fn examine(project: &Project, args: &[&str]) -> Examined {
    examine_with(project, args, |_| {})
}

#[track_caller]
fn examine_with(project: &Project, args: &[&str], change: impl FnOnce(&mut Command)) -> Examined {
    let Said { code, stdout, stderr } = {
        let mut command = answering(project.path(), &[&["doctor", "--json"], args].concat());
        change(&mut command);
        finish(command)
    };
    assert_eq!(stderr, "");
    let document: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    assert_eq!(document["schema"], 1);
    let error = document["findings"].as_array().unwrap().iter().any(|it| it["level"] == "error");
    assert_eq!(code, i32::from(error), "{document:#}");
    Examined { code, document }
}

#[test]
fn a_project_that_is_well() {
    let project = Project::caller();
    let well = examine(&project, &[]);
    assert_eq!(well.code, 0);
    for check in ["cargo", "project", "settings", "watching", "target", "compiler"] {
        well.has(check, "ok");
    }
    assert!(well.has("project", "ok").contains("`app`"));
    for check in ["incremental", "running", "runner", "listen"] {
        well.lacks(check);
    }
    assert!(!project.join("target").exists(), "it writes nothing");

    let Said { code, stdout, stderr } = said(project.path(), &["doctor"]);
    assert_eq!((code, &*stderr), (0, ""));
    assert!(stdout.contains("\n          Ok project: binary `app` of package `app`\n"), "{stdout}");
    assert!(stdout.lines().last().unwrap().starts_with("    Finished "), "{stdout}");
    assert!(!stdout.contains('\x1b'), "no colours in a pipe");
    let coloured = said(project.path(), &["doctor", "--color", "always"]).stdout;
    assert!(coloured.contains("\x1b[92m"), "{coloured}");
}

#[test]
fn no_cargo() {
    let project = Project::caller();
    let ill = examine_with(&project, &[], |command| {
        command.env("PATH", project.path()).env("HOME", project.path()).env_remove("CARGO_HOME");
    });
    assert!(ill.has("cargo", "error").contains("PATH"));
}

/// A cargo that is older than it says it is, or broken.
fn with_cargo(project: &Project, script: &str) -> impl FnOnce(&mut Command) {
    project.write("bin/cargo", &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(project.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap());
    move |command| {
        command.env("PATH", path).env("REAL_CARGO", std::env::var_os("CARGO").unwrap());
    }
}

#[test]
fn a_cargo_that_is_broken() {
    let project = Project::caller();
    let broken = "echo 'error: toolchain is gone' >&2; exit 1";
    let found = examine_with(&project, &[], with_cargo(&project, broken));
    assert!(found.has("cargo", "error").contains("toolchain is gone"));
}

#[test]
fn what_is_wrong_with_the_project_is_said_in_its_own_words() {
    let project = Project::caller();
    project.write("hotrun.toml", "[run]\n\nstop-timeot = \"5s\"\n");
    let found = examine(&project, &[]);
    assert!(found.has("settings", "error").contains("`hotrun.toml`, line 3"));
    fs::remove_file(project.join("hotrun.toml")).unwrap();
    project.write("src/bin/other.rs", "fn main() {}");
    let found = examine(&project, &[]);
    assert!(found.has("project", "error").contains("2 binaries"));
    examine(&project, &["--bin", "other"]).has("project", "ok");
    let found = examine(&Project::empty(), &[]);
    assert!(found.has("project", "error").contains("Cargo.toml"));
}

#[test]
fn incremental_compilation_that_is_off() {
    let project = Project::caller();
    let by_environment = |command: &mut Command| {
        command.env("CARGO_INCREMENTAL", "0");
    };
    let found = examine_with(&project, &[], by_environment);
    assert!(found.has("incremental", "warning").contains("`CARGO_INCREMENTAL`"));
    assert_eq!(found.code, 0, "warnings are no errors");
}

#[test]
fn a_linker_a_target_and_a_runner_that_are_missing() {
    let project = Project::caller();
    // The file, what the doctor is told, the check, and words of what it finds.
    let table: [(&str, &[&str], &str, &str); 5] = [
        ("[target.'cfg(all())']\nlinker = 'no-such-linker'\n", &[], "compiler", "`no-such-linker` not found"),
        ("[build]\nrustflags = ['-Clink-arg=-fuse-ld=no-such']\n", &[], "compiler", "no-such"),
        ("[build]\nrustc-wrapper = 'no-such-wrapper'\n", &[], "compiler", "no-such-wrapper"),
        ("", &["--target", "sparc64-unknown-openbsd"], "compiler", "`std`"),
        ("[target.'cfg(all())']\nrunner = 'no-such-runner -x'\n", &[], "runner", "`no-such-runner`"),
    ];
    for (config, args, check, words) in table {
        project.write(".cargo/config.toml", config);
        let found = examine(&project, args);
        assert!(found.has(check, "error").contains(words), "{:#}", found.document);
        assert!(!project.join("target").exists(), "it builds elsewhere");
    }
    project.write(".cargo/config.toml", "[target.'cfg(all())']\nrunner = 'env A=1'\n");
    let found = examine(&project, &[]);
    found.has("runner", "ok");
    found.has("compiler", "ok");
}

#[test]
fn a_target_directory_that_cannot_be_used() {
    let project = Project::caller();
    project.write("target", "");
    examine(&project, &[]).has("target", "error");
}

#[test]
fn sockets_are_tried_and_left_as_they_were() {
    let project = Project::caller();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap().to_string();
    let found = examine(&project, &["--listen", &address]);
    assert!(found.has("listen", "error").contains(&address));
    if cfg!(target_os = "linux") {
        assert!(found.has("listen", "error").contains(&std::process::id().to_string()));
    }
    drop(held);
    let found = examine(&project, &["--listen", "unix:target.sock", "--listen", "127.0.0.1:0"]);
    found.has("listen", "ok");
    assert!(!project.join("target.sock").exists());
}

#[test]
fn files_of_the_future() {
    let project = Project::caller();
    let file = fs::File::options().write(true).open(project.join("src/main.rs")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_hours(1)).unwrap();
    let found = examine(&project, &[]);
    assert!(found.has("clock", "warning").contains("src/main.rs"));
}

#[test]
#[cfg(target_os = "linux")]
fn limits_that_are_too_low() {
    // A user namespace has limits of its own, where one may be made.
    let set =
        "for limit in watches instances; do echo 1 > /proc/sys/user/max_inotify_$limit; done && exec \"$@\"";
    let allowed = Command::new("unshare").args(["-Ur", "sh", "-c", set, "sh", "true"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        return skip("low limits: no user namespaces here");
    }
    let project = Project::caller();
    let output = Command::new("unshare")
        .args(["-Ur", "sh", "-c", set, "sh", env!("CARGO_BIN_EXE_hotrun"), "doctor"])
        .current_dir(project.path())
        .env_remove("CARGO_TARGET_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Warning watching: "), "{said}");
    assert!(said.contains("hint: raise the limit with `sudo sysctl fs.inotify.max_user_watches"), "{said}");
}

#[test]
fn a_hotrun_that_runs_here_and_where_its_last_build_went() {
    let project = Project::caller();
    let home = Home::new();
    // A port that was free a moment ago may be another's by now: hotrun says which one it has.
    let mut hotrun = Hotrun::run(&project, &home, &["--listen", "127.0.0.1:0"]);
    hotrun.wait_for("ready");
    let status: Value = serde_json::from_str(&said(project.path(), &["status", "--json"]).stdout).unwrap();
    let address = status["listening"][0].as_str().unwrap().trim_start_matches("http://").to_owned();
    home.call_of("one");
    project.set_version("two");
    hotrun.wait_for_build("ready", 2);
    home.call_of("two");
    // What was taken down is written after the event is.
    hotrun.signal(rustix::process::Signal::HUP);
    hotrun.wait_for("ready");
    let found = examine(&project, &["--listen", &address]);
    assert!(found.has("running", "note").contains(&hotrun.pid().to_string()));
    assert!(found.has("listen", "ok").contains("runs here"));
    let last = &found.document["last-build"];
    assert_eq!((&last["program"], &last["outcome"]), (&Value::from("app"), &Value::from("ready")));
    let parts: Vec<&str> =
        last["parts"].as_array().unwrap().iter().map(|part| part[0].as_str().unwrap()).collect();
    assert_eq!(parts, ["seen", "waited", "cargo", "published", "restarted", "ready"]);
    let whole = said(project.path(), &["doctor", "-v"]).stdout;
    assert!(whole.contains("Ok last-build: build 2 was ready "), "{whole}");
    let brief = said(project.path(), &["doctor"]).stdout;
    assert!(!brief.contains("last-build"), "{brief}");
    drop(hotrun);
    examine(&project, &[]).lacks("running");
}
