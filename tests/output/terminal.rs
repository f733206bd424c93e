//! hotrun is on a terminal.

use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use crate::support::{DEADLINE, pause};

use super::{Scene, answer, write};

#[test]
fn the_program_has_a_terminal_of_the_same_size() {
    let scene = Scene::new();
    let mut person = scene.on_terminal(&["--output", "capture"]);
    let mut call = scene.home.call();
    assert_eq!(answer(&mut call, "terminals"), "[true, true, true]");
    person.sees("Started");
    assert_eq!(answer(&mut call, "size"), "100 30");
    person.resize(80, 24);
    person.waits_for("the new size", |_| answer(&mut call, "size") == "80 24");

    // Alone, it is shown as it writes.
    write(&mut call, "out", "no end");
    person.sees("no end");
    write(&mut call, "err", "\r\x1b[31mred\x1b[0m \x1b[2J\n");
    person.sees("\r\x1b[31mred\x1b[0m \x1b[2J");
    person.keys_are_read();
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn output_and_terminals_that_stall_delay_nobody() {
    for signal in [None, Some(libc::SIGINT)] {
        let scene = Scene::new();
        let mut person = scene.on_terminal(&["--output", "capture"]);
        let mut call = scene.home.call();
        person.sees("Started");
        person.keys_are_read();
        // The terminal takes no output any more.
        person.types("\x13");
        assert_eq!(answer(&mut call, "flood"), "done");
        scene.edit();
        call.wait_for_end();
        let mut call = scene.home.call();
        assert_eq!(answer(&mut call, "flood"), "done");
        #[cfg(target_os = "linux")]
        {
            let pid = person.leader().cast_unsigned();
            assert!(super::peak_memory(pid) < 64 << 20, "{}", super::peak_memory(pid));
        }
        match signal {
            Some(_) => person.types("\x03"),
            None => person.types("q"),
        }
        call.wait_for_end();
        let status = person.ended();
        assert_eq!((status.signal(), status.code()), (signal, signal.is_none().then_some(0)));
    }
}

#[test]
fn what_a_slow_terminal_misses_is_said() {
    let scene = Scene::new();
    let mut person = scene.on_terminal(&["--output", "capture"]);
    let mut call = scene.home.call();
    person.sees("Started");
    person.keys_are_read();
    person.types("\x13");
    let chunk = "x".repeat(999) + "\n";
    // As much as fits into the terminal, the queue and the program's terminal, and more.
    for _ in 0..1200 {
        write(&mut call, "out", &chunk);
    }
    person.types("\x11");
    let before = person.sees(" lines of output are missing here");
    let missing: usize =
        before.rsplit("warning:").next().unwrap().trim().trim_start_matches("\x1b[0m ").parse().unwrap();
    assert!((1..1200).contains(&missing), "{missing}");
    assert_eq!(before.matches(&chunk[..999]).count() + missing, 1200);
    write(&mut call, "out", "and on\n");
    person.sees("and on");
    person.types("q");
    person.ended();
}

#[test]
fn the_terminal_is_as_it_was_found() {
    for signal in [libc::SIGTERM, libc::SIGABRT, libc::SIGKILL] {
        let scene = Scene::new();
        let mut person = scene.on_terminal(&["--output", "capture"]);
        let mut call = scene.home.call();
        person.sees("Started");
        person.keys_are_read();
        write(&mut call, "out", "\x1b[?1049h\x1b[?25lfull screen");
        person.sees("full screen");
        hotrun::sys::kill_process(person.leader(), signal).unwrap();
        call.wait_for_end();
        if signal == libc::SIGTERM {
            person.sees("\x1b[?1049l");
        }
        assert_eq!(person.ended().signal(), Some(signal));
    }
}

#[test]
fn a_program_that_reads_is_lent_the_terminal() {
    let scene = Scene::new();
    let mut person = scene.on_terminal(&["--output", "capture"]);
    let mut call = scene.home.call();
    person.sees("Started");
    person.keys_are_read();
    assert_eq!(answer(&mut call, "stdin"), "done");
    person.waits_for("lent", |person| person.modes() == person.found);
    person.types("line\n");
    call.wait_for_end();
    person.sees("Crashed");
    person.keys_are_read();
    person.types("q");
    person.ended();
}

#[test]
fn ctrl_z_stops_the_program_too() {
    let scene = Scene::new();
    let mut person = scene.on_terminal(&["--output", "capture"]);
    let call = scene.home.call();
    person.sees("Started");
    person.keys_are_read();
    let pid = call.pid.cast_signed();
    hotrun::sys::kill_process(person.leader(), libc::SIGTSTP).unwrap();
    let until = Instant::now() + DEADLINE;
    // A session leader is not stopped by it, so both go on at once: the program was continued.
    while hotrun::sys::is_stopped(pid) {
        assert!(Instant::now() < until);
        pause();
    }
    person.types("q");
    person.ended();
}
