//! What was written is asked for later.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use super::{Scene, write};
use crate::support::{answering, said};

#[test]
fn how_a_crash_came_about_is_in_the_answers() {
    let scene = Scene::new();
    let (mut hotrun, _stdout) = scene.redirected(&["--output", "capture"]);
    let mut call = scene.home.call();
    hotrun.wait_for("ready");
    write(&mut call, "out", "this is on stdout\n");
    for number in 0..30 {
        write(&mut call, "err", format!("\x1b[31mline {number}\x1b[0m\n"));
    }
    call.tell("panic out of luck");
    hotrun.wait_for("process-exited");
    let answered = said(scene.path(), &["wait", "--json"]);
    let answer = answered.json();
    let last = &answer["exit"]["last-lines"];
    assert_eq!((answered.code, last.as_array().unwrap().len()), (1, 20), "{answer}");
    assert!(last.to_string().contains("out of luck") && last.to_string().contains("line 29"), "{answer}");
    assert!(!last.to_string().contains("\\u001b") && !last.to_string().contains("stdout"), "{answer}");
    assert_eq!(answer["services"]["app"]["last-lines"], *last);
    for command in ["wait", "status"] {
        let answered = said(scene.path(), &[command]);
        assert!(answered.stderr.is_empty() && answered.stdout.contains("out of luck"), "{answered:?}");
        assert!(answered.stdout.contains("hint: `hotrun logs` shows more"), "{answered:?}");
    }

    // All of it, after the crash.
    let logs = said(scene.path(), &["logs"]).stdout;
    // Each stream is in order; which of two is read first is not said.
    assert!(logs.contains("this is on stdout\n") && logs.contains("out of luck"), "{logs:?}");
    let logs = said(scene.path(), &["logs", "--json", "-n", "1000"]).stdout;
    let lines: Vec<Value> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = serde_json::json!({ "service": "app", "stream": "stdout", "text": "this is on stdout" });
    assert!(lines.contains(&first) && lines.iter().any(|line| line["stream"] == "stderr"), "{logs}");
    assert_eq!(said(scene.path(), &["logs", "-n", "0"]).stdout, "");

    // What another process said is not why this one ended.
    scene.edit();
    let mut call = scene.home.call();
    write(&mut call, "err", "the second\n");
    call.tell("exit 4");
    hotrun.wait_for("process-exited");
    let answer = said(scene.path(), &["wait", "--json"]).json();
    assert_eq!(answer["exit"]["last-lines"], serde_json::json!(["the second"]), "{answer}");
}

#[test]
fn what_is_written_can_be_followed() {
    let scene = Scene::new();
    let (mut hotrun, _stdout) = scene.redirected(&["--output", "capture"]);
    let mut call = scene.home.call();
    write(&mut call, "out", "one\ntwo\n");
    let mut following = answering(scene.path(), &["logs", "-f", "-n", "1"]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "two");
    write(&mut call, "out", "three\n10 %\r20 %\n");
    assert_eq!([next(), next()], ["three", "20 %"]);
    // Another process.
    scene.edit();
    let mut call = scene.home.call();
    write(&mut call, "err", "four\n");
    assert_eq!(next(), "four");
    hotrun.signal(rustix::process::Signal::TERM);
    hotrun.wait();
    assert!(following.wait().unwrap().success(), "it ends with hotrun");
    assert_eq!(said(scene.path(), &["logs"]).code, 3);
}

#[test]
fn nothing_is_kept_of_a_program_with_hotruns_own_output() {
    let scene = Scene::new();
    let (_hotrun, _stdout) = scene.redirected(&[]);
    scene.home.call();
    let answered = said(scene.path(), &["logs"]);
    assert_eq!((answered.code, &*answered.stdout), (1, ""));
    assert!(answered.stderr.contains("hint: `output = \"capture\"` under `[run]`"), "{answered:?}");
    let answered = said(scene.path(), &["logs", "nobody"]);
    assert_eq!(answered.code, 2, "{answered:?}");
}
