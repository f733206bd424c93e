//! Sockets that stay open: no connection is refused, reset or left without an answer while the program is replaced.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::programs::variant;
use super::support::{DEADLINE, Home, Hotrun, Workshop};

fn served(version: &str, mode: &str) -> PathBuf {
    variant("served", &format!("-{version}-{mode}"), &[("SERVED_VERSION", version), ("SERVED_MODE", mode)])
}

struct Stage {
    workshop: Workshop,
    hotrun: Hotrun,
    address: SocketAddr,
}

/// Version `a` serves.
fn stage(update: &str, more: &[&str]) -> Stage {
    let workshop = Workshop::new(&served("a", ""));
    let home = Home::new();
    let mut args = vec!["--listen", "0", "--ready", "notify", "--update", update];
    args.extend(more);
    let mut start = Hotrun::prepare(&workshop.project, &home, &args);
    workshop.equip(start.command());
    let mut hotrun = start.start();
    hotrun.wait_for("ready");
    let said = hotrun.wait_said("Listening http://");
    let address = said
        .lines()
        .find_map(|line| line.split_once("Listening http://"))
        .and_then(|(_, address)| address.trim().parse().ok())
        .unwrap_or_else(|| panic!("no address in {said}"));
    Stage { workshop, hotrun, address }
}

impl Stage {
    /// Builds this and waits for what comes of it.
    #[track_caller]
    fn edit(&mut self, binary: &Path, until: &str) -> super::support::EventLine {
        self.workshop.build_gives(binary);
        self.hotrun.wait_for("build-finished");
        self.hotrun.wait_for(until)
    }
}

/// Asks for an answer after `ms`; gives the version and the pid.
fn ask(address: SocketAddr, ms: u64) -> std::io::Result<(String, u32)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    writeln!(stream, "{ms}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let (version, pid) =
        line.trim().split_once(' ').ok_or_else(|| std::io::Error::other("an empty answer"))?;
    Ok((version.to_owned(), pid.parse().expect("a pid")))
}

#[cfg(target_os = "linux")]
fn open_descriptors(hotrun: &Hotrun) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", hotrun.pid())).unwrap().count()
}

fn no_connection_is_lost(update: &str) {
    let mut stage = stage(update, &[]);
    let done = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let (done, answers, address) = (Arc::clone(&done), Arc::clone(&answers), stage.address);
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    ask(address, 0).unwrap_or_else(|error| panic!("a client got {error}"));
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let (a, b) = (served("a", ""), served("b", ""));
    #[cfg(target_os = "linux")]
    let descriptors = open_descriptors(&stage.hotrun);
    for round in 0..100 {
        stage.edit(if round % 2 == 0 { &b } else { &a }, "ready");
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("a connection was lost");
    }
    assert!(answers.load(Ordering::Relaxed) > 100);
    // The last process may still be on its way out, with its socket and its timers.
    #[cfg(target_os = "linux")]
    assert!(open_descriptors(&stage.hotrun) <= descriptors + 4, "hotrun keeps descriptors");
    assert_eq!(ask(stage.address, 0).unwrap().0, "a");
}

#[test]
fn a_hundred_restarts_lose_no_connection() {
    no_connection_is_lost("restart");
}

#[test]
fn a_hundred_overlaps_lose_no_connection() {
    no_connection_is_lost("overlap");
}

/// Twenty times a request of two seconds begins, and the program is replaced meanwhile.
fn long_requests_are_answered(update: &str) {
    let mut stage = stage(update, &[]);
    let (a, b) = (served("a", ""), served("b", ""));
    for round in 0..20 {
        let (now, next) = if round % 2 == 0 { ("a", &b) } else { ("b", &a) };
        assert_eq!(ask_until(stage.address, now), now);
        let address = stage.address;
        let (sender, sent) = std::sync::mpsc::channel();
        let request = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            writeln!(stream, "2000").unwrap();
            sender.send(()).unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            line
        });
        sent.recv().unwrap();
        // Answered in turn, so the one before was accepted.
        assert_eq!(ask(stage.address, 0).unwrap().0, now);
        stage.edit(next, "ready");
        let answer = request.join().unwrap();
        assert!(answer.starts_with(now), "{update}, round {round}: {answer:?}");
    }
}

#[test]
fn a_request_that_began_before_a_restart_is_answered_by_the_version_it_began_with() {
    long_requests_are_answered("restart");
}

#[test]
fn a_request_that_began_before_an_overlap_is_answered_by_the_version_it_began_with() {
    long_requests_are_answered("overlap");
}

/// A build that fails to start, in each way, and what answers after it.
#[test]
fn a_build_that_cannot_start_is_rolled_back() {
    for update in ["restart", "overlap"] {
        let mut stage = stage(update, &["--ready-timeout", "1s", "--stop-timeout", "500ms"]);
        let live = stage.workshop.project.live("app");
        let good = std::fs::read(&live).unwrap();
        for mode in ["exits", "dies-before-ready", "killed", "never-ready", "dies-after-ready"] {
            let (_, before) = ask(stage.address, 0).unwrap();
            let failed = stage.edit(&served("bad", mode), "start-failed");
            assert!(failed.0["running"].is_u64(), "{update} {mode}: {failed:?}");
            stage.hotrun.wait_for("rolled-back");
            let (version, pid) = ask(stage.address, 0).unwrap();
            assert_ne!(version, "bad", "{update} {mode}");
            if update == "overlap" && mode != "dies-after-ready" {
                assert_eq!(pid, before, "{mode}: the old process was never told to stop");
            }
            assert_eq!(std::fs::read(&live).unwrap(), good, "{update} {mode}");
            // The next good edit recovers.
            for version in ["b", "a"] {
                stage.edit(&served(version, ""), "ready");
                assert_eq!(ask_until(stage.address, version), version, "{update} {mode}");
            }
        }
    }
}

/// While two versions overlap either may answer; asks until it is this one.
fn ask_until(address: SocketAddr, version: &str) -> String {
    let deadline = std::time::Instant::now() + DEADLINE;
    loop {
        let (answer, _) = ask(address, 0).unwrap();
        if answer == version || std::time::Instant::now() > deadline {
            return answer;
        }
    }
}

#[test]
fn a_build_that_ignores_the_stop_signal_is_killed_and_replaced() {
    for update in ["restart", "overlap"] {
        let mut stage = stage(update, &["--stop-timeout", "300ms"]);
        stage.edit(&served("deaf", "ignores-stop"), "ready");
        stage.workshop.build_gives(&served("b", ""));
        stage.hotrun.wait_until("the end of the deaf one", |event| {
            event.kind() == "process-exited" && event.0["signal"] == "SIGKILL"
        });
        assert_eq!(ask_until(stage.address, "b"), "b");
    }
}

#[test]
fn a_failed_build_costs_no_request() {
    let mut stage = stage("restart", &[]);
    let (_, before) = ask(stage.address, 0).unwrap();
    stage.workshop.build_fails();
    assert_eq!(stage.hotrun.wait_for("build-finished").0["success"], false);
    assert_eq!(ask(stage.address, 0).unwrap(), ("a".to_owned(), before));
}

#[test]
fn a_program_that_never_says_ready_is_told_of_once_and_followed_all_the_same() {
    let workshop = Workshop::new(&served("a", "never-ready"));
    let home = Home::new();
    let args = ["--listen", "0", "--ready", "notify", "--ready-timeout", "300ms"];
    let mut start = Hotrun::prepare(&workshop.project, &home, &args);
    workshop.equip(start.command());
    let mut hotrun = start.start();
    hotrun.wait_for("ready");
    hotrun.wait_said("READY=1");
    workshop.build_gives(&served("b", "never-ready"));
    hotrun.wait_for_build("ready", 2);
    let (status, said) = {
        hotrun.signal(rustix::process::Signal::TERM);
        hotrun.wait()
    };
    assert!(!status.success());
    assert_eq!(said.matches("READY=1").count(), 1, "{said}");
}
