//! What a build gave.

use std::path::PathBuf;

use cargo_metadata::BuildScript;

/// What a build gave, known when it has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildResult {
    /// The program.
    pub executable: PathBuf,
    /// The shared libraries of the build that the program may load. Of two with one name the first is found.
    pub libraries: Vec<Library>,
    /// Grows whenever a build script has made something else than in the run before.
    pub outputs: u64,
    /// What every build script of the build printed, now or when it last ran.
    pub scripts: Vec<BuildScript>,
}

/// A shared library that a build made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// Where it is.
    pub path: PathBuf,
    /// Its file is never written to again: cargo removes a `dylib` before it is linked anew. Others may be overwritten.
    pub replaced: bool,
}
