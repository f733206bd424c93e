//! Why a build gave nothing where the compiler found no fault.

use std::io;
use std::path::PathBuf;

use crate::sys;

/// cargo could not be run, or did not build what it was to build.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// cargo could not be started.
    #[error("could not run `{program}`")]
    NotRun {
        /// Which cargo.
        program: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The folder it is to run in is gone.
    #[error("could not run cargo: the folder `{}` does not exist any more", .0.display())]
    NoFolder(PathBuf),
    /// It succeeded without the program.
    #[error("cargo built no program named `{0}`")]
    NoProgram(String),
}

impl BuildError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotRun { source, .. } => sys::limit_hint(source).map(ToOwned::to_owned),
            Self::NoFolder(_) | Self::NoProgram(_) => None,
        }
    }
}
