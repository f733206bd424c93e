//! A program that says ten thousand things a second, and nobody who has to wait for that.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use rustix::process::Signal;

use super::Stage;
use super::speaker::speaker;
use crate::support::{Call, DEADLINE, Hotrun, pause};

/// Lets it go on until so many more messages were sent.
#[track_caller]
fn flood_on(app: &mut Call, more: u64) {
    let deadline = Instant::now() + DEADLINE;
    let flooded = |app: &mut Call| app.request("flooded").parse::<u64>().unwrap();
    let until = flooded(app) + more;
    while flooded(app) < until {
        assert!(Instant::now() < deadline, "the program waits for hotrun");
        pause();
    }
}

#[track_caller]
fn answers(address: SocketAddr, version: &str, times: usize) {
    for _ in 0..times {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        assert!(line.starts_with(version), "{line:?}");
    }
}

/// The memory that hotrun has in use, in kilobytes.
fn memory(hotrun: &Hotrun) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", hotrun.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn ten_thousand_words_a_second_stall_nobody() {
    let mut stage = Stage::of(&speaker("a"), &["--listen", "0", "--ready", "notify"]);
    let address = stage.address("http://");
    let mut app = stage.home.call();
    let began = Instant::now();
    assert_eq!(app.request("flood 10000"), "flooding");
    flood_on(&mut app, 10_000);
    let used = memory(&stage.hotrun);
    flood_on(&mut app, 10_000);
    answers(address, "a ", 100);
    // An edit.
    stage.edit(&speaker("b"));
    answers(address, "b ", 1);
    app.wait_for_end();
    let mut app = stage.home.call_of("b");
    assert_eq!(app.request("flood 10000"), "flooding");
    flood_on(&mut app, 10_000);
    // A build that fails costs nothing.
    stage.workshop.build_fails();
    assert_eq!(stage.hotrun.wait_for("build-finished").0["success"], false);
    flood_on(&mut app, 1000);
    stage.workshop.build_gives(&speaker("b"));
    stage.hotrun.wait_for("unchanged");
    // A signal that means `r`.
    stage.hotrun.signal(Signal::HUP);
    app.wait_for_end();
    let mut app = stage.home.call_of("b");
    assert_eq!(app.request("flood 10000"), "flooding");
    flood_on(&mut app, 10_000);
    let grown = memory(&stage.hotrun).saturating_sub(used);
    assert!(grown < 4096, "hotrun has {grown} kB more than before the flood");
    let took = began.elapsed();
    stage.hotrun.signal(Signal::TERM);
    let (_, said) = stage.hotrun.wait();
    let lines = said.matches("Status number").count() as u64;
    // Once a second, and of each of the three the first at once and the last at its end.
    let expected = took.as_secs() + 3 * 3;
    assert!((3..=expected).contains(&lines), "{lines} lines in {took:?}, not at most {expected}");
}
