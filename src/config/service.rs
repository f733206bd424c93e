//! The services of a [`Config`].

use super::{Config, Output, Runs, ServiceConfig, TargetName};
use crate::words::ServiceId;

impl ServiceConfig {
    /// Returns the only service of a project without a table.
    pub(super) fn only(config: &Config) -> Self {
        let build = &config.build;
        Self {
            name: String::new(),
            runs: Runs::program(
                build.package.value.as_ref(),
                build.bin.value.as_ref(),
                build.example.value.as_ref(),
            ),
            keys: config.own.clone(),
            run: config.run.clone(),
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
    /// Returns the program that these keys name; binary and example exclude each other.
    pub(super) fn program(package: Option<&String>, bin: Option<&String>, example: Option<&String>) -> Self {
        let bin = bin.cloned().map(TargetName::Bin);
        let target = bin.or_else(|| example.cloned().map(TargetName::Example));
        Self::Program { package: package.cloned(), target }
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
