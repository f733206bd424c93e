//! A hotrun that answers and ends: `init`, `config`, `doctor`.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::DEADLINE;

/// What a hotrun said.
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs hotrun in a folder until it ends, with nothing on stdin.
pub(crate) fn ask(folder: &Path, args: &[&str]) -> Answer {
    ask_with(folder, args, |_| {})
}

/// The same, started otherwise.
#[track_caller]
pub(crate) fn ask_with(folder: &Path, args: &[&str], change: impl FnOnce(&mut Command)) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hotrun"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    for name in ["CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "RUSTFLAGS", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    change(&mut command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = Pid::from_child(&child);
    let (sender, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let output = ended
        .recv_timeout(DEADLINE)
        .map_err(|_| kill_process(pid, Signal::KILL))
        .expect("it runs on")
        .unwrap();
    Answer {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
