//! What the session keeps running, and the settings it decides by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::{Config, OnExit, OnStartFailure, Ready, Runs, ServiceConfig, Update};
use crate::words::{ArtifactId, ServiceId, StopPlan};

/// What is built and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The quiet time that ends a burst of edits.
    pub debounce: Duration,
    /// Build and run once, without watching.
    pub once: bool,
    /// Publish nothing of a build unless all of it succeeded.
    pub together: bool,
    pub artifacts: BTreeSet<ArtifactId>,
    pub services: BTreeMap<ServiceId, Settings>,
}

impl From<&Config> for Setup {
    fn from(config: &Config) -> Self {
        Self {
            debounce: config.watch.debounce.value,
            once: config.once,
            together: config.build.together.value,
            artifacts: config.services().filter_map(|(service, _)| runs(config, service)).collect(),
            services: config
                .services()
                .map(|(service, _)| (service, Settings::of(config, service)))
                .collect(),
        }
    }
}

/// Returns the artifact of a service.
fn runs(config: &Config, service: ServiceId) -> Option<ArtifactId> {
    matches!(config.service(service).runs, Runs::Program { .. }).then_some(ArtifactId(service.0))
}

/// The settings of a service.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The artifact it runs, which no other service runs. A command has none.
    pub runs: Option<ArtifactId>,
    /// It runs to its end: with code 0 it has done what it was to do.
    pub task: bool,
    /// It starts with hotrun.
    pub autostart: bool,
    /// It starts when these are ready, and tasks among them have done what they were to do. No circles.
    pub after: BTreeSet<ServiceId>,
    /// It is started again when one of these was replaced. No circles.
    pub restart_with: BTreeSet<ServiceId>,
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
        let ServiceConfig { run, after, restart_with, autostart, task, .. } = config.service(service);
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
            runs: runs(config, service),
            task: *task,
            autostart: *autostart,
            after: after.iter().copied().collect(),
            restart_with: restart_with.iter().copied().collect(),
            update: run.update.value,
            ready_at_spawn,
            ready_declared: !matches!(run.ready.value, Ready::Auto | Ready::Spawn),
            ready_timeout: run.ready_timeout.value,
            // There is nothing before the only build, and nothing after its end. A task that fails does so for what it works
            // on, and is run again when that or the task itself changed.
            rollback: rollback && !config.once && !task,
            on_exit: match run.on_exit.value {
                _ if config.once => OnExit::Exit,
                OnExit::Restart if *task => OnExit::Wait,
                on_exit => on_exit,
            },
            stop: StopPlan { signal: run.stop_signal.value, timeout: run.stop_timeout.value },
        }
    }
}
