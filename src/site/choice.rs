//! Which programs the settings choose, and whose settings count.

use std::collections::BTreeMap;
use std::path::Path;

use crate::config::{Config, Runs, ServiceConfig};
use crate::project::{ProgramChoice, Project};
use crate::words::{ArtifactId, ServiceId};

/// Returns the programs that the settings choose, each numbered as the service that runs it.
pub(super) fn choices(config: &Config) -> BTreeMap<ArtifactId, ProgramChoice> {
    let choice = |(ServiceId(number), service): (ServiceId, &ServiceConfig)| {
        let Runs::Program { package, target } = &service.runs else { return None };
        let (package, target) = (package.clone(), target.clone());
        Some((ArtifactId(number), ProgramChoice { service: service.name.clone(), package, target }))
    };
    config.services().filter_map(choice).collect()
}

/// Returns the folder of the package whose settings are in force: the program's, or with several or none the nearest.
pub(super) fn settings_folder<'a>(project: &'a Project, nearest: Option<&'a Path>) -> Option<&'a Path> {
    let sole = project.first().filter(|_| project.programs.len() == 1);
    sole.map(|program| &*program.package.root).or(nearest)
}
