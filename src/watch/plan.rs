//! The plan of what to watch.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::{IgnoreGlob, Poll};
use crate::words::{ArtifactId, ServiceId};

/// What to watch. All paths are absolute.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What is built, each with the service that runs it.
    pub programs: BTreeMap<ArtifactId, ServiceId>,
    /// The programs' packages and all their path dependencies.
    pub packages: Vec<PackageFolder>,
    /// Roots of workspace members and nested packages that no program depends on.
    pub other_roots: Vec<PathBuf>,
    pub workspace: Workspace,
    /// hotrun's config files, existing or not.
    pub hotrun_configs: Vec<PathBuf>,
    /// `run.env-file`, and `.env` beside the packages of programs and at the workspace root, existing or not.
    pub env_files: Vec<PathBuf>,
    /// `build.inputs`: files, folders with all they contain, patterns with `*`, `?`, `[…]`, `**`.
    pub inputs: Vec<PathBuf>,
    /// `watch.paths`: as `inputs`.
    pub paths: Vec<PathBuf>,
    /// `inputs` of each command.
    pub command_inputs: BTreeMap<ServiceId, Vec<IgnoreGlob>>,
    /// `watch.ignore`.
    pub ignore: Vec<IgnoreGlob>,
    /// Where cargo keeps intermediates.
    pub build_directory: PathBuf,
    /// Files and folders that never count: target and build directories, the events and log files.
    pub never: Vec<PathBuf>,
    /// hotrun's own stdout and stderr, if they are files (device and inode); they never count either.
    pub outputs: Vec<(u64, u64)>,
    /// `watch.poll`.
    pub poll: Poll,
    /// Report every change that does not count, with the reason.
    pub verbose: bool,
}

impl Plan {
    /// Whether people edit this file: a Rust source, or a file that the plan names, even through a link.
    pub fn names(&self, path: &Path) -> bool {
        let is_source = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
        let id = |path: &Path| {
            path.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| (found.dev(), found.ino()))
        };
        let own = id(path);
        let lists = [
            &self.workspace.manifests,
            &self.workspace.cargo_configs,
            &self.workspace.toolchain_files,
            &self.hotrun_configs,
            &self.env_files,
            &self.inputs,
            &self.paths,
        ];
        let sources = self.packages.iter().flat_map(|package| &package.sources);
        let mut named = lists.into_iter().flatten().chain(sources).chain([&self.workspace.lock_file]);
        is_source(path)
            || path.canonicalize().is_ok_and(|path| is_source(&path))
            || named.any(|named| named == path || (own.is_some() && id(named) == own))
    }
}

/// What cargo and rustup read beside the packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub root: PathBuf,
    /// Manifests of the workspace and of every member.
    pub manifests: Vec<PathBuf>,
    /// Patterns of manifests: a new manifest that matches becomes a member.
    pub member_patterns: Vec<PathBuf>,
    /// Folders excluded from those patterns.
    pub member_excludes: Vec<PathBuf>,
    pub lock_file: PathBuf,
    /// Every path cargo reads a config file from, existing or not.
    pub cargo_configs: Vec<PathBuf>,
    /// Every path rustup reads a toolchain file from, existing or not.
    pub toolchain_files: Vec<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFolder {
    pub name: String,
    pub root: PathBuf,
    pub manifest: PathBuf,
    pub build_script: bool,
    /// The root source files of its targets, which may lie elsewhere.
    pub sources: Vec<PathBuf>,
    /// What is built from it.
    pub artifacts: BTreeSet<ArtifactId>,
}
