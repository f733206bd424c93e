//! L9: bad input gets one clear error that names the thing, the place and a way out, and the right exit code.

use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::support::{DEADLINE, Project};

/// Runs hotrun with no terminal and nothing to wait for; gives its exit code and what it said.
fn hotrun(project: &Project, args: &[&str]) -> (Option<i32>, String) {
    hotrun_with(project, args, |_| {})
}

fn hotrun_with(project: &Project, args: &[&str], change: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotrun"));
    command.args(args).current_dir(project.path()).env_remove("CARGO_TARGET_DIR").stdin(Stdio::null());
    change(&mut command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended
        .recv_timeout(DEADLINE)
        .map_err(|_| kill_process(pid, Signal::TERM))
        .expect("it runs on")
        .unwrap();
    assert!(output.stdout.is_empty(), "errors go to stderr");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// The exit code, and words that must all be in the one message.
#[track_caller]
fn expect(got: (Option<i32>, String), code: i32, words: &[&str]) {
    let (status, said) = got;
    assert_eq!(status, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in:\n{said}");
    }
    assert_eq!(said.matches("error:").count(), 1, "one error:\n{said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn with_bins(names: &[&str]) -> Project {
    let project = Project::caller();
    std::fs::remove_file(project.join("src/main.rs")).unwrap();
    project.write("src/lib.rs", "");
    for name in names {
        project.write(&format!("src/bin/{name}.rs"), "fn main() {}\n");
    }
    project
}

#[test]
fn a_project_that_cannot_be_run() {
    expect(hotrun(&Project::empty(), &[]), 1, &["`Cargo.toml`"]);

    let broken = Project::caller();
    broken.write("Cargo.toml", "[package]\nname = \n");
    expect(hotrun(&broken, &[]), 2, &["`Cargo.toml`, line 2"]);

    expect(hotrun(&with_bins(&[]), &[]), 1, &["no binary"]);
    expect(hotrun(&with_bins(&["api", "worker"]), &[]), 2, &["api", "worker", "--bin"]);
    expect(hotrun(&with_bins(&["api"]), &["--bin", "apy"]), 2, &["apy", "api"]);
    expect(hotrun(&with_bins(&["api"]), &["-p", "shop"]), 2, &["shop"]);
    expect(hotrun(&with_bins(&["api"]), &["--example", "tour"]), 2, &["tour"]);
}

#[test]
fn a_command_line_that_makes_no_sense() {
    let project = Project::caller();
    let table: &[(&[&str], &[&str])] = &[
        (&["--debounce", "soon"], &["soon", "20ms"]),
        (&["--stop-signal", "SIGSTOPPED"], &["SIGSTOPPED"]),
        (&["--listen", ":3000"], &[":3000", "0.0.0.0:3000"]),
        (&["--listen", "nowhere:99999"], &["nowhere:99999"]),
        (&["--config-file", "none.toml"], &["none.toml"]),
        (&["--env-file", "none.env"], &["none.env"]),
        (&["--message-format", "json"], &["--message-format"]),
        (&["input.txt"], &["input.txt", "-- input.txt"]),
        (&["-x", "run"], &["-x"]),
        (&["test"], &["test"]),
        (&["+nightly"], &["cargo +nightly hotrun"]),
        (&["--no-such-option"], &["--no-such-option"]),
    ];
    for (args, words) in table {
        expect(hotrun(&project, args), 2, words);
    }
}

#[test]
fn a_config_that_makes_no_sense() {
    let table: &[(&str, &[&str])] = &[
        ("[run]\nstop-timeot = \"5s\"\n", &["stop-timeot", "`hotrun.toml`, line 2", "stop-timeout"]),
        ("[watch]\n\ndebounce = \"soon\"\n", &["soon", "`hotrun.toml`, line 3"]),
        ("[run]\nlisten = [\":3000\"]\n", &[":3000", "`hotrun.toml`, line 2"]),
        ("[run]\nstop-signal = \"SIGNOPE\"\n", &["SIGNOPE", "`hotrun.toml`, line 2"]),
        ("[run\n", &["`hotrun.toml`, line 1"]),
        ("[proxy]\n", &["proxy"]),
    ];
    for (text, words) in table {
        let project = Project::caller();
        project.write("hotrun.toml", text);
        expect(hotrun(&project, &[]), 2, words);
    }
    let project = Project::caller();
    let mut manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    manifest.push_str("\n[package.metadata.hotrun.run]\nredy = \"notify\"\n");
    project.write("Cargo.toml", &manifest);
    expect(hotrun(&project, &[]), 2, &["redy", "ready", "Cargo.toml"]);
}

#[test]
fn no_cargo_on_the_path() {
    let project = Project::caller();
    let got = hotrun_with(&project, &[], |command| {
        command.env("PATH", project.path()).env("HOME", project.path()).env_remove("CARGO_HOME");
    });
    expect(got, 1, &["cargo", "PATH"]);
}

#[test]
fn a_target_folder_that_cannot_be_written() {
    let project = Project::caller();
    // A file where the folder would be: root is refused nothing else.
    project.write("target", "");
    expect(hotrun(&project, &[]), 1, &["target"]);
}

#[test]
fn a_file_of_the_project_is_never_written_to() {
    let project = Project::caller();
    project.write(".env", "A=1\n");
    std::os::unix::fs::symlink("Cargo.toml", project.join("link")).unwrap();
    let before = |file: &str| std::fs::read_to_string(project.join(file)).unwrap();
    for (option, file) in [
        ("--log", "src/main.rs"),
        ("--events", "Cargo.toml"),
        ("--log", "Cargo.lock"),
        ("--events", "link"),
        ("--log", ".env"),
        ("--log", "new.rs"),
    ] {
        let there = project.join(file).exists().then(|| before(file));
        let words = [option, file, "part of the project", "name another file"];
        expect(hotrun(&project, &["--offline", option, file]), 2, &words);
        assert_eq!(project.join(file).exists().then(|| before(file)), there, "{file}");
    }
    project.write("hotrun.toml", "log = \"hotrun.toml\"\n");
    expect(hotrun(&project, &["--offline"]), 2, &["`log` in `hotrun.toml`, line 1"]);
}
