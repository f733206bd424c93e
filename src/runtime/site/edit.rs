//! Settings that are read again while hotrun runs: what an edit changes, judged before anything of it is in force.

use std::path::{Path, PathBuf};

use super::Site;
use crate::config::{self, Config, FileKind, FileText, Needs};
use crate::error::Error;
use crate::settings;

/// Settings that were read again and are not in force yet.
#[derive(Debug)]
pub(in crate::runtime) struct Edit {
    /// The files that were edited and are there.
    pub(in crate::runtime) files: Vec<PathBuf>,
    /// The keys that can be applied.
    pub(in crate::runtime) changes: Vec<(&'static str, Needs)>,
    /// Keys edited just now that only another start of hotrun can bring into force.
    pub(in crate::runtime) held: Vec<&'static str>,
    read: Config,
}

impl Site {
    /// The config files that hold something else than when they were last read.
    pub(in crate::runtime) fn missed(&self) -> Vec<PathBuf> {
        let Ok(texts) = self.texts(&[]) else { return Vec::new() };
        let differs = |path: &PathBuf| {
            let holds = |texts: &[FileText]| {
                texts.iter().find(|text| text.path == *path).map(|text| text.text.clone())
            };
            holds(&texts) != holds(&self.texts)
        };
        self.every_file().into_iter().filter(differs).collect()
    }

    /// Those of these config files that held something when they were last read, and are gone or empty.
    pub(in crate::runtime) fn vanished(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        let held = |path: &PathBuf| {
            let before = self.texts.iter().find(|text| text.path == *path);
            before.is_some_and(|text| text.kind == FileKind::Hotrun && !text.text.is_empty())
        };
        let empty = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|file| file.len() == 0);
        paths.iter().filter(|path| held(path) && (!path.exists() || empty(path))).cloned().collect()
    }

    /// Reads the settings again after these files changed, putting nothing into force.
    pub(in crate::runtime) fn edit(&mut self, paths: &[PathBuf]) -> Result<Edit, Error> {
        self.texts = self.texts(paths)?;
        let read = config::merge(&self.options, &self.variables, &self.texts, &self.cwd)
            .map_err(settings::SettingsError::from)?;
        let changes = config::changes(&self.config, &read);
        if changes.iter().any(|(key, _)| *key == "run.env-file") {
            self.env_files(&read)?;
        }
        let news: Vec<_> = config::changes(&self.read, &read).into_iter().map(|(key, _)| key).collect();
        let (held, changes): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|(_, needs)| *needs == Needs::Hotrun);
        let held = held.into_iter().map(|(key, _)| key).filter(|key| news.contains(key)).collect();
        let files = self.every_file().into_iter().filter(|file| paths.contains(file)).collect();
        Ok(Edit { files, changes, held, read })
    }

    /// The edit is in force.
    pub(in crate::runtime) fn take_over(&mut self, edit: Edit) {
        self.config = edit.read.clone().as_started(&self.config);
        self.read = edit.read;
    }

    /// The settings as they would be in force.
    pub(in crate::runtime) fn with(&self, edit: &Edit) -> Config {
        edit.read.clone().as_started(&self.config)
    }

    /// Whether hotrun reads its settings from this file alone: a manifest is cargo's as well.
    pub(in crate::runtime) fn is_config(&self, path: &Path) -> bool {
        self.config_files().iter().any(|file| file == path)
    }

    /// What the config files hold. One that is not among `changed` and is gone or empty is just being saved; its change
    /// will be told.
    fn texts(&self, changed: &[PathBuf]) -> Result<Vec<FileText>, Error> {
        let (package, workspace) = (&self.project.package.root, &self.project.workspace_root);
        let mut texts =
            settings::read(&self.options, &self.variables, &self.cwd, Some(package), Some(workspace))?;
        for (place, before) in self.texts.iter().enumerate() {
            if before.text.is_empty() || changed.contains(&before.path) && before.kind == FileKind::Hotrun {
                continue;
            }
            match texts.iter_mut().find(|text| text.path == before.path) {
                Some(text) if text.text.is_empty() => text.text.clone_from(&before.text),
                Some(_) => {}
                None => texts.insert(place.min(texts.len()), before.clone()),
            }
        }
        Ok(texts)
    }

    /// hotrun's own config files, existing or not.
    pub(super) fn config_files(&self) -> Vec<PathBuf> {
        let manifest = |file: &PathBuf| file.file_name().is_some_and(|name| name == "Cargo.toml");
        self.every_file().into_iter().filter(|file| !manifest(file)).collect()
    }

    /// Every file that may hold settings, existing or not.
    fn every_file(&self) -> Vec<PathBuf> {
        let (package, workspace) = (&self.project.package.root, &self.project.workspace_root);
        settings::files(&self.options, &self.variables, &self.cwd, Some(package), Some(workspace))
    }
}
