//! The crash matrix: each way a new build can fail, under each way of updating. What ran before answers where it may, the
//! live path is what runs, hotrun says why, and the next good edit recovers.
//!
//! `rows!` has one test per way to fail, and each column of it is a module.

#[cfg(target_os = "linux")]
mod kept;
mod reexec;
mod remedies;

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;

use super::support::{Stage, ask, ask_until, served};

/// How a build is updated to.
#[derive(Debug, Clone, Copy)]
struct Column {
    update: &'static str,
    /// `--ready`: with `spawn` nothing is declared, so nothing is rolled back.
    ready: &'static str,
}

const RESTART: Column = Column { update: "restart", ready: "notify" };
const RESTART_AT_SPAWN: Column = Column { update: "restart", ready: "spawn" };
const OVERLAP: Column = Column { update: "overlap", ready: "auto" };
const MANUAL: Column = Column { update: "manual", ready: "notify" };
const REEXEC: Column = Column { update: "reexec", ready: "auto" };

/// How a build fails to start.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// `SERVED_MODE`.
    mode: &'static str,
    /// What the event says of its end.
    end: End,
    /// It was ready before.
    ready: bool,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Code(u64),
    Signal(&'static str),
    NotReady,
}

const fn row(mode: &'static str, end: End) -> Row {
    Row { mode, end, ready: false }
}

const EXITS: Row = row("exits", End::Code(3));
const DIES_BEFORE_READY: Row = row("dies-before-ready", End::Code(3));
const NEVER_READY: Row = row("never-ready", End::NotReady);
const KILLED: Row = row("killed", End::Signal("SIGKILL"));
const SEGFAULTS: Row = row("segfaults", End::Signal("SIGSEGV"));
const ABORTS: Row = row("aborts", End::Signal("SIGABRT"));
const DIES_AFTER_READY: Row = Row { mode: "dies-after-ready", end: End::Code(3), ready: true };

impl Column {
    fn stage(self) -> Stage {
        self.stage_with(&[])
    }

    fn stage_with(self, more: &[&str]) -> Stage {
        let args = ["--update", self.update, "--ready", self.ready];
        Stage::of(&served("a", ""), &[&args, more].concat())
    }

    fn rolls_back(self) -> bool {
        self.ready != "spawn"
    }
}

impl Stage {
    /// Builds this, and asks for it where it does not start by itself: with `manual`, while something runs.
    #[track_caller]
    fn update(&mut self, column: Column, version: &str, mode: &str, runs: Option<&str>) {
        self.workshop.build_gives(&served(version, mode));
        self.hotrun.wait_for("published");
        if let Some(runs) = runs.filter(|_| column.update == "manual") {
            self.hotrun.wait_said("starts it)");
            assert_eq!(ask(self.address, 0).unwrap().0, runs, "nobody asked for the new build");
            self.hotrun.signal(Signal::HUP);
        }
    }

    /// What is beside the live path under this suffix, or at it.
    fn file(&self, suffix: &str) -> Option<Vec<u8>> {
        fs::read(self.live(suffix)).ok()
    }

    fn live(&self, suffix: &str) -> PathBuf {
        self.workshop.project.live(&format!("app{suffix}"))
    }

    /// The live path and its neighbours are these builds.
    #[track_caller]
    fn assert_files(&self, live: (&str, &str), previous: Option<(&str, &str)>, failed: Option<(&str, &str)>) {
        let bytes = |(version, mode)| fs::read(served(version, mode)).unwrap();
        assert!(self.file("") == Some(bytes(live)), "the live path is not {live:?}");
        assert!(self.file(".previous") == previous.map(bytes), "`.previous` is not {previous:?}");
        assert!(self.file(".failed") == failed.map(bytes), "`.failed` is not {failed:?}");
    }

    /// The next good edit is answered.
    #[track_caller]
    fn recovers(&mut self, column: Column, runs: Option<&str>) {
        self.update(column, "b", "", runs);
        self.hotrun.wait_for_build("ready", 3);
        assert_eq!(ask_until(self.address, "b"), "b");
    }

    /// A connection made now, and the version that answers it.
    fn asks_meanwhile(&self) -> std::thread::JoinHandle<String> {
        let address = self.address;
        std::thread::spawn(move || ask(address, 0).unwrap().0)
    }
}

/// The new build fails to start.
fn fails(column: Column, row: Row) {
    let mut stage = match row.end {
        End::NotReady => column.stage_with(&["--ready-timeout", "2s", "--stop-timeout", "500ms"]),
        End::Code(_) | End::Signal(_) => column.stage(),
    };
    let (_, before) = ask(stage.address, 0).unwrap();
    stage.update(column, "bad", row.mode, Some("a"));
    let failed = stage.hotrun.wait_for("start-failed");
    assert_eq!(failed.build(), 2, "{failed:?}");
    assert!(failed.0["lived-ms"].is_f64(), "{failed:?}");
    let end = match row.end {
        End::Code(code) => {
            assert_eq!((&failed.0["reason"], &failed.0["code"]), (&"exited".into(), &code.into()));
            format!("it exited with code {code} after ")
        }
        End::Signal(signal) => {
            assert_eq!((&failed.0["reason"], &failed.0["signal"]), (&"exited".into(), &signal.into()));
            format!("it was ended by {signal} after ")
        }
        End::NotReady => {
            assert_eq!(failed.0["reason"], "not-ready");
            "it was not ready within 2".to_owned()
        }
    };
    let bad = ("bad", row.mode);
    if column.rolls_back() {
        assert_eq!(failed.0["running"], 1, "{failed:?}");
        assert_eq!(stage.hotrun.wait_for("rolled-back").0["to"], 1);
        let (version, pid) = ask(stage.address, 0).unwrap();
        assert_eq!(version, "a");
        let untouched = column.update == "overlap" && !row.ready;
        assert_eq!(pid == before, untouched, "whether what ran was told to stop");
        stage.assert_files(("a", ""), None, Some(bad));
        let said = stage.hotrun.wait_said("tries again");
        let instead = if untouched {
            "still running build 1, built "
        } else {
            "going back to build 1 (`hotrun restart` or "
        };
        for words in [format!("error: build 2 could not start: {end}"), instead.to_owned()] {
            assert!(said.contains(&words), "{words:?} is not in {said}");
        }
        stage.recovers(column, Some("a"));
        stage.assert_files(("b", ""), Some(("a", "")), Some(bad));
    } else {
        assert!(failed.0["running"].is_null(), "{failed:?}");
        let said = stage.hotrun.wait_said("save a file");
        let how = match row.end {
            End::Code(code) => format!("exited with code {code} after "),
            End::Signal(signal) => format!("was killed by {signal} after "),
            End::NotReady => unreachable!("it is ready as soon as it runs"),
        };
        assert!(said.contains(&how) && said.contains("     Crashed "), "{said}");
        // It stays the live one: nothing else is meant to run.
        stage.assert_files(bad, Some(("a", "")), None);
        let meanwhile = stage.asks_meanwhile();
        stage.recovers(column, None);
        assert_eq!(meanwhile.join().unwrap(), "b");
        stage.assert_files(("b", ""), Some(("a", "")), None);
    }
}

/// A program that ends with code 0 has not failed: it was meant to end, so the one that was stopped for it is not started
/// again, and one that was not stopped runs on.
fn ends_with_code_0(column: Column) {
    let mut stage = column.stage();
    let (_, before) = ask(stage.address, 0).unwrap();
    stage.update(column, "bad", "ends", Some("a"));
    let ended = stage.hotrun.wait_until("the end of the new build", |event| {
        event.kind() == "process-exited" && event.build() == 2
    });
    assert_eq!(ended.0["code"], 0, "{ended:?}");
    let overlap = column.update == "overlap";
    let meanwhile = if overlap {
        stage.hotrun.wait_said("; build 1 keeps running");
        assert_eq!(ask(stage.address, 0).unwrap(), ("a".to_owned(), before));
        None
    } else {
        stage.hotrun.wait_said("save a file");
        Some(stage.asks_meanwhile())
    };
    assert!(stage.file("") == fs::read(served("bad", "ends")).ok(), "it was published");
    stage.recovers(column, overlap.then_some("a"));
    if let Some(meanwhile) = meanwhile {
        assert_eq!(meanwhile.join().unwrap(), "b");
    }
    assert!(
        stage.hotrun.seen().iter().all(|event| !["start-failed", "rolled-back"].contains(&event.kind())),
        "it has not failed"
    );
}

/// A build that ignores the stop signal is killed when its time is over, and the next one runs.
fn ignores_the_stop_signal(column: Column) {
    let mut stage = column.stage_with(&["--stop-timeout", "300ms"]);
    stage.update(column, "deaf", "ignores-stop", Some("a"));
    stage.hotrun.wait_for_build("ready", 2);
    assert_eq!(ask_until(stage.address, "deaf"), "deaf");
    stage.update(column, "b", "", Some("deaf"));
    stage.hotrun.wait_until("the end of the deaf one", |event| {
        event.kind() == "process-exited" && event.build() == 2 && event.0["signal"] == "SIGKILL"
    });
    assert_eq!(ask_until(stage.address, "b"), "b");
    stage.hotrun.wait_said("of SIGTERM; killed");
    stage.assert_files(("b", ""), Some(("deaf", "ignores-stop")), None);
}

macro_rules! rows {
    ($column:ident) => {
        use super::*;

        #[test]
        fn exits_at_once() {
            fails($column, EXITS);
        }

        #[test]
        fn dies_before_it_is_ready() {
            fails($column, DIES_BEFORE_READY);
        }

        #[test]
        fn is_ready_and_dies_half_a_second_later() {
            fails($column, DIES_AFTER_READY);
        }

        #[test]
        fn is_killed() {
            fails($column, KILLED);
        }

        #[test]
        fn segfaults() {
            fails($column, SEGFAULTS);
        }

        #[test]
        fn aborts() {
            fails($column, ABORTS);
        }

        #[test]
        fn ends_with_code_0() {
            super::ends_with_code_0($column);
        }

        #[test]
        fn ignores_the_stop_signal() {
            super::ignores_the_stop_signal($column);
        }
    };
    ($column:ident, declared) => {
        rows!($column);

        #[test]
        fn is_never_ready() {
            fails($column, NEVER_READY);
        }
    };
}

mod by_restart {
    rows!(RESTART, declared);
}

/// Where nothing is declared (`auto` waits), the program stays down. A build that says nothing is as good as ready.
mod by_restart_at_spawn {
    rows!(RESTART_AT_SPAWN);
}

mod by_overlap {
    rows!(OVERLAP, declared);
}

/// Nothing happens before it is asked for; from there on it is a restart. A program that is down has ended, so the next
/// build starts without being asked for.
mod by_manual {
    rows!(MANUAL, declared);
}

/// The process itself becomes the new build, so with that the process is gone: the build before it is started.
mod by_reexec {
    rows!(REEXEC, declared);
}
