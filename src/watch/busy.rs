//! Busy folders, polled for a few missing names instead of watched.
//!
//! Tells when a scan is due; the scan finds out what it means.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fingerprint::{self, EntryKind, Stat};
use super::scan::Scan;

const INTERVAL: Duration = Duration::from_secs(1);

/// The state of a path, links not followed. Changes inside a folder do not change its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameState {
    Nothing,
    Folder((u64, u64)),
    Something(Stat),
}

/// The busy folders and the state of the names in them.
#[derive(Debug, Default)]
pub(super) struct BusyFolders {
    folders: HashSet<PathBuf>,
    /// `None` before the first poll.
    names: HashMap<PathBuf, Option<NameState>>,
    due: Option<Instant>,
}

impl BusyFolders {
    /// Whether `folder` is polled instead of watched.
    pub(super) fn contains(&self, folder: &Path) -> bool {
        self.folders.contains(folder)
    }

    /// Starts to poll a busy folder, unless an existing file in it is followed, whose edits must be noticed
    /// at once.
    pub(super) fn add(&mut self, folder: &Path, scan: &Scan) -> bool {
        let new = !self.contains(folder) && may_be_polled(folder, scan);
        if new {
            self.folders.insert(folder.to_path_buf());
        }
        new
    }

    /// Updates the names after a scan. Returns whether a folder must be watched again.
    pub(super) fn update(&mut self, scan: &Scan, now: Instant) -> bool {
        let before = self.folders.len();
        self.folders.retain(|folder| may_be_polled(folder, scan));
        let mut earlier = std::mem::take(&mut self.names);
        let within = |path: &&PathBuf| path.parent().is_some_and(|folder| self.folders.contains(folder));
        let names = scan.points.keys().chain(&scan.triggers).chain(scan.folders.keys()).filter(within);
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
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Polls. Called before each scan too, so that later events are compared with the current state. Returns
    /// whether anything changed, or is polled for the first time.
    pub(super) fn poll(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for (path, before) in &mut self.names {
            let seen = Some(state(path));
            changed |= seen != *before;
            *before = seen;
        }
        self.due = (!self.names.is_empty()).then(|| now + INTERVAL);
        changed
    }
}

fn may_be_polled(folder: &Path, scan: &Scan) -> bool {
    let is_there = |path: &PathBuf| scan.files.get(path).is_some_and(Option::is_some);
    let followed = |(point, dependants): (&PathBuf, &Vec<PathBuf>)| {
        point.parent() == Some(folder) && dependants.iter().any(is_there)
    };
    scan.folders.get(folder).is_some_and(Vec::is_empty) && !scan.points.iter().any(followed)
}

fn state(path: &Path) -> NameState {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return NameState::Nothing };
    let stat = fingerprint::from_metadata(&metadata);
    if stat.kind == EntryKind::Folder { NameState::Folder(stat.id) } else { NameState::Something(stat) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relevant_names_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (toolchain, cargo) = (root.join("rust-toolchain"), root.join(".cargo"));
        let mut scan = Scan {
            folders: HashMap::from([(root.to_path_buf(), Vec::new())]),
            points: HashMap::from([(toolchain.clone(), vec![toolchain.clone()])]),
            triggers: HashSet::from([cargo.clone()]),
            ..Scan::default()
        };
        let (mut busy, now) = (BusyFolders::default(), Instant::now());
        assert!(!busy.update(&scan, now));
        assert_eq!(busy.due(), None);
        assert!(busy.add(root, &scan) && !busy.add(root, &scan));
        assert!(!busy.update(&scan, now));
        assert_eq!(busy.due(), Some(now));
        assert!(busy.poll(now), "a name polled for the first time requests a scan");
        assert!(!busy.poll(now));
        std::fs::write(root.join("other"), "").unwrap();
        assert!(!busy.poll(now));
        std::fs::create_dir(&cargo).unwrap();
        assert!(busy.poll(now));
        std::fs::write(cargo.join("config.toml"), "").unwrap();
        assert!(!busy.poll(now), "the scan watches that folder");
        std::fs::write(&toolchain, "").unwrap();
        assert!(busy.poll(now));
        // The file exists now and is followed, so its folder is watched.
        scan.files.insert(toolchain.clone(), fingerprint::stat(&toolchain));
        assert!(busy.update(&scan, now));
        assert!(!busy.contains(root) && !busy.add(root, &scan));
        assert_eq!(busy.due(), None);
    }
}
