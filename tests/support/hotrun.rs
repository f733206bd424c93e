//! A running hotrun, its events waited for as they come.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{DEADLINE, Home, Project};

/// One line of the events file.
#[derive(Debug, Clone)]
pub(crate) struct EventLine(pub(crate) Value);

impl EventLine {
    pub(crate) fn kind(&self) -> &str {
        self.0["event"].as_str().unwrap_or_default()
    }

    pub(crate) fn build(&self) -> u64 {
        self.0["build"].as_u64().unwrap_or_default()
    }

    pub(crate) fn pid(&self) -> u32 {
        u32::try_from(self.0["pid"].as_u64().unwrap_or_default()).unwrap()
    }
}

/// A hotrun process. Killed, with everything it started, when the value goes.
pub(crate) struct Hotrun {
    child: Child,
    events: mpsc::Receiver<EventLine>,
    seen: Vec<EventLine>,
    stderr: Arc<Said>,
    stderr_reader: Option<std::thread::JoinHandle<()>>,
    _fifo: tempfile::TempDir,
}

/// What was said on stderr so far.
#[derive(Default)]
struct Said {
    text: Mutex<String>,
    more: Condvar,
}

impl Said {
    /// Also where a test has failed while it held it: its end is still to be told.
    fn text(&self) -> MutexGuard<'_, String> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a hotrun is started.
pub(crate) struct Start {
    command: Command,
    fifo: tempfile::TempDir,
}

impl Hotrun {
    /// hotrun in the project's folder, following its program that calls `home`.
    pub(crate) fn run(project: &Project, home: &Home, args: &[&str]) -> Self {
        Self::prepare(project, home, args).start()
    }

    /// The same, not yet started.
    pub(crate) fn prepare(project: &Project, home: &Home, args: &[&str]) -> Start {
        Self::prepare_by(&[], project, home, args)
    }

    /// The same, executed by another program (`setpriv …`).
    pub(crate) fn prepare_by(by: &[&str], project: &Project, home: &Home, args: &[&str]) -> Start {
        let fifo = tempfile::tempdir().unwrap();
        let words: Vec<&str> = by.iter().copied().chain([env!("CARGO_BIN_EXE_hotrun")]).collect();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .args(["--offline", "--events"])
            .arg(fifo.path().join("events"))
            .args(args)
            .current_dir(project.path())
            .env_remove("CARGO_TARGET_DIR")
            .env("TEST_HOME", home.address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Start { command, fifo }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next event of this kind, whatever comes before it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, kind: &str) -> EventLine {
        self.wait_until(kind, |event| event.kind() == kind)
    }

    /// The next event of this kind about this build.
    #[track_caller]
    pub(crate) fn wait_for_build(&mut self, kind: &str, build: u64) -> EventLine {
        self.wait_until(kind, |event| event.kind() == kind && event.build() == build)
    }

    /// The next event that satisfies.
    #[track_caller]
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        mut satisfies: impl FnMut(&EventLine) -> bool,
    ) -> EventLine {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if satisfies(&event) {
                        return event;
                    }
                }
                Err(error) => panic!(
                    "no event {what} ({error}); seen: {:#?}\nstderr: {}",
                    self.seen.iter().map(|event| event.0.to_string()).collect::<Vec<_>>(),
                    self.stderr()
                ),
            }
        }
    }

    /// Every event so far, those that came meanwhile included.
    pub(crate) fn seen(&mut self) -> &[EventLine] {
        while let Ok(event) = self.events.try_recv() {
            self.seen.push(event);
        }
        &self.seen
    }

    /// What hotrun has said so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text().clone()
    }

    /// Waits until hotrun has said this.
    #[track_caller]
    pub(crate) fn wait_said(&self, words: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        let mut text = self.stderr.text();
        while !text.contains(words) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "hotrun did not say {words:?} but:\n{text}");
            text = self.stderr.more.wait_timeout(text, left).unwrap().0;
        }
        text.clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits until hotrun itself has ended; others may hold what it wrote to.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Waits until hotrun has ended; gives its status and everything it said.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + DEADLINE;
        // Its end closes the FIFO, which ends the events.
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.seen.push(event),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("hotrun did not end; seen: {:?}\nstderr: {}", self.seen, self.stderr())
                }
            }
        }
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().unwrap();
        }
        (status, self.stderr())
    }
}

impl Drop for Hotrun {
    fn drop(&mut self) {
        if std::thread::panicking() {
            panic_note(&format!("hotrun said:\n{}", self.stderr()));
        }
        // Its reaper clears up what it leaves.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What went wrong is in what hotrun said.
#[expect(clippy::print_stderr, reason = "shown only beside a panic")]
fn panic_note(text: &str) {
    eprintln!("{text}");
}

impl Start {
    pub(crate) fn command(&mut self) -> &mut Command {
        &mut self.command
    }

    /// In this folder of the project.
    pub(crate) fn folder(mut self, folder: &std::path::Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Without this variable.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Started by these words, which are followed by the program and its arguments and become hotrun by `exec`.
    pub(crate) fn wrapped(mut self, words: &[&str]) -> Self {
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(self.command.get_program()).args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        self.command = command;
        self
    }

    /// With this variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With this stdin.
    pub(crate) fn stdin(mut self, stdin: Stdio) -> Self {
        self.command.stdin(stdin);
        self
    }

    pub(crate) fn start(mut self) -> Hotrun {
        let path = self.fifo.path().join("events");
        make_fifo(&path);
        // Opened before hotrun starts, so that hotrun finds a reader.
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let fifo = File::options().read(true).custom_flags(nonblocking).open(&path).unwrap();
        #[cfg(target_os = "linux")]
        rustix::pipe::fcntl_setpipe_size(&fifo, 1 << 20).unwrap();
        let (sender, events) = mpsc::channel();
        let mut child = self.command.spawn().unwrap();
        std::thread::spawn(move || read_events(fifo, &sender));
        let stderr = Arc::new(Said::default());
        let shared = Arc::clone(&stderr);
        let stderr_reader = child.stderr.take().map(|mut pipe| {
            std::thread::spawn(move || {
                let mut chunk = [0; 4096];
                while let Ok(n) = pipe.read(&mut chunk) {
                    if n == 0 {
                        break;
                    }
                    shared.text().push_str(&String::from_utf8_lossy(&chunk[..n]));
                    shared.more.notify_all();
                }
            })
        });
        Hotrun { child, events, seen: Vec::new(), stderr, stderr_reader, _fifo: self.fifo }
    }
}

pub(super) fn make_fifo(path: &PathBuf) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// Sends each line on until every writer has gone.
fn read_events(fifo: File, events: &mpsc::Sender<EventLine>) {
    // Without this a read would give an end before the first writer has come.
    let mut waiting = [PollFd::new(&fifo, PollFlags::IN)];
    poll(&mut waiting, None).unwrap();
    let mut flags = rustix::fs::fcntl_getfl(&fifo).unwrap();
    flags.remove(rustix::fs::OFlags::NONBLOCK);
    rustix::fs::fcntl_setfl(&fifo, flags).unwrap();
    for line in BufReader::new(fifo).lines().map_while(Result::ok) {
        let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
        if events.send(EventLine(event)).is_err() {
            break;
        }
    }
}
