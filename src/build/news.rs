//! What comes out of a build.

use std::path::PathBuf;

use super::error::BuildError;
use super::result::BuildResult;
use super::seed::SeedNews;
use crate::messages::{Diagnostic, NamedPaths};
use crate::session::BuildOutcome;
use crate::words::BuildId;

/// What comes out of a build.
#[derive(Debug)]
pub enum BuildNews {
    /// cargo runs.
    Spawned {
        /// Which build.
        build: BuildId,
        /// cargo's pid, and the id of its process group.
        pid: u32,
    },
    /// A build script is done, now or in an earlier build.
    ScriptRan {
        /// Which build.
        build: BuildId,
        /// cargo's ID of its package.
        package: String,
        /// Its `OUT_DIR`.
        out_dir: PathBuf,
    },
    /// cargo has read the manifests, written `Cargo.lock` where it had to, and begun with the units.
    Resolved {
        /// Which build.
        build: BuildId,
    },
    /// The compiler said something.
    Diagnostic {
        /// Which build.
        build: BuildId,
        /// What.
        diagnostic: Box<Diagnostic>,
    },
    /// cargo itself failed, or a build script.
    CargoError {
        /// Which build.
        build: BuildId,
        /// What.
        diagnostic: Box<Diagnostic>,
    },
    /// A line of cargo's stderr that is no part of an error, without its end. A line that cargo means to overwrite (its progress bar) is `transient`.
    Line {
        /// Which build.
        build: BuildId,
        /// The line, colours and all.
        text: String,
        /// It ends with a carriage return.
        transient: bool,
    },
    /// cargo's process group was stopped by this signal: SIGTTIN or SIGTTOU where something it runs asks for the terminal.
    Stopped {
        /// Which build.
        build: BuildId,
        /// By which signal.
        signal: i32,
    },
    /// The staging target begins as a copy, or does not.
    Seed(SeedNews),
    /// Somebody else removed the live binary.
    LiveRemoved,
    /// cargo and its process group have ended.
    Ended {
        /// Which build.
        build: BuildId,
        /// How.
        outcome: BuildOutcome,
        /// What it gave, where it succeeded.
        result: Option<BuildResult>,
        /// What went wrong where the compiler found no fault.
        error: Option<BuildError>,
        /// What its errors named.
        named: NamedPaths,
    },
}
