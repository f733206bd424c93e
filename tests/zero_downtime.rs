//! Sockets that stay open: no connection is refused, reset or left without an answer while the program is replaced.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::support::{Home, Hotrun, Stage, Workshop, ask, ask_until, served};

#[cfg(target_os = "linux")]
fn open_descriptors(hotrun: &Hotrun) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", hotrun.pid())).unwrap().count()
}

fn no_connection_is_lost(update: &str) {
    let mut stage = Stage::new(update, &["--debounce", "1ms"]);
    let done = Arc::new(AtomicBool::new(false));
    let answers = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..32)
        .map(|_| {
            let (done, answers, address) = (Arc::clone(&done), Arc::clone(&answers), stage.address);
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    ask(address, 0).unwrap_or_else(|error| panic!("a client got {error}"));
                    answers.fetch_add(1, Ordering::Relaxed);
                    // Often enough to meet every moment of a restart; other tests need the processor.
                    std::thread::park_timeout(Duration::from_millis(10));
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
    assert_eq!(ask_until(stage.address, "a"), "a");
}

#[test]
fn a_hundred_restarts_lose_no_connection() {
    no_connection_is_lost("restart");
}

#[test]
fn a_hundred_overlaps_lose_no_connection() {
    no_connection_is_lost("overlap");
}

/// Twenty times a request begins that is answered after its process was told to stop.
fn long_requests_are_answered(update: &str) {
    let mut stage = Stage::new(update, &[]);
    let (a, b) = (served("a", ""), served("b", ""));
    for round in 0..20 {
        let (now, next) = if round % 2 == 0 { ("a", &b) } else { ("b", &a) };
        assert_eq!(ask_until(stage.address, now), now);
        let address = stage.address;
        let (sender, sent) = std::sync::mpsc::channel();
        let request = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            writeln!(stream, "stop").unwrap();
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

#[test]
fn a_failed_build_costs_no_request() {
    let mut stage = Stage::new("restart", &[]);
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
    hotrun.wait_for("process-started");
    hotrun.wait_said("READY=1");
    workshop.build_gives(&served("b", "never-ready"));
    hotrun.wait_for_build("process-started", 2);
    let (status, said) = {
        hotrun.signal(rustix::process::Signal::TERM);
        hotrun.wait()
    };
    assert!(!status.success());
    assert_eq!(said.matches("READY=1").count(), 1, "{said}");
}
