//! The config file: the tables of `hotrun.toml`, or of a manifest's `[package.metadata.hotrun]`, read into a [`Layer`].
//!
//! Every value keeps the line it stands on.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::cargo_args::check_build_args;
use super::error::{ConfigError, Named, nearest};
use super::keys::{self, BUILD, Entry, RUN, TABLES, UI, WATCH};
use super::layer::Layer;
use super::units::{self, Word};
use super::value::{Key, Reader, in_file_order};
use super::{FileKind, FileText, IgnoreGlob, Setting, TargetName, address};

const RESERVED: [&str; 5] = ["rule", "service", "proxy", "reload", "build.command"];

/// An entry of a table: its name where it stands, and its key.
type NamedKey<'k> = (&'k Spanned<DeString<'k>>, Key<'k>);

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
    manifest.get("package")?.get_ref().get("metadata")?.get_ref().get("hotrun")
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
                _ => return Err(self.unknown(&key, name, keys::top())),
            }
        }
        Ok(layer)
    }

    fn build(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for entry in self.known(table, BUILD)? {
            let (name, key) = entry?;
            match &**name.get_ref() {
                "package" => layer.package = Some(self.parsed(&key, units::parse_name)?),
                "bin" | "example" if layer.target.is_some() => {
                    let other = if name.get_ref() == "bin" { "build.example" } else { "build.bin" };
                    return Err(ConfigError::Conflict {
                        first: self.named(&key),
                        second: Named { name: other.to_owned(), place: None },
                        reason: ": there is one program to run".to_owned(),
                        hint: "remove one of them".to_owned(),
                    });
                }
                "bin" => {
                    layer.target =
                        Some(self.parsed(&key, |text| units::parse_name(text).map(TargetName::Bin))?);
                }
                "example" => {
                    layer.target =
                        Some(self.parsed(&key, |text| units::parse_name(text).map(TargetName::Example))?);
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
                "debug-info" => layer.debug_info = Some(self.parsed(&key, Word::parse)?),
                _ => return Err(self.unknown(&key, name, keys::names(BUILD))),
            }
        }
        Ok(())
    }

    fn watch(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for entry in self.known(table, WATCH)? {
            let (name, key) = entry?;
            match &**name.get_ref() {
                "paths" => layer.paths = self.paths(&key)?,
                "ignore" => {
                    let base = self.base();
                    layer.ignore = self.list(&key, |text| {
                        units::parse_name(text).map(|glob| IgnoreGlob { base: base.to_owned(), glob })
                    })?;
                }
                "debounce" => layer.debounce = Some(self.scalar(&key, units::parse_duration)?),
                "poll" => layer.poll = Some(self.scalar(&key, units::parse_poll)?),
                _ => return Err(self.unknown(&key, name, keys::names(WATCH))),
            }
        }
        Ok(())
    }

    fn run(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for entry in self.known(table, RUN)? {
            let (name, key) = entry?;
            match &**name.get_ref() {
                "args" => {
                    let args = self.texts(&key)?;
                    let value = args.value.into_iter().map(Into::into).collect();
                    layer.args = Some(Setting { value, origin: args.origin });
                }
                "env" => layer.env = self.variables(&key)?,
                "env-file" => layer.env_files = self.paths(&key)?,
                "cwd" => layer.cwd = Some(self.path(&key)?),
                "stdin" => layer.stdin = Some(self.parsed(&key, Word::parse)?),
                "listen" => {
                    let parse = |text: &str| address::parse_listen(text, self.base());
                    layer.listen = Some(
                        self.items(&key)?.map(|item| self.scalar(&item, parse)).collect::<Result<_, _>>()?,
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
                _ => return Err(self.unknown(&key, name, keys::names(RUN))),
            }
        }
        Ok(())
    }

    fn ui(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for entry in self.known(table, UI)? {
            let (name, key) = entry?;
            match &**name.get_ref() {
                "clear" => layer.clear = Some(self.flag(&key)?),
                "keys" => layer.keys = Some(self.flag(&key)?),
                "notify" => layer.notify = Some(self.flag(&key)?),
                _ => return Err(self.unknown(&key, name, keys::names(UI))),
            }
        }
        Ok(())
    }

    /// The entries of a table, an error for the first whose name is not in `keys`.
    fn known<'k>(
        &self,
        table: &Key<'k>,
        keys: &'static [Entry],
    ) -> Result<impl Iterator<Item = Result<NamedKey<'k>, ConfigError>>, ConfigError> {
        Ok(self.entries(table)?.map(move |(name, key)| {
            if keys::names(keys).any(|known| known == &**name.get_ref()) {
                Ok((name, key))
            } else {
                Err(self.unknown(&key, name, keys::names(keys)))
            }
        }))
    }

    /// The error for a key that is none of `siblings`.
    fn unknown(
        &self,
        key: &Key<'_>,
        name: &Spanned<DeString<'_>>,
        siblings: impl Iterator<Item = &'static str> + Clone,
    ) -> ConfigError {
        let place = self.place(name.span().start);
        if RESERVED.contains(&&*key.name) {
            return ConfigError::Reserved { key: key.name.clone(), place };
        }
        let word = &**name.get_ref();
        let nested = matches!(key.value.get_ref(), DeValue::Table(_));
        let kind = if nested { "table" } else { "key" };
        let elsewhere = TABLES
            .iter()
            .find(|table| keys::names(table.keys).any(|key| key == word))
            .map(|table| format!("{}.{word}", table.name));
        let hint = if let Some(near) = nearest(word, siblings.clone()) {
            format!("did you mean `{near}`?")
        } else if let Some(elsewhere) = elsewhere {
            format!("did you mean `{elsewhere}`?")
        } else if keys::top().any(|key| key == word) {
            format!("`{word}` belongs to the top of the file, before the first table")
        } else {
            format!("expected {}", units::one_of(siblings))
        };
        ConfigError::Unknown { kind, key: key.name.clone(), place, hint }
    }
}
