//! cargo's command line and environment for a build.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::config::{BuildConfig, DebugInfo, TargetName};
use crate::project::{CargoConfig, Environment, Toolchain, cargo_environment, selection_args};
use crate::report::Style;

/// What determines cargo's command line, beside the project.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) config: &'a BuildConfig,
    pub(super) toolchain: &'a Toolchain,
    pub(super) environment: &'a Environment,
    pub(super) cargo_config: &'a CargoConfig,
    /// The folder cargo runs in.
    pub(super) cwd: &'a Path,
    pub(super) style: Style,
}

/// What one cargo builds.
pub(super) struct Selection<'a> {
    pub(super) packages: Vec<&'a str>,
    pub(super) targets: BTreeSet<TargetName>,
}

const KEEP_GOING: &str = "--keep-going";

impl Asked<'_> {
    /// Returns cargo and its arguments, for a build of these programs in the target directory `staging`. With `keep_going`
    /// cargo builds what it can after an error.
    pub(super) fn command(
        &self,
        selection: Selection<'_>,
        keep_going: bool,
        staging: &Path,
    ) -> Vec<OsString> {
        let config = self.config;
        let mut words: Vec<OsString> = vec![self.toolchain.cargo.clone().into(), "build".into()];
        let Selection { packages, targets } = selection;
        words.extend(selection_args(packages, targets).into_iter().map(OsString::from));
        // cargo refuses it twice.
        if keep_going && !config.build_args.iter().any(|arg| arg == KEEP_GOING) {
            words.push(KEEP_GOING.into());
        }
        if let Some(manifest) = &config.manifest_path {
            words.extend(["--manifest-path".into(), manifest.into()]);
        }
        if !config.features.value.is_empty() {
            words.extend(["--features".into(), config.features.value.join(",").into()]);
        }
        if config.all_features {
            words.push("--all-features".into());
        }
        if config.no_default_features {
            words.push("--no-default-features".into());
        }
        if config.profile.value != "dev" {
            words.extend(["--profile".into(), config.profile.value.clone().into()]);
        }
        if let Some(triple) = &config.triple {
            words.extend(["--target".into(), triple.into()]);
        }
        // Before the typed arguments: cargo takes the last of several values for a key.
        if let Some(level) = debug_level(config.debug_info.value) {
            let value = format!("profile.{}.debug=\"{level}\"", config.profile.value);
            words.extend(["--config".into(), value.into()]);
        }
        words.extend(config.common_args.iter().map(OsString::from));
        words.extend(config.build_args.iter().map(OsString::from));
        words.extend(["--target-dir".into(), staging.into()]);
        let format = if self.style.colors { "json-diagnostic-rendered-ansi" } else { "json" };
        words.extend(["--message-format".into(), format.into()]);
        words
    }

    /// Returns the complete environment for a build in `staging`, with intermediates in `build_directory`.
    pub(super) fn environment(&self, staging: &Path, build_directory: &Path) -> BTreeMap<OsString, OsString> {
        let mut env = cargo_environment(self.toolchain, self.environment, self.config);
        let mut set = |name: &str, value: OsString| env.insert(name.into(), value);
        // Without a configured build directory, cargo uses the target directory.
        if build_directory != staging || self.cargo_config.build_dir.is_some() {
            set("CARGO_BUILD_BUILD_DIR", without_braces(build_directory, self.cwd).into());
        }
        set("CARGO_TERM_COLOR", if self.style.colors { "always" } else { "never" }.into());
        if let Some(width) = self.style.bar {
            set("CARGO_TERM_PROGRESS_WHEN", "always".into());
            set("CARGO_TERM_PROGRESS_WIDTH", width.to_string().into());
        }
        env
    }
}

/// Returns `folder` as a value of `build.build-dir`, which is a template: a path with braces is made relative
/// to `cwd`, which removes those they share.
fn without_braces(folder: &Path, cwd: &Path) -> PathBuf {
    if !folder.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'{' | b'}')) {
        return folder.to_owned();
    }
    let common = folder.components().zip(cwd.components()).take_while(|(one, other)| one == other).count();
    let up = cwd.components().skip(common).map(|_| Component::ParentDir);
    up.chain(folder.components().skip(common)).collect()
}

/// Whether the staging target is separate, and artifacts copied from elsewhere would be fresh in it.
pub(super) fn is_seeded(config: &BuildConfig) -> bool {
    debug_level(config.debug_info.value).is_none() && !config.share_build_dir.value
}

/// Returns cargo's name of the amount of debug information
/// (<https://doc.rust-lang.org/cargo/reference/profiles.html#debug>).
fn debug_level(info: DebugInfo) -> Option<&'static str> {
    match info {
        DebugInfo::Profile => None,
        DebugInfo::Lines => Some("line-tables-only"),
        DebugInfo::None => Some("none"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_directory_with_braces_is_given_from_the_folder_cargo_runs_in() {
        for (folder, cwd, expect) in [
            ("/p/target/hotrun", "/p", "/p/target/hotrun"),
            ("/{x}/p/target/hotrun", "/{x}/p", "target/hotrun"),
            ("/{x}/ws/target/hotrun", "/{x}/ws/app/src", "../../target/hotrun"),
            ("/{x}/t", "/p", "../{x}/t"),
        ] {
            assert_eq!(
                without_braces(Path::new(folder), Path::new(cwd)),
                Path::new(expect),
                "{folder} {cwd}"
            );
        }
    }
}
