//! hotrun: `cargo run` that follows your edits. `ARCHITECTURE.md` is the guide to this crate.
//!
//! Rooms that touch the operating system turn what happens into events; a pure room, [`session`], decides and
//! answers with effects; the [`runtime`] performs them. Imports point one way: wiring → OS rooms → pure rooms
//! → [`words`].
//!
//! - wiring: [`main()`], [`runtime`], [`init`], [`doctor`], `site`, [`error`]
//! - OS rooms: [`project`], [`settings`], [`watch`], [`build`], [`process`], [`output`], [`handover`],
//!   [`terminal`], [`control`], [`report`], over [`sys`] (the only `unsafe`)
//! - pure rooms: [`cli`], [`config`], [`messages`], [`session`], [`history`]
//! - plain data: [`words`]

pub mod build;
pub mod cli;
pub mod config;
pub mod control;
pub mod doctor;
pub mod error;
pub mod handover;
pub mod history;
pub mod init;
pub mod messages;
pub mod output;
pub mod process;
pub mod project;
pub mod report;
pub mod runtime;
pub mod session;
pub mod settings;
pub(crate) mod site;
#[expect(unsafe_code, reason = "what the standard library does not offer; the only such room")]
pub mod sys;
pub mod terminal;
pub mod watch;
pub mod words;

use std::os::fd::AsFd;
use std::process::ExitCode;

use cli::{CliError, Command, ControlOptions};
use control::{Answer, AnswerLine, Client, ControlError};
use error::Error;
use report::lines::{Head, Line};

/// Runs hotrun with the arguments of this process and returns its exit code.
pub fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if words.nth(1).is_some_and(|word| word == process::reaper::ENTRY) {
        return process::reaper::main();
    }
    sys::set_up_signals();
    let mut color = config::Color::Auto;
    let parsed = cli::parse(std::env::args_os()).map_err(Error::from).inspect(|cli| {
        if let Command::Run(options) | Command::Config { options, .. } = &cli.command {
            color = config::color(&options.own);
        }
    });
    let done = parsed.and_then(|cli| match cli.command {
        Command::Run(options) => runtime::run(*options),
        Command::Config { schema: true, .. } => print(&config::schema()),
        Command::Config { options, .. } => {
            let (config, cwd) = runtime::config(*options)?;
            print(&config::show(&config, &cwd))
        }
        Command::Status(options) => ask(&options, |client| {
            let answer = client.status()?;
            Ok((page(&answer.status()), answer, ExitCode::SUCCESS))
        }),
        Command::Wait(options) => {
            let limit = config::duration("--timeout", options.timeout.as_deref())
                .map_err(settings::SettingsError::from)?;
            ask(&options.control, |client| {
                let answer = client.wait(limit)?;
                let code = if answer.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
                Ok((answer.errors() + &page(&answer.outcome()), answer, code))
            })
        }
        Command::Restart(options) => {
            ask(&options, |client| Ok((String::new(), client.restart()?, ExitCode::SUCCESS)))
        }
        Command::Stop(options) => ask(&options, |client| {
            client.stop()?;
            Ok((String::new(), Answer::stopped(), ExitCode::SUCCESS))
        }),
        Command::Init(options) => init::run(*options),
        Command::Doctor { options, json } => {
            let (text, code) = doctor::run(*options, json)?;
            print(&text).map(|_| code)
        }
        Command::Completions { shell } => print(&cli::completions(shell)),
        Command::Man => print(&cli::man()),
    });
    done.unwrap_or_else(|error| fail(&error, color))
}

/// Queries the selected hotrun, and prints the answer as text or with `--json` as JSON.
fn ask(
    options: &ControlOptions,
    question: impl FnOnce(&Client) -> Result<(String, Answer, ExitCode), ControlError>,
) -> Result<ExitCode, Error> {
    let cwd = site::current_folder()?;
    match Client::find(&options.selection, &cwd).and_then(|client| question(&client)) {
        Ok((text, answer, code)) => {
            print(&if options.json { answer.json() } else { text })?;
            Ok(code)
        }
        Err(error) if options.json => {
            print(&Answer::from_error(&error).json())?;
            Ok(ExitCode::from(error.exit_code()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Renders the answer of a running hotrun for people.
fn page(answer: &[AnswerLine]) -> String {
    let lines: Vec<Line> = answer.iter().map(line_of).collect();
    report::page(&lines, None)
}

/// Renders a part of such an answer.
pub fn line_of(line: &AnswerLine) -> Line {
    match line {
        AnswerLine::Status(verb, text) => Line::status(verb, text),
        AnswerLine::Error(text) => Line::new(Head::Error, text),
        AnswerLine::Hint(text) => Line::new(Head::Hint, text),
    }
}

/// Prints to stdout.
fn print(text: &str) -> Result<ExitCode, Error> {
    match sys::write_all(std::io::stdout().as_fd(), text.as_bytes()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // `hotrun man | head` ends when `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(source) => Err(Error::System { what: "write to stdout", source }),
    }
}

fn fail(error: &Error, color: config::Color) -> ExitCode {
    if let Error::Cli(CliError::Clap(clap)) = error {
        // clap prints help and version to stdout. A failure to write is ignored.
        let _ = clap.print();
    } else {
        report::fatal(error, error.hint().as_deref(), color);
    }
    ExitCode::from(error.exit_code())
}
