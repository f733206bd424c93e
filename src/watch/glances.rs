//! Busy folders, in which a few missing names are looked for now and then in place of hearing of everything.
//!
//! Says whether a walk is due; the walk finds out what it means.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fingerprint::{self, Kind, Stat};
use super::survey::Survey;

/// How often they are looked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is at a path, links not followed. A folder is itself whatever is done in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Folder((u64, u64)),
    Something(Stat),
}

/// The busy folders and what was seen in them.
#[derive(Debug, Default)]
pub(super) struct Glances {
    folders: HashSet<PathBuf>,
    /// `None` before the first glance.
    names: HashMap<PathBuf, Option<Seen>>,
    due: Option<Instant>,
}

impl Glances {
    /// Whether `folder` is glanced at in place of being watched.
    pub(super) fn at(&self, folder: &Path) -> bool {
        self.folders.contains(folder)
    }

    /// Begins to glance at a busy folder, unless something in it is followed that is there, of which every edit has to be
    /// told at once.
    pub(super) fn begin(&mut self, folder: &Path, survey: &Survey) -> bool {
        let new = !self.at(folder) && may_be_glanced_at(folder, survey);
        if new {
            self.folders.insert(folder.to_path_buf());
        }
        new
    }

    /// After a walk: what matters now, and whether a folder has to be watched after all.
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
        // What is new among them may have changed between the walk and the first glance.
        self.due = (!self.names.is_empty()).then(|| match self.due {
            Some(due) if self.names.values().all(Option::is_some) => due,
            _ => now,
        });
        self.folders.len() < before
    }

    /// Watches everything again.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// When the next glance is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Looks; before each walk too, so that nothing that happens after it is compared with older sights. Says whether anything is another than at the last glance, or was never seen before.
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
        // Now it is there and followed, so it is watched.
        survey.files.insert(toolchain.clone(), fingerprint::stat(&toolchain));
        assert!(glances.set(&survey, now));
        assert!(!glances.at(root) && !glances.begin(root, &survey));
        assert_eq!(glances.due(), None);
    }
}
