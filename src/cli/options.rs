//! The options of `run` and `config`, as clap reads them: plain text and paths, nothing checked beyond the words clap lists.
//!
//! Units, addresses and precedence belong to the config room. Options without `hide_short_help` are the daily ones of `-h`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, Resettable};
use clap::{ArgAction, Args, ValueHint};

/// What was typed for `run` and `config`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RunOptions {
    /// The program cargo builds.
    #[command(flatten)]
    pub cargo: CargoOptions,
    /// What counts as a change.
    #[command(flatten)]
    pub watch: WatchOptions,
    /// How the program runs.
    #[command(flatten)]
    pub process: ProcessOptions,
    /// What hotrun shows and writes.
    #[command(flatten)]
    pub output: OutputOptions,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS", help_heading = Resettable::Reset)]
    pub args: Vec<OsString>,
}

/// Options that mean what they mean to `cargo run`.
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
    /// Keep intermediates in the project's own build directory
    ///
    /// Saves disk space and the first full build, but waits for the lock that rust-analyzer and other terminals take.
    #[arg(long, hide_short_help = true, help_heading = COMPILATION)]
    pub share_build_dir: bool,
    /// Number of parallel jobs, defaults to the number of CPUs
    #[arg(short, long, value_name = "N", allow_hyphen_values = true, hide_short_help = true, help_heading = COMPILATION)]
    pub jobs: Option<String>,
    /// Do not abort the build as soon as there is an error
    #[arg(long, hide_short_help = true, help_heading = COMPILATION)]
    pub keep_going: bool,
    /// Output a build timing report at the end of each build
    #[arg(long, hide_short_help = true, help_heading = COMPILATION)]
    pub timings: bool,

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

/// Options of the `[watch]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Watching")]
pub struct WatchOptions {
    /// File or folder the program reads: a change builds and restarts
    ///
    /// May be given several times. Sources need not be named: hotrun knows what cargo and rustc read.
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub watch: Vec<PathBuf>,
    /// Gitignore-style pattern of what never counts as a change; wins over everything
    #[arg(short, long, value_name = "GLOB", hide_short_help = true)]
    pub ignore: Vec<String>,
    /// Quiet time that ends a burst of edits [default: 50ms]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub debounce: Option<String>,
    /// Look at files instead of relying on events: `auto`, `always`, `never` or an interval [default: auto]
    ///
    /// Without a value: always, once a second.
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always",
        hide_short_help = true
    )]
    pub poll: Option<String>,
    /// Build, publish and run once, without watching
    #[arg(long, hide_short_help = true)]
    pub once: bool,
}

/// Options of the `[run]` table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Running")]
pub struct ProcessOptions {
    /// How a new build reaches the process [default: restart]
    ///
    /// `restart`: stop the old process, then start the new one. `overlap`: start the new one, wait until it is ready, then
    /// stop the old one. `manual`: build and publish, restart only on request. `reexec`: send SIGHUP to a program that
    /// re-executes itself.
    #[arg(
        long,
        value_name = "MODE",
        value_parser = PossibleValuesParser::new(["restart", "overlap", "manual", "reexec"])
    )]
    pub update: Option<String>,
    /// Socket that hotrun opens and hands to the program
    ///
    /// A port (of 127.0.0.1), `localhost:PORT`, `IP:PORT`, `tcp:ADDR`, `udp:ADDR` or `unix:PATH`; `NAME=ADDR` names it. The program
    /// gets it as from systemd: descriptors from 3 on, `LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`.
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<String>,
    /// When a process counts as ready [default: auto]
    ///
    /// `spawn`: at once. `notify`: `READY=1` on `NOTIFY_SOCKET`. `tcp:ADDR`: it accepts. `http://HOST:PORT/PATH`: it
    /// answers 2xx or 3xx. A duration: after that time. `auto`: `notify` for `overlap` and `reexec`, else `spawn`.
    #[arg(long, value_name = "HOW", hide_short_help = true)]
    pub ready: Option<String>,
    /// How long to wait until it is ready [default: 30s]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub ready_timeout: Option<String>,
    /// First signal of a stop: a name or a number [default: SIGTERM]
    #[arg(long, value_name = "SIGNAL", hide_short_help = true)]
    pub stop_signal: Option<String>,
    /// How long a stop may take before SIGKILL [default: 5s]
    #[arg(long, value_name = "DURATION", hide_short_help = true)]
    pub stop_timeout: Option<String>,
    /// What to do when a new build cannot start [default: auto]
    ///
    /// `rollback`: start the previous build again. `wait`: leave the program down. `auto`: `rollback` where `--ready` was set.
    #[arg(
        long,
        value_name = "WHAT",
        hide_short_help = true,
        value_parser = PossibleValuesParser::new(["auto", "rollback", "wait"])
    )]
    pub on_start_failure: Option<String>,
    /// What to do when the program ends by itself [default: wait]
    ///
    /// `wait`: for a change. `restart`: after a pause that grows with each failure. `exit`: end with the program's exit code.
    #[arg(
        long,
        value_name = "WHAT",
        hide_short_help = true,
        value_parser = PossibleValuesParser::new(["wait", "restart", "exit"])
    )]
    pub on_exit: Option<String>,
    /// Environment variable for the program only
    #[arg(short = 'E', long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// File of environment variables for the program; an edit restarts without a build
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub env_file: Vec<PathBuf>,
    /// What the program gets as its stdin [default: lend]
    ///
    /// `lend`: the terminal, when it asks for it. `null`: nothing. `inherit`: hotrun's own from the start, which turns the
    /// keys off.
    #[arg(
        long,
        value_name = "MODE",
        hide_short_help = true,
        value_parser = PossibleValuesParser::new(["lend", "null", "inherit"])
    )]
    pub stdin: Option<String>,
}

/// Options for what hotrun itself shows, writes and reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Output and Configuration")]
pub struct OutputOptions {
    /// Clear the screen when there is something new to show
    #[arg(short, long)]
    pub clear: bool,
    /// Notify through the terminal (OSC 9, or its bell) when a build fails or recovers
    #[arg(short = 'N', long, hide_short_help = true)]
    pub notify: bool,
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
    /// Append machine-readable events to a file, one JSON object per line
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub events: Option<PathBuf>,
    /// Write hotrun's own lines and diagnostics to a file as well
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub log: Option<PathBuf>,
    /// Read this file instead of the package's `hotrun.toml`
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath, hide_short_help = true)]
    pub config_file: Option<PathBuf>,
}

const PACKAGE: &str = "Package and Target Selection";
const FEATURES: &str = "Feature Selection";
const COMPILATION: &str = "Compilation Options";
const MANIFEST: &str = "Manifest Options";
