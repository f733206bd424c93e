//! What hotrun has open is its own: neither the program nor cargo gets any of it but what is meant for them.

use std::collections::BTreeMap;
use std::fs;

use super::Stage;
use super::speaker::speaker;
use crate::support::{Home, Hotrun, Workshop, said};

/// What a process has open beside its stdio, by number.
fn open(pid: u32) -> BTreeMap<u32, String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(Result::unwrap);
    entries
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok().filter(|number| *number > 2)?;
            Some((number, fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
        })
        .collect()
}

#[test]
fn neither_the_program_nor_cargo_inherits_what_is_not_meant_for_it() {
    let workshop = Workshop::new(&speaker("a"));
    // A target that is copied from, under cargo's locks.
    workshop.project.write("target/debug/.cargo-lock", "");
    let stub = fs::read_to_string(workshop.project.join("bin/cargo")).unwrap();
    let listing = "mkdir -p target\nfor fd in /proc/$$/fd/*; do echo \"${fd##*/} $(readlink $fd)\"; done >> target/listed\n";
    workshop.project.write("bin/cargo", &stub.replace("while [", &format!("{listing}while [")));
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let log = folder.path().join("log");
    let args = ["--listen", "0", "--log", log.to_str().unwrap(), "--update", "overlap"];
    let mut start = Hotrun::prepare(&workshop.project, &home, &args);
    workshop.equip(start.command());
    let mut hotrun = start.start();
    hotrun.wait_for("ready");
    let mut stage = Stage { workshop, hotrun, home };
    stage.hotrun.wait_said(" from target/debug (");
    let _first = stage.home.call();
    stage.edit(&speaker("b"));
    assert_eq!(said(stage.workshop.project.path(), &["wait", "--timeout", "1m"]).code, 0);

    let program = stage.home.call_of("b");
    let own = open(stage.hotrun.pid());
    let sockets = own.values().filter(|what| what.starts_with("socket:")).count();
    assert!(sockets > 2 && own.values().any(|what| *what == log.to_string_lossy()), "{own:?}");
    let inherited: Vec<(u32, String)> =
        open(program.pid).into_iter().filter(|(_, what)| own.values().any(|other| other == what)).collect();
    assert!(matches!(inherited.as_slice(), [(3, socket)] if socket.starts_with("socket:")), "{inherited:?}");

    // What this test was started with is neither's: cargo may need a jobserver that it comes with.
    let strangers = open(std::process::id());
    let listed = fs::read_to_string(stage.workshop.project.join("target/listed")).unwrap();
    assert!(listed.lines().count() > 2 * 3, "{listed}");
    for line in listed.lines() {
        let (number, what) = line.split_once(' ').unwrap();
        let of_hotrun = own.values().any(|own| own == what) && !strangers.values().any(|other| other == what);
        let leaks = of_hotrun || what.contains("lock") || what.starts_with("socket:");
        assert!(!leaks || number.parse::<u32>().unwrap() < 3, "cargo inherits {line}:\n{listed}");
    }
}
