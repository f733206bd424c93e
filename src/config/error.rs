//! What can be wrong with a setting, where it stands, and the way out.

use std::fmt;
use std::path::PathBuf;

/// A setting that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file that is not TOML.
    #[error("could not read {place} as TOML: {message}")]
    Syntax {
        /// Where the parser stopped.
        place: Place,
        /// Its own words, on one line.
        message: String,
    },
    /// A key or table that does not exist.
    #[error("unknown {kind} `{key}` in {place}")]
    Unknown {
        /// `key` or `table`.
        kind: &'static str,
        /// The key with its table, as in `run.lisen`.
        key: String,
        /// Where it stands.
        place: Place,
        /// What to write instead.
        hint: String,
    },
    /// A key or table that a later version will give a meaning.
    #[error("`{key}` in {place} is reserved for a later version of hotrun")]
    Reserved {
        /// The key with its table.
        key: String,
        /// Where it stands.
        place: Place,
    },
    /// A value of another type than the setting has.
    #[error("expected {expected} for {setting}, found {found}")]
    Type {
        /// What was set.
        setting: Named,
        /// The type it has, with its article.
        expected: &'static str,
        /// The type that was found, with its article.
        found: &'static str,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A value the setting cannot have.
    #[error("invalid value `{value}` for {setting}: {reason}")]
    Value {
        /// What was set.
        setting: Named,
        /// As it was written.
        value: String,
        /// Why it cannot be.
        reason: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// Two settings that exclude each other.
    #[error("{first} cannot be used with {second}{reason}")]
    Conflict {
        /// The one.
        first: Named,
        /// The other.
        second: Named,
        /// Nothing, or the reason after a colon.
        reason: String,
        /// The way out.
        hint: String,
    },
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Syntax { .. } => None,
            Self::Unknown { hint, .. } | Self::Conflict { hint, .. } => Some(hint.clone()),
            Self::Reserved { .. } => Some("remove it".to_owned()),
            Self::Type { hint, .. } | Self::Value { hint, .. } => hint.clone(),
        }
    }
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, from the current folder where it is below it.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.path.display(), self.line)
    }
}

/// A setting as it was set: the name it has there, and where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// `--debounce`, `HOTRUN_POLL`, `watch.debounce`.
    pub name: String,
    /// The line, for a key of a file.
    pub place: Option<Box<Place>>,
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        match &self.place {
            Some(place) => write!(f, " in {place}"),
            None => Ok(()),
        }
    }
}

/// Why a text has no meaning for its setting; whoever knows the setting's name makes a [`ConfigError::Value`] of it.
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

/// The nearest of the names that were possible, if it is near enough to be meant: a third of the letters may be wrong.
pub(super) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(name, word), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
