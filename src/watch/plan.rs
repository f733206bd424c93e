//! What to watch.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{IgnoreGlob, Poll};

/// What to watch. All paths are absolute.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The program's package and every path dependency below it.
    pub packages: Vec<PackageFolder>,
    /// Roots of workspace members and nested packages that the program does not depend on.
    pub other_roots: Vec<PathBuf>,
    /// The workspace's root folder.
    pub workspace_root: PathBuf,
    /// Manifests of every workspace member and of the workspace.
    pub manifests: Vec<PathBuf>,
    /// Patterns of manifests that become members by being made.
    pub member_patterns: Vec<PathBuf>,
    /// Folders that those patterns do not reach.
    pub member_excludes: Vec<PathBuf>,
    /// `Cargo.lock`.
    pub lock_file: PathBuf,
    /// Every place cargo reads a config file from, existing or not.
    pub cargo_configs: Vec<PathBuf>,
    /// Every place rustup reads a toolchain file from, existing or not.
    pub toolchain_files: Vec<PathBuf>,
    /// hotrun's own config files, existing or not.
    pub hotrun_configs: Vec<PathBuf>,
    /// `run.env-file`.
    pub env_files: Vec<PathBuf>,
    /// `.env` beside the package and at the workspace root, existing or not.
    pub dotenv: Vec<PathBuf>,
    /// `build.inputs`: files, folders (all below them), patterns with `*`, `?`, `[…]`, `**`.
    pub inputs: Vec<PathBuf>,
    /// `watch.paths`: as `inputs`.
    pub paths: Vec<PathBuf>,
    /// `watch.ignore`.
    pub ignore: Vec<IgnoreGlob>,
    /// Where cargo keeps intermediates.
    pub build_directory: PathBuf,
    /// Files and folders that never count: target and build directories, the events and log files.
    pub never: Vec<PathBuf>,
    /// What hotrun's own stdout and stderr are, where they are files: these never count either.
    pub outputs: Vec<(u64, u64)>,
    /// `watch.poll`.
    pub poll: Poll,
    /// Say of each change that does not count why it does not.
    pub verbose: bool,
}

impl Plan {
    /// Whether this is a file to be edited by people: Rust source, or one that is named here, by a link as well.
    pub fn names(&self, path: &Path) -> bool {
        let is_source = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
        let id = |path: &Path| {
            path.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| (found.dev(), found.ino()))
        };
        let own = id(path);
        let lists = [
            &self.manifests,
            &self.cargo_configs,
            &self.toolchain_files,
            &self.hotrun_configs,
            &self.env_files,
            &self.dotenv,
            &self.inputs,
            &self.paths,
        ];
        let sources = self.packages.iter().flat_map(|package| &package.sources);
        let mut named = lists.into_iter().flatten().chain(sources).chain([&self.lock_file]);
        is_source(path)
            || path.canonicalize().is_ok_and(|path| is_source(&path))
            || named.any(|named| named == path || (own.is_some() && id(named) == own))
    }
}

/// A package the program is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFolder {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub root: PathBuf,
    /// Its `Cargo.toml`.
    pub manifest: PathBuf,
    /// Whether it has a build script.
    pub build_script: bool,
    /// The root source files of what is built from it, which may lie elsewhere.
    pub sources: Vec<PathBuf>,
}
