//! What cargo is told to do.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::news::BuildNews;
use super::scripts::Outputs;
use super::seed::SeedPlan;
use crate::words::BuildId;

/// One run of cargo.
#[derive(Debug, Clone)]
pub struct BuildOrder {
    /// Its number.
    pub build: BuildId,
    /// cargo and its arguments.
    pub command: Vec<OsString>,
    /// The complete environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The folder to run it in.
    pub cwd: PathBuf,
    /// What is being built.
    pub program: Program,
    /// What the staging target may begin as.
    pub seed: Option<SeedPlan>,
}

/// Which of the artifacts is the program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The package's id, as cargo prints it.
    pub package: String,
    /// The target's name.
    pub target: String,
}

/// A run of cargo.
pub(super) struct Job {
    pub(super) order: BuildOrder,
    pub(super) cancelled: oneshot::Receiver<()>,
    pub(super) news: mpsc::UnboundedSender<BuildNews>,
    pub(super) outputs: Rc<Outputs>,
}
