//! Events of builds.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::BuildError;
use super::result::BuildResult;
use super::seed::{SeedNews, WarmUpNews};
use crate::messages::{Diagnostic, NamedPaths};
use crate::session::BuildOutcome;
use crate::words::{ArtifactId, BuildId};

#[derive(Debug)]
pub enum BuildNews {
    Spawned {
        build: BuildId,
        /// cargo's pid, which is also the id of its process group.
        pid: u32,
    },
    /// A build script was reported, whether it ran now or earlier.
    ScriptRan {
        build: BuildId,
        /// cargo's ID of its package.
        package: String,
        /// Its `OUT_DIR`.
        out_dir: PathBuf,
    },
    /// cargo has read the manifests, written `Cargo.lock` if necessary, and begun with the units.
    Resolved {
        build: BuildId,
    },
    Diagnostic {
        build: BuildId,
        diagnostic: Box<Diagnostic>,
    },
    /// cargo itself or a build script failed.
    CargoError {
        build: BuildId,
        diagnostic: Box<Diagnostic>,
    },
    /// A line of cargo's stderr that is no part of an error.
    Line {
        build: BuildId,
        /// With its colours.
        text: String,
        /// It ends with a carriage return, to be overwritten: a progress bar.
        transient: bool,
    },
    /// cargo's process group was stopped: by SIGTTIN or SIGTTOU if a member asked for the terminal.
    Stopped {
        build: BuildId,
        signal: i32,
    },
    Seed(SeedNews),
    WarmUp(WarmUpNews),
    /// Another process removed the live binary.
    LiveRemoved(ArtifactId),
    /// cargo and its process group have ended.
    Ended {
        build: BuildId,
        outcome: BuildOutcome,
        /// What was built.
        results: BTreeMap<ArtifactId, BuildResult>,
        /// A failure that is no compiler error.
        error: Option<BuildError>,
        /// The paths named by its errors.
        named: NamedPaths,
    },
}
