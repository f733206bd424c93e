//! `status`, `wait`, `restart` and `stop`, against hotruns that really run.

mod agent;
mod answers;
mod socket;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{DEADLINE, Project};

/// What a command said.
#[derive(Debug)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Said {
    fn json(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "one line: {self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A command that talks to a hotrun, ready to be changed.
fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotrun"));
    command
        .args(words)
        .current_dir(folder)
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end.
#[track_caller]
fn finish(mut command: Command) -> Said {
    let child = command.spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended
        .recv_timeout(DEADLINE * 2)
        .map_err(|_| kill_process(pid, Signal::KILL))
        .expect("it has ended")
        .unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

#[track_caller]
fn ask(project: &Project, words: &[&str]) -> Said {
    finish(command(project.path(), words))
}

/// `hotrun wait --json`: its exit code and what it printed.
#[track_caller]
fn wait(project: &Project) -> (i32, Value) {
    let said = ask(project, &["wait", "--json", "--timeout", "1m"]);
    (said.code, said.json())
}

/// The runtime folders in a folder.
fn runtime_folders(base: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(base).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("hotrun-"))
        .map(|entry| entry.path())
        .collect()
}
