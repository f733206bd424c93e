//! Where cargo will build, as far as the manifests and its configuration tell without asking it.
//!
//! Reads manifests and decides nothing: whoever acts on it asks cargo all the same.

use std::path::{Path, PathBuf};

use toml::Table;

use super::cargo_config::CargoConfig;
use super::environment::{self, Environment};
use crate::config::BuildConfig;

/// The target directory of the project that cargo finds in the folder `cwd`, which is its build directory as well; nothing
/// where only cargo can tell.
///
/// As in <https://doc.rust-lang.org/cargo/reference/workspaces.html> and the description of `build.target-dir`.
pub fn known_target_directory(
    environment: &Environment,
    config: &CargoConfig,
    build: &BuildConfig,
    cwd: &Path,
) -> Option<PathBuf> {
    if config.build_dir.is_some() {
        return None;
    }
    if let Some(folder) = &build.target_dir {
        return Some(cwd.join(folder));
    }
    if let Some(folder) = &config.target_dir {
        return Some(folder.clone());
    }
    let package = match &build.manifest_path {
        Some(manifest) => cwd.join(manifest).parent()?.components().collect(),
        None => cwd.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?.to_owned(),
    };
    let root = workspace_root(&package, environment::cargo_home(environment, cwd).as_deref())?;
    Some(root.join("target"))
}

fn workspace_root(package: &Path, cargo_home: Option<&Path>) -> Option<PathBuf> {
    let own = manifest(package)?;
    if own.contains_key("workspace") {
        return Some(package.to_owned());
    }
    // One that names its workspace, or lies among the sources of cargo's own, is found in other ways.
    let named = own.get("package").is_none_or(|table| table.get("workspace").is_some());
    if named || cargo_home.is_none_or(|home| package.starts_with(home)) {
        return None;
    }
    for folder in package.ancestors().skip(1).filter(|folder| folder.join("Cargo.toml").exists()) {
        if let Some(workspace) = manifest(folder)?.get("workspace") {
            // What is excluded is a matter of cargo's.
            return workspace.get("exclude").is_none().then(|| folder.to_owned());
        }
    }
    Some(package.to_owned())
}

fn manifest(folder: &Path) -> Option<Table> {
    std::fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()
}
