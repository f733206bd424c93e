//! A hotrun that answers and ends: `init`, `config`, `doctor`, `wait` and the like.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::DEADLINE;

/// What it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.stdout.matches('\n').count(), 1, "one line: {self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A hotrun with nothing on stdin, ready to be changed.
pub(crate) fn answering(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotrun"));
    command
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in ["CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "RUSTFLAGS", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end.
#[track_caller]
pub(crate) fn finish(mut command: Command) -> Said {
    let child = command.spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (sender, ended) = std::sync::mpsc::channel();
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

/// What it says in a folder.
#[track_caller]
pub(crate) fn said(folder: &Path, words: &[&str]) -> Said {
    finish(answering(folder, words))
}
