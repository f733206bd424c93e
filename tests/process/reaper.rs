//! When hotrun is killed, its reaper leaves nothing behind.
//!
//! The part of hotrun is played by this test binary, started again as [`stand_in`], so that it can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Lines, PipeReader, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use hotrun::process::{PassedFd, ProcessNews, Processes, Reaper, RunId, Spawn, StdinSource};
use hotrun::sys;
use tokio::sync::mpsc::unbounded_channel;

use super::{FIRST, PATIENT, SHORT, run};
use crate::programs::program;

/// The behaviour that the stand-in starts. Without it the test does nothing.
const BEHAVIOUR: &str = "STAND_IN_BEHAVIOUR";

/// Where it may leave a file.
const FILE: &str = "STAND_IN_FILE";

/// The stop plan is set only when the program runs.
const PLANNED_LATER: &str = "STAND_IN_PLANNED_LATER";

/// Plays hotrun: a reaper, a program, and a process group such as cargo's. Its stdin is the pipe for reports.
#[test]
fn stand_in() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else {
        return;
    };
    run(|| async move {
        let id = RunId::fresh();
        let reaper = Reaper::start_as(
            &id,
            None,
            Path::new(env!("CARGO_BIN_EXE_hotrun")),
            &["hr-reaper".into(), hotrun::process::reaper::ENTRY.into()],
            &[],
        )
        .unwrap();
        println!("\nreaper {}", reaper.pid());
        if let Some(file) = std::env::var_os(FILE) {
            File::create(&file).unwrap();
            reaper.unlink_later(Path::new(&file));
        }
        let later = std::env::var_os(PLANNED_LATER).is_some();
        let (sender, mut news) = unbounded_channel();
        let mut processes = Processes::new(id, sender, Some(reaper), false).unwrap();
        let report: OwnedFd = File::options().write(true).open("/proc/self/fd/0").unwrap().into();
        // Its descriptor 3 is the pipe as well, by way of a shell's redirection.
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", "exec \"$0\" stubborn 3>&0"])
            .arg(program("app"))
            .stdin(report.try_clone().unwrap());
        #[expect(clippy::zombie_processes, reason = "this process is killed, or never ends before it")]
        let cargo = sys::adopt_group(&mut shell).spawn().unwrap();
        processes.reaper().unwrap().cargo(cargo.id().cast_signed());
        processes.spawn(Spawn {
            instance: FIRST,
            argv: vec![program("app").into(), behaviour.into()],
            env: std::env::vars_os().filter(|(name, _)| name != BEHAVIOUR).collect(),
            cwd: "/".into(),
            stdin: StdinSource::Null,
            stdout: None,
            stderr: None,
            fds: vec![PassedFd { name: "report".to_owned(), fd: report }],
            foreground: false,
            stop: if later { PATIENT } else { SHORT },
        });
        loop {
            match news.recv().await.unwrap() {
                ProcessNews::Started { .. } if later => {
                    processes.plan(FIRST.service, SHORT);
                    println!("\nplanned");
                }
                ProcessNews::Started { .. } => {}
                ProcessNews::ReaperEnded { error: None } => {
                    println!("\nreaper {}", processes.reaper().unwrap().pid());
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

struct StandIn {
    process: Child,
    words: Lines<BufReader<ChildStdout>>,
    reports: BufReader<PipeReader>,
    reaper: i32,
}

impl StandIn {
    fn start(behaviour: &str, file: Option<&Path>) -> Self {
        let (read, write) = std::io::pipe().unwrap();
        let mut command = Self::command(behaviour);
        if let Some(file) = file {
            command.env(FILE, file);
        }
        Self::of(command, write, read)
    }

    fn command(behaviour: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["process::reaper::stand_in", "--exact", "--nocapture"]).env(BEHAVIOUR, behaviour);
        command
    }

    fn of(mut command: Command, write: PipeWriter, read: PipeReader) -> Self {
        let mut process = command.stdin(write).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        // The command holds the write end.
        drop(command);
        let words = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, words, reports: BufReader::new(read), reaper: 0 }
    }

    /// Waits for a line with this prefix. Returns the rest.
    fn says(&mut self, word: &str) -> String {
        self.words.find_map(|line| line.unwrap().strip_prefix(word).map(str::to_owned)).unwrap()
    }

    /// Waits until it has a reaper, the first or the next.
    fn reaper(&mut self) -> i32 {
        self.reaper = self.says("reaper ").parse().unwrap();
        self.reaper
    }

    /// Waits until so many processes have reported.
    fn reports(&mut self, count: usize) {
        for _ in 0..count {
            let mut line = String::new();
            assert_ne!(self.reports.read_line(&mut line).unwrap(), 0);
        }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until no process holds the pipe, and then for the end of the reaper.
    fn nothing_left(mut self) {
        let mut line = String::new();
        while self.reports.read_line(&mut line).unwrap() != 0 {}
        let reaper = if self.reaper == 0 { self.reaper() } else { self.reaper };
        let deadline = std::time::Instant::now() + super::DEADLINE;
        while sys::process(reaper).is_some_and(|row| !row.zombie) {
            assert!(std::time::Instant::now() < deadline, "the reaper {reaper} is still there");
            std::thread::yield_now();
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn everything_ends_with_a_killed_hotrun() {
    for (behaviour, reports) in
        [("plain", 1), ("stubborn", 1), ("family", 3), ("own-session", 2), ("bare-session", 2), ("daemon", 2)]
    {
        let mut hotrun = StandIn::start(behaviour, None);
        // And cargo.
        hotrun.reports(reports + 1);
        hotrun.kill();
        hotrun.nothing_left();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn everything_ends_whenever_hotrun_is_killed() {
    for moment in 0..12 {
        let mut hotrun = StandIn::start("stubborn", None);
        // Spread over the time a start takes.
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: moment * 1_500_000 };
        let _ = rustix::event::poll(&mut [] as &mut [rustix::event::PollFd<'_>], Some(&wait));
        hotrun.kill();
        let mut line = String::new();
        while hotrun.reports.read_line(&mut line).unwrap() != 0 {}
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_reaper_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a socket");
    let mut hotrun = StandIn::start("family", Some(&file));
    hotrun.reports(4);
    for _ in 0..2 {
        let reaper = hotrun.reaper();
        // Before it has its name it does not ignore this signal.
        for signal in [libc::SIGTERM, libc::SIGPROF, libc::SIGRTMAX(), libc::SIGKILL] {
            sys::kill_process(reaper, signal).unwrap();
        }
    }
    hotrun.reaper();
    hotrun.kill();
    hotrun.nothing_left();
    assert!(!file.exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_stopped_reaper_is_replaced() {
    run(|| async {
        let hotrun = Path::new(env!("CARGO_BIN_EXE_hotrun"));
        let argv = ["hr-reaper".into(), hotrun::process::reaper::ENTRY.into()];
        let reaper = Reaper::start_as(&RunId::fresh(), None, hotrun, &argv, &[]).unwrap();
        let stopped = reaper.pid();
        sys::kill_process(stopped, libc::SIGSTOP).unwrap();
        let file = Path::new("/no/such/folder/no/such/file");
        // More than a pipe holds (pipe(7)).
        for _ in 0..2000 {
            reaper.unlink_later(file);
            reaper.keep(file);
        }
        let (sender, mut news) = unbounded_channel();
        let processes = Processes::new(RunId::fresh(), sender, Some(reaper), false).unwrap();
        let ended = tokio::time::timeout(super::DEADLINE, news.recv()).await.unwrap().unwrap();
        assert!(matches!(ended, ProcessNews::ReaperEnded { error: None }), "{ended:?}");
        assert_ne!(processes.reaper().unwrap().pid(), stopped);
        processes.dismiss_reaper();
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_changed_stop_plan_reaches_the_reaper() {
    let (read, write) = std::io::pipe().unwrap();
    let mut command = StandIn::command("stubborn");
    command.env(PLANNED_LATER, "");
    let mut hotrun = StandIn::of(command, write, read);
    hotrun.reports(2);
    hotrun.reaper();
    hotrun.says("planned");
    hotrun.kill();
    hotrun.nothing_left();
}

#[test]
#[cfg(target_os = "linux")]
fn the_reaper_has_its_own_name_and_removes_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a socket");
    let mut hotrun = StandIn::start("plain", Some(&file));
    hotrun.reports(2);
    assert!(file.exists());
    // It takes its name once it runs, which may be after the programs do.
    let reaper = || {
        sys::processes().into_iter().find(|row| {
            std::fs::read_to_string(format!("/proc/{}/comm", row.pid))
                .is_ok_and(|name| name.trim() == "hr-reaper")
                && row.parent == i32::try_from(hotrun.process.id()).unwrap()
        })
    };
    let deadline = std::time::Instant::now() + super::DEADLINE;
    while reaper().is_none() {
        assert!(std::time::Instant::now() < deadline, "no child is named hr-reaper");
        std::thread::yield_now();
    }
    hotrun.kill();
    hotrun.nothing_left();
    assert!(!file.exists());
}
