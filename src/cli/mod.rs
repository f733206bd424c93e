//! The command line: exactly what was typed, and what to say where that makes no sense.
//!
//! Pure: the arguments come in as a list, a [`Cli`] or a [`CliError`] goes out. It must not read files or the
//! environment, nor know what the values of options mean; that is the config room's part. A new subcommand is a variant
//! of `Subcommand` and of [`Command`], with one line in `parse`.

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
pub use control::{ControlOptions, Selection, WaitOptions};
pub use error::CliError;
pub use generate::{completions, completions_for_cargo, man};
pub use parse::parse;

/// A command line that clap accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cli {
    /// How hotrun was called, for texts that name it.
    pub invocation: Invocation,
    /// What it is asked to do.
    pub command: Command,
}

/// What hotrun is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `hotrun [run]`.
    Run(Box<RunOptions>),
    /// `hotrun config`: print the settings that `run` with the same options would have.
    Config(Box<RunOptions>),
    /// `hotrun config --schema`: print the JSON Schema of `hotrun.toml`.
    Schema,
    /// `hotrun status`: say what runs.
    Status(Box<ControlOptions>),
    /// `hotrun wait`: wait until everything that was saved is running.
    Wait(Box<WaitOptions>),
    /// `hotrun restart`: what the key `r` does.
    Restart(Box<ControlOptions>),
    /// `hotrun stop`: what the key `q` does.
    Stop(Box<ControlOptions>),
    /// `hotrun init`: write a config file.
    Init(Box<InitOptions>),
    /// `hotrun doctor`: look for what would keep `run` with the same options from working well.
    Doctor {
        /// What `run` would be told.
        options: Box<RunOptions>,
        /// `--json`: print for machines.
        json: bool,
    },
    /// `hotrun completions SHELL`: print a completion script.
    Completions(Shell),
    /// `hotrun man`: print the manual page.
    Man,
}

/// How hotrun was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invocation {
    /// `hotrun`.
    Direct,
    /// `cargo hotrun`, or `cargo-hotrun` by hand.
    Cargo,
}

impl Invocation {
    /// The name to use in texts: `hotrun` or `cargo hotrun`.
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
struct Typed {
    #[command(subcommand)]
    command: Option<Subcommand>,
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
`restart` and `stop`: 3 when no hotrun runs here.";

#[derive(Debug, clap::Subcommand)]
enum Subcommand {
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
    /// Say what the hotrun of this project is doing
    Status(#[command(flatten)] Box<ControlOptions>),
    /// Wait until everything saved is running, or print the errors
    ///
    /// Exit status: 0: it runs (or has run to its end with code 0). 1: it failed, and the reason is printed. 3: no hotrun runs
    /// here. 124: the timeout passed. What was saved before this command was called counts in any case.
    #[command(name = "wait")]
    Wait(#[command(flatten)] Box<WaitOptions>),
    /// Build if anything changed, then restart (the key `r`)
    ///
    /// Returns when it is ordered; `hotrun wait` waits for what comes of it.
    Restart(#[command(flatten)] Box<ControlOptions>),
    /// Stop the program and hotrun (the key `q`)
    ///
    /// Returns when both have ended.
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

/// The clap command, with texts that name hotrun as it was called.
pub fn command(invocation: Invocation) -> clap::Command {
    let command = Typed::command();
    match invocation {
        Invocation::Direct => command,
        Invocation::Cargo => command
            .bin_name("cargo hotrun")
            .override_usage("cargo hotrun [run] [OPTIONS] [-- <ARGS>...]\n       cargo hotrun <COMMAND>"),
    }
}
