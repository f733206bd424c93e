//! The output of several services side by side.

use std::io::{PipeReader, Read};

use rustix::process::Signal;

use super::{Scene, answer, write};
use crate::programs::program;
use crate::support::{Call, said};

impl Scene {
    /// Two services, `api` and `db`.
    fn of_two() -> Self {
        let scene = Self::new();
        let writer = program("writer");
        let table = |name: &str| format!("[service.{name}]\ncommand = [{:?}, {name:?}]\n", writer.display());
        scene.workshop.project.write("hotrun.toml", &(table("api") + &table("db")));
        scene
    }

    /// Both, whichever calls first.
    fn calls(&self) -> (Call, Call) {
        let (one, other) = (self.home.call(), self.home.call());
        if one.version == "api" { (one, other) } else { (other, one) }
    }
}

/// Reads until this has come, and gives what came before it.
#[track_caller]
fn read(reader: &mut PipeReader, until: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(until.as_bytes()) {
        let mut byte = [0];
        assert_eq!(reader.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&text));
        text.push(byte[0]);
    }
    text.truncate(text.len() - until.len());
    String::from_utf8(text).unwrap()
}

#[test]
fn lines_are_whole_and_named() {
    let scene = Scene::of_two();
    let (mut hotrun, mut stdout) = scene.redirected(&[]);
    let (mut api, mut db) = scene.calls();
    read(&mut stdout, "api | started\n");
    assert_eq!(answer(&mut db, "terminals"), "[false, false, false]");
    write(&mut db, "out", "one\ntwo\n");
    read(&mut stdout, "db  | one\ndb  | two\n");
    // A part of a line is shown after a while. Another's line does not go into it.
    write(&mut db, "out", "pass");
    assert_eq!(read(&mut stdout, "db  | pass"), "");
    write(&mut db, "out", "word\n");
    assert_eq!(read(&mut stdout, "word\n"), "");
    write(&mut db, "out", "pass");
    assert_eq!(read(&mut stdout, "db  | pass"), "");
    write(&mut api, "out", b"\x1b[2Jred \x1b[31mapple\n");
    assert_eq!(read(&mut stdout, "\napi | red \x1b[31mapple\x1b[0m\n"), "");
    write(&mut db, "out", "word\n");
    assert_eq!(read(&mut stdout, "db  | word\n"), "");
    write(&mut api, "err", "to stderr\n");
    hotrun.wait_said("api | to stderr\n");

    // Their stdin stays open.
    assert_eq!(answer(&mut api, "stdin"), "done");
    write(&mut api, "out", "still here\n");
    // Its colour holds over the end of the line.
    read(&mut stdout, "api | \x1b[31mstill here\x1b[0m\n");

    let logs = |words: &[&str]| said(scene.path(), &[&["logs"], words].concat());
    let all = logs(&[]).stdout;
    assert!(all.contains("db  | password\n") && all.contains("api | red apple\n"), "{all:?}");
    assert_eq!(logs(&["db", "-n", "2"]).stdout, "password\npassword\n");
    let one = logs(&["api", "--json", "-n", "1"]).json();
    assert_eq!((&one["service"], &one["text"]), (&"api".into(), &"still here".into()), "{one}");
    let answered = logs(&["apo"]);
    assert!(answered.code == 2 && answered.stderr.contains("`api`"), "{answered:?}");

    // The crash of one is explained by what it said.
    write(&mut db, "err", "no space left\n");
    db.tell("exit 5");
    hotrun.wait_for("process-exited");
    let answered = said(scene.path(), &["wait", "--json"]).json();
    assert_eq!(answered["services"]["db"]["last-lines"], serde_json::json!(["no space left"]), "{answered}");
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}

#[test]
fn on_a_terminal_names_are_coloured_and_keys_show_one_alone() {
    let scene = Scene::of_two();
    let mut person = scene.on_terminal(&[]);
    let (mut api, mut db) = scene.calls();
    person.keys_are_read();
    assert!(answer(&mut api, "terminals").ends_with("true, true]"));
    assert_eq!(answer(&mut api, "size"), "94 30", "without the columns of the names");
    write(&mut api, "out", "10 %");
    person.sees("\x1b[36mapi |\x1b[0m 10 %");
    write(&mut api, "out", "\r20 %\r\n");
    person.sees("\r\x1b[K\x1b[36mapi |\x1b[0m 20 %");
    write(&mut db, "out", "one\n");
    person.sees("\x1b[35mdb  |\x1b[0m one");

    person.types("2");
    person.sees("Showing");
    // What it wrote before, and what it writes now.
    person.sees("one\r\n");
    write(&mut api, "out", "hidden\n");
    write(&mut db, "out", "\x1b[2Jas it is");
    let before = person.sees("\x1b[2Jas it is");
    assert!(!before.contains("hidden") && !before.contains("db  |"), "{before:?}");
    person.types("0");
    person.sees("all services");
    write(&mut api, "out", "shown again\n");
    person.sees("api |\x1b[0m shown again");
    person.types("q");
    person.ended();
}
