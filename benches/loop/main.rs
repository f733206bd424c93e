//! `cargo bench --bench loop`: how long from a save until the new version answers.
//!
//! Beside hotrun, in the same run and in turn: the *floor*, a loop that is told of the save, runs a bare `cargo build`
//! through whatever `cargo` is on the PATH, stops the old program and starts the new one. `cargo test` runs two rounds of
//! it, to see that the harness works; it asserts no times.

mod floor;
mod followed;
mod project;
mod stats;

use std::io::Write;

use project::Project;
use stats::Series;

fn main() {
    // `cargo bench` passes `--bench`; `cargo test` does not.
    let full = std::env::args().any(|word| word == "--bench");
    let rounds = match std::env::var("HOTRUN_BENCH_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("HOTRUN_BENCH_ROUNDS is a number"),
        Err(_) if full => 30,
        Err(_) => 2,
    };
    let mut out = std::io::stdout().lock();
    let report = save_to_served(rounds);
    write!(out, "{report}").expect("stdout is open");
}

/// Saves in turn in two copies of a small std-only server, one followed by hotrun and one by the floor.
fn save_to_served(rounds: usize) -> String {
    let (ours, theirs) = (Project::new(), Project::new());
    let mut hotrun = followed::Followed::start(&ours);
    let mut floor = floor::Floor::start(&theirs);
    let mut table = Series::default();
    for round in 0..=rounds {
        let version = format!("round {round}");
        // Who comes first changes, so that a warm cache favours nobody.
        let (mut ours, mut theirs) = (None, None);
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                ours = Some(hotrun.edit(&version));
            } else {
                theirs = Some(floor.edit(&version));
            }
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else { unreachable!("both had their turn") };
        // The first round warms up.
        if round > 0 {
            table.add("hotrun: save -> served", ours.served);
            table.add("floor: save -> served", theirs.served);
            table.add("hotrun - floor (paired)", ours.served - theirs.served);
            table.add("hotrun: cargo ran", ours.build);
            table.add("floor: cargo ran", theirs.build);
            table.add("hotrun: save -> change seen", ours.seen);
            table.add("hotrun: change seen -> cargo ordered", ours.ordered);
            table.add("hotrun: cargo ended -> published", ours.published);
            table.add("hotrun: published -> new process", ours.started);
            table.add(
                "hotrun: all of its own share",
                ours.seen + ours.ordered + ours.published + ours.started,
            );
        }
    }
    format!("save -> served, a small std-only server, {rounds} rounds, milliseconds\n{table}")
}
