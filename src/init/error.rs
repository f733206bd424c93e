//! Why no config file was written.

use std::io;
use std::path::PathBuf;

/// Why no config file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is one.
    #[error("`{}` already exists", .0.display())]
    Exists(PathBuf),
    /// The settings are in the manifest.
    #[error("`{}` already has `[package.metadata.hotrun]`", .0.display())]
    InManifest(PathBuf),
    /// It could not be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl InitError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => Some(
                "edit it, or remove it and run `hotrun init` again; `hotrun config` prints what is in force"
                    .to_owned(),
            ),
            Self::InManifest(_) => Some("edit it there, or remove it and run `hotrun init` again".to_owned()),
            Self::Write { .. } => None,
        }
    }
}
