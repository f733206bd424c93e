//! What the session keeps running, and the settings it decides by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::{Config, OnExit, OnStartFailure, Ready, Update};
use crate::words::{ArtifactId, ServiceId, StopPlan};

/// What is built and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The quiet time that ends a burst of edits.
    pub debounce: Duration,
    /// Build and run once, without watching.
    pub once: bool,
    pub artifacts: BTreeSet<ArtifactId>,
    pub services: BTreeMap<ServiceId, Settings>,
}

impl From<&Config> for Setup {
    fn from(config: &Config) -> Self {
        Self {
            debounce: config.watch.debounce.value,
            once: config.once,
            artifacts: config.services().map(|(service, _)| runs(service)).collect(),
            services: config
                .services()
                .map(|(service, _)| (service, Settings::of(config, service)))
                .collect(),
        }
    }
}

/// Returns the artifact of a service.
fn runs(service: ServiceId) -> ArtifactId {
    ArtifactId(service.0)
}

/// The settings of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The artifact it runs, which no other service runs.
    pub runs: ArtifactId,
    /// How a new build takes over.
    pub update: Update,
    /// What follows when the program ends by itself.
    pub on_exit: OnExit,
    /// How the program is stopped.
    pub stop: StopPlan,
    /// A process is ready as soon as it runs.
    pub ready_at_spawn: bool,
    /// `ready` names the readiness, without which the program does not run well.
    pub ready_declared: bool,
    /// How long a process has to become ready.
    pub ready_timeout: Duration,
    /// A build that cannot start is replaced by the one before it.
    pub rollback: bool,
}

impl Settings {
    /// Returns the settings of a service.
    pub fn of(config: &Config, service: ServiceId) -> Self {
        let run = &config.service(service).run;
        let notifies = matches!(run.update.value, Update::Overlap | Update::Reexec);
        let ready_at_spawn = match run.ready.value {
            Ready::Auto => !notifies,
            Ready::Spawn => true,
            Ready::Notify | Ready::Tcp(_) | Ready::Localhost(_) | Ready::Http(_) | Ready::After(_) => false,
        };
        let rollback = match run.on_start_failure.value {
            OnStartFailure::Auto => !ready_at_spawn,
            OnStartFailure::Rollback => true,
            OnStartFailure::Wait => false,
        };
        Self {
            runs: runs(service),
            update: run.update.value,
            ready_at_spawn,
            ready_declared: !matches!(run.ready.value, Ready::Auto | Ready::Spawn),
            ready_timeout: run.ready_timeout.value,
            // There is nothing before the only build, and nothing after its end.
            rollback: rollback && !config.once,
            on_exit: if config.once { OnExit::Exit } else { run.on_exit.value },
            stop: StopPlan { signal: run.stop_signal.value, timeout: run.stop_timeout.value },
        }
    }
}
