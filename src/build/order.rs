//! The order to run cargo.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::news::BuildNews;
use super::scripts::Outputs;
use super::seed::SeedPlan;
use crate::words::{ArtifactId, BuildId};

/// A build to run.
#[derive(Debug, Clone)]
pub struct BuildOrder {
    pub build: BuildId,
    /// What is built, one group after the other.
    pub groups: Vec<Group>,
    /// Complete.
    pub env: BTreeMap<OsString, OsString>,
    pub cwd: PathBuf,
    /// How the staging target can be seeded.
    pub seed: Option<SeedPlan>,
}

/// Programs that one cargo builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// cargo and its arguments.
    pub command: Vec<OsString>,
    pub programs: BTreeMap<ArtifactId, Program>,
}

/// A program, as cargo's messages identify it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The package's id, as cargo prints it.
    pub package: String,
    pub target: String,
    /// Not a binary of its package.
    pub example: bool,
    /// Where its executable is kept if another group builds one in the same place.
    pub aside: Option<PathBuf>,
}

pub(super) struct Job {
    pub(super) order: BuildOrder,
    pub(super) cancelled: oneshot::Receiver<()>,
    pub(super) news: mpsc::UnboundedSender<BuildNews>,
    pub(super) outputs: Rc<Outputs>,
}
