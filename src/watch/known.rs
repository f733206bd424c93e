//! What builds told about the inputs of each artifact. Pure.
//!
//! After a success these are the files that rustc and cargo reported. Before the first success, and while the
//! last build of an artifact has failed, every file of its packages may be one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::names::is_manifest;
use super::plan::PackageFolder;
use crate::words::ArtifactId;

/// The inputs of builds, compared with those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputsChange {
    Same,
    /// These in addition.
    More(Vec<PathBuf>),
    /// Some less, and perhaps others in addition.
    Fewer,
}

/// What a build that ended by itself told.
#[derive(Debug, Clone, Default)]
pub struct BuildInputs {
    /// What each artifact that was built was built from: files, folders with all they contain.
    pub read: BTreeMap<ArtifactId, HashSet<PathBuf>>,
    /// Roots of packages of which every file counts.
    pub rerun_everything: Vec<PathBuf>,
    /// The artifacts that were not built.
    pub failed: BTreeSet<ArtifactId>,
    /// Paths that may fix them: files, folders with all they contain, existing or not.
    pub wanted: HashSet<PathBuf>,
}

/// The packages of the programs.
#[derive(Debug, Clone, Default)]
pub(super) struct Packages {
    /// Their roots, with what is built from each.
    pub(super) roots: PathsOf,
    /// Their root source files.
    pub(super) sources: PathsOf,
}

impl Packages {
    pub(super) fn of(folders: &[PackageFolder]) -> Self {
        let mut packages = Self::default();
        for PackageFolder { root, sources, artifacts, .. } in folders {
            for artifact in artifacts {
                packages.roots.add(root.clone(), *artifact);
                for source in sources {
                    packages.sources.add(source.clone(), *artifact);
                }
            }
        }
        packages
    }
}

/// Paths, with the artifacts to which they matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PathsOf(HashMap<PathBuf, BTreeSet<ArtifactId>>);

impl PathsOf {
    pub(super) fn of(&self, path: &Path) -> impl Iterator<Item = ArtifactId> {
        self.0.get(path).into_iter().flatten().copied()
    }

    pub(super) fn get_key(&self, path: &Path) -> Option<&Path> {
        self.0.get_key_value(path).map(|(path, _)| path.as_path())
    }

    pub(super) fn contains(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.0.keys()
    }

    fn add(&mut self, path: PathBuf, artifact: ArtifactId) {
        self.0.entry(path).or_default().insert(artifact);
    }

    /// Returns the paths that matter to an artifact.
    fn all_of(&self, artifact: ArtifactId) -> impl Iterator<Item = &PathBuf> {
        self.0.iter().filter(move |(_, artifacts)| artifacts.contains(&artifact)).map(|(path, _)| path)
    }

    fn keep(&mut self, of: &BTreeSet<ArtifactId>) {
        self.0.retain(|_, artifacts| {
            artifacts.retain(|artifact| of.contains(artifact));
            !artifacts.is_empty()
        });
    }

    /// Exactly these matter to the artifact.
    fn set(&mut self, artifact: ArtifactId, paths: impl IntoIterator<Item = PathBuf>) {
        self.0.retain(|_, artifacts| {
            artifacts.remove(&artifact);
            !artifacts.is_empty()
        });
        for path in paths {
            self.add(path, artifact);
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// What the last successful build of each artifact read.
    sources: PathsOf,
    /// Inputs of the build before it that it did not read: they may have been missing just then.
    dropped: PathsOf,
    /// What may fix a failed build: files, folders with all they contain, existing or not.
    wanted: PathsOf,
    /// Folders of the manifests among them.
    pub(super) wanted_packages: PathsOf,
    rerun_everything: HashSet<PathBuf>,
    /// Artifacts whose last build succeeded.
    exact: BTreeSet<ArtifactId>,
}

impl Known {
    /// Takes in the end of a build, without the paths that are `excluded`.
    pub(super) fn build_ended(
        &mut self,
        inputs: BuildInputs,
        packages: &Packages,
        excluded: impl Fn(&Path) -> bool,
    ) -> InputsChange {
        let before = (self.named().cloned().collect::<HashSet<_>>(), self.wanted_packages.clone());
        let BuildInputs { mut read, rerun_everything, failed, mut wanted } = inputs;
        if !read.is_empty() {
            let built = |root: &PathBuf| packages.roots.of(root).any(|artifact| read.contains_key(&artifact));
            self.rerun_everything.retain(|root| packages.roots.contains(root) && !built(root));
            self.rerun_everything.extend(rerun_everything);
        }
        for (artifact, sources) in &mut read {
            sources.retain(|path| !excluded(path));
            let dropped = self.sources.all_of(*artifact).filter(|path| !sources.contains(*path));
            let dropped: Vec<PathBuf> = dropped.cloned().collect();
            self.dropped.set(*artifact, dropped);
            self.sources.set(*artifact, std::mem::take(sources));
            self.wanted.set(*artifact, []);
            self.wanted_packages.set(*artifact, []);
            self.exact.insert(*artifact);
        }
        wanted.retain(|path| !excluded(path));
        for artifact in failed {
            self.exact.remove(&artifact);
            self.want(artifact, wanted.clone(), packages);
        }
        self.compare(&before.0, &before.1, packages)
    }

    /// Returns what is still known under other rules.
    pub(super) fn under(
        mut self,
        artifacts: &BTreeSet<ArtifactId>,
        packages: &Packages,
        excluded: impl Fn(&Path) -> bool,
    ) -> Self {
        self.exact.retain(|artifact| artifacts.contains(artifact));
        for paths in [&mut self.sources, &mut self.dropped, &mut self.wanted, &mut self.wanted_packages] {
            paths.keep(artifacts);
        }
        for artifact in artifacts.difference(&self.exact.clone()) {
            let wanted = self.wanted.all_of(*artifact).filter(|path| !excluded(path)).cloned().collect();
            self.want(*artifact, wanted, packages);
        }
        self
    }

    /// Sets what may fix the build of an artifact. A manifest adds its folder, unless it is above one of the
    /// programs' packages, which adds nothing new.
    fn want(&mut self, artifact: ArtifactId, mut wanted: HashSet<PathBuf>, packages: &Packages) {
        let folders = wanted.iter().filter(|path| is_manifest(path)).filter_map(|path| path.parent());
        let is_new = |folder: &&Path| !packages.roots.paths().any(|root| root.starts_with(folder));
        let new: Vec<PathBuf> = folders.filter(is_new).map(Path::to_path_buf).collect();
        self.wanted_packages.set(artifact, new);
        wanted.extend(packages.sources.all_of(artifact).cloned());
        self.wanted.set(artifact, wanted);
    }

    fn compare(&self, before: &HashSet<PathBuf>, folders: &PathsOf, packages: &Packages) -> InputsChange {
        let now: HashSet<&PathBuf> = self.named().collect();
        let mut gone = before.iter().filter(|path| !now.contains(path));
        if self.wanted_packages != *folders || gone.any(|path| !packages.sources.contains(path)) {
            return InputsChange::Fewer;
        }
        let more: Vec<PathBuf> = now.into_iter().filter(|path| !before.contains(*path)).cloned().collect();
        if more.is_empty() { InputsChange::Same } else { InputsChange::More(more) }
    }

    /// Whether the last successful build of an artifact read this path.
    pub(super) fn was_read(&self, path: &Path) -> bool {
        self.sources.contains(path)
    }

    /// Returns what the last successful build of an artifact read.
    pub(super) fn sources_of(&self, artifact: ArtifactId) -> impl Iterator<Item = &PathBuf> {
        self.sources.all_of(artifact)
    }

    /// Returns every path that an artifact was, or may be, built from.
    pub(super) fn named(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.sources, &self.dropped, &self.wanted].into_iter().flat_map(PathsOf::paths)
    }

    pub(super) fn names(&self, path: &Path) -> bool {
        [&self.sources, &self.dropped, &self.wanted].iter().any(|paths| paths.contains(path))
    }

    /// Returns the artifacts that name this very path.
    pub(super) fn readers(&self, path: &Path) -> BTreeSet<ArtifactId> {
        [&self.sources, &self.dropped, &self.wanted].iter().flat_map(|paths| paths.of(path)).collect()
    }

    /// Returns the artifacts that name a folder above this path.
    pub(super) fn readers_above(&self, path: &Path) -> BTreeSet<ArtifactId> {
        let folders = path.ancestors().skip(1);
        folders.flat_map(|folder| self.sources.of(folder).chain(self.wanted.of(folder))).collect()
    }

    /// Whether every file of an artifact's packages may be an input.
    pub(super) fn guesses(&self, artifact: ArtifactId) -> bool {
        !self.exact.contains(&artifact)
    }

    /// Whether cargo runs the build script of this package again for any of its files.
    pub(super) fn reruns_for_everything(&self, root: &Path) -> bool {
        self.rerun_everything.contains(root)
    }
}
