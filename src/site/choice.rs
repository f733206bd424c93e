//! Which programs the settings choose, and whose settings count.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::Config;
use crate::project::{ProgramChoice, Project};
use crate::words::ArtifactId;

/// Returns the programs that the settings choose.
pub(super) fn choices(config: &Config) -> BTreeMap<ArtifactId, ProgramChoice> {
    BTreeMap::from([(ArtifactId::MAIN, ProgramChoice::from(&config.build))])
}

/// Returns the folder of the package whose settings are in force: the program's, or with several the nearest.
pub(super) fn settings_folder<'a>(project: &'a Project, nearest: Option<&'a Path>) -> Option<&'a Path> {
    let sole = project.first().filter(|_| project.programs.len() == 1);
    sole.map(|program| &*program.package.root).or(nearest)
}
