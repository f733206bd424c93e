//! What the runtime keeps for each service: the live binary, its processes, and what outlives them.

use std::collections::BTreeMap;
use std::ops::{Index, IndexMut};
use std::path::{Path, PathBuf};

use tokio::time::Instant;

use crate::build::{BuildResult, PublishError, Publisher, Sentinel};
use crate::config::{RunConfig, Runs};
use crate::control::keeper;
use crate::error::Error;
use crate::handover::probe::Probing;
use crate::handover::{Adopted, Handover, Listeners, Snapshot, free_ports};
use crate::project::Launch;
use crate::site::Site;
use crate::words::{ArtifactId, Instance, ServiceId};

pub(super) struct Hosts(BTreeMap<ServiceId, Host>);

impl Hosts {
    pub(super) fn new(hosts: impl IntoIterator<Item = (ServiceId, Host)>) -> Self {
        Self(hosts.into_iter().collect())
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Host> {
        self.0.values_mut()
    }

    /// Returns the programs that are built.
    pub(super) fn programs(&mut self) -> impl Iterator<Item = &mut Program> {
        self.iter_mut().filter_map(|host| host.program.as_mut())
    }

    /// Returns a program, and the service that runs it.
    pub(super) fn running(&mut self, artifact: ArtifactId) -> Option<(ServiceId, &mut Host)> {
        let runs = |host: &Host| host.program.as_ref().is_some_and(|program| program.artifact == artifact);
        self.0.iter_mut().find(|(_, host)| runs(host)).map(|(service, host)| (*service, host))
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
    /// What cargo builds for it; a command has nothing.
    pub(super) program: Option<Program>,
    /// How the processes that run were started.
    pub(super) launches: BTreeMap<Instance, Launch>,
    /// The settings of the process started last, which say how it becomes ready.
    pub(super) awaits: RunConfig,
    /// The port of `port = "auto"`.
    pub(super) port: Option<u16>,
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

/// A program that is built and published.
pub(super) struct Program {
    pub(super) artifact: ArtifactId,
    pub(super) publisher: Publisher,
    pub(super) sentinel: Sentinel,
    /// What it was built as last.
    pub(super) built: Option<BuildResult>,
    /// What the live build gave, and the one before it.
    pub(super) live: Option<BuildResult>,
    pub(super) previous: Option<BuildResult>,
    /// The folder with the libraries of the process started last.
    pub(super) libraries: Option<PathBuf>,
}

impl Program {
    pub(super) fn new(artifact: ArtifactId, publisher: Publisher, sentinel: Sentinel) -> Self {
        Self { artifact, publisher, sentinel, built: None, live: None, previous: None, libraries: None }
    }

    /// Sets the live path back to the build before.
    pub(super) fn roll_back(&mut self) -> Result<(), PublishError> {
        self.publisher.roll_back()?;
        self.live = self.previous.take();
        Ok(())
    }
}

impl Host {
    pub(super) fn new(
        program: Option<Program>,
        awaits: RunConfig,
        port: Option<u16>,
        handover: Handover,
    ) -> Self {
        Self {
            program,
            launches: BTreeMap::new(),
            awaits,
            port,
            stops: BTreeMap::new(),
            handover,
            probing: None,
            snapshot: None,
            reloading: None,
        }
    }

    /// Returns the live path of its program.
    pub(super) fn live(&self) -> Option<&Path> {
        self.program.as_ref().map(|program| program.publisher.live())
    }

    /// Restores what was stored before the build that could not start.
    pub(super) fn restore_stored(&mut self) {
        if let Some(snapshot) = self.snapshot.take() {
            self.handover.store.restore(snapshot);
        }
    }
}

/// What a service holds before anything runs.
pub(super) struct Claim {
    pub(super) program: Option<(ArtifactId, Publisher)>,
    pub(super) listeners: Listeners,
    pub(super) port: Option<u16>,
}

/// Takes the live path of each program.
pub(super) fn keep(site: &Site) -> Result<BTreeMap<ServiceId, (ArtifactId, Publisher)>, PublishError> {
    let programs = site.config.services().filter(|(_, service)| matches!(service.runs, Runs::Program { .. }));
    let keep = |service: ServiceId| {
        let artifact = ArtifactId(service.0);
        let publisher = Publisher::open(site.live(artifact))?;
        if publisher.may_be_shared()
            && let Some((_, pid)) = keeper(publisher.live())
        {
            return Err(PublishError::Taken { pid: Some(pid), live: publisher.live().to_owned() });
        }
        Ok((service, (artifact, publisher)))
    };
    programs.map(|(service, _)| keep(service)).collect()
}

/// Opens the sockets of all services, and finds their ports.
pub(super) fn claim(
    site: &Site,
    mut programs: BTreeMap<ServiceId, (ArtifactId, Publisher)>,
    mut adopted: Adopted,
) -> Result<Vec<Claim>, Error> {
    let services = &site.config.services;
    let mut shares: Vec<Adopted> = services.iter().map(|service| adopted.share(&service.run)).collect();
    // What no service names is for the first, as it is for the only one.
    if let Some(first) = shares.first_mut() {
        first.add(adopted);
    }
    let wanted = services.iter().filter(|service| service.port_auto).count();
    let ports = free_ports(wanted).map_err(|source| Error::System { what: "find a free port", source })?;
    let mut ports = ports.into_iter();
    let claims = site.config.services().zip(shares).map(|((id, service), adopted)| {
        let listeners = Listeners::open(&service.run, adopted)?;
        let port = if service.port_auto { ports.next() } else { None };
        Ok(Claim { program: programs.remove(&id), listeners, port })
    });
    claims.collect()
}
