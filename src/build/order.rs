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
    /// cargo and its arguments.
    pub command: Vec<OsString>,
    /// Complete.
    pub env: BTreeMap<OsString, OsString>,
    pub cwd: PathBuf,
    /// What is built.
    pub programs: BTreeMap<ArtifactId, Program>,
    /// How the staging target can be seeded.
    pub seed: Option<SeedPlan>,
}

/// Identifies a program in cargo's messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The package's id, as cargo prints it.
    pub package: String,
    pub target: String,
}

pub(super) struct Job {
    pub(super) order: BuildOrder,
    pub(super) cancelled: oneshot::Receiver<()>,
    pub(super) news: mpsc::UnboundedSender<BuildNews>,
    pub(super) outputs: Rc<Outputs>,
}
