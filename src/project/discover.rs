//! Queries cargo about the project.
//!
//! A `cargo metadata --no-deps` needs no network, no lock and about 20 ms. Its errors are passed on
//! unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{Metadata, Target};

use super::cargo_config::CargoConfig;
use super::environment::Environment;
use super::error::ProjectError;
use super::queries::Queries;
use super::sources::{self, Collector};
use super::toolchain::Toolchain;
use super::{PackageInfo, ProgramChoice, ProgramInfo, ProgramKind, ProgramTarget, Project, select};
use crate::config::{BuildConfig, TargetName};
use crate::words::ArtifactId;

impl Project {
    /// Finds the project of the folder `cwd`, and for each choice the program that `cargo run` would take.
    ///
    /// `environment` is cargo's ([`super::cargo_environment`]). Runs `cargo metadata --no-deps` once, and
    /// once more for each other workspace that a path dependency leads to.
    pub fn discover(
        toolchain: &Toolchain,
        environment: &Environment,
        config: &CargoConfig,
        build: &BuildConfig,
        choices: &BTreeMap<ArtifactId, ProgramChoice>,
        cwd: &Path,
        queries: &Queries,
    ) -> Result<Self, ProjectError> {
        check_manifest(build.manifest_path.as_deref(), cwd)?;
        let query = MetadataQuery { toolchain, environment, build, cwd, queries };
        let json = query.metadata(build.manifest_path.as_deref())?;
        let metadata = parse(&json)?;
        let mut chosen = Vec::new();
        for (artifact, choice) in choices {
            let found = select::select(&metadata, choice.package.as_deref(), choice.target.as_ref(), cwd);
            let (package, target) = found.map_err(|error| error.of_service(&choice.service))?;
            chosen.push((*artifact, choice, package, target));
        }
        let workspace_root = metadata.workspace_root.clone().into_std_path_buf();
        let root_manifest = workspace_root.join("Cargo.toml");

        let mut overrides = config.source_overrides.clone();
        let root_text = crate::sys::read_text(&root_manifest).ok().flatten().unwrap_or_default();
        overrides.extend(sources::manifest_overrides(&root_text, &workspace_root));
        let (member_patterns, member_excludes) = sources::member_patterns(&root_text, &workspace_root);
        let read = |manifest: &Path| parse(&query.metadata(Some(manifest)).ok()?).ok();
        let mut collector = Collector::new(&metadata, overrides, read);
        let made_of: Vec<_> = chosen
            .iter()
            .map(|(_, _, package, target)| collector.follow(package, target.is_example()))
            .collect();
        let sources = collector.found(&made_of);
        let mut programs = BTreeMap::new();
        for ((artifact, choice, package, target), made_of) in chosen.into_iter().zip(&made_of) {
            let program = ProgramInfo {
                service: choice.service.clone(),
                spec: choice.package.clone(),
                package: package_info(package, &json),
                target: program_target(target),
                packages: sources.indices(made_of),
            };
            programs.insert(artifact, program);
        }

        let members: BTreeSet<PathBuf> = metadata
            .workspace_packages()
            .iter()
            .map(|package| package.manifest_path.clone().into_std_path_buf())
            .collect();
        let used: BTreeSet<&PathBuf> = sources.packages.iter().map(|package| &package.manifest).collect();
        let other_roots = members
            .iter()
            .filter(|manifest| !used.contains(manifest))
            .filter_map(|manifest| manifest.parent().map(Path::to_owned))
            .collect();
        let mut manifests = members.clone();
        manifests.extend(used.into_iter().cloned());
        manifests.extend(sources.outer_manifests);
        manifests.insert(root_manifest);

        let (target_directory, build_directory) = directories(&metadata, build.target_dir.as_deref(), cwd);
        Ok(Self {
            lock_file: workspace_root.join("Cargo.lock"),
            workspace_root,
            target_directory,
            build_directory,
            keeps_going: choices.len() > 1 && toolchain.keeps_going(environment, cwd, queries),
            programs,
            packages: sources.packages,
            other_roots,
            members: members.into_iter().collect(),
            member_patterns,
            member_excludes,
            manifests: manifests.into_iter().collect(),
        })
    }
}

struct MetadataQuery<'a> {
    toolchain: &'a Toolchain,
    environment: &'a Environment,
    build: &'a BuildConfig,
    cwd: &'a Path,
    queries: &'a Queries,
}

impl MetadataQuery<'_> {
    fn metadata(&self, manifest: Option<&Path>) -> Result<String, ProjectError> {
        let mut command = Command::new(&self.toolchain.cargo);
        command
            .args(["metadata", "--no-deps", "--format-version", "1", "--color", "never"])
            .args(&self.build.common_args)
            .current_dir(self.cwd)
            .env_clear()
            .envs(self.environment)
            // cargo would append a backtrace to its message, which is passed on.
            .env_remove("RUST_BACKTRACE")
            .env_remove("RUST_LIB_BACKTRACE")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(manifest) = manifest {
            command.arg("--manifest-path").arg(manifest);
        }
        let output = self
            .queries
            .output(&mut command)
            .map_err(|source| ProjectError::Spawn { program: self.toolchain.cargo.clone(), source })?;
        if !output.status.success() {
            return Err(ProjectError::Cargo { message: own_words(&String::from_utf8_lossy(&output.stderr)) });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Returns the output of cargo (or rustup's shim) from its error on, without the word `error`.
fn own_words(stderr: &str) -> String {
    let mut lines = stderr.lines().skip_while(|line| !line.starts_with("error: ")).peekable();
    let message = match lines.peek() {
        Some(_) => lines.collect::<Vec<_>>().join("\n"),
        None => stderr.to_owned(),
    };
    let message = message.strip_prefix("error: ").unwrap_or(&message).trim();
    if message.is_empty() {
        "`cargo metadata` failed without a message".to_owned()
    } else {
        message.to_owned()
    }
}

fn parse(json: &str) -> Result<Metadata, ProjectError> {
    serde_json::from_str(json).map_err(|source| ProjectError::Metadata { source })
}

/// Reports a wrong path before cargo runs.
fn check_manifest(manifest: Option<&Path>, cwd: &Path) -> Result<(), ProjectError> {
    if !cwd.is_dir() {
        return Err(ProjectError::NoFolder(cwd.to_owned()));
    }
    let Some(path) = manifest else {
        return if cwd.ancestors().any(|folder| folder.join("Cargo.toml").exists()) {
            Ok(())
        } else {
            Err(ProjectError::NoManifest { folder: cwd.to_owned() })
        };
    };
    let full = cwd.join(path);
    let (problem, meant) = if full.is_dir() {
        ("is a directory but expected a file", Some(path.join("Cargo.toml")))
    } else if full.exists() {
        return Ok(());
    } else {
        ("does not exist", path.parent().map(|folder| folder.join("Cargo.toml")))
    };
    let meant = meant.filter(|meant| cwd.join(meant).is_file());
    Err(ProjectError::ManifestPath { path: path.to_owned(), problem, meant })
}

/// Returns the target and build directory. Applies `--target-dir`, which `cargo metadata` does not take.
fn directories(metadata: &Metadata, flag: Option<&Path>, cwd: &Path) -> (PathBuf, PathBuf) {
    let target = metadata.target_directory.as_std_path();
    let build = metadata.build_directory.as_ref().map_or(target, |folder| folder.as_std_path());
    match flag {
        Some(flag) => {
            let flag = cwd.join(flag);
            let build = if build == target { flag.clone() } else { build.to_owned() };
            (flag, build)
        }
        None => (target.to_owned(), build.to_owned()),
    }
}

fn program_target(target: &Target) -> ProgramTarget {
    ProgramTarget {
        kind: if target.is_example() { ProgramKind::Example } else { ProgramKind::Bin },
        name: target.name.clone(),
        src_path: target.src_path.clone().into_std_path_buf(),
    }
}

fn package_info(package: &cargo_metadata::Package, json: &str) -> PackageInfo {
    let version = &package.version;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let mut variables = vec![
        ("CARGO_PKG_AUTHORS", package.authors.join(":")),
        ("CARGO_PKG_DESCRIPTION", text(package.description.as_deref())),
        ("CARGO_PKG_HOMEPAGE", text(package.homepage.as_deref())),
        ("CARGO_PKG_LICENSE", text(package.license.as_deref())),
        ("CARGO_PKG_LICENSE_FILE", text(package.license_file.as_ref().map(|path| path.as_str()))),
        ("CARGO_PKG_NAME", package.name.to_string()),
        ("CARGO_PKG_README", text(package.readme.as_ref().map(|path| path.as_str()))),
        ("CARGO_PKG_REPOSITORY", text(package.repository.as_deref())),
        ("CARGO_PKG_RUST_VERSION", rust_version(package, json)),
        ("CARGO_PKG_VERSION", version.to_string()),
        ("CARGO_PKG_VERSION_MAJOR", version.major.to_string()),
        ("CARGO_PKG_VERSION_MINOR", version.minor.to_string()),
        ("CARGO_PKG_VERSION_PATCH", version.patch.to_string()),
        ("CARGO_PKG_VERSION_PRE", version.pre.to_string()),
    ];
    variables.sort_unstable();
    let manifest = package.manifest_path.as_std_path();
    let programs = package.targets.iter().filter(|target| target.is_bin() || target.is_example());
    PackageInfo {
        programs: programs.map(|target| TargetName::from(&program_target(target))).collect(),
        name: package.name.to_string(),
        version: version.to_string(),
        id: package.id.repr.clone(),
        root: manifest.parent().unwrap_or(manifest).to_owned(),
        manifest: manifest.to_owned(),
        variables,
    }
}

/// Returns `rust-version` as written, like cargo's variable. `cargo_metadata` completes `1.70`.
fn rust_version(package: &cargo_metadata::Package, json: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Printed {
        packages: Vec<PrintedPackage>,
    }
    #[derive(serde::Deserialize)]
    struct PrintedPackage {
        id: String,
        rust_version: Option<String>,
    }
    serde_json::from_str::<Printed>(json)
        .ok()
        .and_then(|printed| printed.packages.into_iter().find(|it| it.id == package.id.repr)?.rust_version)
        .unwrap_or_default()
}
