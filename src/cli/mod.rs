//! The command line: exactly what was typed, and what to say where that makes no sense.
//!
//! Pure: the arguments come in as a list, a [`Cli`] or a [`CliError`] goes out. It must not read files or the
//! environment, nor know what the values of options mean; that is the config room's part. A new subcommand is a variant
//! of `Subcommand` and of [`Command`], with one line in `parse`.

mod commands;
mod control;
mod error;
mod generate;

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::config::RunOptions;
use clap::{CommandFactory, FromArgMatches, Parser};

pub use clap_complete::Shell;
pub use commands::InitOptions;
pub use control::{ControlOptions, Selection, WaitOptions};
pub use error::CliError;
pub use generate::{completions, completions_for_cargo, man};

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

/// Reads a command line, the program's own name first. The word `hotrun` that cargo puts before the arguments of a
/// plugin is dropped.
///
/// # Errors
/// A [`CliError`], which is also how `--help` and `--version` come out.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Cli, CliError> {
    let mut line = line.into_iter();
    let program = line.next();
    let mut words: Vec<OsString> = line.collect();
    let by_cargo = words.first().is_some_and(|word| word == "hotrun");
    if by_cargo {
        words.remove(0);
    }
    let named_for_cargo = program
        .as_deref()
        .and_then(|program| Path::new(program).file_stem())
        .is_some_and(|stem| stem == "cargo-hotrun");
    let invocation = if by_cargo || named_for_cargo { Invocation::Cargo } else { Invocation::Direct };

    let command = command(invocation);
    let words = subcommand_first(&command, words);
    let stray = stray_word(&command, &words);
    let typed = command
        .try_get_matches_from(std::iter::once(OsString::from(invocation.name())).chain(words.iter().cloned()))
        .and_then(|matches| Typed::from_arg_matches(&matches))
        .map_err(|error| error::explain(error, invocation, &words, stray))?;
    let command = match typed.command {
        None => Command::Run(Box::new(typed.options)),
        Some(Subcommand::Run(options)) => Command::Run(options),
        Some(Subcommand::Config { schema: true, .. }) => Command::Schema,
        Some(Subcommand::Config { options, .. }) => Command::Config(options),
        Some(Subcommand::Status(options)) => Command::Status(options),
        Some(Subcommand::Wait(options)) => Command::Wait(options),
        Some(Subcommand::Restart(options)) => Command::Restart(options),
        Some(Subcommand::Stop(options)) => Command::Stop(options),
        Some(Subcommand::Init(options)) => Command::Init(options),
        Some(Subcommand::Doctor { options, json }) => Command::Doctor { options, json },
        Some(Subcommand::Completions { shell }) => Command::Completions(shell),
        Some(Subcommand::Man) => Command::Man,
    };
    Ok(Cli { invocation, command })
}

/// Subcommands that take options which may be typed before them.
const WITH_OPTIONS: [&str; 7] = ["run", "config", "doctor", "status", "wait", "restart", "stop"];

/// Moves such a subcommand before the options, so that clap sees all options in one place wherever they were typed.
fn subcommand_first(command: &clap::Command, mut words: Vec<OsString>) -> Vec<OsString> {
    if let Some(index) = next_word(command, &words, 0)
        && WITH_OPTIONS.iter().any(|name| words[index] == *name)
    {
        words[..=index].rotate_right(1);
    }
    words
}

/// The index of the first word that is neither an option, an option's value, nor a subcommand that takes the options.
fn stray_word(command: &clap::Command, words: &[OsString]) -> Option<usize> {
    let start = usize::from(words.first().is_some_and(|word| WITH_OPTIONS.iter().any(|name| word == name)));
    let index = next_word(command, words, start)?;
    let known =
        start == 0 && words[index].to_str().is_some_and(|word| command.find_subcommand(word).is_some());
    (!known && words[index] != "help").then_some(index)
}

/// The first word from `start` on that is neither an option nor its value; none after `--` or an unknown option.
fn next_word(command: &clap::Command, words: &[OsString], start: usize) -> Option<usize> {
    let mut index = start;
    while let Some(word) = words.get(index) {
        let text = word.to_string_lossy();
        if text == "--" {
            return None;
        }
        if !text.starts_with('-') || text == "-" {
            return Some(index);
        }
        index += if takes_next(command, word)? { 2 } else { 1 };
    }
    None
}

/// Whether the value of this option is the next word; `None` where clap knows no such option.
fn takes_next(command: &clap::Command, word: &OsStr) -> Option<bool> {
    let text = word.to_string_lossy();
    if let Some(long) = text.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
        if matches!(name, "help" | "version") {
            return Some(false);
        }
        let option = command.get_arguments().find(|option| option.get_long() == Some(name))?;
        return Some(value.is_none() && needs_value(option));
    }
    let mut letters = text.chars().skip(1);
    while let Some(letter) = letters.next() {
        if matches!(letter, 'h' | 'V') {
            continue;
        }
        let option = command.get_arguments().find(|option| option.get_short() == Some(letter))?;
        if needs_value(option) {
            return Some(letters.next().is_none());
        }
    }
    Some(false)
}

fn needs_value(option: &clap::Arg) -> bool {
    option.get_action().takes_values() && !option.is_require_equals_set()
}
