//! Env files: read again when they are edited, with the settings that name them. Programs start with the last
//! valid state.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::Site;
use crate::config::Config;
use crate::error::Error;
use crate::settings::{self, EnvText, is_missing};
use crate::sys;
use crate::words::ServiceId;

/// The content of env files, or the errors of reading them.
#[derive(Debug)]
pub(super) struct EnvTexts {
    /// Named by settings.
    pub(super) named: Vec<EnvText>,
    /// A `.env` without a setting that names it: the program may load it itself.
    beside: Vec<EnvText>,
}

impl EnvTexts {
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.named.iter().map(|(path, _)| path.clone()).collect()
    }

    /// Returns the files whose content is known, missing ones included.
    pub(super) fn known(&self) -> impl Iterator<Item = (PathBuf, Option<String>)> + '_ {
        self.named.iter().chain(&self.beside).filter_map(|(path, text)| match text {
            Ok(text) => Some((path.clone(), Some(text.clone()))),
            Err(error) => is_missing(error).then(|| (path.clone(), None)),
        })
    }
}

/// What the programs get from env files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct EnvFiles {
    /// By service.
    variables: Vec<Vec<(String, String)>>,
    beside: Vec<Option<String>>,
}

impl EnvFiles {
    /// Returns what a service gets, in order; the last of a name wins.
    pub(super) fn variables(&self, service: ServiceId) -> &[(String, String)] {
        self.variables.get(usize::from(service.0)).map_or(&[], Vec::as_slice)
    }

    /// Returns the services that get something else than before.
    pub(super) fn changed(&self, before: &Self, config: &Config) -> BTreeSet<ServiceId> {
        let all = self.beside != before.beside;
        let services = config.services().map(|(service, _)| service);
        services.filter(|service| all || self.variables(*service) != before.variables(*service)).collect()
    }
}

impl Site {
    pub(super) fn read_env_files(&self, config: &Config) -> EnvTexts {
        let named = settings::read_env_files(&self.reader, config);
        let others = self.dotenv().into_iter().filter(|path| named.iter().all(|(other, _)| path != other));
        let read = |path: PathBuf| {
            let text = sys::read_text(&path).and_then(|text| text.ok_or(ErrorKind::InvalidInput.into()));
            (path, text)
        };
        EnvTexts { beside: others.map(read).collect(), named }
    }

    /// Returns what these give the programs of `config`.
    pub(super) fn env_files(&self, config: &Config, texts: EnvTexts) -> Result<EnvFiles, Error> {
        let inherited = |name: &str| {
            self.environment.get(&OsString::from(name)).and_then(|value| value.clone().into_string().ok())
        };
        let variables = settings::env_file_variables(config, texts.named, &inherited)?;
        let variables = variables.into_iter().map(|variables| variables.into_iter().collect()).collect();
        Ok(EnvFiles { variables, beside: texts.beside.into_iter().map(|(_, text)| text.ok()).collect() })
    }

    /// Returns `.env` beside the package and at the workspace root, existing or not.
    pub(super) fn dotenv(&self) -> Vec<PathBuf> {
        let mut folders: Vec<_> =
            self.project.programs.values().map(|program| &program.package.root).collect();
        folders.push(&self.project.workspace_root);
        let mut files: Vec<_> = folders.into_iter().map(|folder| folder.join(".env")).collect();
        files.dedup();
        files
    }

    /// Returns named files that are gone, or empty and were not when last read.
    pub(super) fn vanished<'a>(&self, texts: &'a EnvTexts) -> impl Iterator<Item = PathBuf> + use<'a, '_> {
        let held = |path: &Path| {
            let text =
                self.last.seen.iter().find(|(seen, _)| seen == path).and_then(|(_, text)| text.as_ref());
            text.is_some_and(|text| !text.is_empty())
        };
        let vanished = move |(path, text): &&EnvText| match text {
            Ok(text) => text.is_empty() && held(path),
            Err(error) => is_missing(error),
        };
        texts.named.iter().filter(vanished).map(|(path, _)| path.clone())
    }

    /// Returns every file that settings come from with its content when last read.
    pub(crate) fn seen(&self) -> &[(PathBuf, Option<String>)] {
        &self.last.seen
    }
}
