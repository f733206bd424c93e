//! Nothing of a run is left behind, however it ends: no process and no file.
//!
//! Everything that is started carries a mark in its environment. A helper (this program again) holds the read end of a
//! pipe whose write end only the harness has: when that closes, by an end of any kind, it kills whatever carries the mark
//! and removes the folder of the run. Where environments cannot be read the process groups are all there is.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hotrun::sys::{self, ProcessRow};

use crate::clock::{now, pause};

/// The first argument of the helper.
pub(crate) const ENTRY: &str = "--keeper";
const VARIABLE: &str = "HOTRUN_BENCH_MARK";
const SIGKILL: i32 = 9;

/// The folder of the run, which goes with everything in it and everybody marked.
pub(crate) struct Keeper {
    helper: Child,
    folder: PathBuf,
    run: String,
    marks: AtomicUsize,
}

impl Keeper {
    pub(crate) fn start() -> Self {
        let folder =
            tempfile::Builder::new().prefix("hotrun-bench-").tempdir().expect("a temporary folder").keep();
        let run = format!("{}-{:.0}", std::process::id(), now());
        let helper = Command::new(std::env::current_exe().expect("this program has a path"))
            .arg(ENTRY)
            .arg(&run)
            .arg(&folder)
            .stdin(Stdio::piped())
            // Ctrl-C is for the harness.
            .process_group(0)
            .spawn()
            .expect("this program can be started");
        Self { helper, folder, run, marks: AtomicUsize::new(0) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A mark of its own.
    pub(crate) fn mark(&self) -> Mark {
        Mark(format!("{VARIABLE}={}.{}.", self.run, self.marks.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.helper.stdin.take());
        let _ = self.helper.wait();
    }
}

/// The helper: waits for the end of the harness.
pub(crate) fn main(words: &[OsString]) {
    let [run, folder] = words else { return };
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    sweep(&format!("{VARIABLE}={}.", run.display()));
    let _ = std::fs::remove_dir_all(folder);
}

/// What a tool and everything below it carry.
#[derive(Debug, Clone)]
pub(crate) struct Mark(String);

impl Mark {
    /// Its variable and value.
    pub(crate) fn variable(&self) -> (&str, &str) {
        self.0.split_once('=').expect("it was made of both")
    }

    /// The living processes that carry it.
    pub(crate) fn processes(&self) -> Vec<ProcessRow> {
        marked(&self.0)
    }
}

fn marked(mark: &str) -> Vec<ProcessRow> {
    let own = std::process::id().cast_signed();
    let carries = |row: &ProcessRow| row.pid != own && !row.zombie && sys::carries(row.pid, mark, false);
    sys::processes().into_iter().filter(carries).collect()
}

/// Kills whoever carries the mark until nobody is left.
fn sweep(mark: &str) {
    let deadline = now() + 5e3;
    loop {
        let left = marked(mark);
        for row in &left {
            let _ = sys::kill_exactly(row, SIGKILL);
        }
        if left.is_empty() || now() > deadline {
            return;
        }
        pause(Duration::from_millis(2));
    }
}

/// A process that ends, with everything below it, when the value goes.
pub(crate) struct Kept {
    child: Child,
    mark: Mark,
}

impl Kept {
    /// Starts it in a process group of its own.
    pub(crate) fn spawn(command: &mut Command, mark: &Mark) -> Self {
        let (name, value) = mark.variable();
        let child = command.env(name, value).process_group(0).spawn();
        let program = command.get_program().display();
        Self {
            child: child.unwrap_or_else(|error| panic!("{program} did not start: {error}")),
            mark: mark.clone(),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = sys::kill_group(self.pid(), SIGKILL);
        let _ = self.child.wait();
        sweep(&self.mark.0);
    }
}
