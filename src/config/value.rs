//! Reads the values of a TOML file into [`Setting`]s that remember their line.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::{ConfigError, FileLine, Invalid, SettingName};
use super::text::Text;
use super::{CommandLine, FileText, Origin, Setting, units};

pub(super) struct FileReader<'a> {
    pub(super) file: &'a FileText,
    pub(super) cwd: &'a Path,
}

/// A value with the full name of its key.
pub(super) struct Key<'a> {
    pub(super) name: String,
    pub(super) value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Key<'a> {
    pub(super) fn new(name: impl Into<String>, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { name: name.into(), value }
    }
}

impl FileReader<'_> {
    /// Returns the entries of a table with the full names of their keys.
    pub(super) fn entries<'k>(
        &self,
        table: &Key<'k>,
    ) -> Result<impl Iterator<Item = (&'k Spanned<DeString<'k>>, Key<'k>)>, ConfigError> {
        let prefix = table.name.clone();
        let entries = in_file_order(self.table(table)?);
        Ok(entries
            .into_iter()
            .map(move |(name, value)| (name, Key::new(format!("{prefix}.{}", name.get_ref()), value))))
    }

    pub(super) fn table<'k>(&self, key: &Key<'k>) -> Result<&'k DeTable<'k>, ConfigError> {
        match key.value.get_ref() {
            DeValue::Table(table) => Ok(table),
            // `[[run]]` is an array of tables.
            _ => Err(self.mistyped(key, "a table", Some(format!("write `[{}]`", key.name)))),
        }
    }

    pub(super) fn flag(&self, key: &Key<'_>) -> Result<Setting<bool>, ConfigError> {
        match key.value.get_ref() {
            DeValue::Boolean(value) => Ok(self.setting(key, *value)),
            _ => Err(self.mistyped(key, "`true` or `false`", None)),
        }
    }

    fn parsed<T>(
        &self,
        key: &Key<'_>,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Setting<T>, ConfigError> {
        match key.value.get_ref() {
            DeValue::String(text) => parse(text)
                .map(|value| self.setting(key, value))
                .map_err(|invalid| self.invalid(key, text, invalid)),
            _ => Err(self.mistyped(key, "a string", None)),
        }
    }

    /// Parses a string, or a whole number as the string of its digits: `listen = [3000]`, `stop-signal = 2`.
    fn scalar<T>(
        &self,
        key: &Key<'_>,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Setting<T>, ConfigError> {
        match key.value.get_ref() {
            DeValue::Integer(number) if number.radix() == 10 => {
                let text = number.as_str();
                parse(text)
                    .map(|value| self.setting(key, value))
                    .map_err(|invalid| self.invalid(key, text, invalid))
            }
            _ => self.parsed(key, parse),
        }
    }

    /// Reads a value of this kind; relative paths are below the folder of the file.
    pub(super) fn text<T: Text>(&self, key: &Key<'_>) -> Result<Setting<T::Value>, ConfigError> {
        let parse = |text: &str| T::parse(text, self.base());
        if T::NUMBERS { self.scalar(key, parse) } else { self.parsed(key, parse) }
    }

    pub(super) fn texts<T: Text>(&self, key: &Key<'_>) -> Result<Vec<Setting<T::Value>>, ConfigError> {
        self.items(key)?.map(|item| self.text::<T>(&item)).collect()
    }

    fn items<'k>(&self, key: &Key<'k>) -> Result<impl Iterator<Item = Key<'k>>, ConfigError> {
        let name = key.name.clone();
        match key.value.get_ref() {
            DeValue::Array(items) => Ok(items.iter().map(move |item| Key::new(name.clone(), item))),
            DeValue::String(text) => {
                Err(self.mistyped(key, "a list of strings", Some(format!("write `[{:?}]`", &**text))))
            }
            DeValue::Integer(number) => Err(self.mistyped(
                key,
                "a list of strings",
                Some(format!("write `[\"{}\"]`", number.as_str())),
            )),
            _ => Err(self.mistyped(key, "a list of strings", None)),
        }
    }

    pub(super) fn variables(&self, key: &Key<'_>) -> Result<BTreeMap<String, Setting<String>>, ConfigError> {
        let DeValue::Table(table) = key.value.get_ref() else {
            return Err(self.mistyped(
                key,
                "a table of variables",
                Some("write `env = { NAME = \"value\" }`".into()),
            ));
        };
        let mut variables = BTreeMap::new();
        for (name, value) in in_file_order(table) {
            let name = name.get_ref();
            let key = Key::new(format!("{}.{name}", key.name), value);
            let check = |text: &str| units::check_variable(name, text).map(|()| text.to_owned());
            let setting = match value.get_ref() {
                DeValue::Boolean(flag) => self.setting(&key, flag.to_string()),
                _ => self.scalar(&key, check)?,
            };
            variables.insert(name.to_string(), setting);
        }
        Ok(variables)
    }

    pub(super) fn command(&self, key: &Key<'_>) -> Result<Setting<CommandLine>, ConfigError> {
        let unusable = |text: &str| {
            let reason = if text.trim().is_empty() { "it is empty" } else { "a command cannot hold a NUL" };
            self.invalid(key, text, Invalid::new(reason))
        };
        match key.value.get_ref() {
            DeValue::String(text) if text.trim().is_empty() || text.contains('\0') => Err(unusable(text)),
            DeValue::String(text) => Ok(self.setting(key, CommandLine::Shell(text.to_string()))),
            DeValue::Array(_) => {
                let mut words = Vec::new();
                for item in self.items(key)? {
                    words.push(self.parsed(&item, |word| Ok(word.to_owned()))?.value);
                }
                match words.iter().find(|word| word.contains('\0')) {
                    Some(word) => Err(unusable(word)),
                    None if words.first().is_none_or(|program| program.trim().is_empty()) => {
                        Err(unusable(""))
                    }
                    None => Ok(self.setting(key, CommandLine::Exec(words))),
                }
            }
            _ => Err(self.mistyped(key, "a string or a list of strings", None)),
        }
    }

    fn base(&self) -> &Path {
        self.file.path.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn setting<T>(&self, key: &Key<'_>, value: T) -> Setting<T> {
        let line = self.place(key.value.span().start).line;
        Setting { value, origin: Origin::File(self.file.path.clone(), line) }
    }

    pub(super) fn place(&self, offset: usize) -> FileLine {
        let before = self.file.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        FileLine { path: super::shown(&self.file.path, self.cwd), line }
    }

    pub(super) fn named(&self, key: &Key<'_>) -> SettingName {
        SettingName { name: key.name.clone(), place: Some(Box::new(self.place(key.value.span().start))) }
    }

    pub(super) fn invalid(&self, key: &Key<'_>, value: &str, invalid: Invalid) -> ConfigError {
        ConfigError::Value {
            setting: self.named(key),
            value: value.to_owned(),
            reason: invalid.reason,
            hint: invalid.hint,
        }
    }

    fn mistyped(&self, key: &Key<'_>, expected: &'static str, hint: Option<String>) -> ConfigError {
        let found = match key.value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        ConfigError::Type { setting: self.named(key), expected, found, hint }
    }
}

/// Returns the entries of a table in the order of the file, so that the first mistake is reported.
pub(super) fn in_file_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}
