//! How the program is compiled, as far as it bears on the time a build takes: for `hotrun doctor`.
//!
//! Asks rustc twice; about 20 ms.

use std::path::{Path, PathBuf};

use cargo_metadata::cargo_platform::Cfg;

use super::cargo_config::{CargoConfig, CompileSettings};
use super::environment::Environment;
use super::platform::{Platform, Rustc};
use super::toolchain::Toolchain;

/// How the program is compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiling {
    /// The compiler's first line about itself: `rustc 1.95.0 (…)`.
    pub rustc: String,
    /// Whether the toolchain brings a linker that rustc takes by itself.
    pub own_linker: bool,
    /// What cargo's configuration says.
    pub settings: CompileSettings,
}

impl Compiling {
    /// Finds out for the profile; `environment` is what cargo gets. `None` where rustc cannot be asked.
    pub fn find(
        toolchain: &Toolchain,
        environment: &Environment,
        config: &CargoConfig,
        platform: &Platform,
        profile: &str,
        workspace_root: &Path,
        cwd: &Path,
    ) -> Option<Self> {
        let rustc = Rustc::of(toolchain, environment, config, cwd);
        let version = rustc.ask(&["-V"]).ok()?;
        let version = version.lines().next().unwrap_or_default().to_owned();
        let triple = platform.triple.as_deref().unwrap_or(&platform.host);
        let mut arguments = vec!["--print", "cfg"];
        arguments.extend(platform.triple.iter().flat_map(|triple| ["--target", triple]));
        let cfgs = rustc.ask(&arguments).unwrap_or_default();
        let cfgs: Vec<Cfg> = cfgs.lines().filter_map(|line| line.parse().ok()).collect();
        let in_manifest = manifest_incremental(&workspace_root.join("Cargo.toml"), profile);
        Some(Self {
            own_linker: triple == LLD_HOST && minor(&version) >= LLD_SINCE && own_linker(platform).is_file(),
            rustc: version,
            settings: config.compile_settings(triple, &cfgs, profile, in_manifest, environment),
        })
    }
}

/// Where and since when rust-lld is what rustc links with
/// (<https://blog.rust-lang.org/2025/09/01/rust-lld-on-1.90.0-stable/>).
const LLD_HOST: &str = "x86_64-unknown-linux-gnu";
const LLD_SINCE: u32 = 90;

fn own_linker(platform: &Platform) -> PathBuf {
    platform.sysroot.join("lib/rustlib").join(&platform.host).join("bin/gcc-ld/ld.lld")
}

/// `95` of `rustc 1.95.0 (…)`.
fn minor(version: &str) -> u32 {
    version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

fn manifest_incremental(manifest: &Path, profile: &str) -> Option<bool> {
    let table = crate::sys::read_text(manifest).ok()??.parse::<toml::Table>().ok()?;
    table.get("profile")?.get(profile)?.get("incremental")?.as_bool()
}
