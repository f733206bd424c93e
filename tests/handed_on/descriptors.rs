//! hotrun's own descriptors: as many after many restarts as before.

use std::fs;
use std::time::Instant;

use super::Stage;
use crate::programs::variant;
use crate::support::{DEADLINE, Hotrun, pause};

/// What hotrun has open while it sleeps, by what it is and not by its number: `socket`, `pipe`, `/dev/null`, …
pub(super) fn at_rest(hotrun: &Hotrun) -> Vec<String> {
    let process = format!("/proc/{}", hotrun.pid());
    let asleep = || {
        let states = fs::read_dir(format!("{process}/task")).unwrap();
        states.filter_map(|task| fs::read_to_string(task.ok()?.path().join("stat")).ok()).all(|stat| {
            let (_, state) = stat.rsplit_once(") ").unwrap();
            state.starts_with('S')
        })
    };
    let open = || {
        let mut open: Vec<String> = fs::read_dir(format!("{process}/fd"))
            .unwrap()
            .filter_map(|fd| fs::read_link(fd.ok()?.path()).ok())
            // `socket:[1234]`, `pipe:[1234]`, `anon_inode:[eventpoll]`, a path.
            .map(|what| what.to_string_lossy().replace(|letter: char| letter.is_ascii_digit(), ""))
            .collect();
        open.sort();
        open
    };
    let deadline = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < deadline, "hotrun does not come to rest");
        let before = asleep();
        let found = open();
        pause();
        if before && asleep() && open() == found {
            return found;
        }
    }
}

/// Waits until hotrun has open what it had before, and nothing else.
#[track_caller]
pub(super) fn as_before(hotrun: &Hotrun, before: &[String]) {
    let deadline = Instant::now() + DEADLINE / 4;
    loop {
        let now = at_rest(hotrun);
        if now == before {
            return;
        }
        assert!(Instant::now() < deadline, "hotrun has open {now:#?}\nand had {before:#?}");
        pause();
    }
}

fn restarts_leave_no_descriptor(update: &str) {
    let served = |version| variant("served", &format!("-{version}-"), &[("SERVED_VERSION", version)]);
    let (a, b) = (served("a"), served("b"));
    let args = ["--listen", "0", "--ready", "notify", "--debounce", "1ms", "--update", update];
    let mut stage = Stage::of(&a, &args);
    // The first one may open what stays open.
    stage.edit(&b);
    if update == "overlap" {
        stage.hotrun.wait_for("process-exited");
    }
    let before = at_rest(&stage.hotrun);
    for round in 0..200 {
        stage.edit(if round % 2 == 0 { &a } else { &b });
    }
    as_before(&stage.hotrun, &before);
}

#[test]
fn two_hundred_restarts_leave_no_descriptor() {
    restarts_leave_no_descriptor("restart");
}

#[test]
fn two_hundred_overlaps_leave_no_descriptor() {
    restarts_leave_no_descriptor("overlap");
}
