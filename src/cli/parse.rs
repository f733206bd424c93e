//! Parses the command line into a [`Cli`].

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::FromArgMatches;

use super::error::{CliError, explain};
use super::{Cli, Command, CommandLine, Invocation, command};

/// Parses a command line that starts with the program's name. Drops the word `hotrun` that cargo puts before
/// the arguments of a plugin. `--help` and `--version` are errors too.
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
        .and_then(|matches| CommandLine::from_arg_matches(&matches))
        .map_err(|error| explain(error, invocation, &words, stray))?;
    let command = typed.command.unwrap_or_else(|| Command::Run(Box::new(typed.options)));
    Ok(Cli { invocation, command })
}

/// Subcommands whose options may be typed before them.
const WITH_OPTIONS: [&str; 10] =
    ["run", "config", "doctor", "up", "status", "wait", "logs", "restart", "start", "stop"];

/// Those of them that are followed by names.
const WITH_NAMES: [&str; 6] = ["logs", "status", "wait", "restart", "start", "stop"];

/// Moves such a subcommand before the options, so that clap sees all options in one place.
fn subcommand_first(command: &clap::Command, mut words: Vec<OsString>) -> Vec<OsString> {
    if let Some(index) = next_word(command, &words, 0)
        && WITH_OPTIONS.iter().any(|name| words[index] == *name)
    {
        words[..=index].rotate_right(1);
    }
    words
}

/// Returns the index of the first word that is no option, no value of one, and no subcommand with options.
fn stray_word(command: &clap::Command, words: &[OsString]) -> Option<usize> {
    let begins = |names: &[&str]| words.first().is_some_and(|word| names.iter().any(|name| word == name));
    if begins(&WITH_NAMES) {
        return None;
    }
    let start = usize::from(begins(&WITH_OPTIONS));
    let index = next_word(command, words, start)?;
    let known =
        start == 0 && words[index].to_str().is_some_and(|word| command.find_subcommand(word).is_some());
    (!known && words[index] != "help").then_some(index)
}

/// Returns the index of the first word from `start` on that is neither an option nor its value; `None` after
/// `--` or an unknown option.
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

/// Whether the next word is the value of this option; `None` for an unknown option.
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
