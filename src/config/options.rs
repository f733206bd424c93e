//! clap's options of `run`, `config` and `doctor`: unchecked text and paths, except for clap's word lists.
//!
//! cargo's options are fields here; those of hotrun's settings come from the table. `-h` shows the options
//! without `hide_short_help`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, Resettable};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, ValueHint};

use super::table::{COMPILATION, OUTPUT, ROWS, SettingRow};

/// The options of `run` and `config`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RunOptions {
    #[command(flatten)]
    pub cargo: CargoOptions,
    #[command(flatten)]
    pub settings: SettingOptions,
    #[command(flatten)]
    pub own: OwnOptions,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS", help_heading = Resettable::Reset)]
    pub args: Vec<OsString>,
}

/// Options that mean the same to `cargo run`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag that was typed")]
pub struct CargoOptions {
    /// Package with the program to run
    #[arg(short, long, value_name = "SPEC", help_heading = PACKAGE)]
    pub package: Option<String>,
    /// Name of the binary to run
    #[arg(long, value_name = "NAME", conflicts_with = "example", help_heading = PACKAGE)]
    pub bin: Option<String>,
    /// Name of the example to run
    #[arg(long, value_name = "NAME", help_heading = PACKAGE)]
    pub example: Option<String>,

    /// Space or comma separated list of features to activate
    #[arg(short = 'F', long, value_name = "FEATURES", help_heading = FEATURES)]
    pub features: Vec<String>,
    /// Activate all available features
    #[arg(long, hide_short_help = true, help_heading = FEATURES)]
    pub all_features: bool,
    /// Do not activate the `default` feature
    #[arg(long, hide_short_help = true, help_heading = FEATURES)]
    pub no_default_features: bool,

    /// Build in release mode, with optimizations
    #[arg(short, long, help_heading = COMPILATION)]
    pub release: bool,
    /// Build with the named profile
    #[arg(long, value_name = "PROFILE-NAME", hide_short_help = true, help_heading = COMPILATION)]
    pub profile: Option<String>,
    /// Build for the target triple
    #[arg(long, value_name = "TRIPLE", hide_short_help = true, help_heading = COMPILATION)]
    pub target: Option<String>,
    /// Directory for all generated artifacts
    #[arg(long, value_name = "DIRECTORY", value_hint = ValueHint::DirPath, hide_short_help = true, help_heading = COMPILATION)]
    pub target_dir: Option<PathBuf>,
    /// Number of parallel jobs, defaults to the number of CPUs
    #[arg(short, long, value_name = "N", allow_hyphen_values = true, hide_short_help = true, help_heading = COMPILATION)]
    pub jobs: Option<String>,
    /// Do not abort the build as soon as there is an error
    #[arg(long, hide_short_help = true, help_heading = COMPILATION)]
    pub keep_going: bool,
    /// Output a build timing report at the end of each build
    #[arg(long, hide_short_help = true, help_heading = COMPILATION)]
    pub timings: bool,

    #[command(flatten)]
    pub manifest: ManifestOptions,
}

/// Those of them that say how cargo reads manifests and its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "one per flag that was typed")]
pub struct ManifestOptions {
    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true, help_heading = MANIFEST)]
    pub manifest_path: Option<PathBuf>,
    /// Ignore `rust-version` specification in packages
    #[arg(long, hide_short_help = true, help_heading = MANIFEST)]
    pub ignore_rust_version: bool,
    /// Assert that `Cargo.lock` will remain unchanged
    #[arg(long, hide_short_help = true, help_heading = MANIFEST)]
    pub locked: bool,
    /// Run without accessing the network
    #[arg(long, hide_short_help = true, help_heading = MANIFEST)]
    pub offline: bool,
    /// Equivalent to specifying both --locked and --offline
    #[arg(long, hide_short_help = true, help_heading = MANIFEST)]
    pub frozen: bool,
    /// Override a cargo configuration value
    #[arg(long, value_name = "KEY=VALUE|PATH", hide_short_help = true, help_heading = MANIFEST)]
    pub config: Vec<String>,
    /// Unstable (nightly-only) flags to cargo, see `cargo -Z help`
    #[arg(short = 'Z', value_name = "FLAG", hide_short_help = true, help_heading = MANIFEST)]
    pub unstable: Vec<String>,
}

/// Options of hotrun that are no settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = OUTPUT)]
pub struct OwnOptions {
    /// Build, publish and run once, without watching
    #[arg(long, hide_short_help = true, help_heading = "Watching")]
    pub once: bool,
    /// Run only these services, and those they need
    #[arg(
        short,
        long = "service",
        value_name = "NAME",
        num_args = 1..,
        value_delimiter = ',',
        hide_short_help = true,
        help_heading = "Package and Target Selection"
    )]
    pub services: Vec<String>,
    /// Show errors and warnings only
    #[arg(short, long, conflicts_with = "verbose", hide_short_help = true)]
    pub quiet: bool,
    /// Show more: what is watched, and of each change that does not count why
    #[arg(short, long, action = ArgAction::Count, hide_short_help = true)]
    pub verbose: u8,
    /// When to use colours [default: auto]
    #[arg(
        long,
        value_name = "WHEN",
        hide_short_help = true,
        value_parser = PossibleValuesParser::new(["auto", "always", "never"])
    )]
    pub color: Option<String>,
    /// Read this file instead of the package's `hotrun.toml`
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub config_file: Option<PathBuf>,
}

/// The typed options of settings, each with its values in the order they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingOptions(Vec<(&'static str, Vec<OsString>)>);

impl SettingOptions {
    /// Returns the values of a typed option.
    pub fn words(&self, option: &str) -> Option<&[OsString]> {
        self.0.iter().find(|(name, _)| *name == option).map(|(_, words)| words.as_slice())
    }

    /// Adds an option as if it had been typed, unless it was.
    #[must_use]
    pub fn or(mut self, option: &'static str, word: &str) -> Self {
        if self.words(option).is_none() {
            self.0.push((option, vec![word.into()]));
        }
        self
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &[OsString])> {
        self.0.iter().map(|(name, words)| (*name, words.as_slice()))
    }
}

impl FromArgMatches for SettingOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = own_options().filter(|(name, ..)| {
            matches.value_source(name).is_some_and(|source| source == ValueSource::CommandLine)
        });
        // A flag has no values.
        let words = |name| matches.try_get_many::<OsString>(name).ok().flatten();
        Ok(Self(
            typed.map(|(name, ..)| (name, words(name).into_iter().flatten().cloned().collect())).collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        command.args(own_options().map(|(name, entry, describe)| {
            let (summary, details) = entry.help();
            let summary = match (entry.default_text)() {
                Some(default) => format!("{summary} [default: {default}]"),
                None => summary,
            };
            let option = describe(Arg::new(name).long(name)).help(summary.clone());
            match details {
                Some(rest) => option.long_help(format!("{summary}\n\n{rest}")),
                None => option,
            }
        }))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

fn own_options() -> impl Iterator<Item = (&'static str, &'static SettingRow, fn(Arg) -> Arg)> {
    // Headings come in the order of their first option: files come last, next to hotrun's other output.
    let (files, tables): (Vec<&SettingRow>, Vec<&SettingRow>) =
        ROWS.iter().partition(|entry| entry.table.is_empty());
    tables.into_iter().chain(files).filter_map(|entry| Some((entry.option?, entry, entry.describe?)))
}

const PACKAGE: &str = "Package and Target Selection";
const FEATURES: &str = "Feature Selection";
const MANIFEST: &str = "Manifest Options";
