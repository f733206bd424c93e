//! The services of a [`Config`].

use super::{BuildConfig, Config, Output, RunConfig, Runs, ServiceConfig};
use crate::words::ServiceId;

impl ServiceConfig {
    /// Returns the only service of a project without a table.
    pub(super) fn only(build: &BuildConfig, run: &RunConfig) -> Self {
        Self {
            name: String::new(),
            runs: Runs::of(build),
            run: run.clone(),
            after: Vec::new(),
            restart_with: Vec::new(),
            autostart: true,
            task: false,
            inputs: Vec::new(),
            port_auto: false,
        }
    }
}

impl Runs {
    /// Returns the program that `[build]` selects.
    fn of(build: &BuildConfig) -> Self {
        Self::Program { package: build.package.value.clone(), target: build.target() }
    }
}

impl Config {
    /// Returns whether services are named by `[service.*]` tables.
    pub fn has_services(&self) -> bool {
        self.services.iter().any(|service| !service.name.is_empty())
    }

    /// Returns a service by its index.
    ///
    /// # Panics
    ///
    /// If there is no such service.
    pub fn service(&self, service: ServiceId) -> &ServiceConfig {
        &self.services[usize::from(service.0)]
    }

    /// Returns whether hotrun reads what a service writes.
    pub fn captures(&self, service: ServiceId) -> bool {
        match self.service(service).run.output.value {
            Output::Inherit => false,
            Output::Capture => true,
            Output::Auto => self.services.len() > 1,
        }
    }

    /// Returns every service with its id.
    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &ServiceConfig)> {
        (0..).map(ServiceId).zip(&self.services)
    }
}
