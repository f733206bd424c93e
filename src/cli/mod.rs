//! The command line: parses the arguments exactly as typed, and explains those that make no sense.
//!
//! Pure: it reads no files or environment variables. `config` interprets the values of options. A new
//! subcommand is a variant of [`Command`].

mod commands;
mod control;
mod error;
mod generate;
mod parse;

#[cfg(test)]
mod tests;

use crate::config::RunOptions;
use clap::{CommandFactory, Parser};

pub use clap_complete::Shell;
pub use commands::InitOptions;
pub use control::{ControlOptions, LogsOptions, Selection, WaitOptions};
pub use error::CliError;
pub use generate::{completions, completions_for_cargo, man};
pub use parse::parse;

/// A command line that clap accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cli {
    /// For messages that name hotrun.
    pub invocation: Invocation,
    pub command: Command,
}

/// How hotrun was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    Direct,
    /// `cargo hotrun`, or `cargo-hotrun` called directly.
    Cargo,
}

impl Invocation {
    /// Returns `hotrun` or `cargo hotrun`, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "hotrun",
            Self::Cargo => "cargo hotrun",
        }
    }
}

/// Keep a Rust program running while you edit it
///
/// hotrun builds aside, swaps the fresh binary in atomically and updates the running process. If the build fails, what
/// was running goes on running. Options of `cargo run` mean the same here.
#[derive(Debug, Parser)]
#[command(
    name = "hotrun",
    version,
    args_conflicts_with_subcommands = true,
    override_usage = "hotrun [run] [OPTIONS] [-- <ARGS>...]\n       hotrun <COMMAND>",
    after_long_help = AFTER_HELP,
    max_term_width = 100
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: RunOptions,
}

const AFTER_HELP: &str = "\
Configuration: the same settings are read from `hotrun.toml` beside the package's `Cargo.toml` and at the workspace root, \
and from `[package.metadata.hotrun]`; `hotrun config` shows them all.

Environment: `HOTRUN_CONFIG_FILE`, `HOTRUN_EVENTS`, `HOTRUN_LOG` and `HOTRUN_POLL` stand for the options of these names.

Durations: `20ms`, `5s`, `1m 30s`, `0`.

Exit status: 0 after `q`; 2 for wrong usage or configuration; 1 when hotrun cannot go on; with `--once` and `--on-exit \
exit` the program's own (128 plus the signal's number where it died of one); 101 when `--once` cannot build. `status`, `wait`, \
`logs`, `restart`, `start` and `stop`: 3 when no hotrun runs here.";

// A doc comment here would be the description of `hotrun --help`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Subcommand)]
pub enum Command {
    /// Build, run and follow edits (the default)
    Run(#[command(flatten)] Box<RunOptions>),
    /// Print every setting in force and where it comes from
    Config {
        #[command(flatten)]
        options: Box<RunOptions>,
        /// Print the JSON Schema of `hotrun.toml` instead, for editors
        #[arg(long, help_heading = "Output and Configuration")]
        schema: bool,
    },
    /// Start hotrun in the background unless it runs here, then wait as `wait` does
    ///
    /// Takes the options of `run`; a hotrun that runs already keeps its own. It goes on when the shell ends, until `hotrun stop`.
    /// What it says is in `hotrun/hotrun.log` of the target directory. Exit status: that of `wait`; where hotrun cannot start,
    /// that of `run`.
    Up {
        #[command(flatten)]
        options: Box<RunOptions>,
        /// Wait no longer than this (`20s`, `1m 30s`); then the exit status is 124
        #[arg(long, value_name = "DURATION", help_heading = "Output and Configuration")]
        timeout: Option<String>,
        /// Print the answer as one JSON object
        #[arg(long, help_heading = "Output and Configuration")]
        json: bool,
    },
    /// Say what the hotrun of this project is doing
    Status(#[command(flatten)] Box<ControlOptions>),
    /// Wait until everything saved is running, or print the errors
    ///
    /// Exit status: 0: it runs (or has run to its end with code 0). 1: it failed, and the reason is printed. 3: no hotrun runs
    /// here. 124: the timeout passed. What was saved before this command was called counts in any case.
    #[command(name = "wait")]
    Wait(#[command(flatten)] Box<WaitOptions>),
    /// Print what the program wrote last, also after a crash
    ///
    /// Only where hotrun reads it (`--output capture`; several services): of each service it keeps the last MiB.
    Logs(#[command(flatten)] Box<LogsOptions>),
    /// Build if anything changed, then restart (the key `r`)
    ///
    /// Returns when it is ordered; `hotrun wait` waits for what comes of it.
    Restart(#[command(flatten)] Box<ControlOptions>),
    /// Start services that are down, and those that they come after
    ///
    /// Returns when it is ordered; `hotrun wait` waits for what comes of it.
    Start(#[command(flatten)] Box<ControlOptions>),
    /// Stop the program and hotrun (the key `q`), or only the services that are named
    ///
    /// Returns when they have ended. A service that is stopped stays down until `hotrun start` or `restart` names it.
    Stop(#[command(flatten)] Box<ControlOptions>),
    /// Write a commented `hotrun.toml` for the project, never over an existing one
    Init(#[command(flatten)] Box<InitOptions>),
    /// Look for what would keep hotrun from working well here, and say what to do about it
    ///
    /// Takes the options of `run`. With `-v` it also says where the time of the last build went. Exit status: 0 where there
    /// is no error, warnings or not; 1 where there is one.
    Doctor {
        #[command(flatten)]
        options: Box<RunOptions>,
        /// Print for machines: one JSON document
        #[arg(long, help_heading = "Output and Configuration")]
        json: bool,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell to print it for
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Returns the clap command; its texts name hotrun as it was called.
pub fn command(invocation: Invocation) -> clap::Command {
    let command = CommandLine::command();
    match invocation {
        Invocation::Direct => command,
        Invocation::Cargo => command
            .bin_name("cargo hotrun")
            .override_usage("cargo hotrun [run] [OPTIONS] [-- <ARGS>...]\n       cargo hotrun <COMMAND>"),
    }
}
