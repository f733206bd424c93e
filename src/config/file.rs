//! Reads a config file, `hotrun.toml` or the `[package.metadata.hotrun]` of a manifest, into a [`Layer`].

use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::cargo_args::check_build_args;
use super::error::{ConfigError, SettingName, nearest};
use super::table::{self, Layer, ROWS};
use super::units;
use super::value::{FileReader, Key, in_file_order};
use super::{FileKind, FileText};

const RESERVED: [&str; 5] = ["rule", "service", "proxy", "reload", "build.command"];

/// Reads a file. `cwd` only shortens the paths in errors.
pub(super) fn read(file: &FileText, cwd: &Path) -> Result<Layer, ConfigError> {
    let reader = FileReader { file, cwd };
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

fn metadata<'a>(manifest: &'a DeTable<'a>) -> Option<&'a Spanned<DeValue<'a>>> {
    manifest.get("package")?.get_ref().get("metadata")?.get_ref().get("hotrun")
}

/// Returns the other of `build.bin` and `build.example`, which exclude each other in a file.
fn other_target(key: &str) -> Option<&'static str> {
    match key {
        "build.bin" => Some("build.example"),
        "build.example" => Some("build.bin"),
        _ => None,
    }
}

impl FileReader<'_> {
    fn top(&self, table: &DeTable<'_>) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, value) in in_file_order(table) {
            let key = Key::new(&**name.get_ref(), value);
            if let Some(entry) = table::find(&key.name).filter(|entry| entry.table.is_empty()) {
                (entry.read)(&mut layer, self, &key)?;
            } else if table::tables().any(|(table, _)| table == key.name) {
                self.entries_of(&key, &mut layer)?;
            } else {
                return Err(self.unknown(&key, name, table::top()));
            }
        }
        Ok(layer)
    }

    fn entries_of(&self, table: &Key<'_>, layer: &mut Layer) -> Result<(), ConfigError> {
        for (name, key) in self.entries(table)? {
            let Some(entry) = table::find(&key.name) else {
                return Err(self.unknown(&key, name, table::names(&table.name)));
            };
            let chosen = layer.build.bin.is_some() || layer.build.example.is_some();
            (entry.read)(layer, self, &key)?;
            if chosen && let Some(other) = other_target(entry.key) {
                return Err(ConfigError::Conflict {
                    first: self.named(&key),
                    second: SettingName { name: other.to_owned(), place: None },
                    reason: ": there is one program to run".to_owned(),
                    hint: "remove one of them".to_owned(),
                });
            }
            if entry.key == "build.args"
                && let Some(args) = &layer.build.args
            {
                check_build_args(&args.value).map_err(|(arg, invalid)| self.invalid(&key, arg, invalid))?;
            }
        }
        Ok(())
    }

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
        let elsewhere = ROWS.iter().find(|entry| !entry.table.is_empty() && entry.name == word);
        let hint = if let Some(near) = nearest(word, siblings.clone()) {
            format!("did you mean `{near}`?")
        } else if let Some(elsewhere) = elsewhere {
            format!("did you mean `{}`?", elsewhere.key)
        } else if table::top().any(|key| key == word) {
            format!("`{word}` belongs to the top of the file, before the first table")
        } else {
            format!("expected {}", units::one_of(siblings))
        };
        ConfigError::Unknown { kind, key: key.name.clone(), place, hint }
    }
}
