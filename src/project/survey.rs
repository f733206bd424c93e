//! Reads everything about the project at once.

use std::collections::BTreeMap;
use std::path::Path;

use super::{
    CargoConfig, Environment, Platform, ProgramChoice, Project, ProjectError, Queries, Toolchain,
    cargo_environment,
};
use crate::config::BuildConfig;
use crate::words::ArtifactId;

/// What rustup, cargo, its configuration and rustc say about the project.
#[derive(Debug)]
pub struct Survey {
    pub toolchain: Toolchain,
    pub cargo_config: CargoConfig,
    pub project: Project,
    pub platform: Platform,
}

impl Survey {
    /// Reads the project of the folder `cwd` and finds its `programs`. `clean` is hotrun's own environment, cleaned.
    pub fn take(
        cwd: &Path,
        clean: &Environment,
        build: &BuildConfig,
        programs: &BTreeMap<ArtifactId, ProgramChoice>,
        queries: &Queries,
    ) -> Result<Self, ProjectError> {
        let toolchain = Toolchain::find(cwd, clean, queries)?;
        let for_cargo = cargo_environment(&toolchain, clean, build);
        let cargo_config = CargoConfig::load(cwd, &for_cargo, &build.common_args);
        let triple = build.triple.as_deref();
        let detect = || Platform::detect(&toolchain, &for_cargo, &cargo_config, triple, cwd, queries);
        // rustc is queried in parallel to cargo.
        let (project, platform) = std::thread::scope(|scope| {
            let beside = std::thread::Builder::new().name("rustc".to_owned()).spawn_scoped(scope, detect);
            let project =
                Project::discover(&toolchain, &for_cargo, &cargo_config, build, programs, cwd, queries);
            let platform = match beside {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // The system refused a thread.
                Err(_) => detect(),
            };
            (project, platform)
        });
        let (project, platform) = (project?, platform?);
        Ok(Self { toolchain, cargo_config, project, platform })
    }
}
