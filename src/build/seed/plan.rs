//! Plans what a new staging target is copied from.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use super::super::publish::profile_folder;
use super::locks::try_lock;
use super::place::holds_only_locks;

/// The folders to seed, and their sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedPlan {
    pub(super) staging: PathBuf,
    pub(super) build: PathBuf,
    /// (From, to) pairs; the last one decides whether seeding is due.
    pub(super) folders: Vec<(PathBuf, PathBuf)>,
    /// The folders with cargo's locks.
    pub(super) locked: Vec<PathBuf>,
}

impl SeedPlan {
    /// Plans the folder of `profile` (and `triple`) below `staging`. `target` and `build` are the project's
    /// own target and build directories, the same folder unless configured.
    pub fn new(staging: &Path, target: &Path, build: &Path, profile: &str, triple: Option<&str>) -> Self {
        let host = PathBuf::from(profile_folder(profile));
        let mut parts = vec![host.clone()];
        // With a triple, build scripts and procedural macros stay in the folder without one.
        parts.extend(triple.map(|triple| Path::new(triple).join(host)));
        let mut locked: Vec<PathBuf> = parts.iter().map(|part| build.join(part)).collect();
        if build != target {
            locked.extend(parts.iter().map(|part| target.join(part)));
        }
        let folders = parts.iter().map(|part| (build.join(part), staging.join(part))).collect();
        Self { staging: staging.to_owned(), build: build.to_owned(), folders, locked }
    }

    /// Whether the staging target has no such folder, or an empty one, and the project has it.
    pub fn is_due(&self) -> bool {
        self.folders.last().is_some_and(|(from, to)| from.is_dir() && is_free(to))
    }

    /// Removes leftovers of a killed hotrun in a thread, unless another hotrun is seeding.
    pub fn tidy(&self) -> Option<JoinHandle<()>> {
        let (temporary, own) = (self.temporary(), self.own_lock());
        if !temporary.exists() {
            return None;
        }
        in_thread(move || {
            let own = File::open(own).ok().filter(|own| matches!(try_lock(own), Ok(Some(()))));
            if own.is_some() {
                // The next hotrun retries.
                let _ = fs::remove_dir_all(temporary);
            }
        })
        .ok()
    }

    pub(super) fn own_lock(&self) -> PathBuf {
        self.staging.join(".seed.lock")
    }

    pub(super) fn from(&self) -> &Path {
        self.folders.last().map_or(Path::new(""), |(from, _)| from)
    }

    pub(super) fn temporary(&self) -> PathBuf {
        self.staging.join(".seed")
    }
}

pub(super) fn is_free(folder: &Path) -> bool {
    !folder.exists() || holds_only_locks(folder)
}

/// Starts a thread; fails at the user's limit of threads.
pub(super) fn in_thread(work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("seed".to_owned()).spawn(work)
}
