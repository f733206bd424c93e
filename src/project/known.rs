//! Where cargo will build, and which program, as far as the manifests and its configuration tell without asking it.
//!
//! Reads manifests and decides nothing: whoever acts on it asks cargo all the same.

use std::path::{Path, PathBuf};

use toml::Table;

use super::cargo_config::CargoConfig;
use super::environment::{self, Environment};
use crate::config::{BuildConfig, TargetName};

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
    let root = workspace_root(&package(build, cwd)?, environment::cargo_home(environment, cwd).as_deref())?;
    Some(root.join("target"))
}

/// The program that is named, or else the only one of the package that cargo finds in the folder `cwd`; nothing where there
/// may be several.
///
/// As in <https://doc.rust-lang.org/cargo/reference/cargo-targets.html#target-auto-discovery>.
pub fn known_program(build: &BuildConfig, cwd: &Path) -> Option<TargetName> {
    if build.target.value.is_some() {
        return build.target.value.clone();
    }
    if build.package.value.is_some() {
        return None;
    }
    let package = package(build, cwd)?;
    let manifest = manifest(&package)?;
    let name = match manifest.get("package")?.get("default-run") {
        Some(name) => name.as_str()?,
        None => sole_binary(&manifest, &package)?,
    };
    Some(TargetName::Bin(name.to_owned()))
}

/// The only binary that this manifest declares, or cargo finds.
fn sole_binary<'a>(manifest: &'a Table, package: &Path) -> Option<&'a str> {
    let about = manifest.get("package")?;
    let elsewhere = manifest.get("workspace").is_some_and(|it| it.get("default-members").is_some());
    if elsewhere || about.get("autobins").is_some() || package.join("src/bin").exists() {
        return None;
    }
    let (name, main) = (about.get("name")?.as_str()?, package.join("src/main.rs").is_file());
    let Some(declared) = manifest.get("bin") else { return main.then_some(name) };
    let [bin] = declared.as_array()?.as_slice() else { return None };
    let own = bin.get("name")?.as_str()?;
    let of_main = bin.get("path").map_or(own == name, |path| path.as_str() == Some("src/main.rs"));
    (of_main || !main).then_some(own)
}

/// The folder of the package that is named by its manifest, or else found in the folder `cwd`.
fn package(build: &BuildConfig, cwd: &Path) -> Option<PathBuf> {
    match &build.manifest_path {
        Some(manifest) => Some(cwd.join(manifest).parent()?.components().collect()),
        None => Some(cwd.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?.to_owned()),
    }
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
