//! Errors of starting a program.

use std::io;
use std::path::PathBuf;

use crate::sys;

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// A bare name that is not found on `PATH`.
    #[error("no program `{}` found on `PATH`", .0.display())]
    NotOnPath(PathBuf),
    #[error("no file `{}`", .0.display())]
    Missing(PathBuf),
    /// The working directory cannot be entered.
    #[error("could not start `{}` in the folder `{}`", program.display(), cwd.display())]
    Folder { program: PathBuf, cwd: PathBuf, source: io::Error },
    /// No execute permission, a folder, or a file system mounted with `noexec`.
    #[error("`{}` may not be executed", .0.display())]
    NotExecutable(PathBuf),
    /// The interpreter or dynamic linker is missing.
    #[error("`{}` needs `{}`, which is missing", program.display(), interpreter.display().to_string().escape_debug())]
    MissingInterpreter {
        program: PathBuf,
        /// From its first line or its header.
        interpreter: PathBuf,
    },
    /// Neither a program for this machine nor a script with a `#!` line.
    #[error("`{}` is not a program that this system can execute", .0.display())]
    NotAProgram(PathBuf),
    #[error("`{}` is open for writing in another process", .0.display())]
    Busy(PathBuf),
    #[error("could not start `{}`", program.display())]
    Other { program: PathBuf, source: io::Error },
}

impl SpawnError {
    /// Returns a way out, if there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotOnPath(program) => format!("install `{0}`, or name it with its path", program.display()),
            Self::Folder { .. } => "check `run.cwd`".to_owned(),
            Self::NotExecutable(program) => {
                format!("`chmod +x {0}`, unless its file system is mounted with `noexec`", program.display())
            }
            Self::MissingInterpreter { interpreter, .. } if interpreter.to_string_lossy().ends_with('\r') => {
                "save the script with Unix line ends".to_owned()
            }
            Self::MissingInterpreter { .. } => {
                "install it, or build for a target that this system can run".to_owned()
            }
            Self::NotAProgram(_) => {
                "a program for another target needs a `runner` in `.cargo/config.toml`, a script a first line \
                 such as `#!/bin/sh`"
                    .to_owned()
            }
            Self::Busy(_) => "close it there, then press `r`".to_owned(),
            Self::Other { source, .. } => return sys::limit_hint(source).map(ToOwned::to_owned),
            Self::Missing(_) => return None,
        })
    }
}
