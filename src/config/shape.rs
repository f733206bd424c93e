//! The shapes of a setting: a value, an optional value, lists that append or replace, variables.
//!
//! A shape defines how a setting is read from a file and from words, how sources are merged, and how `hotrun
//! config` shows it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::marker::PhantomData;
use std::path::Path;

use clap::builder::{OsStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction};
use serde_json::{Value, json};

use super::error::{ConfigError, Invalid, SettingName};
use super::page::Page;
use super::text::Text;
use super::units;
use super::value::{FileReader, Key};
use super::{CommandLine, Origin, Setting};

#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// The option with its hyphens, or the environment variable, for errors.
    pub(super) name: &'a str,
    pub(super) list: &'a [OsString],
    pub(super) origin: &'a Origin,
    pub(super) base: &'a Path,
}

impl Words<'_> {
    fn read<T: Text>(&self) -> Result<Vec<Setting<T::Value>>, ConfigError> {
        let read = |word: &OsString| {
            let value = T::parse_word(word, self.base).map_err(|invalid| self.refused(word, invalid))?;
            Ok(self.setting(value))
        };
        self.list.iter().map(read).collect()
    }

    fn setting<T>(&self, value: T) -> Setting<T> {
        Setting { value, origin: self.origin.clone() }
    }

    fn refused(&self, word: &OsString, invalid: Invalid) -> ConfigError {
        ConfigError::Value {
            setting: SettingName { name: self.name.to_owned(), place: None },
            value: word.to_string_lossy().into_owned(),
            reason: invalid.reason,
            hint: invalid.hint,
        }
    }
}

/// The value of a setting in a source.
pub(super) trait Layered: Default {
    /// Merges a source over one of lower precedence.
    fn over(self, lower: Self) -> Self;
}

impl<T> Layered for Option<T> {
    fn over(self, lower: Self) -> Self {
        self.or(lower)
    }
}

/// Lists append, lower precedence first: for env files and gitignore rules alike the later item wins.
impl<T> Layered for Vec<T> {
    fn over(self, mut lower: Self) -> Self {
        lower.extend(self);
        lower
    }
}

impl<T> Layered for BTreeMap<String, T> {
    fn over(self, mut lower: Self) -> Self {
        lower.extend(self);
        lower
    }
}

pub(super) trait Comparable {
    /// Whether both have the same value, whatever their origins.
    fn same(&self, other: &Self) -> bool;
}

impl<T: PartialEq> Comparable for Setting<T> {
    fn same(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: PartialEq> Comparable for Vec<Setting<T>> {
    fn same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, other)| one.same(other))
    }
}

impl<T: PartialEq> Comparable for BTreeMap<String, Setting<T>> {
    fn same(&self, other: &Self) -> bool {
        self.keys().eq(other.keys()) && self.values().zip(other.values()).all(|(one, other)| one.same(other))
    }
}

pub(super) trait Shape {
    type Layer: Layered;
    type Value: Comparable;
    /// The value if no source sets one.
    type Default;

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError>;
    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError>;
    fn settle(layer: Self::Layer, default: Self::Default) -> Self::Value;
    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value);
    fn schema() -> Value;
    fn option(option: Arg) -> Arg;
    /// Returns the default that `--help` shows.
    fn default_text(_: &Self::Default) -> Option<String> {
        None
    }
}

fn text_option<T: Text>(option: Arg) -> Arg {
    let option = option.value_hint(T::HINT);
    match T::words() {
        Some(words) => option.value_parser(PossibleValuesParser::new(words).map(OsString::from)),
        None => option.value_parser(OsStringValueParser::new()),
    }
}

fn values<T: Clone>(settings: &[Setting<T>]) -> Vec<T> {
    settings.iter().map(|setting| setting.value.clone()).collect()
}

pub(super) struct One<T>(PhantomData<T>);

impl<T: Text> Shape for One<T> {
    type Layer = Option<Setting<T::Value>>;
    type Value = Setting<T::Value>;
    type Default = T::Value;

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.text::<T>(key).map(Some)
    }

    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        Ok(words.read::<T>()?.pop())
    }

    fn settle(layer: Self::Layer, default: T::Value) -> Self::Value {
        layer.unwrap_or(Setting { value: default, origin: Origin::Default })
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        page.setting(key, &super::quoted(&T::write(&value.value)), &value.origin);
    }

    fn schema() -> Value {
        T::schema()
    }

    fn option(option: Arg) -> Arg {
        text_option::<T>(option)
    }

    fn default_text(default: &T::Value) -> Option<String> {
        Some(T::write(default))
    }
}

pub(super) struct Maybe<T>(PhantomData<T>);

impl<T: Text> Shape for Maybe<T> {
    type Layer = Option<Setting<T::Value>>;
    type Value = Setting<Option<T::Value>>;
    type Default = ();

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.text::<T>(key).map(Some)
    }

    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        Ok(words.read::<T>()?.pop())
    }

    fn settle(layer: Self::Layer, (): ()) -> Self::Value {
        match layer {
            Some(Setting { value, origin }) => Setting { value: Some(value), origin },
            None => Setting { value: None, origin: Origin::Default },
        }
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        match &value.value {
            Some(text) => page.setting(key, &super::quoted(&T::write(text)), &value.origin),
            None => page.unset(key),
        }
    }

    fn schema() -> Value {
        T::schema()
    }

    fn option(option: Arg) -> Arg {
        text_option::<T>(option)
    }
}

/// `true` or `false`; the option is a flag.
pub(super) struct Flag;

impl Shape for Flag {
    type Layer = Option<Setting<bool>>;
    type Value = Setting<bool>;
    type Default = bool;

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.flag(key).map(Some)
    }

    /// A flag takes no words: its presence sets it.
    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        Ok(Some(words.setting(true)))
    }

    fn settle(layer: Self::Layer, default: bool) -> Self::Value {
        layer.unwrap_or(Setting { value: default, origin: Origin::Default })
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        page.setting(key, &value.value.to_string(), &value.origin);
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
    }

    fn option(option: Arg) -> Arg {
        option.action(ArgAction::SetTrue)
    }
}

/// A list that appends the items of all sources.
pub(super) struct Each<T>(PhantomData<T>);

impl<T: Text> Shape for Each<T> {
    type Layer = Vec<Setting<T::Value>>;
    type Value = Vec<Setting<T::Value>>;
    type Default = ();

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.texts::<T>(key)
    }

    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        words.read::<T>()
    }

    fn settle(layer: Self::Layer, (): ()) -> Self::Value {
        layer
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        page.list(key, value.iter().map(|item| (super::quoted(&T::write(&item.value)), &item.origin)));
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": T::schema() })
    }

    fn option(option: Arg) -> Arg {
        text_option::<T>(option).action(ArgAction::Append)
    }
}

/// A list that replaces that of a source of lower precedence, even if empty.
pub(super) struct List<T>(PhantomData<T>);

impl<T: Text> Shape for List<T> {
    type Layer = Option<Vec<Setting<T::Value>>>;
    type Value = Vec<Setting<T::Value>>;
    type Default = ();

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.texts::<T>(key).map(Some)
    }

    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        words.read::<T>().map(Some)
    }

    fn settle(layer: Self::Layer, (): ()) -> Self::Value {
        layer.unwrap_or_default()
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        Each::<T>::show(page, key, value);
    }

    fn schema() -> Value {
        Each::<T>::schema()
    }

    fn option(option: Arg) -> Arg {
        Each::<T>::option(option)
    }
}

/// A list that is one value with one origin: a command line, features.
pub(super) struct Whole<T>(PhantomData<T>);

impl<T: Text> Shape for Whole<T> {
    type Layer = Option<Setting<Vec<T::Value>>>;
    type Value = Setting<Vec<T::Value>>;
    type Default = ();

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        Ok(Some(reader.setting(key, values(&reader.texts::<T>(key)?))))
    }

    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        Ok(Some(words.setting(values(&words.read::<T>()?))))
    }

    fn settle(layer: Self::Layer, (): ()) -> Self::Value {
        layer.unwrap_or(Setting { value: Vec::new(), origin: Origin::Default })
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        let items: Vec<String> = value.value.iter().map(|item| super::quoted(&T::write(item))).collect();
        page.setting(key, &format!("[{}]", items.join(", ")), &value.origin);
    }

    fn schema() -> Value {
        Each::<T>::schema()
    }

    fn option(option: Arg) -> Arg {
        Each::<T>::option(option)
    }
}

/// A command: a list is executed, a string is for a shell.
pub(super) struct Command;

impl Shape for Command {
    type Layer = Option<Setting<CommandLine>>;
    type Value = Setting<Option<CommandLine>>;
    type Default = ();

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.command(key).map(Some)
    }

    /// No option and no variable sets it.
    fn words(_: Words<'_>) -> Result<Self::Layer, ConfigError> {
        Ok(None)
    }

    fn settle(layer: Self::Layer, (): ()) -> Self::Value {
        match layer {
            Some(Setting { value, origin }) => Setting { value: Some(value), origin },
            None => Setting { value: None, origin: Origin::Default },
        }
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        match &value.value {
            Some(CommandLine::Shell(text)) => page.setting(key, &super::quoted(text), &value.origin),
            Some(CommandLine::Exec(words)) => {
                let words: Vec<String> = words.iter().map(|word| super::quoted(word)).collect();
                page.setting(key, &format!("[{}]", words.join(", ")), &value.origin);
            }
            None => page.unset(key),
        }
    }

    fn schema() -> Value {
        let words = json!({ "type": "array", "items": { "type": "string" } });
        json!({ "anyOf": [{ "type": "string", "minLength": 1 }, words] })
    }

    fn option(option: Arg) -> Arg {
        option
    }
}

/// Environment variables, merged by name.
pub(super) struct Variables;

impl Shape for Variables {
    type Layer = BTreeMap<String, Setting<String>>;
    type Value = BTreeMap<String, Setting<String>>;
    type Default = ();

    fn file(reader: &FileReader<'_>, key: &Key<'_>) -> Result<Self::Layer, ConfigError> {
        reader.variables(key)
    }

    fn words(words: Words<'_>) -> Result<Self::Layer, ConfigError> {
        let read = |word: &OsString| {
            let text = word.to_str().ok_or_else(|| Invalid::new("it is not UTF-8"));
            let (name, value) =
                text.and_then(units::parse_variable).map_err(|invalid| words.refused(word, invalid))?;
            Ok((name, words.setting(value)))
        };
        words.list.iter().map(read).collect()
    }

    fn settle(layer: Self::Layer, (): ()) -> Self::Value {
        layer
    }

    fn show(page: &mut Page<'_>, key: &str, value: &Self::Value) {
        page.variables(key, value);
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "propertyNames": { "pattern": "^[^=]+$" },
            "additionalProperties": { "type": ["string", "integer", "boolean"] },
        })
    }

    fn option(option: Arg) -> Arg {
        option.value_parser(OsStringValueParser::new()).action(ArgAction::Append)
    }
}
