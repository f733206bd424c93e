//! hotrun's stdout is a pipe.

use std::io::Read;

use rustix::process::Signal;

use super::{Scene, answer, write};

#[test]
fn every_byte_passes_unchanged_and_apart() {
    let scene = Scene::new();
    let (mut hotrun, mut stdout) = scene.redirected(&["--output", "capture"]);
    let mut call = scene.home.call();
    assert_eq!(answer(&mut call, "terminals"), "[false, false, false]");
    let bytes: Vec<u8> = (0..=255).chain(*b"\x1b[31m\r10 %\r20 %").collect();
    write(&mut call, "out", &bytes);
    let mut read = vec![0; bytes.len()];
    stdout.read_exact(&mut read).unwrap();
    assert_eq!(read, bytes, "at once, though no line ends");
    write(&mut call, "err", "to stderr\n");
    hotrun.wait_said("to stderr\n");

    // What a program writes last is not lost, also where a descendant holds the pipe.
    let mut expected: Vec<u8> = Vec::new();
    for number in 0..100 {
        let line = format!("line {number}\n");
        write(&mut call, "out", &line);
        expected.extend(line.as_bytes());
    }
    call.tell("exit 0");
    hotrun.wait_for("process-exited");
    hotrun.signal(Signal::TERM);
    hotrun.wait();
    read.clear();
    stdout.read_to_end(&mut read).unwrap();
    assert_eq!(read, expected);
}

#[test]
fn once_ends_when_all_is_written() {
    let scene = Scene::new();
    let (mut hotrun, mut stdout) = scene.redirected(&["--output", "capture", "--once"]);
    let mut call = scene.home.call();
    let chunk = "a line of some length\n".repeat(1000);
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    for _ in 0..40 {
        write(&mut call, "out", &chunk);
    }
    call.tell("exit 3");
    assert_eq!(hotrun.wait().0.code(), Some(3));
    assert_eq!(reading.join().unwrap(), chunk.repeat(40));
}

#[test]
fn a_reader_that_stalls_stops_the_program_and_nothing_else() {
    let scene = Scene::new();
    let (mut hotrun, mut stdout) = scene.redirected(&["--output", "capture"]);
    let mut call = scene.home.call();
    assert_eq!(answer(&mut call, "flood"), "done");
    // Nobody reads. An edit restarts, and a signal ends it.
    scene.edit();
    call.wait_for_end();
    let mut call = scene.home.call();
    write(&mut call, "err", "another process\n");
    hotrun.wait_said("another process\n");
    #[cfg(target_os = "linux")]
    assert!(super::peak_memory(hotrun.pid()) < 64 << 20, "{}", super::peak_memory(hotrun.pid()));
    hotrun.signal(Signal::TERM);
    hotrun.wait();
    let mut read = Vec::new();
    stdout.read_to_end(&mut read).unwrap();
    // The first process may have been ended within a line.
    let cut = read.split(|byte| *byte == b'\n').filter(|line| *line != b"y").count();
    // What the reader did not take by then is given up.
    assert!(read.len() >= 4096 && cut <= 2, "{} bytes, {cut} lines cut", read.len());
}

#[test]
fn a_reader_that_goes_is_noticed_by_the_program() {
    let scene = Scene::new();
    let (mut hotrun, mut stdout) = scene.redirected(&["--output", "capture"]);
    let mut call = scene.home.call();
    write(&mut call, "out", "one\n");
    let mut read = [0; 4];
    stdout.read_exact(&mut read).unwrap();
    drop(stdout);
    // Rust's programs see an error in place of SIGPIPE.
    while let "done" = &*{
        call.tell("out 780a");
        call.line()
    } {}
    let exited = hotrun.wait_for("process-exited");
    assert_eq!(exited.0["signal"], "SIGABRT", "its panic: {exited:?}");
}
