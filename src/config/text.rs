//! The kinds of text a setting can have: how each is parsed, written, and described in schema and help.

use std::ffi::{OsStr, OsString};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueHint;
use serde_json::{Value, json};

use super::error::Invalid;
use super::units::{self, SIGNALS, Word};
use super::{IgnoreGlob, Listen, Poll, Ready, absolute, address};

/// Names of services, for the schema.
pub(super) const SERVICE_NAME: &str = "^[a-z0-9][a-z0-9-]*$";

pub(super) trait Text {
    type Value: Clone + PartialEq;

    /// Whether a whole number in the file means the same as its digits in quotes.
    const NUMBERS: bool = false;
    /// What a shell completes.
    const HINT: ValueHint = ValueHint::Unknown;

    /// Parses the text; relative paths are below `base`.
    fn parse(text: &str, base: &Path) -> Result<Self::Value, Invalid>;

    /// Parses a word of the command line or of the environment.
    fn parse_word(word: &OsStr, base: &Path) -> Result<Self::Value, Invalid> {
        let text = word.to_str().ok_or_else(|| Invalid::new("it is not UTF-8"))?;
        Self::parse(text, base)
    }

    /// Writes a text that [`Text::parse`] reads.
    fn write(value: &Self::Value) -> String;

    fn schema() -> Value;

    /// Returns the words clap accepts, if it lists them.
    fn words() -> Option<Vec<&'static str>> {
        None
    }
}

fn nonempty() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn time() -> Value {
    json!({ "type": "string", "pattern": r"^\s*(0|[0-9].*[A-Za-zµ])\s*$" })
}

macro_rules! texts {
    ($( $(#[$meta:meta])* $name:ident: $Value:ty $({ $($more:tt)* })?, $parse:expr, $write:expr, $schema:expr; )*) => { $(
        $(#[$meta])*
        pub(super) struct $name;

        impl Text for $name {
            type Value = $Value;
            $($($more)*)?

            fn parse(text: &str, base: &Path) -> Result<$Value, Invalid> {
                let parse: fn(&str, &Path) -> Result<$Value, Invalid> = $parse;
                parse(text, base)
            }

            fn write(value: &$Value) -> String {
                let write: fn(&$Value) -> String = $write;
                write(value)
            }

            fn schema() -> Value {
                $schema
            }
        }
    )* };
}

texts! {
    /// Any text but the empty one.
    Name: String, |text, _| units::parse_name(text), String::clone, nonempty();

    /// The name of a service.
    ServiceName: String, |text, _| units::parse_service(text), String::clone,
        json!({ "type": "string", "pattern": SERVICE_NAME });

    Plain: String, |text, _| Ok(text.to_owned()), String::clone, json!({ "type": "string" });

    /// Need not be UTF-8.
    Argument: OsString {
        fn parse_word(word: &OsStr, _: &Path) -> Result<OsString, Invalid> {
            Ok(word.to_owned())
        }
    }, |text, _| Ok(text.into()), |word| word.to_string_lossy().into_owned(), Plain::schema();

    Profile: String, |text, _| units::parse_profile(text), String::clone, json!({
        "type": "string",
        "minLength": 1,
        "not": { "const": "debug" },
        "examples": ["dev", "release"],
    });

    /// A path, made absolute.
    File: PathBuf {
        const HINT: ValueHint = ValueHint::FilePath;

        fn parse_word(word: &OsStr, base: &Path) -> Result<PathBuf, Invalid> {
            file(base, word.as_ref())
        }
    }, |text, base| units::parse_name(text).and_then(|path| file(base, path.as_ref())),
        |path| path.to_string_lossy().into_owned(), nonempty();

    /// A pattern in the syntax of `.gitignore`.
    Glob: IgnoreGlob,
        |text, base| units::parse_name(text).map(|glob| IgnoreGlob { base: base.to_owned(), glob }),
        |ignore| ignore.glob.clone(), Plain::schema();

    /// `20ms`, `5s`, `1m 30s`, `0`.
    Time: Duration { const NUMBERS: bool = true; },
        |text, _| units::parse_duration(text), |time| units::format_duration(*time),
        json!({ "anyOf": [time(), { "const": 0 }], "examples": ["20ms", "5s", "1m 30s"] });

    Polling: Poll { const NUMBERS: bool = true; },
        |text, _| units::parse_poll(text), |poll| units::format_poll(*poll),
        json!({ "anyOf": [{ "enum": ["auto", "always", "never"] }, time()] });

    Socket: Listen { const NUMBERS: bool = true; },
        address::parse_listen, address::format_listen,
        json!({ "anyOf": [nonempty(), { "type": "integer", "minimum": 0, "maximum": 65535 }] });

    Readiness: Ready, |text, _| address::parse_ready(text), address::format_ready, json!({
        "anyOf": [
            { "enum": ["auto", "spawn", "notify"] },
            { "type": "string", "pattern": "^(tcp:|http://)." },
            time(),
        ],
    });

    /// By name or number.
    Signal: i32 { const NUMBERS: bool = true; },
        |text, _| units::parse_signal(text), |signal| units::signal_name(*signal),
        json!({
            "anyOf": [
                { "enum": SIGNALS.iter().map(|(name, _)| *name).collect::<Vec<_>>() },
                { "type": "string", "pattern": "^[A-Za-z0-9]+$" },
                { "type": "integer", "minimum": 1, "maximum": 64 },
            ],
        });
}

/// Resolves the path of a setting. Refuses `~`, which shells expand and which is never meant as a name.
fn file(base: &Path, path: &Path) -> Result<PathBuf, Invalid> {
    if path.starts_with("~") {
        return Err(Invalid::new("`~` is not expanded").or("write the path of the home folder out"));
    }
    Ok(absolute(base, path))
}

pub(super) struct OneOf<W>(PhantomData<W>);

impl<W: Word> Text for OneOf<W> {
    type Value = W;

    fn parse(text: &str, _: &Path) -> Result<W, Invalid> {
        W::parse(text)
    }

    fn write(value: &W) -> String {
        value.word().to_owned()
    }

    fn schema() -> Value {
        json!({ "enum": Self::words() })
    }

    fn words() -> Option<Vec<&'static str>> {
        Some(W::WORDS.iter().map(|(word, _)| *word).collect())
    }
}
