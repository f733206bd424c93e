//! The FIFO by which `tests/fixtures/app.rs` reports from wherever it runs.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::DEADLINE;

/// Lines of `WORD PID`.
pub(crate) struct Reports {
    _folder: tempfile::TempDir,
    path: PathBuf,
    lines: mpsc::Receiver<String>,
}

impl Reports {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reports");
        super::hotrun::make_fifo(&path);
        // Open for both, so that the end of one writer is not the end.
        let fifo = File::options().read(true).write(true).open(&path).unwrap();
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(fifo).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { _folder: folder, path, lines }
    }

    pub(crate) fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    /// Waits for a report of this word and gives the pid.
    #[track_caller]
    pub(crate) fn wait_for(&self, word: &str) -> i32 {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let (said, pid) = self.next_until(deadline);
            if said == word {
                return pid;
            }
        }
    }

    /// The next report.
    #[track_caller]
    pub(crate) fn next(&self) -> (String, i32) {
        self.next_until(Instant::now() + DEADLINE)
    }

    #[track_caller]
    fn next_until(&self, deadline: Instant) -> (String, i32) {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left).expect("no program reported");
        let (word, pid) = line.rsplit_once(' ').unwrap();
        (word.to_owned(), pid.parse().unwrap())
    }

    /// Whether nobody reports for `time`.
    pub(crate) fn silent_for(&self, time: Duration) -> bool {
        self.lines.recv_timeout(time).is_err()
    }
}
