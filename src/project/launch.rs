//! Computes how to start the program: exactly as `cargo run` would.
//!
//! Pure. The intended differences (SPEC 6): paths lead into the staging target, and the program's path (so
//! `argv[0]`) is the live one. hotrun's own variables are added when the process is started.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cargo_metadata::BuildScript;

use super::cargo_config::CargoConfig;
use super::environment::{Environment, LIBRARY_PATH};
use super::platform::Platform;
use super::toolchain::Toolchain;
use super::{ProgramInfo, ProgramKind};
use crate::config::RunConfig;
use crate::words::linked_folder;

/// A start of the program. Two equal launches of the same binary run the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    pub program: PathBuf,
    /// The runner with its first arguments; may be empty.
    pub runner: Vec<OsString>,
    pub args: Vec<OsString>,
    /// Complete, sorted by name.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
}

/// Everything that determines a launch.
#[derive(Debug, Clone, Copy)]
pub struct LaunchInput<'a> {
    pub program: &'a ProgramInfo,
    pub toolchain: &'a Toolchain,
    pub cargo_config: &'a CargoConfig,
    pub platform: &'a Platform,
    /// Every `build-script-executed` message of the build: those of dependencies add to the library path.
    pub scripts: &'a [BuildScript],
    /// The path of the program in cargo's `compiler-artifact` message.
    pub executable: &'a Path,
    /// As given to cargo.
    pub target_directory: &'a Path,
    /// As given to cargo.
    pub build_directory: &'a Path,
    pub live: &'a Path,
    /// The folder with the shared libraries of the build.
    pub libraries: Option<&'a Path>,
    pub run: &'a RunConfig,
    /// The variables of the env files in order; the last of a name wins.
    pub env_files: &'a [(String, String)],
    /// hotrun's own environment, cleaned.
    pub environment: &'a Environment,
    pub cwd: &'a Path,
}

impl Launch {
    pub fn compute(input: &LaunchInput<'_>) -> Self {
        let run = input.run;
        Self {
            program: input.live.to_owned(),
            runner: input.platform.runner.clone(),
            args: run.args.value.clone(),
            env: environment(input).into_iter().collect(),
            cwd: run.cwd.value.clone().unwrap_or_else(|| input.cwd.to_owned()),
        }
    }
}

/// Returns the program's environment; from the weakest to the strongest source: cargo's `[env]`, env files,
/// hotrun's own, `[env]` with `force`, cargo's own variables, `run.env`.
fn environment(input: &LaunchInput<'_>) -> Environment {
    let mut inherited = input.environment.clone();
    for (name, value) in input.env_files.iter().rev() {
        inherited.entry(name.into()).or_insert_with(|| value.into());
    }
    // cargo does not override a library path: its folders go in front of the user's, whatever its source.
    let own = |(name, value): (&String, &crate::config::Setting<String>)| {
        (OsString::from(name), OsString::from(&value.value))
    };
    inherited.extend(input.run.env.iter().map(own).filter(|(name, _)| name == LIBRARY_PATH));
    let mut inherited = input.toolchain.environment(&inherited);

    let mut set = set_by_cargo(input, &inherited);
    for entry in &input.cargo_config.env {
        let name = OsStr::new(&entry.name);
        if !set.contains_key(name) && (entry.force || !inherited.contains_key(name)) {
            set.insert(name.to_owned(), entry.value.clone());
        }
    }
    inherited.append(&mut set);
    inherited.extend(input.run.env.iter().map(own).filter(|(name, _)| name != LIBRARY_PATH));
    inherited
}

/// Returns the variables that cargo itself sets for a program, in cargo's order.
fn set_by_cargo(input: &LaunchInput<'_>, inherited: &Environment) -> Environment {
    let package = &input.program.package;
    let mut set = Environment::new();
    if let Some(path) = library_path(input, inherited) {
        set.insert(LIBRARY_PATH.into(), path);
    }
    if let Some(script) = own_script(input) {
        set.insert("OUT_DIR".into(), script.out_dir.as_os_str().to_owned());
        set.extend(script.env.iter().map(|(name, value)| (name.into(), value.into())));
    }
    let cargo = input.toolchain.cargo_variable.clone();
    set.insert("CARGO".into(), cargo.unwrap_or_else(|| input.platform.sysroot.join("bin/cargo")).into());
    set.insert("CARGO_MANIFEST_DIR".into(), package.root.clone().into());
    set.insert("CARGO_MANIFEST_PATH".into(), package.manifest.clone().into());
    set.extend(package.variables.iter().map(|(name, value)| ((*name).into(), value.into())));
    set
}

/// Returns the run of the package's build script that the program was compiled with: a package that is also a
/// build dependency has a second one, for the host.
fn own_script<'a>(input: &LaunchInput<'a>) -> Option<&'a BuildScript> {
    let own = || input.scripts.iter().filter(|script| script.package_id.repr == input.program.package.id);
    let output = profile_in_build_dir(input);
    own().rfind(|script| script.out_dir.as_std_path().starts_with(&output)).or_else(|| own().next_back())
}

/// Returns the published libraries, the folders of native libraries inside the build, cargo's output folders,
/// the toolchain's library, then the inherited entries. In another layout of cargo's build directory the
/// `deps` folder may not exist.
fn library_path(input: &LaunchInput<'_>, inherited: &Environment) -> Option<OsString> {
    let output = profile_folder(input);
    let intermediates = profile_in_build_dir(input);
    // cargo sorts the printed entries, with `native=` and the like before the path.
    let printed: BTreeSet<&Path> =
        input.scripts.iter().flat_map(|script| &script.linked_paths).map(|path| path.as_std_path()).collect();
    let linked = printed
        .into_iter()
        .map(linked_folder)
        .filter(|path| path.starts_with(output) || path.starts_with(&intermediates))
        .map(Path::to_owned);
    // The libraries of this build come first: the other folders may hold those of a later build.
    let mut folders: Vec<PathBuf> = input.libraries.map(Path::to_owned).into_iter().chain(linked).collect();
    folders.push(output.to_owned());
    folders.push(intermediates.join("deps"));
    folders.push(input.platform.library_dir.clone());

    let there = inherited.get(OsStr::new(LIBRARY_PATH)).filter(|value| !value.is_empty());
    match there {
        Some(value) => folders.extend(std::env::split_paths(value)),
        // The system's fallback for an unset variable, which is set now.
        None if cfg!(target_os = "macos") => {
            folders.extend(inherited.get(OsStr::new("HOME")).map(|home| Path::new(home).join("lib")));
            folders.extend([PathBuf::from("/usr/local/lib"), PathBuf::from("/usr/lib")]);
        }
        None => {}
    }
    std::env::join_paths(folders).ok()
}

/// Returns `<target>/[<triple>/]<profile>`, derived from the path of the program.
fn profile_folder<'a>(input: &LaunchInput<'a>) -> &'a Path {
    let folder = input.executable.parent().unwrap_or(input.executable);
    match input.program.target.kind {
        ProgramKind::Bin => folder,
        ProgramKind::Example => folder.parent().unwrap_or(folder),
    }
}

/// Returns the same folder in the build directory.
fn profile_in_build_dir(input: &LaunchInput<'_>) -> PathBuf {
    let folder = profile_folder(input);
    match folder.strip_prefix(input.target_directory) {
        Ok(below) => input.build_directory.join(below),
        Err(_) => folder.to_owned(),
    }
}

#[cfg(test)]
#[path = "launch_tests.rs"]
mod tests;
