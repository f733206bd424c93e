//! Options of the commands that talk to a running hotrun: selecting it, and the format of the answer.

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, ValueHint};

use crate::config::CargoOptions;

/// The options of `status`, `restart` and the like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ControlOptions {
    #[command(flatten)]
    pub selection: Selection,
    /// Only these services [default: all]
    #[arg(value_name = "NAME", help_heading = Resettable::Reset)]
    pub services: Vec<String>,
    /// Print the answer as one JSON object
    #[arg(long, help_heading = Resettable::Reset)]
    pub json: bool,
}

/// The options of `wait`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct WaitOptions {
    #[command(flatten)]
    pub control: ControlOptions,
    /// Wait no longer than this (`20s`, `1m 30s`); then the exit status is 124
    #[arg(long, value_name = "DURATION", help_heading = Resettable::Reset)]
    pub timeout: Option<String>,
}

/// The options of `logs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LogsOptions {
    #[command(flatten)]
    pub selection: Selection,
    /// Only these services [default: all]
    #[arg(value_name = "NAME", help_heading = Resettable::Reset)]
    pub services: Vec<String>,
    /// Print what is written from now on too, until hotrun ends
    #[arg(short, long, help_heading = Resettable::Reset)]
    pub follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 100, help_heading = Resettable::Reset)]
    pub lines: usize,
    /// Print each line as a JSON object
    #[arg(long, help_heading = Resettable::Reset)]
    pub json: bool,
}

/// Options of `run` that tell one hotrun from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Which hotrun, where several run here")]
pub struct Selection {
    /// The one that runs a program of this package
    #[arg(short, long, value_name = "SPEC")]
    pub package: Option<String>,
    /// The one that runs this binary
    #[arg(long, value_name = "NAME", conflicts_with = "example")]
    pub bin: Option<String>,
    /// The one that runs this example
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// The one that builds in release mode
    #[arg(short, long, conflicts_with = "profile")]
    pub release: bool,
    /// The one that builds with this profile
    #[arg(long, value_name = "PROFILE-NAME")]
    pub profile: Option<String>,
    /// The one that builds for this target triple
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// The one that builds in this target directory
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath)]
    pub target_dir: Option<PathBuf>,
    /// The one of the package or workspace of this Cargo.toml, instead of the current folder's
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub manifest_path: Option<PathBuf>,
}

/// The hotrun that `run` with these options would be.
impl From<&CargoOptions> for Selection {
    fn from(options: &CargoOptions) -> Self {
        let CargoOptions { package, bin, example, release, profile, target, target_dir, .. } =
            options.clone();
        let manifest_path = options.manifest.manifest_path.clone();
        Self { package, bin, example, release, profile, target, target_dir, manifest_path }
    }
}
