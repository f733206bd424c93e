//! Real processes: started and stopped, with nothing left.

mod reaper;
mod refused;
mod start;
mod stop;

use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use hotrun::process::{PassedFd, ProcessNews, Processes, RunId, Spawn, StdinSource};
use hotrun::sys;
use hotrun::words::{Exit, Instance, ServiceId, StopPlan};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::programs::program;

/// Far longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

const FIRST: Instance = Instance { service: ServiceId::MAIN, number: 1 };

/// A long stop timeout, for programs that end by themselves.
const PATIENT: StopPlan = StopPlan { signal: libc::SIGTERM, timeout: Duration::from_mins(1) };

/// A short one, for programs that do not.
const SHORT: StopPlan = StopPlan { signal: libc::SIGTERM, timeout: Duration::from_millis(150) };

/// The room under test, and the pipe by which its programs report.
struct House {
    processes: Processes,
    news: UnboundedReceiver<ProcessNews>,
    reports: Lines<BufReader<pipe::Receiver>>,
    write_end: Option<OwnedFd>,
    run: RunId,
}

impl House {
    fn new() -> Self {
        let run = RunId::fresh();
        let (sender, news) = unbounded_channel();
        let (read, write) = io::pipe().unwrap();
        let reports = BufReader::new(pipe::Receiver::from_owned_fd(read.into()).unwrap()).lines();
        let processes = Processes::new(run.clone(), sender, None, false).unwrap();
        Self { processes, news, reports, write_end: Some(write.into()), run }
    }

    /// Returns a start of the fixture with this behaviour.
    fn app(&self, behaviour: &[&str]) -> Spawn {
        let mut argv = vec![program("app").into_os_string()];
        argv.extend(behaviour.iter().map(OsString::from));
        let fd = self.write_end.as_ref().unwrap().try_clone().unwrap();
        Spawn {
            instance: FIRST,
            argv,
            env: std::env::vars_os().collect(),
            cwd: std::env::temp_dir(),
            stdin: StdinSource::Null,
            stdout: None,
            stderr: None,
            fds: vec![PassedFd { name: "report".to_owned(), fd }],
            foreground: false,
            stop: SHORT,
        }
    }

    /// Starts it and waits until `reports` processes have reported. Returns the pid of the first.
    async fn start(&mut self, behaviour: &[&str], reports: usize) -> i32 {
        self.processes.spawn(self.app(behaviour));
        let pid = match self.next().await {
            ProcessNews::Started { pid, .. } => pid,
            other => panic!("{other:?}"),
        };
        for _ in 0..reports {
            self.report().await;
        }
        pid
    }

    async fn next(&mut self) -> ProcessNews {
        timeout(DEADLINE, self.news.recv()).await.unwrap().unwrap()
    }

    async fn report(&mut self) -> String {
        timeout(DEADLINE, self.reports.next_line()).await.unwrap().unwrap().unwrap()
    }

    /// The next exit, with the news before it.
    async fn exit(&mut self) -> (Exit, Vec<ProcessNews>) {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                ProcessNews::Exited { exit, .. } => return (exit, before),
                other => before.push(other),
            }
        }
    }

    /// Waits for the last news and checks that nothing is left.
    async fn gone(&mut self) -> Vec<ProcessNews> {
        let mut before = Vec::new();
        loop {
            match self.next().await {
                ProcessNews::Gone { left, .. } => {
                    assert_eq!(left, [] as [i32; 0]);
                    break;
                }
                other => before.push(other),
            }
        }
        let entry = format!("HOTRUN_ID={}.", self.run);
        let left: Vec<_> = sys::processes()
            .into_iter()
            .filter(|row| !row.zombie && sys::carries(row.pid, &entry, false))
            .collect();
        assert_eq!(left, []);
        self.write_end = None;
        // No process holds the pipe any more, not even one without its tag.
        while timeout(DEADLINE, self.reports.next_line()).await.unwrap().unwrap().is_some() {}
        before
    }
}

/// Runs a test as hotrun runs: one thread, local tasks.
fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async { test().await });
}
