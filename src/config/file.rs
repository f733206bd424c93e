//! The config file: the tables of `hotrun.toml`, or of a manifest's `[package.metadata.hotrun]`, read into a [`Layer`].
//!
//! Every value keeps the line it stands on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::cargo_args::check_build_args;
use super::error::{ConfigError, Invalid, Named, Place, nearest};
use super::layer::Layer;
use super::units::{self, Word};
use super::{FileKind, FileText, IgnoreGlob, Origin, Setting, TargetName, absolute, address};

const TOP: &[&str] = &["build", "watch", "run", "ui", "events", "log"];
const BUILD: &[&str] = &[
    "package",
    "bin",
    "example",
    "features",
    "profile",
    "args",
    "env",
    "inputs",
    "share-build-dir",
];
const WATCH: &[&str] = &["paths", "ignore", "debounce", "poll"];
const RUN: &[&str] = &[
    "args",
    "env",
    "env-file",
    "cwd",
    "stdin",
    "listen",
    "ready",
    "ready-timeout",
    "update",
    "on-start-failure",
    "on-exit",
    "stop-signal",
    "stop-timeout",
];
const UI: &[&str] = &["clear", "keys", "notify"];
/// The keys of each table.
pub(super) const TABLES: [(&str, &[&str]); 4] =
    [("build", BUILD), ("watch", WATCH), ("run", RUN), ("ui", UI)];
const RESERVED: [&str; 5] = ["rule", "service", "proxy", "reload", "build.command"];

/// Reads one file. `cwd` only shortens the paths in errors.
pub(super) fn read(file: &FileText, cwd: &Path) -> Result<Layer, ConfigError> {
    let reader = Reader { file, cwd };
    let document = DeTable::parse(&file.text).map_err(|error| ConfigError::Syntax {
        place: reader.place(error.span().map_or(0, |span| span.start)),
        message: error.message().trim().replace('\n', ", "),
    })?;
    match file.kind {
        FileKind::Hotrun => reader.top(document.get_ref()),
        FileKind::Manifest => match metadata(document.get_ref()) {
            None => Ok(Layer::default()),
            Some(value) => reader.top(reader.table(&Key::new("package.metadata.hotrun", value))?),
        },
    }
}

/// The value of `package.metadata.hotrun`.
fn metadata<'a>(manifest: &'a DeTable<'a>) -> Option<&'a Spanned<DeValue<'a>>> {
    manifest
        .get("package")?
        .get_ref()
        .get("metadata")?
        .get_ref()
        .get("hotrun")
}

struct Reader<'a> {
    file: &'a FileText,
    cwd: &'a Path,
}

/// A value with the full name of its key.
struct Key<'a> {
    name: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Key<'a> {
    fn new(name: impl Into<String>, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }
}

impl Reader<'_> {
    fn top(&self, table: &DeTable<'_>) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, value) in in_file_order(table) {
            let key = Key::new(&**name.get_ref(), value);
            match &*key.name {
                "build" => self.build(&key, &mut layer)?,
                "watch" => self.watch(&key, &mut layer)?,
                "run" => self.run(&key, &mut layer)?,
                "ui" => self.ui(&key, &mut layer)?,
                "events" => layer.events = Some(self.path(&key)?),
                "log" => layer.log = Some(self.path(&key)?),
                _ => return Err(self.unknown(&key, name, TOP)),
            }
        }
        Ok(layer)
    }

    fn build(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for (name, key) in self.entries(table)? {
            match &**name.get_ref() {
                "package" => layer.package = Some(self.parsed(&key, units::parse_name)?),
                "bin" | "example" if layer.target.is_some() => {
                    let other = if name.get_ref() == "bin" {
                        "build.example"
                    } else {
                        "build.bin"
                    };
                    return Err(ConfigError::Conflict {
                        first: self.named(&key),
                        second: Named {
                            name: other.to_owned(),
                            place: None,
                        },
                        reason: ": there is one program to run".to_owned(),
                        hint: "remove one of them".to_owned(),
                    });
                }
                "bin" => {
                    layer.target = Some(
                        self.parsed(&key, |text| units::parse_name(text).map(TargetName::Bin))?,
                    );
                }
                "example" => {
                    layer.target = Some(self.parsed(&key, |text| {
                        units::parse_name(text).map(TargetName::Example)
                    })?);
                }
                "features" => layer.features = Some(self.texts(&key)?),
                "profile" => layer.profile = Some(self.parsed(&key, units::parse_profile)?),
                "args" => {
                    let args = self.texts(&key)?;
                    check_build_args(&args.value)
                        .map_err(|(arg, invalid)| self.invalid(&key, arg, invalid))?;
                    layer.build_args = Some(args);
                }
                "env" => layer.build_env = self.variables(&key)?,
                "inputs" => layer.inputs = Some(self.paths(&key)?),
                "share-build-dir" => layer.share_build_dir = Some(self.flag(&key)?),
                _ => return Err(self.unknown(&key, name, BUILD)),
            }
        }
        Ok(())
    }

    fn watch(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for (name, key) in self.entries(table)? {
            match &**name.get_ref() {
                "paths" => layer.paths = self.paths(&key)?,
                "ignore" => {
                    let base = self.base();
                    layer.ignore = self.list(&key, |text| {
                        units::parse_name(text).map(|glob| IgnoreGlob {
                            base: base.to_owned(),
                            glob,
                        })
                    })?;
                }
                "debounce" => layer.debounce = Some(self.scalar(&key, units::parse_duration)?),
                "poll" => layer.poll = Some(self.scalar(&key, units::parse_poll)?),
                _ => return Err(self.unknown(&key, name, WATCH)),
            }
        }
        Ok(())
    }

    fn run(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for (name, key) in self.entries(table)? {
            match &**name.get_ref() {
                "args" => {
                    let args = self.texts(&key)?;
                    let value = args.value.into_iter().map(Into::into).collect();
                    layer.args = Some(Setting {
                        value,
                        origin: args.origin,
                    });
                }
                "env" => layer.env = self.variables(&key)?,
                "env-file" => layer.env_files = self.paths(&key)?,
                "cwd" => layer.cwd = Some(self.path(&key)?),
                "stdin" => layer.stdin = Some(self.parsed(&key, Word::parse)?),
                "listen" => {
                    let parse = |text: &str| address::parse_listen(text, self.base());
                    layer.listen = Some(
                        self.items(&key)?
                            .map(|item| self.scalar(&item, parse))
                            .collect::<Result<_, _>>()?,
                    );
                }
                "ready" => layer.ready = Some(self.parsed(&key, address::parse_ready)?),
                "ready-timeout" => {
                    layer.ready_timeout = Some(self.scalar(&key, units::parse_duration)?);
                }
                "update" => layer.update = Some(self.parsed(&key, Word::parse)?),
                "on-start-failure" => {
                    layer.on_start_failure = Some(self.parsed(&key, Word::parse)?);
                }
                "on-exit" => layer.on_exit = Some(self.parsed(&key, Word::parse)?),
                "stop-signal" => layer.stop_signal = Some(self.scalar(&key, units::parse_signal)?),
                "stop-timeout" => {
                    layer.stop_timeout = Some(self.scalar(&key, units::parse_duration)?);
                }
                _ => return Err(self.unknown(&key, name, RUN)),
            }
        }
        Ok(())
    }

    fn ui(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for (name, key) in self.entries(table)? {
            match &**name.get_ref() {
                "clear" => layer.clear = Some(self.flag(&key)?),
                "keys" => layer.keys = Some(self.flag(&key)?),
                "notify" => layer.notify = Some(self.flag(&key)?),
                _ => return Err(self.unknown(&key, name, UI)),
            }
        }
        Ok(())
    }

    /// The entries of a table, their keys by their full names.
    fn entries<'k>(
        &self,
        table: &Key<'k>,
    ) -> Result<impl Iterator<Item = (&'k Spanned<DeString<'k>>, Key<'k>)>, ConfigError> {
        let prefix = table.name.clone();
        let entries = in_file_order(self.table(table)?);
        Ok(entries.into_iter().map(move |(name, value)| {
            (
                name,
                Key::new(format!("{prefix}.{}", name.get_ref()), value),
            )
        }))
    }

    fn table<'k>(&self, key: &Key<'k>) -> Result<&'k DeTable<'k>, ConfigError> {
        match key.value.get_ref() {
            DeValue::Table(table) => Ok(table),
            // `[[run]]` is an array of tables.
            _ => Err(self.mistyped(key, "a table", Some(format!("write `[{}]`", key.name)))),
        }
    }

    fn flag(&self, key: &Key<'_>) -> Result<Setting<bool>, ConfigError> {
        match key.value.get_ref() {
            DeValue::Boolean(value) => Ok(self.setting(key, *value)),
            _ => Err(self.mistyped(key, "`true` or `false`", None)),
        }
    }

    /// A string that means something.
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

    /// A string, or a whole number that means what the same string would: `listen = [3000]`, `stop-signal = 2`.
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

    fn path(&self, key: &Key<'_>) -> Result<Setting<PathBuf>, ConfigError> {
        self.parsed(key, |text| {
            units::parse_name(text).map(|path| absolute(self.base(), path.as_ref()))
        })
    }

    fn paths(&self, key: &Key<'_>) -> Result<Vec<Setting<PathBuf>>, ConfigError> {
        self.list(key, |text| {
            units::parse_name(text).map(|path| absolute(self.base(), path.as_ref()))
        })
    }

    fn list<T>(
        &self,
        key: &Key<'_>,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Result<Vec<Setting<T>>, ConfigError> {
        self.items(key)?
            .map(|item| self.parsed(&item, &parse))
            .collect()
    }

    /// The items of a list, each under the key's name.
    fn items<'k>(&self, key: &Key<'k>) -> Result<impl Iterator<Item = Key<'k>>, ConfigError> {
        let name = key.name.clone();
        match key.value.get_ref() {
            DeValue::Array(items) => Ok(items.iter().map(move |item| Key::new(name.clone(), item))),
            DeValue::String(text) => Err(self.mistyped(
                key,
                "a list of strings",
                Some(format!("write `[{:?}]`", &**text)),
            )),
            _ => Err(self.mistyped(key, "a list of strings", None)),
        }
    }

    /// A list that is one setting, with one origin.
    fn texts(&self, key: &Key<'_>) -> Result<Setting<Vec<String>>, ConfigError> {
        let items = self.list(key, |text| Ok(text.to_owned()))?;
        Ok(self.setting(key, items.into_iter().map(|item| item.value).collect()))
    }

    fn variables(&self, key: &Key<'_>) -> Result<BTreeMap<String, Setting<String>>, ConfigError> {
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

    fn base(&self) -> &Path {
        self.file.path.parent().unwrap_or(Path::new(""))
    }

    fn setting<T>(&self, key: &Key<'_>, value: T) -> Setting<T> {
        let line = self.place(key.value.span().start).line;
        Setting {
            value,
            origin: Origin::File(self.file.path.clone(), line),
        }
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.file.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        Place {
            path: super::shown(&self.file.path, self.cwd),
            line,
        }
    }

    fn named(&self, key: &Key<'_>) -> Named {
        Named {
            name: key.name.clone(),
            place: Some(Box::new(self.place(key.value.span().start))),
        }
    }

    fn invalid(&self, key: &Key<'_>, value: &str, invalid: Invalid) -> ConfigError {
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
        ConfigError::Type {
            setting: self.named(key),
            expected,
            found,
            hint,
        }
    }

    /// The error for a key that is none of `siblings`.
    fn unknown(
        &self,
        key: &Key<'_>,
        name: &Spanned<DeString<'_>>,
        siblings: &[&'static str],
    ) -> ConfigError {
        let place = self.place(name.span().start);
        if RESERVED.contains(&&*key.name) {
            return ConfigError::Reserved {
                key: key.name.clone(),
                place,
            };
        }
        let word = &**name.get_ref();
        let nested = matches!(key.value.get_ref(), DeValue::Table(_));
        let kind = if nested { "table" } else { "key" };
        let elsewhere = TABLES
            .iter()
            .find(|(_, keys)| keys.contains(&word))
            .map(|(table, _)| format!("{table}.{word}"));
        let hint = nearest(word, siblings.iter().copied())
            .map(ToOwned::to_owned)
            .or_else(|| {
                TOP[4..]
                    .contains(&word)
                    .then(|| format!("{word}` before the first table, not `{}", key.name))
            })
            .or(elsewhere)
            .map_or_else(
                || format!("{} is known here", units::one_of(siblings.iter().copied())),
                |suggestion| format!("did you mean `{suggestion}`?"),
            );
        ConfigError::Unknown {
            kind,
            key: key.name.clone(),
            place,
            hint,
        }
    }
}

/// The entries of a table as they stand in the file, so that the first mistake is the one reported.
fn in_file_order<'a>(
    table: &'a DeTable<'a>,
) -> Vec<(&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}
