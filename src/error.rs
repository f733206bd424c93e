//! The errors that end hotrun before it runs anything, gathered from the rooms, with the exit code each stands for.

use std::path::PathBuf;

use crate::build::PublishError;
use crate::cli::CliError;
use crate::config::Named;
use crate::control::ControlError;
use crate::handover::ListenError;
use crate::init::InitError;
use crate::project::ProjectError;
use crate::settings::SettingsError;
use crate::sys;
use crate::watch::WatchError;

/// Why hotrun cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line.
    #[error(transparent)]
    Cli(#[from] CliError),
    /// The configuration.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The project, or cargo itself.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// The live path.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// `hotrun init`.
    #[error(transparent)]
    Init(#[from] InitError),
    /// Watching.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// Talking to a hotrun that runs.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A file that the user named could not be opened.
    #[error("could not open the {what} `{}`", path.display())]
    Open {
        /// What it is for.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The log or the events file is a file that people edit.
    #[error("{setting} names `{path}`, which is part of the project")]
    Watched {
        /// The setting that names it.
        setting: Named,
        /// The file, from the current folder where it is below it.
        path: String,
    },
    /// The system refused something hotrun cannot do without.
    #[error("could not {what}")]
    System {
        /// What.
        what: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// A file of settings that is not TOML.
    pub fn is_syntax(&self) -> bool {
        matches!(self, Self::Settings(error) if error.is_syntax())
    }

    /// The exit code: 2 for wrong usage or config, 1 for what makes going on impossible.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Cli(error) => error.exit_code(),
            Self::Settings(_) | Self::Watched { .. } => 2,
            Self::Project(error) => error.exit_code(),
            Self::Control(error) => error.exit_code(),
            Self::Publish(_)
            | Self::Listen(_)
            | Self::Init(_)
            | Self::Watch(_)
            | Self::Open { .. }
            | Self::System { .. } => 1,
        }
    }

    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Cli(error) => error.hint(),
            Self::Settings(error) => error.hint(),
            Self::Project(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::Listen(error) => error.hint(),
            Self::Init(error) => error.hint(),
            Self::Watch(error) => error.hint(),
            Self::Control(error) => error.hint(),
            Self::Watched { .. } => Some("hotrun writes to it: name another file".to_owned()),
            Self::Open { .. } => Some("name a file in a folder that exists and can be written to".to_owned()),
            Self::System { source, .. } => sys::limit_hint(source).map(ToOwned::to_owned),
        }
    }
}
