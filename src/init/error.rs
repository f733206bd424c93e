//! Errors of `hotrun init`.

use std::io;
use std::path::PathBuf;

/// Why no config file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("`{}` already exists", .0.display())]
    Exists(PathBuf),
    /// The manifest already has the settings.
    #[error("`{}` already has `[package.metadata.hotrun]`", .0.display())]
    InManifest(PathBuf),
    #[error("could not write `{}`", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl InitError {
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
