//! Reads the project, cargo's configuration and the toolchain again while hotrun runs.

use std::path::PathBuf;

use super::Site;
use crate::config::BuildConfig;
use crate::project::{
    CargoConfig, Environment, Memo, Platform, Project, ProjectError, Queries, Toolchain, cargo_environment,
};

/// The inputs of a reading, for another thread.
#[derive(Debug)]
pub(crate) struct Question {
    cwd: PathBuf,
    environment: Environment,
    build: BuildConfig,
}

/// The result of a reading, not yet in force.
#[derive(Debug)]
pub(crate) struct Answers {
    toolchain: Toolchain,
    cargo_config: CargoConfig,
    project: Project,
    platform: Platform,
}

impl Site {
    pub(crate) fn question(&self) -> Question {
        let (cwd, environment) = (self.cwd.clone(), self.environment.clone());
        Question { cwd, environment, build: self.config.build.clone() }
    }

    /// Puts the answers into force for later builds and starts; the settings stay as they are.
    pub(crate) fn take_up(&mut self, answers: Answers) {
        let Answers { toolchain, cargo_config, project, platform } = answers;
        self.toolchain = toolchain;
        self.cargo_config = cargo_config;
        self.project = project;
        self.platform = platform;
    }
}

impl Question {
    pub(crate) fn ask(self, queries: &Queries) -> Result<Answers, ProjectError> {
        let Self { cwd, environment, build } = self;
        let toolchain = Memo::default().toolchain(&cwd, &environment, queries)?;
        let for_cargo = cargo_environment(&toolchain, &environment, &build);
        let cargo_config = CargoConfig::load(&cwd, &for_cargo, &build.common_args);
        let project = Project::recall(
            &toolchain,
            &for_cargo,
            &cargo_config,
            &build,
            &cwd,
            queries,
            &mut Memo::default(),
        )?;
        let triple = build.triple.as_deref();
        let platform = Platform::detect(&toolchain, &for_cargo, &cargo_config, triple, &cwd, queries)?;
        Ok(Answers { toolchain, cargo_config, project, platform })
    }
}
