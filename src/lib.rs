//! hotrun: `cargo run` that follows your edits. `ARCHITECTURE.md` is the guide to this crate.
//!
//! Rooms that touch the operating system turn what happens into events; a pure room, [`session`], decides and
//! answers with effects; the [`runtime`] performs them. Imports point one way: wiring → OS rooms → pure rooms
//! → [`words`].
//!
//! - wiring: [`main()`], [`runtime`], [`init`], [`doctor`], `site`, `up`, `logs`, [`error`]
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
pub(crate) mod logs;
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
pub(crate) mod up;
pub mod watch;
pub mod words;

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cli::{CliError, Command, ControlOptions};
use config::RunOptions;
use control::{Answer, AnswerLine, Client, ControlError};
use error::Error;
use report::lines::{Head, Line};

/// Runs hotrun with the arguments of this process and returns its exit code.
pub fn main() -> ExitCode {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let is_entry = |entry: &str| words.get(1).is_some_and(|word| word == entry);
    if is_entry(process::reaper::ENTRY) {
        return process::reaper::main();
    }
    let in_background = is_entry(process::background::ENTRY);
    if in_background {
        words.remove(1);
        // It was started by another name of this file.
        sys::name_process(process::background::NAME);
    }
    sys::set_up_signals();
    let mut color = config::Color::Auto;
    let parsed = cli::parse(words).map_err(Error::from).inspect(|cli| {
        if let Command::Run(options) | Command::Config { options, .. } | Command::Up { options, .. } =
            &cli.command
        {
            color = config::color(&options.own);
        }
    });
    let done = parsed.and_then(|cli| match cli.command {
        Command::Run(options) => runtime::run(*options),
        Command::Up { options, .. } if in_background => {
            // Nobody sees it, and `wait` and `logs` tell the end of it.
            let settings = options.settings.clone().or("output", "capture");
            runtime::run_in_background(RunOptions { settings, ..*options })
        }
        Command::Up { options, timeout, json } => {
            let (began, limit) = (Instant::now(), time_limit(timeout.as_deref())?);
            let reached = up::reach(&options, began, limit);
            respond(json, reached.and_then(|client| Ok(wait(&client, began, limit)?)))
        }
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
            let (began, limit) = (Instant::now(), time_limit(options.timeout.as_deref())?);
            ask(&options.control, |client| wait(client, began, limit))
        }
        Command::Logs(options) => logs::print(&options).map(|()| ExitCode::SUCCESS),
        Command::Restart(options) => {
            ask(&options, |client| Ok((String::new(), client.restart()?, ExitCode::SUCCESS)))
        }
        Command::Start(options) => {
            ask(&options, |client| Ok((String::new(), client.start()?, ExitCode::SUCCESS)))
        }
        Command::Stop(options) => {
            ask(&options, |client| Ok((String::new(), client.stop()?, ExitCode::SUCCESS)))
        }
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

/// An answer as text and for scripts, and the exit code.
type Response = (String, Answer, ExitCode);

/// Queries the selected hotrun, and prints the answer.
fn ask(
    options: &ControlOptions,
    question: impl FnOnce(&Client) -> Result<Response, ControlError>,
) -> Result<ExitCode, Error> {
    let cwd = site::current_folder()?;
    let client = Client::find(&options.selection, &cwd).map(|client| client.only(&options.services));
    let response = client.and_then(|client| question(&client));
    respond(options.json, response.map_err(Error::from))
}

/// Prints an answer as text or with `--json` as JSON, also where there is none.
fn respond(json: bool, response: Result<Response, Error>) -> Result<ExitCode, Error> {
    let state = match &response {
        Err(Error::Control(error)) => error.state(),
        Err(Error::Background(_)) => "none",
        _ => "",
    };
    match response {
        Ok((text, answer, code)) => {
            print(&if json { answer.json() } else { text })?;
            Ok(code)
        }
        Err(error) if json && !state.is_empty() => {
            print(&Answer::missing(state, &error, error.hint()).json())?;
            Ok(ExitCode::from(error.exit_code()))
        }
        Err(error) => Err(error),
    }
}

/// Waits until everything saved is running, or has failed.
fn wait(client: &Client, began: Instant, limit: Option<Duration>) -> Result<Response, ControlError> {
    let answer = client.wait(began, limit)?;
    let code = if answer.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok((answer.errors() + &page(&answer.outcome()), answer, code))
}

fn time_limit(typed: Option<&str>) -> Result<Option<Duration>, Error> {
    Ok(config::duration("--timeout", typed).map_err(settings::SettingsError::from)?)
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
        AnswerLine::Said(text) => report::lines::said(text),
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
