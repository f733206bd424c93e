//! What differs between two configs, and what of an edit can take effect.

use std::collections::BTreeSet;

use super::table::{Needs, ROWS, SERVICE, SettingRow, of_service};
use super::{Config, Runs, ServiceConfig};
use crate::words::ServiceId;

/// A setting with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The key with its table.
    pub key: String,
    pub needs: Needs,
    /// The services it is about, where it is about services.
    pub services: BTreeSet<ServiceId>,
}

impl Changed {
    /// Whether it decides when a process of its services counts as ready.
    pub fn is_readiness(&self) -> bool {
        matches!(self.name(), "ready" | "ready-timeout" | "update")
    }

    /// Whether it names the sockets of its services.
    pub fn is_listen(&self) -> bool {
        self.name() == "listen"
    }

    fn name(&self) -> &str {
        self.key.rsplit('.').next().unwrap_or_default()
    }
}

/// Returns the settings whose values differ, in the order of the file. Services have the ids of `before`.
/// Origins are ignored: a key of a file that the command line overrides changes nothing.
pub fn changes(before: &Config, after: &Config) -> Vec<Changed> {
    let pairs: Vec<Pair> = before
        .services()
        .filter_map(|(id, one)| {
            let other = after.services.iter().find(|other| other.name == one.name)?;
            let turned = is_command(other) != is_command(one);
            let name = one.name.clone();
            Some(Pair { id, name, one: before.of(one), other: after.of(other), turned })
        })
        .collect();
    let mut changed = Vec::new();
    for row in ROWS.iter().filter(|row| row.table != SERVICE && !(row.same)(before, after)) {
        let of_run = pairs.iter().filter(|pair| row.table == "run" && pair.differs(row));
        let services = of_run.map(|pair| pair.id).collect();
        changed.push(Changed { key: row.key.to_owned(), needs: row.needs, services });
    }
    for pair in pairs.iter().filter(|pair| !pair.name.is_empty()) {
        let own = of_service().filter(|row| pair.differs(row));
        for row in own.filter(|row| row.table == SERVICE || (row.same)(before, after)) {
            let needs = if row.name == "command" && pair.turned { Needs::Hotrun } else { row.needs };
            let key = format!("{SERVICE}.{}.{}", pair.name, row.name);
            changed.push(Changed { key, needs, services: BTreeSet::from([pair.id]) });
        }
    }
    let missing =
        |from: &Config, other: &ServiceConfig| from.services.iter().all(|one| one.name != other.name);
    let came = after.services.iter().filter(|other| missing(before, other));
    let went = before.services.iter().filter(|other| missing(after, other));
    for service in came.chain(went).filter(|service| !service.name.is_empty()) {
        let key = format!("{SERVICE}.{}", service.name);
        changed.push(Changed { key, needs: Needs::Hotrun, services: BTreeSet::new() });
    }
    changed
}

/// A service before and after an edit, each as a config of its own.
struct Pair {
    id: ServiceId,
    name: String,
    one: Config,
    other: Config,
    /// It was a program and is a command, or the other way round.
    turned: bool,
}

impl Pair {
    fn differs(&self, row: &SettingRow) -> bool {
        !(row.same)(&self.one, &self.other)
    }
}

fn is_command(service: &ServiceConfig) -> bool {
    matches!(service.runs, Runs::Command(_))
}

impl Config {
    /// Returns these settings with the values of `started` for those that need a restart of hotrun. Services
    /// stay as they were started, and keep their ids.
    #[must_use]
    pub fn as_started(mut self, started: &Self) -> Self {
        for row in ROWS.iter().filter(|row| row.needs == Needs::Hotrun) {
            (row.copy)(&mut self, started);
        }
        let read = std::mem::take(&mut self.services);
        let id = |id: &ServiceId| {
            let name = &read.get(usize::from(id.0))?.name;
            started.services().find(|(_, service)| service.name == *name).map(|(id, _)| id)
        };
        let services = started.services.iter().map(|was| {
            let Some(now) = read.iter().find(|now| now.name == was.name) else { return was.clone() };
            let (mut settings, before) = (self.of(now), started.of(was));
            let turned = is_command(now) != is_command(was);
            for row in
                of_service().filter(|row| row.needs == Needs::Hotrun || (turned && row.name == "command"))
            {
                (row.copy)(&mut settings, &before);
            }
            let runs = if is_command(was) && !turned { now.runs.clone() } else { was.runs.clone() };
            ServiceConfig {
                runs,
                task: was.task,
                keys: settings.own,
                after: now.after.iter().filter_map(id).collect(),
                restart_with: now.restart_with.iter().filter_map(id).collect(),
                ..now.clone()
            }
        });
        self.services = services.collect();
        self
    }

    /// Returns the settings of a service as a config without services.
    pub(super) fn of(&self, service: &ServiceConfig) -> Self {
        Self {
            build: self.build.clone(),
            watch: self.watch.clone(),
            run: service.run.clone(),
            own: service.keys.clone(),
            ui: self.ui.clone(),
            files: self.files.clone(),
            once: self.once,
            services: Vec::new(),
        }
    }
}
