//! Busy folders, polled for a few missing names instead of watched.
//!
//! Tells when a scan is due; the scan finds out what it means.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fingerprint::{self, Kind, Stat};
use super::survey::Survey;

const INTERVAL: Duration = Duration::from_secs(1);

/// The state of a path, links not followed. Changes inside a folder do not change its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Folder((u64, u64)),
    Something(Stat),
}

/// The busy folders and the state of the names in them.
#[derive(Debug, Default)]
pub(super) struct Glances {
    folders: HashSet<PathBuf>,
    /// `None` before the first poll.
    names: HashMap<PathBuf, Option<Seen>>,
    due: Option<Instant>,
}

impl Glances {
    /// Whether `folder` is polled instead of watched.
    pub(super) fn at(&self, folder: &Path) -> bool {
        self.folders.contains(folder)
    }

    /// Starts to poll a busy folder, unless an existing file in it is followed, whose edits must be noticed
    /// at once.
    pub(super) fn begin(&mut self, folder: &Path, survey: &Survey) -> bool {
        let new = !self.at(folder) && may_be_glanced_at(folder, survey);
        if new {
            self.folders.insert(folder.to_path_buf());
        }
        new
    }

    /// Updates the names after a scan. Returns whether a folder must be watched again.
    pub(super) fn set(&mut self, survey: &Survey, now: Instant) -> bool {
        let before = self.folders.len();
        self.folders.retain(|folder| may_be_glanced_at(folder, survey));
        let mut earlier = std::mem::take(&mut self.names);
        let within = |path: &&PathBuf| path.parent().is_some_and(|folder| self.folders.contains(folder));
        let names = survey.points.keys().chain(&survey.turns).chain(survey.folders.keys()).filter(within);
        if !self.folders.is_empty() {
            for path in names.chain(&self.folders) {
                self.names.insert(path.clone(), earlier.remove(path).flatten());
            }
        }
        // A new name may have changed between the scan and the first poll.
        self.due = (!self.names.is_empty()).then(|| match self.due {
            Some(due) if self.names.values().all(Option::is_some) => due,
            _ => now,
        });
        self.folders.len() < before
    }

    /// Goes back to watching everything.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Polls. Called before each scan too, so that later events are compared with the current state. Returns
    /// whether anything changed, or is polled for the first time.
    pub(super) fn glance(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for (path, before) in &mut self.names {
            let seen = Some(seen(path));
            changed |= seen != *before;
            *before = seen;
        }
        self.due = (!self.names.is_empty()).then(|| now + INTERVAL);
        changed
    }
}

fn may_be_glanced_at(folder: &Path, survey: &Survey) -> bool {
    let is_there = |path: &PathBuf| survey.files.get(path).is_some_and(Option::is_some);
    let followed = |(point, dependants): (&PathBuf, &Vec<PathBuf>)| {
        point.parent() == Some(folder) && dependants.iter().any(is_there)
    };
    survey.folders.get(folder).is_some_and(Vec::is_empty) && !survey.points.iter().any(followed)
}

fn seen(path: &Path) -> Seen {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Seen::Nothing };
    let stat = fingerprint::from_metadata(&metadata);
    if stat.kind == Kind::Folder { Seen::Folder(stat.id) } else { Seen::Something(stat) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_comes_and_only_that() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (toolchain, cargo) = (root.join("rust-toolchain"), root.join(".cargo"));
        let mut survey = Survey {
            folders: HashMap::from([(root.to_path_buf(), Vec::new())]),
            points: HashMap::from([(toolchain.clone(), vec![toolchain.clone()])]),
            turns: HashSet::from([cargo.clone()]),
            ..Survey::default()
        };
        let (mut glances, now) = (Glances::default(), Instant::now());
        assert!(!glances.set(&survey, now));
        assert_eq!(glances.due(), None);
        assert!(glances.begin(root, &survey) && !glances.begin(root, &survey));
        assert!(!glances.set(&survey, now));
        assert_eq!(glances.due(), Some(now));
        assert!(glances.glance(now), "what was never seen asks for a walk");
        assert!(!glances.glance(now));
        std::fs::write(root.join("other"), "").unwrap();
        assert!(!glances.glance(now));
        std::fs::create_dir(&cargo).unwrap();
        assert!(glances.glance(now));
        std::fs::write(cargo.join("config.toml"), "").unwrap();
        assert!(!glances.glance(now), "the walk watches that folder");
        std::fs::write(&toolchain, "").unwrap();
        assert!(glances.glance(now));
        // The file exists now and is followed, so its folder is watched.
        survey.files.insert(toolchain.clone(), fingerprint::stat(&toolchain));
        assert!(glances.set(&survey, now));
        assert!(!glances.at(root) && !glances.begin(root, &survey));
        assert_eq!(glances.due(), None);
    }
}
