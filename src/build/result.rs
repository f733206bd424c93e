//! The result of a build, for each artifact.

use std::path::{Path, PathBuf};

use cargo_metadata::BuildScript;

/// A program that was built.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildResult {
    /// As cargo names it.
    pub executable: PathBuf,
    /// Where it is kept if another program is built in its place.
    pub aside: Option<PathBuf>,
    /// cargo's list of its inputs. There is none if another program of the build failed: cargo leaves the last one then.
    pub dep_info: Option<PathBuf>,
    /// The shared libraries the program may load. Of two with one name the first is found.
    pub libraries: Vec<Library>,
    /// Grows when a build script produces other output than in its last run.
    pub outputs: u64,
    /// The messages of every build script of the build, whether it ran now or earlier.
    pub scripts: Vec<BuildScript>,
}

impl BuildResult {
    /// Returns the file with the executable.
    pub fn file(&self) -> &Path {
        self.aside.as_deref().unwrap_or(&self.executable)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    pub path: PathBuf,
    /// The file is never written to again: cargo removes a `dylib` before linking it anew. Others may be
    /// overwritten.
    pub replaced: bool,
}
