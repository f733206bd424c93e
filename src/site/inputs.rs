//! Which files a build reads beyond cargo's list after a success: those that may fix a failed build, and the
//! packages that read a file.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Site;
use crate::build::script_output;
use crate::messages::NamedPaths;
use crate::watch::units::{self, Unit};
use crate::words::Change;

impl Site {
    /// Returns the files, existing or not, that may fix a build whose errors named these paths.
    pub(crate) fn wanted(&self, named: &NamedPaths) -> Vec<PathBuf> {
        let project = &self.project;
        // Packages named by cargo itself: paths in the output of a build script are relative to one of them.
        let own = named.paths().filter(|(package, _)| package.is_none()).map(|(_, name)| Path::new(name));
        let mut folders: BTreeSet<&Path> =
            own.filter(|path| path.is_absolute()).filter_map(package_folder).collect();
        folders.insert(&self.cwd);
        let mut wanted = BTreeSet::new();
        for (package, name) in named.paths() {
            let known = package.and_then(|id| project.packages.iter().find(|package| package.id == id));
            let places: Vec<PathBuf> = match (package, known) {
                (None, _) => folders.iter().map(|folder| folder.join(name)).collect(),
                // cargo runs rustc for members in the workspace root; macros name paths relative to the package.
                (Some(_), Some(package)) => vec![project.workspace_root.join(name), package.root.join(name)],
                (Some(_), None) => vec![project.workspace_root.join(name)],
            };
            let there: Vec<PathBuf> = places.iter().filter(|path| path.exists()).cloned().collect();
            let meant = if there.is_empty() { places } else { there };
            wanted.extend(meant.into_iter().filter_map(|path| self.mends(path)));
        }
        wanted.extend(self.script_inputs().into_iter().flat_map(|unit| unit.files));
        // A library that a generator or a makefile has yet to create.
        let searched = self.named_by_scripts("rustc-link-search=").into_iter().flat_map(|unit| unit.files);
        wanted.extend(searched.filter_map(|path| self.mends(path)));
        wanted.into_iter().collect()
    }

    /// Returns a path as a build reads it. A folder counts if a macro of its package may read it; otherwise
    /// the manifest of the package in it counts.
    fn mends(&self, path: PathBuf) -> Option<PathBuf> {
        if !path.is_dir() {
            return Some(path);
        }
        let manifest = path.join("Cargo.toml");
        if manifest.exists() {
            return Some(manifest);
        }
        let folder = path.canonicalize().ok()?;
        let mut roots = self.project.packages.iter().map(|package| &package.root);
        let holds_package = roots.clone().any(|root| root.starts_with(&folder));
        (!holds_package && roots.any(|root| folder.starts_with(root))).then_some(path)
    }

    /// Returns the files that build scripts declared in their last run.
    fn script_inputs(&self) -> Vec<Unit> {
        self.named_by_scripts("rerun-if-changed=")
    }

    /// Returns the paths that build scripts printed after this key in their last run.
    fn named_by_scripts(&self, key: &str) -> Vec<Unit> {
        let mut inputs = Vec::new();
        for package in &self.project.packages {
            let output = self.scripts.get(&package.id).and_then(|out_dir| script_output(out_dir));
            let Some(text) = output.and_then(|output| std::fs::read_to_string(output).ok()) else { continue };
            let named = |line: &str| {
                let value = line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:"))?;
                let path = crate::words::linked_folder(Path::new(value.strip_prefix(key)?.trim_end()));
                Some(crate::watch::dep_info::fold(&package.root.join(path)))
            };
            let files = text.lines().filter_map(named).collect();
            inputs.push(Unit { root: package.root.clone(), files });
        }
        inputs
    }

    /// Returns the packages cargo has to be made to recompile for changes it would not see: those that read
    /// the file and its own, or all of the programs concerned if no reader is known.
    pub(crate) fn packages_of(&self, changes: &[&Change]) -> Vec<String> {
        let packages = &self.project.packages;
        let mut units =
            units::read(&self.build_directory(), &self.project.workspace_root, &self.package_folders());
        units.extend(self.script_inputs());
        let mut names = BTreeSet::new();
        for change in changes {
            let readers: BTreeSet<&Path> = units
                .iter()
                .filter(|unit| reads(unit, &change.path))
                .map(|unit| unit.root.as_path())
                .collect();
            let owner = packages
                .iter()
                .filter(|package| change.path.starts_with(&package.root))
                .max_by_key(|package| package.root.components().count());
            // A new file has no readers yet, and needs only the package that may pick it up.
            let is_told = owner.is_some_and(|owner| units.iter().any(|unit| unit.root == owner.root))
                && !change.leads_to.compile;
            let every = readers.is_empty() && !is_told;
            let concerned = self.concerned(change);
            let affected = packages.iter().enumerate().filter(|(at, package)| {
                every && concerned.contains(at)
                    || readers.contains(package.root.as_path())
                    || owner.is_some_and(|owner| owner.root == package.root)
            });
            names.extend(affected.map(|(_, package)| package.name.clone()));
        }
        names.into_iter().collect()
    }

    /// Returns the packages of the programs that a change leads to a build of, as indices.
    fn concerned(&self, change: &Change) -> BTreeSet<usize> {
        let programs = self.project.programs.iter();
        let concerned = programs.filter(|(artifact, _)| change.leads_to.builds.contains(artifact));
        concerned.flat_map(|(_, program)| program.packages.iter().copied()).collect()
    }
}

/// Returns the folder of the package that a path leads to.
fn package_folder(path: &Path) -> Option<&Path> {
    if path.file_name().is_some_and(|name| name == "Cargo.toml") {
        path.parent()
    } else {
        path.join("Cargo.toml").exists().then_some(path)
    }
}

/// Whether a unit reads this file, under this or another name.
fn reads(unit: &Unit, path: &Path) -> bool {
    let id = |path: &Path| std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    unit.files.iter().any(|file| {
        path.starts_with(file)
            || (file.file_name() == path.file_name() && id(path).is_some_and(|own| id(file) == Some(own)))
    })
}
