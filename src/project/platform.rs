//! The platform the program is built for and its runner, according to rustc and cargo's configuration.
//!
//! Queries rustc once: about 10 ms, during the first build.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::cargo_platform::Cfg;

use super::cargo_config::CargoConfig;
use super::environment::Environment;
use super::error::ProjectError;
use super::queries::Queries;
use super::toolchain::Toolchain;

/// The target platform of the build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// The triple of the machine that compiles.
    pub host: String,
    /// The triple of `--target` or `build.target`: cargo then builds in a folder of that name.
    pub triple: Option<String>,
    /// The folder of the compiler's toolchain.
    pub sysroot: PathBuf,
    /// The folder of the standard library for the target.
    pub library_dir: PathBuf,
    /// The runner of the target's programs; empty if none is configured.
    pub runner: Vec<OsString>,
}

impl Platform {
    /// Returns the platform `cargo build --target <flag>` builds for in the folder `cwd`.
    ///
    /// `environment` is cargo's. Fails if rustc cannot be queried or several targets are configured.
    pub fn detect(
        toolchain: &Toolchain,
        environment: &Environment,
        config: &CargoConfig,
        flag: Option<&str>,
        cwd: &Path,
        queries: &Queries,
    ) -> Result<Self, ProjectError> {
        let in_toolchain = own_sysroot(toolchain, config);
        let rustc = Rustc::of(toolchain, environment, config, cwd, queries);
        let version = rustc.query(&["-vV"])?;
        let host =
            version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let triple = requested(flag, &config.targets, &host)?;
        let sysroot = match in_toolchain {
            Some(sysroot) => sysroot.clone(),
            None => PathBuf::from(rustc.query(&["--print", "sysroot"])?.trim_end()),
        };
        let mut cfgs = Vec::new();
        if config.has_cfg_runner() {
            let printed = rustc.query(&cfg_question(triple.as_deref()))?;
            cfgs = printed.lines().filter_map(|line| line.parse::<Cfg>().ok()).collect();
        }
        let triple = triple.map(|triple| folder_name(&triple).to_owned());
        let name = triple.as_deref().unwrap_or(&host);
        Ok(Self {
            library_dir: sysroot.join("lib/rustlib").join(name).join("lib"),
            runner: config.runner(name, &cfgs, environment, cwd),
            triple,
            host,
            sysroot,
        })
    }
}

fn requested(flag: Option<&str>, configured: &[String], host: &str) -> Result<Option<String>, ProjectError> {
    let triple = match (flag, configured) {
        (Some(flag), _) => flag,
        (None, []) => return Ok(None),
        (None, [triple]) => triple,
        (None, several) => {
            return Err(ProjectError::SeveralTargets { triples: several.to_vec() });
        }
    };
    let triple = if triple == "host-tuple" { host } else { triple };
    let folder = folder_name(triple);
    if folder.is_empty() || folder.starts_with('.') || folder.contains('/') {
        return Err(ProjectError::TargetName { name: triple.to_owned() });
    }
    Ok(Some(triple.to_owned()))
}

/// Returns the arguments that make rustc print the `cfg` values of a target.
fn cfg_question(triple: Option<&str>) -> Vec<&str> {
    let mut arguments = vec!["--print", "cfg"];
    arguments.extend(triple.iter().flat_map(|triple| ["--target", triple]));
    if triple.and_then(|triple| triple.strip_suffix(".json")).is_some() {
        // Custom targets are unstable; the build needs a nightly or `RUSTC_BOOTSTRAP` as well.
        arguments.push("-Zunstable-options");
    }
    arguments
}

/// Returns the folder name of a target. Both cargo and rustc name a custom target by its file.
fn folder_name(triple: &str) -> &str {
    match triple.strip_suffix(".json") {
        Some(path) => path.rsplit('/').next().unwrap_or(path),
        None => triple,
    }
}

/// Returns the toolchain's folder if its own rustc is in use.
fn own_sysroot<'a>(toolchain: &'a Toolchain, config: &CargoConfig) -> Option<&'a PathBuf> {
    toolchain.sysroot.as_ref().filter(|_| config.rustc.is_none())
}

pub(super) struct Rustc<'a> {
    program: PathBuf,
    environment: &'a Environment,
    cwd: &'a Path,
    queries: &'a Queries,
}

impl<'a> Rustc<'a> {
    pub(super) fn of(
        toolchain: &Toolchain,
        environment: &'a Environment,
        config: &CargoConfig,
        cwd: &'a Path,
        queries: &'a Queries,
    ) -> Self {
        let program = match (own_sysroot(toolchain, config), &config.rustc) {
            (Some(sysroot), _) => sysroot.join("bin/rustc"),
            (None, Some(rustc)) => rustc.clone(),
            (None, None) => PathBuf::from("rustc"),
        };
        Self { program, environment, cwd, queries }
    }

    pub(super) fn query(&self, arguments: &[&str]) -> Result<String, ProjectError> {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(self.cwd)
            .env_clear()
            .envs(self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = self
            .queries
            .output(&mut command)
            .map_err(|source| ProjectError::Spawn { program: self.program.clone(), source })?;
        if !output.status.success() {
            return Err(ProjectError::Rustc {
                program: self.program.clone(),
                message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_overrides_the_configured_targets_and_two_are_refused() {
        let configured = ["a".to_owned(), "b".to_owned()];
        assert_eq!(requested(None, &[], "h").unwrap(), None);
        assert_eq!(requested(None, &configured[..1], "h").unwrap().as_deref(), Some("a"));
        assert_eq!(requested(Some("host-tuple"), &configured, "h").unwrap().as_deref(), Some("h"));
        let error = requested(None, &configured, "h").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`build.target` names 2 platforms, but a program runs on one: `a`, `b`"
        );
    }

    #[test]
    fn rustc_is_asked_about_a_custom_target_with_unstable_options() {
        assert_eq!(cfg_question(None), ["--print", "cfg"]);
        assert_eq!(cfg_question(Some("a-b-c")), ["--print", "cfg", "--target", "a-b-c"]);
        let custom = cfg_question(Some("targets/x.json"));
        assert_eq!(custom, ["--print", "cfg", "--target", "targets/x.json", "-Zunstable-options"]);
    }

    #[test]
    fn a_target_names_a_folder_in_the_target_directory() {
        let named = |name: &str| requested(Some(name), &[], "h").map(Option::unwrap);
        for good in ["thumbv8m.main-none-eabi", "x.json", "../targets/x.json", "/targets/x.json"] {
            assert_eq!(named(good).unwrap(), good);
        }
        for bad in ["", "..", "../..", "/tmp/x", "a/../..", ".json", "../..json", "x/...json"] {
            let error = named(bad).unwrap_err();
            assert!(matches!(error, ProjectError::TargetName { .. }), "{bad}: {error}");
        }
        requested(None, &["../..".to_owned()], "h").unwrap_err();
    }
}
