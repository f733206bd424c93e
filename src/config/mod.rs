//! Merges command line, environment and files into one checked [`Config`].
//!
//! Pure: text in, a `Config` or one clear error out. The caller reads the files.
//!
//! [`merge`] is the entry point. Every setting is a row of `table`. Each source is read into a layer, higher
//! layers override lower ones, and constraints between settings are checked at the end. `text` and `shape`
//! define how a setting is read, merged and shown; `units` and `address` parse its values.

mod address;
mod cargo_args;
mod changes;
mod checks;
pub mod env_file;
mod error;
mod file;
mod merge;
mod options;
mod page;
mod schema;
mod service;
mod services;
mod shape;
mod show;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod units;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::words::ServiceId;

pub(crate) use address::{format_address, format_ready, http_host};
pub use changes::{Changed, changes};
pub(crate) use checks::named;
pub use error::{ConfigError, FileLine, SettingName};
pub use merge::{color, duration, merge};
pub use options::{CargoOptions, ManifestOptions, OwnOptions, RunOptions, SettingOptions};
pub(crate) use page::quoted;
pub use schema::schema;
pub use show::show;
pub use table::{
    BuildConfig, FilesConfig, Needs, RunConfig, ServiceKeys, UiConfig, WatchConfig, documented, variables,
};
pub use units::{POLL_INTERVAL, signal_name};

/// The values of hotrun's own environment variables by name; other variables are ignored.
pub type OwnVariables = BTreeMap<String, OsString>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// Absolute; relative paths in the file are relative to its folder.
    pub path: PathBuf,
    pub text: String,
    pub kind: FileKind,
}

/// Where in a file the tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// At the top, in `hotrun.toml`.
    Hotrun,
    /// Under `[package.metadata.hotrun]`, in `Cargo.toml`.
    Manifest,
}

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Default,
    CommandLine,
    /// The name of the variable.
    Environment(&'static str),
    /// A config file or manifest, and the line (from 1).
    File(PathBuf, usize),
}

/// A value and its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    pub value: T,
    pub origin: Origin,
}

/// Every setting with its origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub build: BuildConfig,
    pub watch: WatchConfig,
    /// What holds for every service that sets nothing else.
    pub run: RunConfig,
    /// The same for the keys that only services have.
    pub own: ServiceKeys,
    pub ui: UiConfig,
    pub files: FilesConfig,
    pub once: bool,
    /// Never empty; the index is the number of a `ServiceId`.
    pub services: Vec<ServiceConfig>,
}

/// A program or command that hotrun keeps running.
///
/// Without a `[service.*]` table there is exactly one, made of `[build]` and `[run]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceConfig {
    /// Empty without a table.
    pub name: String,
    pub runs: Runs,
    /// Its own keys as written.
    pub keys: ServiceKeys,
    /// `[run]`, overlaid by the keys of the service.
    pub run: RunConfig,
    /// The services that must be ready before this one starts.
    pub after: Vec<ServiceId>,
    /// The services whose replacement restarts this one.
    pub restart_with: Vec<ServiceId>,
    /// Whether it starts with hotrun.
    pub autostart: bool,
    /// It runs to its end, and again when its inputs change.
    pub task: bool,
    /// The files that run a command or task again.
    pub inputs: Vec<IgnoreGlob>,
    /// Whether `PORT` is a port that hotrun chooses.
    pub port_auto: bool,
}

/// What a service runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// A program that cargo builds.
    Program {
        package: Option<String>,
        target: Option<TargetName>,
    },
    Command(CommandLine),
}

/// `service.NAME.command`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// A program, by its path or looked up in `PATH`, and its arguments.
    Exec(Vec<String>),
    /// For `sh -c`.
    Shell(String),
}

impl Config {
    /// Returns whether hotrun reads keys from a terminal.
    pub fn takes_keys(&self) -> bool {
        // Several services have no terminal of their own.
        let lends = match &self.services[..] {
            [only] => only.run.stdin.value == Stdin::Lend,
            _ => true,
        };
        self.ui.keys.value && lends && !self.once
    }
}

/// `build.debug-info`: the debug information of builds in the staging target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebugInfo {
    /// As the profile says.
    Profile,
    /// Files and lines, for backtraces.
    Lines,
    None,
}

/// A program of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetName {
    Bin(String),
    Example(String),
}

/// A pattern of `watch.ignore`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreGlob {
    pub base: PathBuf,
    /// In the syntax of `.gitignore`.
    pub glob: String,
}

/// `watch.poll`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poll {
    /// Where events are unreliable.
    Auto,
    /// At the default interval.
    Always,
    Never,
    Every(Duration),
}

/// `run.stdin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// The program gets the terminal when it asks for it.
    Lend,
    Null,
    /// hotrun's own stdin, from the start.
    Inherit,
}

/// `run.output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// `Capture` with several services, else `Inherit`.
    Auto,
    /// The program writes to hotrun's own stdout and stderr.
    Inherit,
    /// hotrun reads what the program writes.
    Capture,
}

/// `service.NAME.port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Auto,
}

/// An entry of `run.listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `NAME=`, unique.
    pub name: Option<String>,
    pub address: ListenAddress,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp(std::net::SocketAddr),
    Udp(std::net::SocketAddr),
    /// A listening stream socket.
    Unix(PathBuf),
}

/// `run.ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// `notify` for `overlap` and `reexec`, else `spawn`.
    Auto,
    /// As soon as it is started.
    Spawn,
    /// `READY=1` on `NOTIFY_SOCKET`.
    Notify,
    /// The address accepts connections.
    Tcp(std::net::SocketAddr),
    /// The port accepts on 127.0.0.1 or `[::1]`: programs differ in what `localhost` means.
    Localhost(u16),
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
    Manual,
    /// Send SIGHUP; the program re-executes the live path.
    Reexec,
}

/// `run.on-start-failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStartFailure {
    /// `Rollback` if readiness was declared, else `Wait`.
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
    /// Exit with its code.
    Exit,
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl BuildConfig {
    /// Returns the program selected by `build.bin`, `build.example` or their options.
    pub fn target(&self) -> Option<TargetName> {
        let bin = self.bin.value.clone().map(TargetName::Bin);
        bin.or_else(|| self.example.value.clone().map(TargetName::Example))
    }

    /// Selects the program; origins stay as they are.
    pub fn set_target(&mut self, target: Option<TargetName>) {
        (self.bin.value, self.example.value) = match target {
            Some(TargetName::Bin(name)) => (Some(name), None),
            Some(TargetName::Example(name)) => (None, Some(name)),
            None => (None, None),
        };
    }
}

/// Joins the paths and removes `.` components. Keeps `..`, whose meaning depends on symbolic links.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    base.join(path).components().collect()
}

/// Returns the path for display: relative if it is below the current folder.
fn shown(path: &Path, cwd: &Path) -> PathBuf {
    path.strip_prefix(cwd).unwrap_or(path).to_owned()
}
