//! How the app is started: exactly what `cargo run` would give it, computed from plain data.
//!
//! Pure. Differences that are meant, all of them in SPEC 6: paths lead into the staging target, and the program's path
//! (so `argv[0]`) is the live one. hotrun's own variables are added by whoever starts the process.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cargo_metadata::BuildScript;

use super::cargo_config::CargoConfig;
use super::environment::{Environment, LIBRARY_PATH};
use super::platform::Platform;
use super::toolchain::Toolchain;
use super::{ProgramKind, Project};
use crate::config::RunConfig;
use crate::words::linked_folder;

/// A start of the app. Two equal launches of the same binary run the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program: the live path.
    pub program: PathBuf,
    /// What runs it, with its first arguments; empty where it runs by itself.
    pub runner: Vec<OsString>,
    /// The program's arguments.
    pub args: Vec<OsString>,
    /// The complete environment, sorted by name.
    pub env: Vec<(OsString, OsString)>,
    /// The folder it starts in.
    pub cwd: PathBuf,
}

/// What a launch follows from.
#[derive(Debug, Clone, Copy)]
pub struct LaunchInput<'a> {
    /// The project.
    pub project: &'a Project,
    /// The cargo in use.
    pub toolchain: &'a Toolchain,
    /// cargo's configuration.
    pub cargo_config: &'a CargoConfig,
    /// The target platform.
    pub platform: &'a Platform,
    /// Every `build-script-executed` message of the build, dependencies' too: those add to the library path.
    pub scripts: &'a [BuildScript],
    /// The path of the program in cargo's `compiler-artifact` message.
    pub executable: &'a Path,
    /// The target directory that cargo was given.
    pub target_directory: &'a Path,
    /// The build directory that cargo was given.
    pub build_directory: &'a Path,
    /// Where the program is published.
    pub live: &'a Path,
    /// Where the shared libraries of its build are, if it has any.
    pub libraries: Option<&'a Path>,
    /// How the program runs.
    pub run: &'a RunConfig,
    /// The variables of the env files in their order; the last of a name wins.
    pub env_files: &'a [(String, String)],
    /// hotrun's own environment, cleaned.
    pub environment: &'a Environment,
    /// The folder hotrun was started in.
    pub cwd: &'a Path,
}

impl Launch {
    /// Computes the launch.
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

/// The app's environment, from the weakest to the strongest: cargo's `[env]`, env files, what hotrun inherited, `[env]`
/// with `force`, what cargo sets itself, `run.env`.
fn environment(input: &LaunchInput<'_>) -> Environment {
    let mut inherited = input.environment.clone();
    for (name, value) in input.env_files.iter().rev() {
        inherited.entry(name.into()).or_insert_with(|| value.into());
    }
    // A library path is no value of its own under cargo: its folders go in front of the user's, wherever that is from.
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

/// What cargo itself sets for a program it runs, in cargo's order.
fn set_by_cargo(input: &LaunchInput<'_>, inherited: &Environment) -> Environment {
    let package = &input.project.package;
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

/// The run of the package's own build script that the program was compiled with: a package that is also a build
/// dependency has a second one, for the host.
fn own_script<'a>(input: &LaunchInput<'a>) -> Option<&'a BuildScript> {
    let own = || input.scripts.iter().filter(|script| script.package_id.repr == input.project.package.id);
    let output = profile_in_build_dir(input);
    own().rfind(|script| script.out_dir.as_std_path().starts_with(&output)).or_else(|| own().next_back())
}

/// The libraries that were published with the program, the folders of native libraries inside the build, cargo's output
/// folders, the toolchain's library, then what was there. A new cargo may lay its build directory out in another way; there the `deps` folder is simply not there.
fn library_path(input: &LaunchInput<'_>, inherited: &Environment) -> Option<OsString> {
    let output = profile_folder(input);
    let intermediates = profile_in_build_dir(input);
    // cargo sorts them as they were printed, with `native=` and the like before the path.
    let printed: BTreeSet<&Path> =
        input.scripts.iter().flat_map(|script| &script.linked_paths).map(|path| path.as_std_path()).collect();
    let linked = printed
        .into_iter()
        .map(linked_folder)
        .filter(|path| path.starts_with(output) || path.starts_with(&intermediates))
        .map(Path::to_owned);
    // Those the program was built with come first: the other folders may hold what a later build made.
    let mut folders: Vec<PathBuf> = input.libraries.map(Path::to_owned).into_iter().chain(linked).collect();
    folders.push(output.to_owned());
    folders.push(intermediates.join("deps"));
    folders.push(input.platform.library_dir.clone());

    let there = inherited.get(OsStr::new(LIBRARY_PATH)).filter(|value| !value.is_empty());
    match there {
        Some(value) => folders.extend(std::env::split_paths(value)),
        // What the system falls back to where the variable is not set, which now it is.
        None if cfg!(target_os = "macos") => {
            folders.extend(inherited.get(OsStr::new("HOME")).map(|home| Path::new(home).join("lib")));
            folders.extend([PathBuf::from("/usr/local/lib"), PathBuf::from("/usr/lib")]);
        }
        None => {}
    }
    std::env::join_paths(folders).ok()
}

/// `<target>/[<triple>/]<profile>`, from where cargo put the program.
fn profile_folder<'a>(input: &LaunchInput<'a>) -> &'a Path {
    let folder = input.executable.parent().unwrap_or(input.executable);
    match input.project.target.kind {
        ProgramKind::Bin => folder,
        ProgramKind::Example => folder.parent().unwrap_or(folder),
    }
}

/// The same folder in the build directory.
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
