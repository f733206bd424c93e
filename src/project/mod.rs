//! cargo's view of the project: the cargo in use, the package and program, their folders, and how `cargo run`
//! would start the program.
//!
//! Runs short-lived cargo, rustup and rustc processes and reads manifests and cargo's configuration. Writes
//! nothing. Functions here block for some milliseconds.

mod cargo_config;
mod discover;
mod environment;
mod error;
mod launch;
mod platform;
mod queries;
mod select;
mod sources;
mod survey;
mod toolchain;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use self::cargo_config::{CargoConfig, EnvEntry};
pub use self::environment::{Environment, LIBRARY_PATH, clean_environment};
pub use self::error::{ProjectError, UnknownTarget};
pub use self::launch::{Launch, LaunchInput};
pub use self::platform::Platform;
pub use self::queries::Queries;
pub use self::sources::SourcePackage;
pub use self::survey::Survey;
pub use self::toolchain::Toolchain;
use crate::config::{BuildConfig, TargetName};
use crate::words::ArtifactId;

/// How the settings name a program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgramChoice {
    /// The service that runs it; empty where there are no services.
    pub service: String,
    /// A package ID specification.
    pub package: Option<String>,
    pub target: Option<TargetName>,
}

impl From<&BuildConfig> for ProgramChoice {
    fn from(build: &BuildConfig) -> Self {
        Self { service: String::new(), package: build.package.value.clone(), target: build.target() }
    }
}

/// The project: the facts of its workspace, and its chosen programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder of the workspace, or of a package without one.
    pub workspace_root: PathBuf,
    /// May not exist yet.
    pub lock_file: PathBuf,
    /// The target directory of cargo without hotrun.
    pub target_directory: PathBuf,
    /// The folder of cargo's intermediates without hotrun; the target directory unless configured.
    pub build_directory: PathBuf,
    pub programs: BTreeMap<ArtifactId, ProgramInfo>,
    /// Whether cargo goes on after an error if told to (`--keep-going`); asked only if there are several programs.
    pub keeps_going: bool,
    /// The packages of the programs that are local folders, the chosen ones first.
    pub packages: Vec<SourcePackage>,
    /// The folders of workspace members that no program depends on.
    pub other_roots: Vec<PathBuf>,
    /// The manifest of every workspace member.
    pub members: Vec<PathBuf>,
    /// Patterns of manifests that become members once they exist, from `workspace.members`.
    pub member_patterns: Vec<PathBuf>,
    /// The folders of `workspace.exclude`, which are no members.
    pub member_excludes: Vec<PathBuf>,
    /// Every manifest that can change or break the build: members, the workspace root, path dependencies and the roots of
    /// their workspaces.
    pub manifests: Vec<PathBuf>,
}

/// A program, and the packages it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramInfo {
    /// The service that runs it; empty where there are no services.
    pub service: String,
    /// The package as the settings name it.
    pub spec: Option<String>,
    pub package: PackageInfo,
    pub target: ProgramTarget,
    /// Its packages that are local folders, as indices into [`Project::packages`], its own first.
    pub packages: Vec<usize>,
}

/// The properties of a package that cargo passes to its program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageInfo {
    pub name: String,
    pub version: String,
    /// cargo's ID, as in its JSON messages.
    pub id: String,
    pub root: PathBuf,
    pub manifest: PathBuf,
    /// The `CARGO_PKG_*` variables that `cargo run` sets, sorted.
    pub variables: Vec<(&'static str, String)>,
    /// Its binaries and examples.
    pub programs: Vec<TargetName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramTarget {
    pub kind: ProgramKind,
    /// Also the name of its file.
    pub name: String,
    pub src_path: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramKind {
    Bin,
    Example,
}

/// Returns the environment for cargo: the clean one, the variables of the toolchain, and `build.env`.
pub fn cargo_environment(toolchain: &Toolchain, clean: &Environment, build: &BuildConfig) -> Environment {
    let mut environment = toolchain.environment(clean);
    environment.extend(build.env.iter().map(|(name, value)| (name.into(), (&value.value).into())));
    environment
}

/// Returns the arguments of `cargo build` that select these programs of these packages.
pub fn selection_args<'a>(
    packages: impl IntoIterator<Item = &'a str>,
    programs: impl IntoIterator<Item = TargetName>,
) -> Vec<String> {
    let mut arguments = Vec::new();
    for package in packages {
        arguments.extend(["--package".to_owned(), package.to_owned()]);
    }
    for program in programs {
        let (option, name) = match program {
            TargetName::Bin(name) => ("--bin", name),
            TargetName::Example(name) => ("--example", name),
        };
        arguments.extend([option.to_owned(), name]);
    }
    arguments
}

impl Project {
    /// Returns the first program: the only one where there are no services. There is none if all services run commands.
    pub fn first(&self) -> Option<&ProgramInfo> {
        self.programs.values().next()
    }

    /// Returns the packages a program is made of, its own first.
    pub fn packages_of<'a>(&'a self, program: &'a ProgramInfo) -> impl Iterator<Item = &'a SourcePackage> {
        program.packages.iter().map(|&at| &self.packages[at])
    }
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
