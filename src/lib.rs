//! hotrun: `cargo run` that follows your edits. This page is the map of the house.
//!
//! Rooms that touch the operating system turn what happens into events; one pure room, [`session`], decides and answers
//! with effects; the runtime carries them out. Imports point one way: wiring → OS rooms → pure rooms → [`words`].
//!

pub mod build;
pub mod cli;
pub mod config;
pub mod messages;
pub mod process;
pub mod project;
pub mod session;
pub mod settings;
#[expect(unsafe_code, reason = "what the standard library does not offer; the only such room")]
pub mod sys;
pub mod terminal;
pub mod watch;
pub mod words;

use std::process::ExitCode;

/// Runs hotrun with this process's arguments and gives its exit code.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
