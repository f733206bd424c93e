//! Errors of settings, with their location and a hint.

use std::fmt;
use std::path::PathBuf;

/// An invalid setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("could not read {place} as TOML: {message}")]
    Syntax {
        /// Where the parser stopped.
        place: FileLine,
        /// The parser's message on one line.
        message: String,
    },
    #[error("unknown {kind} `{key}` in {place}")]
    Unknown {
        /// `key` or `table`.
        kind: &'static str,
        /// The key with its table, as in `run.lisen`.
        key: String,
        place: FileLine,
        hint: String,
    },
    #[error("`{key}` in {place} is reserved for a later version of hotrun")]
    Reserved {
        /// The key with its table.
        key: String,
        place: FileLine,
    },
    #[error("expected {expected} for {setting}, found {found}")]
    Type {
        setting: SettingName,
        /// The type of the setting, with its article.
        expected: &'static str,
        /// The type that was found, with its article.
        found: &'static str,
        hint: Option<String>,
    },
    #[error("invalid value `{value}` for {setting}: {reason}")]
    Value {
        setting: SettingName,
        /// As written.
        value: String,
        reason: String,
        hint: Option<String>,
    },
    #[error("{setting}: {what}")]
    Missing {
        setting: SettingName,
        /// What is missing.
        what: &'static str,
        hint: String,
    },
    #[error("{first} cannot be used with {second}{reason}")]
    Conflict {
        first: SettingName,
        second: SettingName,
        /// Empty, or the reason after a colon.
        reason: String,
        hint: String,
    },
}

impl ConfigError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } => None,
            Self::Unknown { hint, .. } | Self::Missing { hint, .. } | Self::Conflict { hint, .. } => {
                Some(hint.clone())
            }
            Self::Reserved { .. } => Some("remove it".to_owned()),
            Self::Type { hint, .. } | Self::Value { hint, .. } => hint.clone(),
        }
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLine {
    /// For display: relative if it is below the current folder.
    pub path: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for FileLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.path.display(), self.line)
    }
}

/// A setting under the name it has in its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingName {
    /// `--debounce`, `HOTRUN_POLL`, `watch.debounce`.
    pub name: String,
    /// The location of a key in a file.
    pub place: Option<Box<FileLine>>,
}

impl fmt::Display for SettingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        match &self.place {
            Some(place) => write!(f, " in {place}"),
            None => Ok(()),
        }
    }
}

/// Why a text is no value of its setting. The caller turns it into a [`ConfigError::Value`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invalid {
    pub(super) reason: String,
    pub(super) hint: Option<String>,
}

impl Invalid {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None }
    }

    pub(super) fn or(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Returns the most similar name, if at most a third of the letters differ.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(name, word), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
