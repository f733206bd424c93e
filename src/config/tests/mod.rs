//! Settings from every source, and the errors of wrong ones.

mod changes;
mod env_file;
mod errors;
mod merge;
mod outside;
mod schema;
mod services;
mod units;

use std::path::Path;

use super::*;
use crate::cli;

/// The current folder of all tests.
const CWD: &str = "/p/app";

fn options(line: &str) -> RunOptions {
    let words = std::iter::once("hotrun").chain(line.split_whitespace()).map(Into::into);
    match cli::parse(words).unwrap().command {
        cli::Command::Run(options) => *options,
        other => panic!("`{line}` gave {other:?}"),
    }
}

fn file(path: &str, text: &str) -> FileText {
    let kind = if path.ends_with("Cargo.toml") { FileKind::Manifest } else { FileKind::Hotrun };
    FileText { path: path.into(), text: text.to_owned(), kind }
}

fn environment(variables: &[(&str, &str)]) -> OwnVariables {
    variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect()
}

/// Merges a command line and files, the highest first.
fn merged(line: &str, files: &[FileText]) -> Result<Config, ConfigError> {
    merge(&options(line), &OwnVariables::new(), files, Path::new(CWD))
}

/// Merges a command line and the package's `hotrun.toml`.
fn config(line: &str, text: &str) -> Config {
    merged(line, &[file("/p/app/hotrun.toml", text)]).unwrap()
}

/// Returns the error and its hint, one per line.
fn refused(line: &str, text: &str) -> String {
    let Err(error) = merged(line, &[file("/p/app/hotrun.toml", text)]) else {
        panic!("accepted: `{line}` with {text}");
    };
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}
