//! What the runtime keeps for each service: the live binary, its processes, and what outlives them.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::path::PathBuf;

use tokio::time::Instant;

use crate::build::{BuildResult, Publisher, Sentinel};
use crate::config::RunConfig;
use crate::handover::probe::Probing;
use crate::handover::{Handover, Snapshot};
use crate::project::Launch;
use crate::words::{ArtifactId, Instance, ServiceId};

pub(super) struct Hosts(BTreeMap<ServiceId, Host>);

impl Hosts {
    pub(super) fn new(hosts: impl IntoIterator<Item = (ServiceId, Host)>) -> Self {
        Self(hosts.into_iter().collect())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Host> {
        self.0.values_mut()
    }

    /// Returns the service that runs an artifact.
    pub(super) fn running(&mut self, artifact: ArtifactId) -> Option<&mut Host> {
        self.iter_mut().find(|host| host.runs == artifact)
    }
}

impl Index<ServiceId> for Hosts {
    type Output = Host;

    fn index(&self, service: ServiceId) -> &Host {
        self.0.get(&service).expect("services do not come and go")
    }
}

impl IndexMut<ServiceId> for Hosts {
    fn index_mut(&mut self, service: ServiceId) -> &mut Host {
        self.0.get_mut(&service).expect("services do not come and go")
    }
}

/// A service.
pub(super) struct Host {
    pub(super) runs: ArtifactId,
    pub(super) publisher: Publisher,
    pub(super) sentinel: Sentinel,
    /// What it was built as last.
    pub(super) built: Option<BuildResult>,
    /// What the live build gave, and the one before it.
    pub(super) live: Option<BuildResult>,
    pub(super) previous: Option<BuildResult>,
    /// How the processes that run were started.
    pub(super) launches: BTreeMap<Instance, Launch>,
    /// The settings of the process started last, which say how it becomes ready.
    pub(super) awaits: RunConfig,
    /// The folder with the libraries of the process started last.
    pub(super) libraries: Option<PathBuf>,
    /// The processes that hotrun stops: the signal and its time, unless they are killed at
    /// once.
    pub(super) stops: BTreeMap<Instance, Option<(i32, Instant)>>,
    pub(super) handover: Handover,
    /// The probe of a process's readiness.
    pub(super) probing: Option<(Instance, Probing)>,
    /// What was stored before the process that was started last.
    pub(super) snapshot: Option<Snapshot>,
    /// The process told to run the live binary itself, and whether it said RELOADING=1.
    pub(super) reloading: Option<(Instance, bool)>,
}

impl Host {
    pub(super) fn new(
        runs: ArtifactId,
        publisher: Publisher,
        sentinel: Sentinel,
        awaits: RunConfig,
        handover: Handover,
    ) -> Self {
        Self {
            runs,
            publisher,
            sentinel,
            built: None,
            live: None,
            previous: None,
            launches: BTreeMap::new(),
            awaits,
            libraries: None,
            stops: BTreeMap::new(),
            handover,
            probing: None,
            snapshot: None,
            reloading: None,
        }
    }

    /// Restores what was stored before the build that could not start.
    pub(super) fn restore_stored(&mut self) {
        if let Some(snapshot) = self.snapshot.take() {
            self.handover.store.restore(snapshot);
        }
    }
}
