//! The same project followed by hotrun, whose events tell where the time went.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use super::project::{self, Project};

pub(crate) struct Followed {
    folder: PathBuf,
    listener: TcpListener,
    hotrun: Child,
    events: BufReader<std::fs::File>,
    _fifo: tempfile::TempDir,
}

/// One edit, in milliseconds.
pub(crate) struct Edit {
    pub(crate) served: f64,
    pub(crate) seen: f64,
    pub(crate) ordered: f64,
    pub(crate) build: f64,
    pub(crate) published: f64,
    pub(crate) started: f64,
}

impl Followed {
    pub(crate) fn start(project: &Project) -> Self {
        let fifo = tempfile::tempdir().expect("a temporary folder");
        let path = fifo.path().join("events");
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is there");
        assert!(made.success());
        let hotrun = Command::new(env!("CARGO_BIN_EXE_hotrun"))
            .args(["--offline", "--events"])
            .arg(&path)
            .current_dir(project.path())
            .env("BENCH_HOME", project.home().to_string())
            .env_remove("CARGO_TARGET_DIR")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("hotrun was built for this");
        // Opening a FIFO for reading waits for the writer.
        let events = BufReader::new(std::fs::File::open(&path).expect("the FIFO"));
        let listener = project.listener();
        project::wait_served(&listener, "none");
        let mut followed = Self { folder: project.path().to_owned(), listener, hotrun, events, _fifo: fifo };
        followed.until("ready");
        followed
    }

    pub(crate) fn edit(&mut self, version: &str) -> Edit {
        project::save(&self.folder, version);
        let (saved, saved_at) = (Instant::now(), monotonic_ms());
        project::wait_served(&self.listener, version);
        let served = saved.elapsed().as_secs_f64() * 1e3;
        let (changed, _) = self.until("changed");
        let (ordered, _) = self.until("build-started");
        let (ended, finished) = self.until("build-finished");
        let (published, _) = self.until("published");
        let (started, _) = self.until("process-started");
        self.until("ready");
        Edit {
            served,
            seen: changed - saved_at,
            ordered: ordered - changed,
            build: finished["ms"].as_f64().expect("a build takes time"),
            published: published - ended,
            started: started - published,
        }
    }

    /// The next event of this kind, and when it was told.
    fn until(&mut self, kind: &str) -> (f64, Value) {
        loop {
            let mut line = String::new();
            let read = self.events.read_line(&mut line).expect("the FIFO is open");
            assert!(read > 0, "hotrun ended before `{kind}`");
            let event: Value = serde_json::from_str(&line).expect("an event is JSON");
            if event["event"] == kind {
                return (event["t_us"].as_f64().expect("a time") / 1e3, event);
            }
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // Its reaper ends the program.
        let _ = self.hotrun.kill();
        let _ = self.hotrun.wait();
    }
}

fn monotonic_ms() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since boot fit in 53 bits")]
    let seconds = (now.tv_sec as f64, now.tv_nsec as f64);
    seconds.0 * 1e3 + seconds.1 / 1e6
}
