//! What is asked for: by the command line and by the environment.

use std::path::PathBuf;

/// What to measure, and how often.
#[derive(Debug)]
pub(crate) struct Plan {
    /// `cargo bench`; else the short form that shows that the harness works.
    pub(crate) full: bool,
    /// The names of the scenarios; all where there are none.
    pub(crate) scenarios: Vec<String>,
    rounds: Option<usize>,
    /// Another build of hotrun, measured beside this one.
    pub(crate) before: Option<PathBuf>,
    /// Where other tools may be besides the PATH.
    pub(crate) peers: Option<PathBuf>,
    /// Where the JSON goes.
    pub(crate) json: Option<PathBuf>,
}

impl Plan {
    pub(crate) fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let path = |name| std::env::var_os(name).map(PathBuf::from);
        Self {
            // `cargo bench` passes `--bench`; `cargo test` does not.
            full: words.iter().any(|word| word == "--bench"),
            // Options and their numbers are meant for the tests that `cargo test` runs beside this.
            scenarios: words
                .into_iter()
                .filter(|word| !word.starts_with('-') && word.parse::<u32>().is_err())
                .collect(),
            rounds: std::env::var("HOTRUN_BENCH_ROUNDS")
                .ok()
                .map(|rounds| rounds.parse().ok().filter(|rounds| (1..=1000).contains(rounds)))
                .map(|rounds| rounds.expect("HOTRUN_BENCH_ROUNDS is a number from 1 to 1000")),
            before: path("HOTRUN_BENCH_BEFORE"),
            peers: path("HOTRUN_BENCH_PEERS"),
            json: path("HOTRUN_BENCH_JSON"),
        }
    }

    /// How many rounds: what was asked for, or what is usual.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(if self.full { usual } else { 1 })
    }

    /// A size or a time, smaller in the short form.
    pub(crate) fn size<T>(&self, full: T, short: T) -> T {
        if self.full { full } else { short }
    }
}
