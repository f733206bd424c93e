//! Selects the package and program that `cargo run` would take.
//!
//! Pure: works on the output of `cargo metadata`. The rules are cargo's: `-p`, else the default members
//! (which `cargo metadata` computes for its folder); among these `--bin` or `--example`, else the only
//! `default-run`, else the only binary, whether or not its required features are enabled.

use std::path::Path;

use cargo_metadata::{CrateType, Metadata, Package, Target};

use super::error::{ProjectError, UnknownTarget};
use crate::config::TargetName;

pub(super) fn select<'a>(
    metadata: &'a Metadata,
    package: Option<&str>,
    target: Option<&TargetName>,
    cwd: &Path,
) -> Result<(&'a Package, &'a Target), ProjectError> {
    let members = metadata.workspace_packages();
    let packages = match package {
        Some(spec) => vec![package_of_spec(spec, &members, metadata.workspace_root.as_std_path(), cwd)?],
        None if metadata.workspace_default_members.is_available() => metadata.workspace_default_packages(),
        // A cargo older than 1.71: the package of the folder, else every member.
        None => nearest(&members, cwd).map_or(members, |package| vec![package]),
    };
    match target {
        Some(target) => named(&packages, metadata, target),
        None => sole(&packages, metadata),
    }
}

fn nearest<'a>(members: &[&'a Package], cwd: &Path) -> Option<&'a Package> {
    cwd.ancestors().find_map(|folder| {
        members
            .iter()
            .copied()
            .find(|package| package.manifest_path.parent().is_some_and(|root| root == folder))
    })
}

/// Returns the target cargo takes if none is named.
fn sole<'a>(
    packages: &[&'a Package],
    metadata: &Metadata,
) -> Result<(&'a Package, &'a Target), ProjectError> {
    let mut default_runs = packages.iter().filter_map(|package| package.default_run.as_ref());
    if let (Some(name), None) = (default_runs.next(), default_runs.next()) {
        return named(packages, metadata, &TargetName::Bin(name.clone()));
    }
    let mut binaries = targets(packages, Target::is_bin);
    match binaries.as_slice() {
        [sole] => Ok(*sole),
        [] => Err(ProjectError::NoBinary {
            packages: package_names(packages),
            examples: runnable_examples(packages),
            elsewhere: targets(&metadata.workspace_packages(), Target::is_bin)
                .iter()
                .map(|(package, target)| (target.name.clone(), package.name.to_string()))
                .collect(),
        }),
        _ => {
            binaries.sort_by_key(|(package, target)| (&target.name, package.name.as_str()));
            Err(ProjectError::SeveralBinaries {
                packages: package_names(packages),
                binaries: binaries
                    .iter()
                    .map(|(package, target)| (target.name.clone(), package.name.to_string()))
                    .collect(),
            })
        }
    }
}

fn named<'a>(
    packages: &[&'a Package],
    metadata: &Metadata,
    target: &TargetName,
) -> Result<(&'a Package, &'a Target), ProjectError> {
    let (name, kind) = match target {
        TargetName::Bin(name) => (name, "binary"),
        TargetName::Example(name) => (name, "example"),
    };
    let is_kind = |it: &Target| match target {
        TargetName::Bin(_) => it.is_bin(),
        TargetName::Example(_) => it.is_example(),
    };
    let is_other = |it: &Target| (it.is_bin() || it.is_example()) && !is_kind(it);
    let matching = targets(packages, |target| is_kind(target) && target.name == *name);
    match matching.as_slice() {
        [(_, target)] if !is_program(target) => Err(ProjectError::LibraryExample { name: name.clone() }),
        [sole] => Ok(*sole),
        [] if name.contains(['*', '?', '[', ']']) => Err(ProjectError::Pattern { pattern: name.clone() }),
        [] => {
            let existing: Vec<String> =
                targets(packages, is_kind).iter().map(|(_, target)| target.name.clone()).collect();
            let everywhere = metadata.workspace_packages();
            let elsewhere = targets(&everywhere, |target| is_kind(target) && target.name == *name);
            Err(ProjectError::UnknownTarget(Box::new(UnknownTarget {
                kind,
                name: name.clone(),
                packages: package_names(packages),
                elsewhere: elsewhere.iter().map(|(package, _)| package.name.to_string()).collect(),
                other_kind: !targets(packages, |target| is_other(target) && target.name == *name).is_empty(),
                suggestion: near(name, existing.iter().map(String::as_str)),
                existing,
            })))
        }
        several => Err(ProjectError::SeveralPackages {
            kind,
            name: name.clone(),
            packages: several.iter().map(|(package, _)| package.name.to_string()).collect(),
        }),
    }
}

fn targets<'a>(packages: &[&'a Package], wanted: impl Fn(&Target) -> bool) -> Vec<(&'a Package, &'a Target)> {
    let all =
        packages.iter().flat_map(|package| package.targets.iter().map(move |target| (*package, target)));
    all.filter(|(_, target)| wanted(target)).collect()
}

/// Examples may be libraries.
fn is_program(target: &Target) -> bool {
    target.crate_types.contains(&CrateType::Bin)
}

fn runnable_examples(packages: &[&Package]) -> Vec<String> {
    let examples = targets(packages, |target| target.is_example() && is_program(target));
    examples.iter().map(|(_, target)| target.name.clone()).collect()
}

fn package_names(packages: &[&Package]) -> Vec<String> {
    packages.iter().map(|package| package.name.to_string()).collect()
}

/// Returns the most similar name if it may be a typing error, else the only one that contains the name.
fn near<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let distance = |other: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &other.to_lowercase());
    let mut longer = names.clone().filter(|other| !name.is_empty() && other.contains(name));
    let sole = longer.next().filter(|_| longer.next().is_none());
    names
        .map(|other| (distance(other), other))
        .filter(|(distance, other)| *distance <= name.len().max(other.len()).max(3) / 3)
        .min()
        .map(|(_, other)| other)
        .or(sole)
        .map(ToOwned::to_owned)
}

/// Returns the member that a package ID specification means: `NAME`, `NAME@VERSION`, `NAME:VERSION` or a
/// `file://` URL, optionally with `#NAME`, `#VERSION` or `#NAME@VERSION` (see "Package ID Specifications" in
/// the Cargo Book).
fn package_of_spec<'a>(
    spec: &str,
    members: &[&'a Package],
    workspace_root: &Path,
    cwd: &Path,
) -> Result<&'a Package, ProjectError> {
    if spec.contains(['*', '?', '[', ']']) {
        return Err(ProjectError::Pattern { pattern: spec.to_owned() });
    }
    if !spec.contains("://") && spec.contains('/') {
        let folder = cwd.join(spec);
        let meant = folder.canonicalize().ok();
        return Err(ProjectError::PackageSpec {
            spec: spec.to_owned(),
            problem: "looks like a file path",
            instead: meant.map(|folder| {
                let member = members
                    .iter()
                    .find(|package| package.manifest_path.parent().is_some_and(|root| root == folder));
                member.map_or_else(
                    || format!("file://{}", folder.display()),
                    |package| package.name.to_string(),
                )
            }),
        });
    }
    let matching: Vec<&Package> = members.iter().copied().filter(|package| matches(spec, package)).collect();
    match matching.as_slice() {
        [package] => Ok(package),
        [] => Err(ProjectError::UnknownPackage {
            spec: spec.to_owned(),
            workspace_root: workspace_root.to_owned(),
            members: package_names(members),
            suggestion: near(name_and_version(spec).0, members.iter().map(|package| package.name.as_str())),
        }),
        several => Err(ProjectError::AmbiguousPackage {
            spec: spec.to_owned(),
            candidates: several.iter().map(|package| package.id.repr.clone()).collect(),
        }),
    }
}

fn matches(spec: &str, package: &Package) -> bool {
    if !spec.contains("://") {
        let (name, version) = name_and_version(spec);
        return package.name.as_str() == name
            && version.is_none_or(|version| matches_version(version, package));
    }
    let (url, fragment) = match spec.split_once('#') {
        Some((url, fragment)) => (url, Some(fragment)),
        None => (spec, None),
    };
    let url = url.strip_prefix("path+").unwrap_or(url);
    let id = package.id.repr.strip_prefix("path+").unwrap_or(&package.id.repr);
    let own_url = id.split_once('#').map_or(id, |(url, _)| url);
    let folder_name = url.rsplit('/').next().unwrap_or(url);
    let (name, version) = match fragment {
        None => (folder_name, None),
        Some(fragment) => match name_and_version(fragment) {
            (version, None) if !version.starts_with(char::is_alphabetic) => (folder_name, Some(version)),
            parts => parts,
        },
    };
    url == own_url
        && package.name.as_str() == name
        && version.is_none_or(|version| matches_version(version, package))
}

fn name_and_version(spec: &str) -> (&str, Option<&str>) {
    match spec.rsplit_once('@').or_else(|| spec.rsplit_once(':')) {
        Some((name, version)) => (name, Some(version)),
        None => (spec, None),
    }
}

/// Whether a version that may be partial (`1`, `1.2`) is the package's.
fn matches_version(version: &str, package: &Package) -> bool {
    let own = &package.version;
    if version == own.to_string()
        || version == format!("{}.{}.{}", own.major, own.minor, own.patch) && own.pre.is_empty()
    {
        return true;
    }
    let mut numbers = [own.major, own.minor].into_iter();
    let parts: Vec<&str> = version.split('.').collect();
    parts.len() <= 2 && own.pre.is_empty() && parts.iter().all(|part| part.parse().ok() == numbers.next())
}
