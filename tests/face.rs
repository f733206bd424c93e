//! What a real hotrun shows: to an editor that reads its lines with patterns, in a pipe, with `-q`, by both names.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;
use serde_json::Value;

use super::readme::json_block;
use super::support::{Home, Hotrun, Project};

const IDLE: &str = "fn main() {\n    loop {\n        std::thread::park();\n    }\n}\n";

fn idle(first_line: &str) -> String {
    IDLE.replace("{\n    loop", &format!("{{\n    {first_line}\n    loop"))
}

/// A pattern of the README's VS Code task.
fn pattern(of: &Value) -> Regex {
    Regex::new(of.as_str().unwrap()).unwrap()
}

#[test]
fn the_problem_matcher_of_the_readme_reads_every_build() {
    let matcher = &json_block("problemMatcher")["tasks"][0]["problemMatcher"];
    let begins = pattern(&matcher["background"]["beginsPattern"]);
    let ends = pattern(&matcher["background"]["endsPattern"]);
    let problem = pattern(&matcher["pattern"][0]["regexp"]);
    let place = pattern(&matcher["pattern"][1]["regexp"]);

    let (project, home) = (Project::caller(), Home::new());
    project.write("src/main.rs", &idle(""));
    let mut hotrun = Hotrun::run(&project, &home, &["-v"]);
    hotrun.wait_said("Started build 1");
    project.write("src/main.rs", &idle("let unused = 1;"));
    hotrun.wait_said("Restarted build 2");
    project.write("src/main.rs", &idle("let broken: u32 = \"\";"));
    hotrun.wait_said("error: build 3 failed");
    project.write("src/main.rs", &idle("let unused = 1;"));
    hotrun.wait_said("Unchanged: build 4");
    hotrun.signal(rustix::process::Signal::TERM);
    let (_, said) = hotrun.wait();

    let lines: Vec<&str> = said.lines().collect();
    let builds: Vec<bool> = lines
        .iter()
        .filter(|line| begins.is_match(line) || ends.is_match(line))
        .map(|line| begins.is_match(line))
        .collect();
    assert_eq!(builds, [true, false].repeat(4), "each build has a beginning and an end:\n{said}");
    let problems: Vec<(&str, &str, &str)> = lines
        .windows(2)
        .filter_map(|pair| {
            let (what, at) = (problem.captures(pair[0])?, place.captures(pair[1])?);
            Some((what.get(1).unwrap().as_str(), at.get(1).unwrap().as_str(), at.get(2).unwrap().as_str()))
        })
        .collect();
    // The warning of build 2 is repeated in build 4: a matcher forgets it with each build.
    let warning = ("warning", "src/main.rs", "2");
    assert_eq!(problems, [warning, ("error", "src/main.rs", "2"), warning], "{said}");
    assert!(said.contains("warning: 1 warning in build 2\n"), "{said}");
    assert!(said.contains("warning: 1 warning in build 4\n"), "{said}");
    assert!(!said.contains('\x1b'), "no escape sequences in a pipe: {said:?}");
}

#[test]
fn a_crash_is_said_with_quiet_and_nothing_else_is() {
    let (project, home) = (Project::caller(), Home::new());
    project.write("src/main.rs", "fn main() {\n    std::process::abort();\n}\n");
    let mut hotrun = Hotrun::run(&project, &home, &["-q"]);
    hotrun.wait_said(" was killed by SIGABRT after ");
    project.write("src/main.rs", &idle("let unused = 1;"));
    hotrun.wait_said("unused variable");
    hotrun.wait_for_build("ready", 2);
    project.write("src/main.rs", &idle("let unused = 2;"));
    hotrun.wait_for_build("ready", 3);
    hotrun.signal(rustix::process::Signal::TERM);
    let (_, said) = hotrun.wait();
    assert!(
        !said.contains("Building") && !said.contains("Restarted") && !said.contains("1 warning in build"),
        "{said}"
    );
}

/// Runs a command once in the project; gives its exit code and what it said on both channels.
fn once(project: &Project, command: &mut Command) -> (Option<i32>, String, String) {
    let output = command
        .current_dir(project.path())
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn both_names_do_the_same_and_once_waits_for_nothing() {
    let project = Project::empty();
    project.write("Cargo.toml", &super::support::manifest("app"));
    project.write("src/main.rs", "fn main() {\n    println!(\"hello\");\n    std::process::exit(7);\n}\n");
    let direct = Path::new(env!("CARGO_BIN_EXE_hotrun"));
    let by_cargo = Path::new(env!("CARGO_BIN_EXE_cargo-hotrun"));
    let path = std::env::join_paths(
        std::iter::once(by_cargo.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let mut cargo = Command::new("cargo");
    cargo.env("PATH", path).arg("hotrun");
    let mut by_hand = Command::new(by_cargo);
    by_hand.arg("hotrun");
    for mut command in [Command::new(direct), by_hand, cargo] {
        let (code, stdout, stderr) = once(&project, command.args(["--offline", "--once"]));
        assert_eq!((code, stdout.as_str()), (Some(7), "hello\n"), "{command:?}: {stderr}");
        assert!(
            stderr.contains("    Building #1\n") && stderr.contains("     Started build 1 in "),
            "{stderr}"
        );
        assert!(stderr.contains("     Crashed app exited with code 7 after "), "{stderr}");
    }
    project.break_it();
    let (code, stdout, stderr) = once(&project, Command::new(direct).args(["--offline", "--once"]));
    assert_eq!((code, stdout.as_str()), (Some(101), ""));
    assert!(stderr.ends_with("error: build 1 failed (1 error)\n"), "{stderr}");
}

#[test]
fn the_log_is_plain_whatever_the_colours_are() {
    let project = Project::empty();
    project.write("Cargo.toml", &super::support::manifest("app"));
    project.write("src/main.rs", "fn main() {\n    let unused = 1;\n}\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotrun"));
    command.args(["--offline", "--once", "--log", "log"]).env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
    let (_, _, stderr) = once(&project, &mut command);
    assert!(stderr.contains("\x1b[1m\x1b[92m     Started\x1b[0m build 1"), "{stderr:?}");
    let log = fs::read_to_string(project.join("log")).unwrap();
    assert!(!log.contains('\x1b') && log.contains("     Started build 1"), "{log:?}");
    assert!(log.contains("warning: unused variable: `unused`\n --> src/main.rs:2:9\n"), "{log}");
}
