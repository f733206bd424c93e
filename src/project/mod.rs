//! The room that knows cargo's view of the project: which cargo, which package and program, which folders they are made
//! of, and how `cargo run` would start the program.
//!
//! Starts short-lived cargo, rustup and rustc processes and reads manifests and cargo's configuration; writes nothing but
//! the [`Memo`] that spares the next start asking again. Whoever sees one of these files change later asks without it.
//! Functions here block for some milliseconds.

mod asking;
mod cargo_config;
mod compiling;
mod discover;
mod environment;
mod error;
mod kept;
mod launch;
mod memo;
mod platform;
mod select;
mod sources;
mod toolchain;

use std::path::PathBuf;

pub use self::asking::Asking;
pub use self::cargo_config::{CargoConfig, CompileSettings, EnvEntry};
pub use self::compiling::{Compiling, Linking};
pub use self::environment::{Environment, LIBRARY_PATH, clean_environment};
pub use self::error::{ProjectError, UnknownTarget};
pub use self::launch::{Launch, LaunchInput};
pub use self::memo::Memo;
pub use self::platform::Platform;
pub use self::sources::SourcePackage;
pub use self::toolchain::Toolchain;
use crate::config::{BuildConfig, TargetName};

/// The project, its chosen package and its chosen program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder of the workspace, or of the package where there is none.
    pub workspace_root: PathBuf,
    /// The workspace's `Cargo.lock`, which may not exist yet.
    pub lock_file: PathBuf,
    /// Where cargo puts what it builds for the user, without hotrun.
    pub target_directory: PathBuf,
    /// Where cargo puts intermediates without hotrun; the same folder unless configured.
    pub build_directory: PathBuf,
    /// The chosen package.
    pub package: PackageInfo,
    /// The chosen program.
    pub target: ProgramTarget,
    /// The packages the program is made of, as far as they are folders here: the chosen one first.
    pub packages: Vec<SourcePackage>,
    /// The folders of workspace members that the program does not depend on.
    pub other_roots: Vec<PathBuf>,
    /// The manifest of every workspace member.
    pub members: Vec<PathBuf>,
    /// Manifests that become members by being made: `workspace.members` where it holds patterns.
    pub member_patterns: Vec<PathBuf>,
    /// The folders `workspace.exclude` takes out of those.
    pub member_excludes: Vec<PathBuf>,
    /// Every manifest that can change or break the build: members, the workspace root, path dependencies and the roots of
    /// their workspaces.
    pub manifests: Vec<PathBuf>,
}

/// What cargo tells a program about its package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageInfo {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// cargo's ID, as in its JSON messages.
    pub id: String,
    /// The package's folder.
    pub root: PathBuf,
    /// The package's `Cargo.toml`.
    pub manifest: PathBuf,
    /// The names of the packages it depends on, those for tests and build scripts left out; sorted.
    pub dependencies: Vec<String>,
    /// The `CARGO_PKG_*` variables that `cargo run` sets, sorted.
    pub variables: Vec<(&'static str, String)>,
}

/// The program of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramTarget {
    /// What it is.
    pub kind: ProgramKind,
    /// Its name, which is its file's.
    pub name: String,
    /// Its root source file.
    pub src_path: PathBuf,
}

/// What a program is to its package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKind {
    /// A `[[bin]]`.
    Bin,
    /// An `[[example]]`.
    Example,
}

/// The environment for cargo: the clean one with what the toolchain needs and `build.env` over it.
pub fn cargo_environment(toolchain: &Toolchain, clean: &Environment, build: &BuildConfig) -> Environment {
    let mut environment = toolchain.environment(clean);
    environment.extend(build.env.iter().map(|(name, value)| (name.into(), (&value.value).into())));
    environment
}

/// The arguments that select the program for `cargo build`: the user's own `-p`, and `--bin` or `--example`.
///
/// A `-p` that nobody asked for would change which features dependencies get, so there is none: the program is among the
/// packages cargo takes by default, and its name is unique there, or [`Project::discover`] would have failed.
pub fn selection_args(build: &BuildConfig, program: &TargetName) -> Vec<String> {
    let mut arguments = Vec::new();
    if let Some(package) = &build.package.value {
        arguments.extend(["--package".to_owned(), package.clone()]);
    }
    let (option, name) = match program {
        TargetName::Bin(name) => ("--bin", name),
        TargetName::Example(name) => ("--example", name),
    };
    arguments.extend([option.to_owned(), name.clone()]);
    arguments
}

impl From<&ProgramTarget> for TargetName {
    fn from(target: &ProgramTarget) -> Self {
        match target.kind {
            ProgramKind::Bin => Self::Bin(target.name.clone()),
            ProgramKind::Example => Self::Example(target.name.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
