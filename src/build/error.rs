//! Build failures that are no compiler errors, and failures to publish.

use std::io;
use std::path::PathBuf;

use crate::sys;

/// cargo could not run, or did not build the program.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("could not run `{program}`")]
    NotRun {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("could not run cargo: the folder `{}` does not exist any more", .0.display())]
    NoFolder(PathBuf),
    /// cargo succeeded without building the program.
    #[error("cargo built no program named `{0}`")]
    NoProgram(String),
    /// The program that is built next in its place would replace it.
    #[error("could not keep the new binary as `{}`", path.display())]
    NotKept { path: PathBuf, source: io::Error },
}

impl BuildError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotRun { source, .. } | Self::NotKept { source, .. } => {
                sys::limit_hint(source).map(ToOwned::to_owned)
            }
            Self::NoFolder(_) | Self::NoProgram(_) => None,
        }
    }
}

/// Why the live path could not be taken or given a new binary.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(
        "hotrun is already running this program ({}), from `{}`",
        pid.map_or("pid unknown".to_owned(), |pid| format!("pid {pid}")),
        live.display()
    )]
    Taken {
        /// From the lock file.
        pid: Option<u32>,
        live: PathBuf,
    },
    /// No build has succeeded.
    #[error("there is no fresh binary")]
    NoBinary,
    #[error("could not {what} `{}`", path.display())]
    Io {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl PublishError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Taken { pid, .. } => Some(format!(
                "stop the other one{}, or use another target directory with `--target-dir <DIR>`",
                pid.map_or(String::new(), |pid| format!(" (`kill {pid}`)"))
            )),
            Self::NoBinary => None,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
                    "make the target directory writable, or name another one with `--target-dir <DIR>`"
                        .to_owned(),
                ),
                _ if source.raw_os_error() == Some(libc::ELOOP) => {
                    Some("it is a link, which hotrun does not follow: remove it".to_owned())
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some("free some disk space; the next save, or `r`, tries again".to_owned())
                }
                _ => None,
            },
        }
    }
}
