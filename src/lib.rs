//! hotrun: `cargo run` that follows your edits. This page is the map of the house.
//!
//! Rooms that touch the operating system turn what happens into events; one pure room, [`session`], decides and answers
//! with effects; the [`runtime`] carries them out. Imports point one way: wiring → OS rooms → pure rooms → [`words`].
//!
//! - wiring: [`main()`], [`runtime`], [`error`]
//! - OS rooms: [`project`], [`settings`], [`watch`], [`build`], [`process`], [`handover`], [`terminal`], [`report`],
//!   over [`sys`] (the only `unsafe`)
//! - pure rooms: [`cli`], [`config`], [`messages`], [`session`]
//! - plain words: [`words`]

pub mod build;
pub mod cli;
pub mod config;
pub mod error;
pub mod handover;
pub mod messages;
pub mod process;
pub mod project;
pub mod report;
pub mod runtime;
pub mod session;
pub mod settings;
#[expect(unsafe_code, reason = "what the standard library does not offer; the only such room")]
pub mod sys;
pub mod terminal;
pub mod watch;
pub mod words;

use std::io::Write;
use std::process::ExitCode;

use cli::{CliError, Command};
use error::Error;

/// Runs hotrun with this process's arguments and gives its exit code.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.nth(1).is_some_and(|word| word == process::reaper::ENTRY) {
        return process::reaper::main();
    }
    let mut color = config::Color::Auto;
    let parsed = cli::parse(std::env::args_os()).map_err(Error::from).inspect(|cli| {
        if let Command::Run(options) | Command::Config(options) = &cli.command {
            color = config::color(&options.output);
        }
    });
    let done = parsed.and_then(|cli| match cli.command {
        Command::Run(options) => runtime::run(*options),
        Command::Config(options) => {
            let (config, cwd) = runtime::config(*options)?;
            print(&config::show(&config, &cwd))
        }
        Command::Completions(shell) => print(&cli::completions(shell)),
        Command::Man => print(&cli::man()),
    });
    done.unwrap_or_else(|error| fail(&error, color))
}

/// What was asked for on stdout.
fn print(text: &str) -> Result<ExitCode, Error> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // `hotrun man | head` is done when `head` is.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(source) => Err(Error::System { what: "write to stdout", source }),
    }
}

fn fail(error: &Error, color: config::Color) -> ExitCode {
    if let Error::Cli(CliError::Clap(clap)) = error {
        // clap knows where its text goes: help and version to stdout. What cannot be written there is lost.
        let _ = clap.print();
    } else {
        report::fatal(error, error.hint().as_deref(), color);
    }
    ExitCode::from(error.exit_code())
}
