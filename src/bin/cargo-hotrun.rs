//! The `cargo-hotrun` binary, which cargo runs for `cargo hotrun`: parse, run, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    hotrun::main()
}
