//! Finds the packages programs are made of: their own and its path dependencies, also outside the workspace.
//!
//! A superset of what one build compiles (optional dependencies and those of other platforms count): it
//! decides what to watch until a build tells more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, Package};

/// A package built from a local folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePackage {
    pub name: String,
    /// cargo's ID; empty if the manifest could not be read.
    pub id: String,
    pub root: PathBuf,
    pub manifest: PathBuf,
    /// The source file of its build script.
    pub build_script: Option<PathBuf>,
    /// The root source files of its library and its build script.
    pub targets: Vec<PathBuf>,
    pub links: Option<String>,
    /// No build script and no package from elsewhere is made of it: compiling it again runs nothing and
    /// compiles no dependency.
    pub compiles_alone: bool,
}

/// Follows path dependencies.
pub(super) struct Collector<R> {
    /// By manifest.
    known: BTreeMap<PathBuf, Package>,
    found: BTreeMap<PathBuf, SourcePackage>,
    outer_manifests: BTreeSet<PathBuf>,
    /// The manifests of the folders that `[patch]` and the like substitute for other sources.
    overrides: Vec<PathBuf>,
    /// Packages that build scripts or packages from elsewhere are made of.
    used: Vec<PathBuf>,
    /// Returns the metadata of a manifest outside the workspace.
    read: R,
}

pub(super) struct FoundSources {
    /// The chosen packages first, the others by manifest.
    pub(super) packages: Vec<SourcePackage>,
    /// The manifests of other workspaces that packages belong to.
    pub(super) outer_manifests: BTreeSet<PathBuf>,
}

/// What a program is made of, by manifest.
pub(super) struct MadeOf {
    chosen: PathBuf,
    others: BTreeSet<PathBuf>,
}

impl<R: FnMut(&Path) -> Option<Metadata>> Collector<R> {
    pub(super) fn new(metadata: &Metadata, overrides: impl IntoIterator<Item = PathBuf>, read: R) -> Self {
        let overrides: Vec<_> = overrides.into_iter().map(|folder| manifest_in(&folder)).collect();
        Self {
            known: by_manifest(metadata.packages.clone()),
            found: BTreeMap::new(),
            outer_manifests: BTreeSet::new(),
            used: overrides.clone(),
            overrides,
            read,
        }
    }

    /// Follows path dependencies from `chosen` on, normal and build ones, with `dev` also the chosen package's dev ones.
    pub(super) fn follow(&mut self, chosen: &Package, dev: bool) -> MadeOf {
        let first = chosen.manifest_path.as_std_path().to_owned();
        let mut made_of = BTreeSet::new();
        let mut queue = vec![first.clone()];
        queue.extend(self.overrides.iter().cloned());
        while let Some(manifest) = queue.pop() {
            if !made_of.insert(manifest.clone()) {
                continue;
            }
            self.look_at(&manifest);
            for dependency in self.known.get(&manifest).into_iter().flat_map(|package| &package.dependencies)
            {
                let counts = dependency.kind != DependencyKind::Development || (dev && manifest == first);
                if let Some(path) = dependency.path.as_ref().filter(|_| counts) {
                    let manifest = manifest_in(path.as_std_path());
                    if dependency.kind == DependencyKind::Build {
                        self.used.push(manifest.clone());
                    }
                    queue.push(manifest);
                }
            }
        }
        made_of.remove(&first);
        MadeOf { chosen: first, others: made_of }
    }

    /// Takes a package among those found.
    fn look_at(&mut self, manifest: &Path) {
        if self.found.contains_key(manifest) {
            return;
        }
        if !self.known.contains_key(manifest)
            && manifest.is_file()
            && let Some(outer) = (self.read)(manifest)
        {
            self.outer_manifests.insert(outer.workspace_root.as_std_path().join("Cargo.toml"));
            for (manifest, package) in by_manifest(outer.packages) {
                self.known.entry(manifest).or_insert(package);
            }
        }
        // Watched even if unknown: cargo reports the error, and an edit may fix it.
        let source = self.known.get(manifest).map_or_else(|| unknown(manifest), source_package);
        self.found.insert(manifest.to_owned(), source);
    }

    /// Returns all packages that the programs are made of.
    pub(super) fn found(mut self, programs: &[MadeOf]) -> FoundSources {
        while let Some(manifest) = self.used.pop() {
            if let Some(package) = self.found.get_mut(&manifest)
                && std::mem::take(&mut package.compiles_alone)
                && let Some(package) = self.known.get(&manifest)
            {
                let counted = package.dependencies.iter().filter(|it| it.kind != DependencyKind::Development);
                self.used.extend(counted.filter_map(|it| Some(manifest_in(it.path.as_ref()?.as_std_path()))));
            }
        }
        let chosen: Vec<_> =
            programs.iter().filter_map(|program| self.found.remove(&program.chosen)).collect();
        let packages = chosen.into_iter().chain(self.found.into_values()).collect();
        FoundSources { packages, outer_manifests: self.outer_manifests }
    }
}

impl FoundSources {
    /// Returns what a program is made of as indices of the packages, its own first.
    pub(super) fn indices(&self, program: &MadeOf) -> Vec<usize> {
        let manifests = || self.packages.iter().map(|package| &package.manifest).enumerate();
        let own = manifests().filter(|(_, manifest)| **manifest == program.chosen);
        let others = manifests().filter(|(_, manifest)| program.others.contains(*manifest));
        own.chain(others).map(|(at, _)| at).collect()
    }
}

/// Returns what is known of a package whose manifest cannot be read.
fn unknown(manifest: &Path) -> SourcePackage {
    let root = manifest.parent().unwrap_or(manifest).to_owned();
    SourcePackage {
        name: root.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        id: String::new(),
        root,
        manifest: manifest.to_owned(),
        build_script: None,
        targets: Vec::new(),
        links: None,
        compiles_alone: false,
    }
}

/// Returns the folders that `[patch]` and `[replace]` of this root manifest substitute for other sources.
pub(super) fn manifest_overrides(text: &str, workspace_root: &Path) -> Vec<PathBuf> {
    let Ok(manifest) = text.parse::<toml::Table>() else {
        return Vec::new();
    };
    let table = |key: &str| manifest.get(key).and_then(toml::Value::as_table).into_iter().flatten();
    let patches =
        table("patch").filter_map(|(_, source)| source.as_table()).flatten().map(|(_, patch)| patch);
    patches
        .chain(table("replace").map(|(_, replacement)| replacement))
        .filter_map(|entry| Some(workspace_root.join(entry.get("path")?.as_str()?)))
        .collect()
}

/// Returns the patterns of `workspace.members` in this root manifest, as patterns of manifests, and the
/// folders of `workspace.exclude`. Members without a pattern are known, or cargo refuses the workspace.
pub(super) fn member_patterns(text: &str, workspace_root: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let manifest = text.parse::<toml::Table>().unwrap_or_default();
    let listed = |key: &str| {
        let list =
            manifest.get("workspace").and_then(|workspace| workspace.get(key)).and_then(|it| it.as_array());
        list.into_iter().flatten().filter_map(toml::Value::as_str).map(|path| workspace_root.join(path))
    };
    let is_pattern = |path: &PathBuf| path.to_str().is_some_and(|path| path.contains(['*', '?', '[']));
    let members = listed("members").filter(is_pattern).map(|folder| manifest_in(&folder)).collect();
    (members, listed("exclude").map(|folder| normalized(&folder)).collect())
}

fn by_manifest(packages: Vec<Package>) -> BTreeMap<PathBuf, Package> {
    packages.into_iter().map(|package| (package.manifest_path.clone().into_std_path_buf(), package)).collect()
}

/// Returns the manifest of a folder without the `.` and `..` of paths in manifests: cargo prints none.
fn manifest_in(folder: &Path) -> PathBuf {
    normalized(&folder.join("Cargo.toml"))
}

fn source_package(package: &Package) -> SourcePackage {
    let manifest = package.manifest_path.as_std_path();
    SourcePackage {
        name: package.name.to_string(),
        id: package.id.repr.clone(),
        root: manifest.parent().unwrap_or(manifest).to_owned(),
        manifest: manifest.to_owned(),
        build_script: package
            .targets
            .iter()
            .find(|target| target.is_custom_build())
            .map(|target| target.src_path.clone().into_std_path_buf()),
        targets: package
            .targets
            .iter()
            .filter(|target| {
                !(target.is_bin() || target.is_example() || target.is_test() || target.is_bench())
            })
            .map(|target| target.src_path.clone().into_std_path_buf())
            .collect(),
        links: package.links.clone(),
        compiles_alone: true,
    }
}

/// Removes `.` and `..` by name only, as cargo does.
fn normalized(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}
