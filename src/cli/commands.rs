//! Options of subcommands that do not take those of `run`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::config::{CargoOptions, ManifestOptions, RunOptions};

/// The options of `init`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct InitOptions {
    /// Package with the program to run
    #[arg(short, long, value_name = "SPEC")]
    pub package: Option<String>,
    /// Name of the binary to run
    #[arg(long, value_name = "NAME", conflicts_with = "example")]
    pub bin: Option<String>,
    /// Name of the example to run
    #[arg(long, value_name = "NAME")]
    pub example: Option<String>,
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub manifest_path: Option<PathBuf>,
}

impl From<InitOptions> for RunOptions {
    fn from(options: InitOptions) -> Self {
        let InitOptions { package, bin, example, manifest_path } = options;
        let manifest = ManifestOptions { manifest_path, ..ManifestOptions::default() };
        let cargo = CargoOptions { package, bin, example, manifest, ..CargoOptions::default() };
        Self { cargo, ..Self::default() }
    }
}
