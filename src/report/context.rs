//! What the lines for people depend on beside the fact they tell.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::session::Notice;
use crate::words::{BuildId, Instance, Names, ServiceId};

/// Settings that the lines depend on.
#[derive(Debug, Clone)]
pub struct Context {
    /// Paths are shown relative to it.
    pub cwd: PathBuf,
    /// Of the services.
    pub names: Names,
    /// Whether keys work.
    pub keys: bool,
    /// `--once`: hotrun does not wait for changes.
    pub once: bool,
    /// `-v`: lines of builds have the form that tools match.
    pub verbose: bool,
    pub past: Past,
}

/// What earlier facts were about.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The build that ended succeeded after one that failed.
    pub(super) recovered: bool,
    /// The files that changed since a build or a process was started.
    pub(super) changed: Vec<PathBuf>,
    /// The build of each process: two processes of a service during an overlap.
    pub(super) running: BTreeMap<Instance, BuildId>,
}

impl Past {
    /// Takes in a fact, after its lines were rendered.
    pub(super) fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Changed(paths) => self.changed.clone_from(paths),
            Notice::BuildStarted { .. } => self.changed.clear(),
            Notice::Starting { .. } => {
                self.changed.clear();
                self.recovered = false;
            }
            Notice::Unchanged { .. } | Notice::Held { .. } => self.recovered = false,
            Notice::Reloaded { instance, build, .. } => {
                self.recovered = false;
                self.running.insert(*instance, *build);
            }
            Notice::ProcessStarted { instance, build, .. } => {
                self.running.insert(*instance, *build);
            }
            Notice::ProcessExited { instance, .. } => {
                self.running.remove(instance);
            }
            _ => {}
        }
    }
}

impl Context {
    /// Returns a build as the subject of a sentence. A command has none.
    pub(super) fn build(&self, build: BuildId, service: ServiceId) -> String {
        match self.names.told(service) {
            Some(name) if build == BuildId(0) => name.to_owned(),
            Some(name) => format!("build {build} of {name}"),
            None => format!("build {build}"),
        }
    }

    /// Returns the program as the subject of a sentence.
    pub(super) fn program(&self, service: ServiceId) -> &str {
        self.names.told(service).unwrap_or("the program")
    }

    /// Returns the name with this after it, where there are several.
    pub(super) fn label(&self, service: ServiceId, after: &str) -> String {
        self.names.told(service).map_or(String::new(), |name| format!("{name}{after}"))
    }
}
