//! Reads a config file, `hotrun.toml` or the `[package.metadata.hotrun]` of a manifest, into a [`Layer`].

use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::cargo_args::check_build_args;
use super::error::{ConfigError, SettingName, nearest};
use super::services::Table;
use super::table::{self, Layer, ROWS, SERVICE};
use super::units;
use super::value::{FileReader, Key, in_file_order};
use super::{FileKind, FileText, Origin};

const RESERVED: [&str; 4] = ["rule", "proxy", "reload", "build.command"];

/// The settings of a file.
#[derive(Default)]
pub(super) struct FileLayer {
    pub(super) settings: Layer,
    /// The tables `[service.NAME]`, in the order of the file.
    pub(super) services: Vec<Table>,
}

/// Reads a file. `cwd` only shortens the paths in errors.
pub(super) fn read(file: &FileText, cwd: &Path) -> Result<FileLayer, ConfigError> {
    let reader = FileReader { file, cwd };
    let document = DeTable::parse(&file.text).map_err(|error| ConfigError::Syntax {
        place: reader.place(error.span().map_or(0, |span| span.start)),
        message: error.message().trim().replace('\n', ", "),
    })?;
    match file.kind {
        FileKind::Hotrun => reader.top(document.get_ref()),
        FileKind::Manifest => match metadata(document.get_ref()) {
            None => Ok(FileLayer::default()),
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
    fn top(&self, table: &DeTable<'_>) -> Result<FileLayer, ConfigError> {
        let (mut layer, mut services) = (Layer::default(), Vec::new());
        for (name, value) in in_file_order(table) {
            let key = Key::new(&**name.get_ref(), value);
            if let Some(entry) = table::find(&key.name).filter(|entry| entry.table.is_empty()) {
                (entry.read)(&mut layer, self, &key)?;
            } else if key.name == SERVICE {
                services = self.services(&key)?;
            } else if table::tables().any(|(table, _)| table == key.name) {
                self.entries_of(&key, &mut layer)?;
            } else {
                return Err(self.unknown(&key, name, table::top()));
            }
        }
        Ok(FileLayer { settings: layer, services })
    }

    fn services(&self, tables: &Key<'_>) -> Result<Vec<Table>, ConfigError> {
        let mut services = Vec::new();
        for (name, table) in self.entries(tables)? {
            let word = &**name.get_ref();
            let place = self.place(name.span().start);
            if !matches!(table.value.get_ref(), DeValue::Table(_))
                && table::of_service().any(|row| row.name == word)
            {
                let hint = "write it in the table of a service: `[service.NAME]`".to_owned();
                return Err(ConfigError::Unknown { kind: "key", key: table.name, place, hint });
            }
            let name = units::parse_service(word).map_err(|invalid| ConfigError::Value {
                setting: SettingName { name: SERVICE.to_owned(), place: Some(Box::new(place.clone())) },
                value: word.to_owned(),
                reason: invalid.reason,
                hint: invalid.hint,
            })?;
            let origin = Origin::File(self.file.path.clone(), place.line);
            services.push(Table { name, origin, layer: self.service(&table)? });
        }
        Ok(services)
    }

    fn service(&self, table: &Key<'_>) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, key) in self.entries(table)? {
            let word = &**name.get_ref();
            let Some(row) = table::of_service().find(|row| row.name == word) else {
                return Err(self.unknown(&key, name, table::of_service().map(|row| row.name)));
            };
            (row.read)(&mut layer, self, &key)?;
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
        let word = &**name.get_ref();
        let of_service = key.name.starts_with("service.") && matches!(word, "build" | "proxy");
        if RESERVED.contains(&&*key.name) || of_service {
            return ConfigError::Reserved { key: key.name.clone(), place };
        }
        let nested = matches!(key.value.get_ref(), DeValue::Table(_));
        let kind = if nested { "table" } else { "key" };
        let elsewhere =
            ROWS.iter().find(|entry| !entry.table.is_empty() && entry.table != SERVICE && entry.name == word);
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
