//! Whatever happens to a project while hotrun follows it, at rest what is saved runs, and `hotrun wait` says so.
//!
//! Histories are random, each known by its seed. `HISTORIES=2000 cargo test histories` lives so many with events and so many
//! with polling; `HISTORY=SEED` lives one again.

mod acts;
mod disk;
mod stage;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use self::stage::{Stage, Verdict};

/// Most of a history is waiting, so several are lived at once.
const LANES: u64 = 8;

/// How many there are of each kind where nobody asks for more.
const FEW: u64 = 16;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How hotrun is started in the history of a seed.
fn arguments(seed: u64, polls: bool) -> Vec<&'static str> {
    let mut arguments = Vec::new();
    if polls {
        arguments.push("--poll=100ms");
    }
    if seed.is_multiple_of(5) {
        arguments.extend(["--on-start-failure", "rollback"]);
    }
    arguments
}

/// Lives through the history of a seed; `Err` is the whole story.
fn live(seed: u64, polls: bool) -> Verdict {
    let arguments = arguments(seed, polls);
    let history = acts::history(seed);
    let mut stage = Stage::new(&arguments);
    stage.live(&history).map_err(|fault| {
        let acts: Vec<String> =
            history.iter().map(|(act, pause)| format!("{act:?}, then {pause:?}")).collect();
        format!("{fault}\n{arguments:?}\n  {}{}", acts.join("\n  "), stage.story())
    })?;
    stage.end()
}

/// Lives through many; the seeds of those that fail, and the story of the first.
fn live_all(polls: bool) {
    let (seed, asked) = (number("HISTORY"), number("HISTORIES"));
    let many = seed.map_or_else(|| asked.unwrap_or(FEW), |_| 1);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    // The few are the same each time.
    let first = seed.unwrap_or_else(|| asked.map_or(0, |_| now.as_secs() % 1_000_000 * 10_000));
    let next = AtomicU64::new(0);
    let lane = || {
        let mut faults = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= many {
                return faults;
            }
            let seed = first + at;
            if let Err(fault) = live(seed, polls) {
                let fault = format!("HISTORY={seed}: {fault}\n");
                tell(&fault);
                faults.push(fault);
            }
        }
    };
    let faults: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES.min(many)).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{} of {many} failed:\n{}", faults.len(), faults[0]);
}

/// Each fault as it is found: many histories take a while.
#[expect(clippy::print_stderr, reason = "tests have no other voice")]
fn tell(fault: &str) {
    eprintln!("{fault}");
}

#[test]
fn at_rest_what_is_saved_runs_with_events() {
    live_all(false);
}

#[test]
fn at_rest_what_is_saved_runs_with_polling() {
    live_all(true);
}
