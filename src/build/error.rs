//! Why a build gave nothing where the compiler found no fault.

use std::io;
use std::path::PathBuf;

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
