//! Which programs one cargo can build together.
//!
//! Pure. Together they compile shared crates once, with the same features.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::TargetName;
use crate::project::ProgramInfo;
use crate::words::ArtifactId;

/// Splits the programs into groups. cargo takes each `--bin` and `--example` from every selected package, so that a name
/// must be unique among the packages of a group: with two of one name, one executable would replace the other
/// (<https://github.com/rust-lang/cargo/issues/13105>).
pub(super) fn groups(
    programs: &BTreeMap<ArtifactId, ProgramInfo>,
) -> Vec<BTreeMap<ArtifactId, &ProgramInfo>> {
    let mut groups: Vec<BTreeMap<ArtifactId, &ProgramInfo>> = Vec::new();
    for (&artifact, program) in programs {
        let fitting = groups.iter_mut().find(|group| fits(group.values().copied().chain([program])));
        match fitting {
            Some(group) => drop(group.insert(artifact, program)),
            None => groups.push(BTreeMap::from([(artifact, program)])),
        }
    }
    groups
}

fn fits<'a>(programs: impl Iterator<Item = &'a ProgramInfo> + Clone) -> bool {
    let packages: BTreeMap<&str, &[TargetName]> =
        programs.clone().map(|it| (&*it.package.id, &*it.package.programs)).collect();
    programs.map(|it| TargetName::from(&it.target)).all(|target| {
        let having = packages.values().filter(|targets| targets.contains(&target));
        having.count() == 1
    })
}

/// Returns the words that select the packages of a group, each once.
pub(super) fn packages<'a>(group: &BTreeMap<ArtifactId, &'a ProgramInfo>) -> Vec<&'a str> {
    match group.values().collect::<Vec<_>>().as_slice() {
        // An additional `-p` would change the features of dependencies. It is not needed: the program is among cargo's
        // default packages, and its name is unique there, or it would not have been found.
        [only] => only.spec.as_deref().into_iter().collect(),
        several => {
            let mut seen = BTreeSet::new();
            let once = several.iter().filter(|it| seen.insert(&*it.package.id));
            once.map(|it| it.spec.as_deref().unwrap_or(&it.package.name)).collect()
        }
    }
}

/// Whether another group builds an executable in the same place.
pub(super) fn is_replaced(programs: &BTreeMap<ArtifactId, ProgramInfo>, program: &ProgramInfo) -> bool {
    programs.values().any(|other| is_namesake(other, program) && other.package.id != program.package.id)
}

/// Returns the folder of a program's live path below that of its profile: that of its service if the place would be taken.
pub(super) fn folder(programs: &BTreeMap<ArtifactId, ProgramInfo>, artifact: ArtifactId) -> Option<&str> {
    let has_namesake = |artifact: ArtifactId| {
        programs
            .iter()
            .any(|(&other, program)| other != artifact && is_namesake(program, &programs[&artifact]))
    };
    let program = &programs[&artifact];
    let takes_folder = |(&other, info): (&ArtifactId, &ProgramInfo)| {
        info.service == program.target.name && has_namesake(other)
    };
    let is_taken = has_namesake(artifact) || programs.iter().any(takes_folder);
    is_taken.then_some(&*program.service).filter(|service| !service.is_empty())
}

fn is_namesake(one: &ProgramInfo, other: &ProgramInfo) -> bool {
    TargetName::from(&one.target) == TargetName::from(&other.target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{PackageInfo, ProgramKind, ProgramTarget};

    /// `SERVICE PACKAGE/PROGRAM`; an example begins with `+`. A package has its own programs and those of `more`.
    fn programs(wanted: &[&str], more: &[&str]) -> BTreeMap<ArtifactId, ProgramInfo> {
        let parts = |text: &str| {
            let (package, program) = text.split_once('/').unwrap();
            let name = program.trim_start_matches('+').to_owned();
            let target =
                if program.starts_with('+') { TargetName::Example(name) } else { TargetName::Bin(name) };
            (package.to_owned(), target)
        };
        let of_package = |text: &&str| text.rsplit(' ').next().map(parts);
        let all: Vec<_> = wanted.iter().chain(more).filter_map(of_package).collect();
        let program = |text: &&str| {
            let (service, program) = text.split_once(' ').unwrap();
            let (name, target) = parts(program);
            let own = all.iter().filter(|(package, _)| *package == name);
            let (kind, file) = match target {
                TargetName::Bin(file) => (ProgramKind::Bin, file),
                TargetName::Example(file) => (ProgramKind::Example, file),
            };
            ProgramInfo {
                service: service.to_owned(),
                spec: None,
                package: PackageInfo {
                    id: format!("path+file:///w#{name}"),
                    programs: own.map(|(_, target)| target.clone()).collect(),
                    name,
                    ..PackageInfo::default()
                },
                target: ProgramTarget { kind, name: file, src_path: "src/main.rs".into() },
                packages: Vec::new(),
            }
        };
        (0..).map(ArtifactId).zip(wanted.iter().map(program)).collect()
    }

    #[test]
    fn programs_are_built_together_unless_a_name_is_in_two_packages() {
        for (wanted, more, expect) in [
            (&["s p/p"] as &[&str], &[] as &[&str], "0:"),
            (&["s p/p", "t q/q"], &[], "0 1:p q"),
            (&["s p/p", "t p/x", "u p/+p"], &[], "0 1 2:p"),
            (&["s p/x", "t q/x", "u r/r"], &[], "0 2:p r | 1:"),
            // `--bin x` would build that of `q` as well.
            (&["s p/x", "t q/q", "u r/r"], &["q/x"], "0 2:p r | 1:"),
            (&["s p/p", "t q/q"], &["q/p"], "0: | 1:"),
            (&["s p/p", "t p/p"], &[], "0 1:p"),
            (&["s p/x", "t q/+x"], &[], "0 1:p q"),
        ] {
            let programs = programs(wanted, more);
            let groups = groups(&programs);
            let group = |group: &BTreeMap<ArtifactId, _>| {
                let ids: Vec<String> = group.keys().map(|artifact| artifact.0.to_string()).collect();
                format!("{}:{}", ids.join(" "), packages(group).join(" "))
            };
            assert_eq!(groups.iter().map(group).collect::<Vec<_>>().join(" | "), expect, "{wanted:?}");
        }
    }

    #[test]
    fn a_program_has_the_folder_of_its_service_where_its_place_is_taken() {
        for (wanted, expect) in [
            (&["s p/p", "t q/q"] as &[&str], "- -"),
            (&["s p/x", "t q/x", "u r/r"], "s t -"),
            (&["s p/p", "t p/p"], "s t"),
            (&["s p/x", "t q/+x"], "- -"),
            (&["s p/x", "t q/x", "u r/s"], "s t u"),
            (&[" p/p"], "-"),
        ] {
            let programs = programs(wanted, &[]);
            let folders: Vec<_> = programs.keys().map(|id| folder(&programs, *id).unwrap_or("-")).collect();
            assert_eq!(folders.join(" "), expect, "{wanted:?}");
        }
    }
}
