//! How the program is compiled, and whether that works, for `hotrun doctor`.
//!
//! Queries rustc twice, and compiles an empty program; some 200 ms.

use std::path::Path;

use cargo_metadata::cargo_platform::Cfg;

use super::cargo_config::{CargoConfig, CompileSettings};
use super::environment::Environment;
use super::error::ProjectError;
use super::platform::{Platform, Rustc};
use super::queries::Queries;
use super::toolchain::Toolchain;

/// How the program is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiling {
    /// The compiler's version line: `rustc 1.95.0 (…)`.
    pub rustc: String,
    pub linking: Linking,
    /// From cargo's configuration.
    pub settings: CompileSettings,
}

impl Compiling {
    /// Queries rustc for the profile in cargo's environment; `None` if rustc cannot run.
    pub fn find(
        toolchain: &Toolchain,
        environment: &Environment,
        config: &CargoConfig,
        platform: &Platform,
        profile: &str,
        workspace_root: &Path,
        cwd: &Path,
    ) -> Option<Self> {
        let queries = Queries::attached();
        let rustc = Rustc::of(toolchain, environment, config, cwd, &queries);
        let version = rustc.query(&["-V"]).ok()?;
        let version = version.lines().next().unwrap_or_default().to_owned();
        let triple = platform.triple.as_deref().unwrap_or(&platform.host);
        let mut arguments = vec!["--print", "cfg"];
        arguments.extend(platform.triple.iter().flat_map(|triple| ["--target", triple]));
        let cfgs = rustc.query(&arguments).unwrap_or_default();
        let cfgs: Vec<Cfg> = cfgs.lines().filter_map(|line| line.parse().ok()).collect();
        let in_manifest = manifest_incremental(&workspace_root.join("Cargo.toml"), profile);
        let settings = config.compile_settings(triple, &cfgs, profile, in_manifest, environment);
        Some(Self { linking: Linking::of(&rustc, platform, &settings), rustc: version, settings })
    }
}

/// Whether rustc can link a program for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linking {
    /// It linked an empty program.
    Works,
    /// The target has no standard library, or cargo compiles it too (`build-std`).
    Untried,
    /// The standard library of this target is not installed.
    NoLibrary(String),
    /// The error of rustc or the linker.
    Fails(String),
}

impl Linking {
    fn of(rustc: &Rustc<'_>, platform: &Platform, settings: &CompileSettings) -> Self {
        let name = platform.triple.as_ref().unwrap_or(&platform.host);
        let known =
            || rustc.query(&["--print", "target-list"]).is_ok_and(|list| list.lines().any(|it| it == name));
        let installed = library(&platform.library_dir);
        match installed {
            _ if settings.build_std => return Self::Untried,
            None if known() => return Self::NoLibrary(name.clone()),
            Some(true) => {}
            _ => return Self::Untried,
        }
        let Ok(folder) = tempfile::tempdir() else { return Self::Untried };
        let (source, program) = (folder.path().join("probe.rs"), folder.path().join("probe"));
        if std::fs::write(&source, "fn main() {}\n").is_err() {
            return Self::Untried;
        }
        let (source, program) = (source.to_string_lossy(), program.to_string_lossy());
        let linker = settings.linker.as_ref().map(|(linker, _)| format!("-Clinker={linker}"));
        let mut arguments = vec![&*source, "-o", &*program];
        arguments.extend(platform.triple.iter().flat_map(|triple| ["--target", triple]));
        arguments.extend(linker.as_deref());
        arguments.extend(settings.rustflags.iter().map(String::as_str));
        match rustc.query(&arguments) {
            Ok(_) => Self::Works,
            Err(ProjectError::Rustc { message, .. }) => Self::Fails(cause(&message)),
            Err(_) => Self::Untried,
        }
    }
}

/// Whether the standard library is in this folder; `None` without the folder.
fn library(folder: &Path) -> Option<bool> {
    let mut names = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
    Some(names.any(|name| name.to_string_lossy().starts_with("libstd-")))
}

/// Returns the first error, and for a linker error the linker's own message.
fn cause(message: &str) -> String {
    let mut lines = message.lines().map(str::trim_start);
    let first = lines.find(|line| line.starts_with("error")).unwrap_or(message);
    let first = first.split_once(": ").map_or(first, |(_, text)| text);
    let mut notes = lines.map(|line| line.strip_prefix("= note: ").unwrap_or(line));
    let note = notes.find(|line| {
        !line.starts_with("error") && ["error: ", "cannot find"].iter().any(|word| line.contains(word))
    });
    match note {
        Some(note) if first.starts_with("linking") => format!("{first}: {note}"),
        _ => first.to_owned(),
    }
}

fn manifest_incremental(manifest: &Path, profile: &str) -> Option<bool> {
    let table = crate::sys::read_text(manifest).ok()??.parse::<toml::Table>().ok()?;
    table.get("profile")?.get(profile)?.get("incremental")?.as_bool()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_linkers_message_is_found() {
        let missing = "error: linker `nolink` not found\n  |\n  = note: No such file or directory (os error 2)\n\nerror: aborting due to 1 previous error";
        assert_eq!(cause(missing), "linker `nolink` not found");
        let failed = "error: linking with `cc` failed: exit status: 1\n  |\n  = note:  \"cc\" \"-m64\"\n  = note: some arguments are omitted\n  = note: collect2: fatal error: cannot find 'ld'\n          compilation terminated.\n\nerror: aborting due to 1 previous error";
        assert_eq!(
            cause(failed),
            "linking with `cc` failed: exit status: 1: collect2: fatal error: cannot find 'ld'"
        );
        let unknown =
            "error[E0463]: can't find crate for `std`\n  |\n  = note: the target may not be installed";
        assert_eq!(cause(unknown), "can't find crate for `std`");
    }
}
