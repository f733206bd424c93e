//! `cargo bench --bench loop [-- SCENARIO…]`: hotrun measured from outside, beside a floor and whoever else is there.
//!
//! | Variable | |
//! |---|---|
//! | `HOTRUN_BENCH_ROUNDS` | how many rounds, instead of what each scenario finds enough |
//! | `HOTRUN_BENCH_BEFORE` | another build of hotrun, measured in the same rounds |
//! | `HOTRUN_BENCH_PEERS` | a folder with other tools, besides the PATH |
//! | `HOTRUN_BENCH_JSON` | a file for all values |
//!
//! `cargo test` runs a short form of it, to see that the harness works; it asserts no times.

mod clock;
mod fifo;
mod home;
mod keeper;
mod load;
mod plan;
mod procfs;
mod project;
mod report;
mod scenarios;
mod shim;
mod stats;
mod tools;

use std::io::Write;
use std::process::{Command, ExitCode};

use serde_json::{Map, Value, json};

use plan::Plan;
use project::Yard;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    if words.first().is_some_and(|word| word == keeper::ENTRY) {
        keeper::main(&words[1..]);
        return ExitCode::SUCCESS;
    }
    let plan = Plan::read();
    let known: Vec<&str> = scenarios::ALL.iter().map(|(name, _)| *name).collect();
    let mut out = std::io::stdout().lock();
    // `cargo test WORD` looks for tests of that name everywhere.
    let unknown = plan.scenarios.iter().find(|name| plan.full && !known.contains(&name.as_str()));
    if let Some(unknown) = unknown {
        let known = known.join(", ");
        writeln!(out, "error: no scenario is called `{unknown}`; there are {known}").expect("stdout is open");
        return ExitCode::from(2);
    }
    let yard = Yard::open(plan);
    let mut measured = Map::new();
    for (name, measure) in scenarios::ALL {
        if !yard.plan.scenarios.is_empty() && !yard.plan.scenarios.iter().any(|asked| asked == name) {
            continue;
        }
        let began = clock::now();
        let sections = measure(&yard);
        for section in &sections {
            write!(out, "{section}").expect("stdout is open");
        }
        writeln!(out, "({name} took {:.0} s)", (clock::now() - began) / 1e3).expect("stdout is open");
        measured.insert((*name).to_owned(), sections.iter().map(report::Section::json).collect());
        // After each, so that an interrupted run leaves what it has.
        if let Some(path) = &yard.plan.json {
            let all =
                json!({ "schema": 1, "full": yard.plan.full, "machine": machine(), "scenarios": measured });
            std::fs::write(path, format!("{all:#}\n")).expect("HOTRUN_BENCH_JSON can be written");
        }
    }
    ExitCode::SUCCESS
}

/// What the values depend on.
fn machine() -> Value {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok()?.stdout;
        Some(String::from_utf8_lossy(&output).trim().to_owned())
    };
    json!({
        "hotrun": env!("CARGO_PKG_VERSION"),
        "cores": std::thread::available_parallelism().map(std::num::NonZero::get).ok(),
        "system": said("uname", "-srm"),
        "cargo": said("cargo", "-V"),
        "rustc": said("rustc", "-V"),
    })
}
