//! The errors that end hotrun before it runs anything, with their exit codes.

use std::path::PathBuf;

use crate::build::PublishError;
use crate::cli::CliError;
use crate::config::SettingName;
use crate::control::ControlError;
use crate::handover::ListenError;
use crate::init::error::InitError;
use crate::process::background::BackgroundError;
use crate::project::ProjectError;
use crate::settings::SettingsError;
use crate::sys;
use crate::watch::WatchError;

/// A fatal error of any room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Cli(#[from] CliError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Background(#[from] BackgroundError),
    /// A file named by the user.
    #[error("could not open the {what} `{}`", path.display())]
    Open {
        /// What the file is for.
        what: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The log or the events file is part of the project.
    #[error("{setting} names `{path}`, which is part of the project")]
    Watched {
        setting: SettingName,
        /// Relative to the current folder if it is below.
        path: String,
    },
    /// The system refused something hotrun cannot run without.
    #[error("could not {what}")]
    System {
        what: &'static str,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Whether a config file is not valid TOML.
    pub fn is_syntax(&self) -> bool {
        matches!(self, Self::Settings(error) if error.is_syntax())
    }

    /// Returns 2 for wrong usage or config, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Cli(error) => error.exit_code(),
            Self::Settings(_) | Self::Watched { .. } => 2,
            Self::Project(error) => error.exit_code(),
            Self::Control(error) => error.exit_code(),
            Self::Background(error) => error.exit_code(),
            Self::Publish(_)
            | Self::Listen(_)
            | Self::Init(_)
            | Self::Watch(_)
            | Self::Open { .. }
            | Self::System { .. } => 1,
        }
    }

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
            Self::Background(error) => error.hint(),
            Self::Watched { .. } => Some("hotrun writes to it: name another file".to_owned()),
            Self::Open { .. } => Some("name a file in a folder that exists and can be written to".to_owned()),
            Self::System { source, .. } => sys::limit_hint(source).map(ToOwned::to_owned),
        }
    }
}
