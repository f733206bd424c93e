//! The settings in force: command line, environment and files merged into one checked [`Config`].
//!
//! Pure: text and plain data in, a `Config` or one clear error out. Reading the files is the caller's part.
//!
//! [`merge`] is the way in. Each source is read into a layer (`file`, `typed`), the layers are laid over each other, what
//! concerns several settings is checked at the end. `units` and `address` know what the words mean.

mod address;
mod cargo_args;
mod changes;
pub mod env_file;
mod error;
mod file;
mod keys;
mod layer;
mod merge;
mod schema;
mod show;
#[cfg(test)]
mod tests;
mod typed;
mod units;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use address::{format_address, http_host, reaches};
pub use changes::{Needs, changes};
pub use error::{ConfigError, Named, Place};
pub use merge::{color, merge};
pub use schema::schema;
pub(crate) use show::quoted;
pub use show::show;
pub use typed::duration;
pub use units::{POLL_INTERVAL, signal_name};

/// hotrun's own environment variables, by name. Others in it are not looked at.
pub type Environment = BTreeMap<String, OsString>;

/// A config file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Where it is, absolute: relative paths in it are under its folder.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
    /// Where in it the tables are.
    pub kind: FileKind,
}

/// Where in a file the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// At the top: `hotrun.toml`.
    Hotrun,
    /// Under `[package.metadata.hotrun]`: a `Cargo.toml`.
    Manifest,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// Typed on the command line.
    CommandLine,
    /// An environment variable of hotrun's own (its name).
    Environment(&'static str),
    /// A config file or manifest, and the line (from 1).
    File(PathBuf, usize),
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// Every setting, checked, with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What cargo is asked to build.
    pub build: BuildConfig,
    /// What counts as a change.
    pub watch: WatchConfig,
    /// How the program runs.
    pub run: RunConfig,
    /// What is shown.
    pub ui: UiConfig,
    /// `--events`.
    pub events: Setting<Option<PathBuf>>,
    /// `--log`.
    pub log: Setting<Option<PathBuf>>,
    /// `--once`.
    pub once: bool,
}

/// The `[build]` table and cargo's own options.
#[derive(Debug, Clone, PartialEq)]
pub struct BuildConfig {
    /// `-p`.
    pub package: Setting<Option<String>>,
    /// `--bin` or `--example`.
    pub target: Setting<Option<TargetName>>,
    /// What `cargo metadata` and `cargo build` get alike: `--manifest-path`, features, `--locked`, `--offline`,
    /// `--frozen`, `--config`, `-Z`.
    pub manifest_path: Option<PathBuf>,
    /// `-F`, several joined.
    pub features: Setting<Vec<String>>,
    /// `--all-features`.
    pub all_features: bool,
    /// `--no-default-features`.
    pub no_default_features: bool,
    /// The profile's name: `dev`, `release`, …
    pub profile: Setting<String>,
    /// `--target` triple.
    pub triple: Option<String>,
    /// `--target-dir`.
    pub target_dir: Option<PathBuf>,
    /// `--locked`, `--offline`, `--frozen`, `--config KEY=VALUE`, `-Z FLAG`: passed to every cargo command as typed.
    pub common_args: Vec<String>,
    /// `-j`, `--keep-going`, `--ignore-rust-version`, `--timings` and `build.args`: passed to `cargo build` only.
    pub build_args: Vec<String>,
    /// `build.args` as it was set; its words are part of `common_args` and `build_args` already.
    pub args: Setting<Vec<String>>,
    /// `build.env`: for cargo only.
    pub env: BTreeMap<String, Setting<String>>,
    /// `build.inputs`, absolute.
    pub inputs: Vec<Setting<PathBuf>>,
    /// `build.share-build-dir`.
    pub share_build_dir: Setting<bool>,
    /// `build.debug-info`.
    pub debug_info: Setting<DebugInfo>,
}

/// `build.debug-info`: how much of it the staging target's builds have, whatever other builds of the profile have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugInfo {
    /// What the profile says.
    Profile,
    /// Files and lines, for backtraces.
    Lines,
    /// None.
    None,
}

/// Which program of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetName {
    /// `--bin NAME`.
    Bin(String),
    /// `--example NAME`.
    Example(String),
}

/// The `[watch]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchConfig {
    /// `watch.paths`, absolute.
    pub paths: Vec<Setting<PathBuf>>,
    /// `watch.ignore`: gitignore-style globs, each with the folder it is relative to.
    pub ignore: Vec<Setting<IgnoreGlob>>,
    /// `watch.debounce`.
    pub debounce: Setting<Duration>,
    /// `watch.poll`.
    pub poll: Setting<Poll>,
}

/// One `watch.ignore` pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreGlob {
    /// The folder the pattern is relative to.
    pub base: PathBuf,
    /// The pattern, as in a `.gitignore`.
    pub glob: String,
}

/// `watch.poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// Where events cannot be relied on.
    Auto,
    /// Always, at the default interval.
    Always,
    /// Never.
    Never,
    /// Always, at this interval.
    Every(Duration),
}

/// The `[run]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// The program's arguments.
    pub args: Setting<Vec<OsString>>,
    /// `run.env`, `-E`.
    pub env: BTreeMap<String, Setting<String>>,
    /// `run.env-file`, absolute, in the order they are read.
    pub env_files: Vec<Setting<PathBuf>>,
    /// `run.cwd`: where the program starts; hotrun's own folder where it is not set.
    pub cwd: Setting<Option<PathBuf>>,
    /// `run.stdin`.
    pub stdin: Setting<Stdin>,
    /// `run.listen`.
    pub listen: Vec<Setting<Listen>>,
    /// `run.ready`.
    pub ready: Setting<Ready>,
    /// `run.ready-timeout`.
    pub ready_timeout: Setting<Duration>,
    /// `run.update`.
    pub update: Setting<Update>,
    /// `run.on-start-failure`.
    pub on_start_failure: Setting<OnStartFailure>,
    /// `run.on-exit`.
    pub on_exit: Setting<OnExit>,
    /// `run.stop-signal`, the platform's number.
    pub stop_signal: Setting<i32>,
    /// `run.stop-timeout`.
    pub stop_timeout: Setting<Duration>,
}

/// `run.stdin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// The program gets the terminal when it asks for it.
    Lend,
    /// `/dev/null`.
    Null,
    /// hotrun's own, from the start.
    Inherit,
}

/// One `run.listen` entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `NAME=`, unique.
    pub name: Option<String>,
    /// What to bind.
    pub address: ListenAddress,
}

/// What a `listen` entry binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP listener.
    Tcp(std::net::SocketAddr),
    /// A UDP socket.
    Udp(std::net::SocketAddr),
    /// A listening Unix stream socket.
    Unix(PathBuf),
}

/// `run.ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// `notify` for `overlap` and `reexec`, else `spawn`.
    Auto,
    /// At once.
    Spawn,
    /// `READY=1` on `NOTIFY_SOCKET`.
    Notify,
    /// The address accepts.
    Tcp(std::net::SocketAddr),
    /// The URL answers 2xx or 3xx.
    Http(String),
    /// After this time.
    After(Duration),
}

/// `run.update`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// Stop the old process, then start the new one.
    Restart,
    /// Start the new one, wait until it is ready, then stop the old one.
    Overlap,
    /// Only on request.
    Manual,
    /// SIGHUP; the program re-executes the live path itself.
    Reexec,
}

/// `run.on-start-failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStartFailure {
    /// `Rollback` where readiness was declared, else `Wait`.
    Auto,
    /// Start the previous binary again.
    Rollback,
    /// Leave the program down.
    Wait,
}

/// `run.on-exit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExit {
    /// Wait for a change.
    Wait,
    /// Start it again, with backoff.
    Restart,
    /// End with its code.
    Exit,
}

/// The `[ui]` table.
#[derive(Debug, Clone, PartialEq)]
pub struct UiConfig {
    /// `ui.clear`.
    pub clear: Setting<bool>,
    /// `ui.keys`.
    pub keys: Setting<bool>,
    /// `ui.notify`.
    pub notify: Setting<bool>,
    /// `--color`.
    pub color: Color,
    /// `-q` is -1, each `-v` adds 1.
    pub verbosity: i8,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The path from `base` on, without `.` components; `..` stays, because what it means depends on symbolic links.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    base.join(path).components().collect()
}

/// A path as texts show it: from the current folder where it is below it.
fn shown(path: &Path, cwd: &Path) -> PathBuf {
    path.strip_prefix(cwd).unwrap_or(path).to_owned()
}
