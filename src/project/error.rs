//! Errors of the project, the selection and the toolchain, in cargo's voice and with hints.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

/// Why there is no program to build and run.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("could not find `cargo` in `PATH`")]
    NoCargo,
    #[error("could not run `{}`", program.display())]
    Spawn {
        /// cargo or rustc.
        program: PathBuf,
        source: io::Error,
    },
    #[error("`{}` failed: {message}", program.display())]
    Rustc { program: PathBuf, message: String },
    #[error("could not find `Cargo.toml` in `{}` or any parent directory", folder.display())]
    NoManifest {
        /// The folder the search started from.
        folder: PathBuf,
    },
    /// The folder hotrun was started in no longer exists.
    #[error("could not run cargo: the folder `{}` does not exist any more", .0.display())]
    NoFolder(PathBuf),
    #[error("manifest path `{}` {problem}", path.display())]
    ManifestPath {
        /// As given.
        path: PathBuf,
        problem: &'static str,
        /// The manifest that was probably meant.
        meant: Option<PathBuf>,
    },
    #[error("{message}")]
    Cargo {
        /// Without its leading `error: `.
        message: String,
    },
    #[error("could not understand what `cargo metadata` printed")]
    Metadata { source: serde_json::Error },
    #[error("package `{spec}` not found in workspace `{}`{}", workspace_root.display(), available(members, suggestion.as_deref()))]
    UnknownPackage {
        /// As given.
        spec: String,
        workspace_root: PathBuf,
        members: Vec<String>,
        suggestion: Option<String>,
    },
    #[error("package ID specification `{spec}` {problem}")]
    PackageSpec {
        /// As given.
        spec: String,
        problem: &'static str,
        instead: Option<String>,
    },
    #[error("package `{spec}` is ambiguous: {} match", names(candidates))]
    AmbiguousPackage {
        /// As given.
        spec: String,
        candidates: Vec<String>,
    },
    #[error("{} no binary to run", has(packages))]
    NoBinary {
        /// The packages considered.
        packages: Vec<String>,
        examples: Vec<String>,
        /// Binaries of other packages in the workspace: name and package.
        elsewhere: Vec<(String, String)>,
    },
    #[error("{} {} binaries: {}", has(packages), binaries.len(), several(binaries, packages))]
    SeveralBinaries {
        /// The packages considered.
        packages: Vec<String>,
        /// Name and package.
        binaries: Vec<(String, String)>,
    },
    #[error("{kind} `{name}` exists in {} packages: {}", packages.len(), names(packages))]
    SeveralPackages {
        /// `binary` or `example`.
        kind: &'static str,
        /// As given.
        name: String,
        packages: Vec<String>,
    },
    #[error("no {} named `{}` in {}{}", .0.kind, .0.name, inside(&.0.packages), available(&.0.existing, .0.suggestion.as_deref()))]
    UnknownTarget(Box<UnknownTarget>),
    #[error("example `{name}` is a library and cannot be run")]
    LibraryExample {
        /// As given.
        name: String,
    },
    #[error("`{pattern}` is a pattern, but one program runs at a time")]
    Pattern { pattern: String },
    /// A target whose folder could be anywhere.
    #[error("`{name}` is not the name of a target platform")]
    TargetName {
        /// As given.
        name: String,
    },
    #[error("service `{service}`: {error}")]
    OfService { service: String, error: Box<Self> },
    #[error("`build.target` names {} platforms, but a program runs on one: {}", triples.len(), names(triples))]
    SeveralTargets { triples: Vec<String> },
}

/// A `--bin` or `--example` that matches nothing.
#[derive(Debug)]
pub struct UnknownTarget {
    /// `binary` or `example`.
    pub kind: &'static str,
    /// As given.
    pub name: String,
    /// The packages considered.
    pub packages: Vec<String>,
    /// Their targets of that kind.
    pub existing: Vec<String>,
    /// Other packages of the workspace that have it.
    pub elsewhere: Vec<String>,
    /// Whether the other kind has the name.
    pub other_kind: bool,
    pub suggestion: Option<String>,
}

/// Where programs are chosen: hints say it in these words.
#[derive(Clone, Copy)]
enum Place {
    CommandLine,
    Table,
}

impl Place {
    /// Returns the words that choose this; without a value, those that name the choice.
    fn choice(self, key: &str, value: Option<&str>) -> String {
        match (self, key, value) {
            (Self::CommandLine, "package", Some(value)) => format!("`-p {value}`"),
            (Self::CommandLine, "package", None) => "`-p <PACKAGE>`".to_owned(),
            (Self::CommandLine, key, value) => format!("`--{key} {}`", value.unwrap_or("<NAME>")),
            (Self::Table, key, Some(value)) => format!("`{key} = {value:?}`"),
            (Self::Table, key, None) => format!("`{key}`"),
        }
    }
}

impl ProjectError {
    /// Returns the error of the choice of a service's program; the name is empty where there are no services.
    pub(super) fn of_service(self, service: &str) -> Self {
        if service.is_empty() {
            return self;
        }
        Self::OfService { service: service.to_owned(), error: Box::new(self) }
    }

    /// Returns 2 for errors of the command line, 1 for those of the project or the machine.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::OfService { error, .. } => error.exit_code(),
            Self::NoCargo
            | Self::Spawn { .. }
            | Self::Rustc { .. }
            | Self::NoManifest { .. }
            | Self::NoFolder(_)
            | Self::Cargo { .. }
            | Self::Metadata { .. }
            | Self::NoBinary { .. }
            | Self::SeveralTargets { .. } => 1,
            Self::ManifestPath { .. }
            | Self::UnknownPackage { .. }
            | Self::PackageSpec { .. }
            | Self::AmbiguousPackage { .. }
            | Self::SeveralBinaries { .. }
            | Self::SeveralPackages { .. }
            | Self::UnknownTarget(_)
            | Self::LibraryExample { .. }
            | Self::TargetName { .. }
            | Self::Pattern { .. } => 2,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OfService { error, .. } => error.advice(Place::Table),
            error => error.advice(Place::CommandLine),
        }
    }

    fn advice(&self, place: Place) -> Option<String> {
        let package = |name: Option<&str>| place.choice("package", name);
        let hint = match self {
            Self::NoCargo => {
                "install Rust from https://rustup.rs, or add the folder of `cargo` to `PATH`".to_owned()
            }
            Self::NoManifest { .. } => {
                "run hotrun inside a cargo project, or name one with `--manifest-path <PATH>`".to_owned()
            }
            Self::ManifestPath { meant: Some(path), .. } => format!("did you mean `{}`?", path.display()),
            Self::UnknownPackage { suggestion: Some(name), .. } => {
                format!("did you mean {}?", package(Some(name)))
            }
            Self::PackageSpec { instead: Some(spec), .. } => format!("did you mean {}?", package(Some(spec))),
            Self::AmbiguousPackage { .. } => format!("name one of them with {}", package(Some("<ID>"))),
            Self::NoBinary { elsewhere, .. } if !elsewhere.is_empty() => {
                format!(
                    "choose another package with {}; the workspace has {}",
                    package(None),
                    placed(elsewhere)
                )
            }
            Self::NoBinary { examples, .. } if !examples.is_empty() => {
                format!("run an example with {}: {}", place.choice("example", None), names(examples))
            }
            Self::NoBinary { .. } => "add a `src/main.rs`".to_owned(),
            Self::SeveralBinaries { packages, .. } if packages.len() == 1 => {
                format!("choose one with {}, or set `default-run` in `Cargo.toml`", place.choice("bin", None))
            }
            Self::SeveralBinaries { .. } => {
                format!("choose one with {} or {}", place.choice("bin", None), package(None))
            }
            Self::SeveralPackages { .. } => format!("choose the package with {}", package(None)),
            Self::UnknownTarget(unknown) => unknown.advice(place)?,
            Self::Pattern { .. } => "give the full name".to_owned(),
            Self::TargetName { .. } => {
                "name one of `rustc --print target-list`, or the `.json` file of your own".to_owned()
            }
            Self::SeveralTargets { .. } => "choose one with `--target <TRIPLE>`".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

impl UnknownTarget {
    fn advice(&self, place: Place) -> Option<String> {
        let (key, other) = if self.kind == "binary" { ("bin", "example") } else { ("example", "bin") };
        match (self.elsewhere.as_slice(), &self.suggestion) {
            ([package], _) => {
                let package_choice = place.choice("package", Some(package));
                Some(format!("package `{package}` has it: add {package_choice}"))
            }
            ([_, ..], _) => Some(format!(
                "choose one of the packages that have it with {}: {}",
                place.choice("package", None),
                names(&self.elsewhere)
            )),
            _ if self.other_kind => Some(format!("did you mean {}?", place.choice(other, Some(&self.name)))),
            (_, Some(name)) => Some(format!("did you mean {}?", place.choice(key, Some(name)))),
            _ => None,
        }
    }
}

fn names<T: Display>(names: &[T]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn inside(packages: &[String]) -> String {
    match packages {
        [package] => format!("package `{package}`"),
        _ => "the default packages of the workspace".to_owned(),
    }
}

fn has(packages: &[String]) -> String {
    match packages {
        [package] => format!("package `{package}` has"),
        _ => "the default packages of the workspace have".to_owned(),
    }
}

fn several(binaries: &[(String, String)], packages: &[String]) -> String {
    match packages {
        [_] => names(&binaries.iter().map(|(name, _)| name).collect::<Vec<_>>()),
        _ => placed(binaries),
    }
}

/// Lists binaries, with their packages unless the name alone is clear.
fn placed(binaries: &[(String, String)]) -> String {
    let alone = |wanted: &str| binaries.iter().filter(|(name, _)| name == wanted).count() == 1;
    let placed = |(name, package): &(String, String)| {
        if name == package && alone(name) { format!("`{name}`") } else { format!("`{name}` in `{package}`") }
    };
    binaries.iter().map(placed).collect::<Vec<_>>().join(", ")
}

/// Lists the existing names. If one of many is suggested, the hint names it and the others would bury it.
fn available(existing: &[String], suggestion: Option<&str>) -> String {
    const FEW: usize = 10;
    if existing.is_empty() || suggestion.is_some() && existing.len() > FEW {
        return String::new();
    }
    format!("; it has {}", names(existing))
}
