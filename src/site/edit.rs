//! Settings read again while hotrun runs: what an edit changes, judged before any of it is in force.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Site;
use super::choice::settings_folder;
use super::env_files::{EnvFiles, EnvTexts};
use crate::config::{self, Changed, Config, FileKind, FileText, Needs};
use crate::error::Error;
use crate::settings::{self, Search, SettingsError};
use crate::words::ServiceId;

/// How long a config file has to stay gone or empty to be so on purpose: a save in place empties it first,
/// and one with a backup moves it away for a moment.
pub(crate) const DOUBT: Duration = Duration::from_millis(200);

/// How long a file has to be gone in a folder that never rests, because a program keeps writing to it.
const PATIENCE: Duration = Duration::from_secs(2);

/// A config file that is gone or empty and was not when last read.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    path: PathBuf,
    stamp: Option<Stamp>,
    /// When it was first seen untouched.
    since: Instant,
    /// When it was first seen gone, and gone in every check since.
    gone: Option<Instant>,
}

impl Doubt {
    fn is_over(&self, now: Instant) -> bool {
        now.duration_since(self.since) >= DOUBT
            || self.gone.is_some_and(|gone| now.duration_since(gone) >= PATIENCE)
    }
}

/// Changes whenever the file is touched, or its folder if it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let folder = || std::fs::metadata(path.parent()?).ok();
        let found = std::fs::metadata(path).ok().or_else(folder)?;
        Some(Self {
            inode: found.ino(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// Settings read again and not yet in force.
#[derive(Debug)]
pub(crate) struct Edit {
    /// The edited files that exist.
    pub(crate) files: Vec<PathBuf>,
    /// What can be applied.
    pub(crate) changes: Vec<Changed>,
    /// The edited keys that need a restart of hotrun.
    pub(crate) held: Vec<String>,
    /// The services that get something else from env files.
    pub(crate) env_files_changed: BTreeSet<ServiceId>,
    read: Config,
    env_files: EnvFiles,
}

impl Edit {
    /// Returns the services that such a change is about.
    pub(crate) fn services(&self, is_such: impl Fn(&Changed) -> bool) -> BTreeSet<ServiceId> {
        let changes = self.changes.iter().filter(|changed| is_such(changed));
        changes.flat_map(|changed| &changed.services).copied().collect()
    }
}

impl Site {
    /// Reads the settings and env files again after these changed, without putting them into force. Returns
    /// `None` if one of them, manifests apart, may be in the middle of a save (gone or empty) or is still
    /// being read: the caller retries after [`DOUBT`].
    pub(crate) fn edit(&mut self, paths: &[PathBuf]) -> Result<Option<Edit>, Error> {
        let mut texts = match self.read_files() {
            Ok(texts) => texts,
            Err(SettingsError::Read { path, source, .. })
                if source.kind() == ErrorKind::NotFound && self.is_doubtful(vec![path.clone()]) =>
            {
                return Ok(None);
            }
            Err(SettingsError::Read { source, .. }) if comes_later(&source) => return Ok(None),
            Err(error) => {
                self.last.seen.clear();
                return Err(error.into());
            }
        };
        let empty = |path: &Path| text_of(&texts, path).is_none_or(|text| text.text.is_empty());
        let vanished: Vec<FileText> = self
            .last
            .texts
            .iter()
            .filter(|text| !text.text.is_empty() && empty(&text.path))
            .cloned()
            .collect();
        // cargo reports what is wrong with a manifest that is gone or empty.
        let (manifests, own): (Vec<_>, Vec<_>) =
            vanished.into_iter().partition(|text| text.kind == FileKind::Manifest);
        let found = texts.clone();
        for manifest in manifests {
            let place =
                self.last.texts.iter().position(|text| text.path == manifest.path).unwrap_or_default();
            texts.retain(|text| text.path != manifest.path);
            texts.insert(place.min(texts.len()), manifest);
        }
        let read = config::merge(&self.options, &self.variables, &texts, &self.cwd);
        let in_force = match &read {
            Ok(read) => read.clone().as_started(&self.config),
            Err(_) => self.config.clone(),
        };
        let env_files = self.read_env_files(&in_force);
        let own = own.into_iter().map(|text| text.path);
        let being_read = env_files.named.iter().any(|(_, text)| text.as_ref().is_err_and(comes_later));
        if self.is_doubtful(own.chain(self.vanished(&env_files)).collect()) || being_read {
            return Ok(None);
        }
        self.last.seen = self.held(&found, &env_files);
        self.last.texts = texts;
        let read = read.map_err(SettingsError::from)?;
        // A refused edit may be fixed there.
        self.last.awaited = env_files.paths();
        let env_files = self.env_files(&in_force, env_files)?;
        let changes = config::changes(&self.config, &read);
        let news: Vec<_> =
            config::changes(&self.last.config, &read).into_iter().map(|changed| changed.key).collect();
        let (held, changes): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|changed| changed.needs == Needs::Hotrun);
        let held = held.into_iter().map(|changed| changed.key).filter(|key| news.contains(key)).collect();
        let files = self.every_file().into_iter().chain(self.last.awaited.iter().cloned());
        let files = files.filter(|file| paths.contains(file)).collect();
        let env_files_changed = env_files.changed(&self.last.env_files, &in_force);
        Ok(Some(Edit { files, changes, held, env_files_changed, read, env_files }))
    }

    /// Returns the content of each file that settings come from.
    pub(super) fn held(&self, texts: &[FileText], env_files: &EnvTexts) -> Vec<(PathBuf, Option<String>)> {
        let held = |path: PathBuf| {
            let text = text_of(texts, &path).map(|found| found.text.clone());
            (path, text)
        };
        self.every_file().into_iter().map(held).chain(env_files.known()).collect()
    }

    /// Whether one of these files, gone or empty now and not when last read, may be in the middle of a save.
    fn is_doubtful(&mut self, vanished: Vec<PathBuf>) -> bool {
        let now = Instant::now();
        let before = std::mem::take(&mut self.last.doubts);
        let seen = |path: PathBuf| {
            let known = before.iter().find(|known| known.path == path);
            let stamp = Stamp::of(&path);
            let since = known.filter(|known| known.stamp == stamp).map_or(now, |known| known.since);
            let gone = (!path.exists()).then(|| known.and_then(|known| known.gone).unwrap_or(now));
            Doubt { path, stamp, since, gone }
        };
        self.last.doubts = vanished.into_iter().map(seen).collect();
        self.last.doubts.iter().any(|doubt| !doubt.is_over(now))
    }

    /// Puts the edit into force.
    pub(crate) fn take_over(&mut self, edit: Edit) {
        self.config = edit.read.clone().as_started(&self.config);
        self.last.config = edit.read;
        self.last.env_files = edit.env_files;
    }

    /// Returns the settings as the edit would make them.
    pub(crate) fn with(&self, edit: &Edit) -> Config {
        edit.read.clone().as_started(&self.config)
    }

    /// Whether only hotrun reads this file of settings: a manifest is cargo's as well.
    pub(crate) fn is_own(&self, path: &Path) -> bool {
        self.config_files().iter().chain(&self.last.awaited).any(|file| file == path)
    }

    fn read_files(&self) -> Result<Vec<FileText>, SettingsError> {
        self.search(self.nearest().as_deref()).read(&self.reader)
    }

    /// Returns hotrun's own config files, existing or not.
    pub(super) fn config_files(&self) -> Vec<PathBuf> {
        let manifest = |file: &PathBuf| file.file_name().is_some_and(|name| name == "Cargo.toml");
        self.every_file().into_iter().filter(|file| !manifest(file)).collect()
    }

    /// Returns every file that may hold settings, existing or not.
    fn every_file(&self) -> Vec<PathBuf> {
        self.search(self.nearest().as_deref()).files()
    }

    fn nearest(&self) -> Option<PathBuf> {
        settings::nearest_package(&self.options, &self.cwd)
    }

    fn search<'a>(&'a self, nearest: Option<&'a Path>) -> Search<'a> {
        Search {
            options: &self.options,
            environment: &self.variables,
            cwd: &self.cwd,
            package: settings_folder(&self.project, nearest),
            workspace: Some(&self.project.workspace_root),
        }
    }
}

fn text_of<'a>(texts: &'a [FileText], path: &Path) -> Option<&'a FileText> {
    texts.iter().find(|text| text.path == path)
}

/// Whether the file is read on another thread, because its writer may take time.
fn comes_later(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}
