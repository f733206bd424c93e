//! Errors of the command line: clap's own text, or a specific hint for common mistakes of newcomers.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Invocation;

/// A command line that cannot be parsed, or a request for help.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// clap's own text, complete with `error:` and usage; also `--help` and `--version`. Print it with
    /// [`clap::Error::render`], to stdout unless [`clap::Error::use_stderr`].
    #[error("{0}")]
    Clap(#[from] clap::Error),
    /// A mistake that hotrun recognizes.
    #[error("{message}")]
    Misunderstanding { message: String, hint: String },
}

impl CliError {
    /// Returns the hint, unless clap's text contains it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Clap(_) => None,
            Self::Misunderstanding { hint, .. } => Some(hint.clone()),
        }
    }

    /// Returns 0 for help and version, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Clap(error) if !error.use_stderr() => 0,
            _ => 2,
        }
    }
}

/// cargo's subcommands (and short names) that people expect of a watcher.
const CARGO_COMMANDS: [&str; 12] =
    ["test", "t", "check", "c", "build", "b", "clippy", "doc", "d", "bench", "nextest", "fmt"];

/// Returns clap's error, or a better one for a known mistake. `stray` is the index in `words` of the first
/// word clap has no use for.
pub(super) fn explain(
    error: clap::Error,
    invocation: Invocation,
    words: &[OsString],
    stray: Option<usize>,
) -> CliError {
    if !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand) {
        return error.into();
    }
    let culprit = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand].into_iter().find_map(|kind| {
        match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            _ => None,
        }
    });
    match (culprit.as_deref(), stray) {
        (Some(option), _) if option.starts_with("--message-format") => misunderstanding(
            "`--message-format` cannot be set: hotrun reads cargo's messages itself",
            "`--events <PATH>` writes every diagnostic as JSON",
        ),
        (Some("-x" | "--exec"), _) => exec(invocation, words),
        (_, Some(index)) => stray_word(invocation, words, index),
        _ => error.into(),
    }
}

fn stray_word(invocation: Invocation, words: &[OsString], index: usize) -> CliError {
    let name = invocation.name();
    let word = words[index].to_string_lossy();
    if let Some(toolchain) = word.strip_prefix('+').filter(|toolchain| !toolchain.is_empty()) {
        let rest = typed(words.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, word)| word));
        return misunderstanding(
            format!(
                "`{word}` is not an argument of hotrun: rustup reads the toolchain before it starts cargo"
            ),
            format!("type `cargo +{toolchain} hotrun{rest}`"),
        );
    }
    if CARGO_COMMANDS.contains(&&*word) {
        return cargo_command(&word);
    }
    if word == "watch" {
        let rest = typed(words.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, word)| word));
        return misunderstanding(
            "there is no command `watch`: following edits is all hotrun does",
            format!("type `{name}{rest}`"),
        );
    }
    let is_name = word.chars().all(|letter| letter.is_alphanumeric() || "-_".contains(letter));
    if index == 0 && is_name {
        let similar = near_miss(&word)
            .map_or(String::new(), |command| format!("; a similar command is `{name} {command}`"));
        return misunderstanding(
            format!("no such command: `{word}`"),
            format!(
                "`{name} --bin {word}` runs that program, `{name} -- {word}` passes the word to the program{similar}"
            ),
        );
    }
    let (before, after) = words.split_at(index);
    let after = after.iter().filter(|word| *word != "--");
    misunderstanding(
        format!("unexpected argument `{word}`"),
        format!("arguments for the program go after `--`: `{name}{} --{}`", typed(before), typed(after)),
    )
}

/// Returns the subcommand one typing error away. clap suggests more generously (`man` for `main.rs`), and a
/// file name that resembles a subcommand is still a file name.
fn near_miss(word: &str) -> Option<String> {
    super::command(Invocation::Direct)
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .find(|name| strsim::damerau_levenshtein(name, word) == 1)
}

/// Explains `-x COMMAND`, cargo-watch's option for the command to run.
fn exec(invocation: Invocation, words: &[OsString]) -> CliError {
    let command = words.iter().enumerate().find_map(|(index, word)| {
        let word = word.to_string_lossy();
        if word == "-x" || word == "--exec" {
            return words.get(index + 1).map(|next| next.to_string_lossy().into_owned());
        }
        word.strip_prefix("--exec=").or_else(|| word.strip_prefix("-x")).map(ToOwned::to_owned)
    });
    let command = command.unwrap_or_default();
    let mut parts = command.split_whitespace();
    match parts.next() {
        Some(first) if CARGO_COMMANDS.contains(&first) => cargo_command(first),
        Some("run" | "r") => {
            let options = parts.fold(String::new(), |line, part| line + " " + part);
            misunderstanding(
                "there is no option `-x`: running the program is all hotrun does",
                format!("type `{}{options}`", invocation.name()),
            )
        }
        _ => misunderstanding(
            "there is no option `-x`: hotrun runs the program of a cargo package, not a command",
            format!("type `{}` to run the program", invocation.name()),
        ),
    }
}

fn cargo_command(word: &str) -> CliError {
    misunderstanding(
        format!("hotrun runs a program and cannot do `cargo {word}`"),
        format!("leave out `{word}` to run the program; a watcher such as `bacon` repeats `cargo {word}`"),
    )
}

fn misunderstanding(message: impl Into<String>, hint: impl Into<String>) -> CliError {
    CliError::Misunderstanding { message: message.into(), hint: hint.into() }
}

/// Formats the words so that they can be typed again, each after a space.
fn typed<'a>(words: impl IntoIterator<Item = &'a OsString>) -> String {
    words.into_iter().fold(String::new(), |line, word| {
        let word = word.to_string_lossy();
        let plain = !word.is_empty()
            && word.chars().all(|letter| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter));
        let word = if plain { word } else { Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))) };
        line + " " + &word
    })
}
