//! hotrun is killed: the reaper leaves nothing of it.
//!
//! The part of hotrun is played by this test binary, started again as [`stand_in`], so that it can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hotrun::process::{PassedFd, ProcessNews, Processes, Reaper, RunId, Spawn, StdinSource};
use hotrun::sys;
use hotrun::words::StopPlan;
use tokio::sync::mpsc::unbounded_channel;

use super::{FIRST, run};
use crate::programs::program;

/// What the stand-in is to start; the test is no test without it.
const BEHAVIOUR: &str = "STAND_IN_BEHAVIOUR";

/// Where it may leave a file.
const FILE: &str = "STAND_IN_FILE";

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
        let _cargo = sys::adopt_group(&mut shell).spawn().unwrap();
        processes.spawn(Spawn {
            instance: FIRST,
            argv: vec![program("app").into(), behaviour.into()],
            env: std::env::vars_os().filter(|(name, _)| name != BEHAVIOUR).collect(),
            cwd: "/".into(),
            stdin: StdinSource::Null,
            fds: vec![PassedFd { name: "report".to_owned(), fd: report }],
            foreground: false,
            stop: StopPlan { signal: libc::SIGTERM, timeout: Duration::from_millis(200) },
        });
        loop {
            match news.recv().await.unwrap() {
                ProcessNews::Started { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    });
}

struct StandIn {
    process: Child,
    reports: BufReader<PipeReader>,
}

impl StandIn {
    fn start(behaviour: &str, file: Option<&Path>) -> Self {
        let (read, write) = std::io::pipe().unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["process::reaper::stand_in", "--exact", "--nocapture"]).env(BEHAVIOUR, behaviour);
        if let Some(file) = file {
            command.env(FILE, file);
        }
        let process = command.stdin(write).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
        // The command holds the write end.
        drop(command);
        Self { process, reports: BufReader::new(read) }
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

    /// Waits until nobody holds the pipe, and then for the reaper.
    fn nothing_left(mut self) {
        let mut line = String::new();
        while self.reports.read_line(&mut line).unwrap() != 0 {}
        let mut words = BufReader::new(self.process.stdout.take().unwrap()).lines();
        let reaper = words.find_map(|line| line.unwrap().strip_prefix("reaper ").map(str::to_owned)).unwrap();
        let reaper: i32 = reaper.parse().unwrap();
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
        [("plain", 1), ("stubborn", 1), ("family", 3), ("own-session", 2), ("daemon", 2)]
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
fn also_when_it_is_killed_at_any_moment() {
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
fn files_are_removed_and_the_name_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a socket");
    let mut hotrun = StandIn::start("plain", Some(&file));
    hotrun.reports(2);
    assert!(file.exists());
    // It names itself when it runs, which may be after the programs do.
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
