//! A program that lives on in another process than the one that hotrun started.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rustix::process::Signal;

use super::Stage;
use super::speaker::speaker;
use crate::support::{DEADLINE, pause};

fn lives(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
}

#[track_caller]
fn wait_for_death(pid: u32) {
    let deadline = std::time::Instant::now() + DEADLINE;
    while lives(pid) {
        assert!(std::time::Instant::now() < deadline, "{pid} lives");
        pause();
    }
}

fn answer(address: SocketAddr) -> String {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[test]
fn a_program_that_executes_itself_anew_in_a_child_is_followed() {
    let args = ["--listen", "0", "--update", "reexec"];
    let mut stage = Stage::of(&speaker("a"), &args);
    let address: SocketAddr = stage.address("http://");
    let mut app = stage.home.call();
    for version in ["b", "a", "b"] {
        assert_eq!(app.request("on-hangup"), "will");
        let before = app.pid;
        let ready = stage.edit(&speaker(version));
        app.wait_for_end();
        app = stage.home.call_of(version);
        assert_eq!(ready.pid(), app.pid);
        wait_for_death(before);
        assert_eq!(answer(address), format!("{version} {}\n", app.pid));
        assert_eq!(app.request("barrier"), "passed", "it is heard");
    }
    let ends = |event: &&crate::support::EventLine| event.kind() == "process-exited";
    assert_eq!(stage.hotrun.seen().iter().filter(ends).count(), 0);
    // One that has no handler is restarted, and is the one that was followed.
    stage.workshop.build_gives(&speaker("a"));
    let exited = stage.hotrun.wait_for("process-exited").0;
    assert_eq!((&exited["pid"], &exited["signal"]), (&app.pid.into(), &"SIGTERM".into()), "{exited}");
    stage.hotrun.wait_said("it has no handler for SIGHUP");
    let _app = stage.home.call_of("a");
    stage.hotrun.signal(Signal::TERM);
    stage.hotrun.wait();
}

#[test]
fn the_end_of_a_main_process_is_the_end_of_the_program() {
    let mut stage = Stage::of(&speaker("a"), &["--ready", "notify", "--on-exit", "restart"]);
    let mut app = stage.home.call();
    let main: u32 = app.request("main").parse().unwrap();
    assert_eq!(app.request("barrier"), "passed");
    // The first ends by itself, and what it named is not swept.
    let first = app.pid;
    drop(app);
    // It stays in the process table as long as its group is needed, and no longer.
    wait_for_death(first);
    stage.hotrun.signal(Signal::HUP);
    let exited = stage.hotrun.wait_for("process-exited").0;
    assert_eq!(
        (&exited["pid"], &exited["signal"], &exited["expected"]),
        (&main.into(), &"SIGTERM".into(), &true.into())
    );
    stage.hotrun.wait_for("ready");
    wait_for_death(main);
    assert!(!Path::new(&format!("/proc/{first}")).exists() && !Path::new(&format!("/proc/{main}")).exists());

    // And one that is killed is started again.
    let mut app = stage.home.call();
    let main: u32 = app.request("main").parse().unwrap();
    assert_eq!(app.request("barrier"), "passed");
    drop(app);
    let pid = rustix::process::Pid::from_raw(main.cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::KILL).unwrap();
    let exited = stage.hotrun.wait_for("process-exited").0;
    assert_eq!((&exited["pid"], &exited["signal"]), (&main.into(), &"SIGKILL".into()), "{exited}");
    stage.hotrun.wait_for("ready");
}

#[test]
fn a_main_process_of_somebody_else_is_not_followed() {
    let mut stage = Stage::of(&speaker("a"), &["--ready", "notify"]);
    let mut app = stage.home.call();
    let me = std::process::id();
    for _ in 0..3 {
        assert_eq!(app.send(format!("MAINPID={me}").as_bytes(), 0), "sent");
    }
    assert_eq!(app.request("barrier"), "passed");
    let said = stage.hotrun.wait_said("it is not one of the program's processes");
    assert_eq!(said.matches(&format!("named pid {me} as its main process")).count(), 1, "{said}");
    let first = app.pid;
    drop(app);
    assert_eq!(stage.hotrun.wait_for("process-exited").pid(), first);
}
