//! The result of a build, for each artifact.

use std::path::PathBuf;

use cargo_metadata::BuildScript;

/// A program that was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildResult {
    pub executable: PathBuf,
    /// The shared libraries the program may load. Of two with one name the first is found.
    pub libraries: Vec<Library>,
    /// Grows when a build script produces other output than in its last run.
    pub outputs: u64,
    /// The messages of every build script of the build, whether it ran now or earlier.
    pub scripts: Vec<BuildScript>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub path: PathBuf,
    /// The file is never written to again: cargo removes a `dylib` before linking it anew. Others may be
    /// overwritten.
    pub replaced: bool,
}
