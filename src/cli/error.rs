//! What to say about a command line that makes no sense: clap's own words, or an exact way out for what newcomers type.

use std::borrow::Cow;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Invocation;

/// A command line that cannot be followed, or a request for help.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// clap's own text, complete with `error:` and usage; also `--help` and `--version`. Print it with
    /// [`clap::Error::render`], to stdout unless [`clap::Error::use_stderr`].
    #[error("{0}")]
    Clap(#[from] clap::Error),
    /// A word or option that hotrun knows is a misunderstanding.
    #[error("{message}")]
    Misunderstanding {
        /// What is wrong.
        message: String,
        /// What to type instead.
        hint: String,
    },
}

impl CliError {
    /// The way out, where clap's text does not hold it already.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Clap(_) => None,
            Self::Misunderstanding { hint, .. } => Some(hint.clone()),
        }
    }

    /// 0 for help and version, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Clap(error) if !error.use_stderr() => 0,
            _ => 2,
        }
    }
}

/// cargo's subcommands (and their short names) that people ask a watcher for.
const CARGO_COMMANDS: [&str; 12] =
    ["test", "t", "check", "c", "build", "b", "clippy", "doc", "d", "bench", "nextest", "fmt"];

/// Gives clap's error, or a better one where what was typed is a known misunderstanding. `stray` is the index in `words`
/// of the first word clap has no use for.
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
    if let Some(command) = near_miss(&word) {
        // It may as well be the name of a program, or meant for one.
        return misunderstanding(
            format!("unexpected argument `{word}`"),
            format!(
                "`{name} --bin {word}` runs that program, `{name} -- {word}` passes the word to the program; the command \
                 of a similar name is `{name} {command}`"
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

/// The subcommand one typing error away. clap suggests more generously (`man` for `main.rs`), and a file name that merely
/// resembles a subcommand is still a file name.
fn near_miss(word: &str) -> Option<String> {
    super::command(Invocation::Direct)
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .find(|name| strsim::damerau_levenshtein(name, word) == 1)
}

/// `-x COMMAND` is how cargo-watch is told what to run.
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

/// The words as they could be typed again, each after a space.
fn typed<'a>(words: impl IntoIterator<Item = &'a OsString>) -> String {
    words.into_iter().fold(String::new(), |line, word| {
        let word = word.to_string_lossy();
        let plain = !word.is_empty()
            && word.chars().all(|letter| letter.is_alphanumeric() || "-_./=:,+@%".contains(letter));
        let word = if plain { word } else { Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))) };
        line + " " + &word
    })
}
