//! The settings in force: command line, environment and files merged into one checked [`Config`].
//!
//! Pure: text and plain data in, a `Config` or one clear error out. Reading the files is the caller's part.
//!
//! [`merge`] is the way in. Every setting is a row of `table`. Each source is read into a layer, the layers are laid over each
//! other, and what concerns several settings is checked at the end. `text` and `shape` say how a setting is read, laid over
//! another and shown; `units` and `address` know what the words mean.

mod address;
mod cargo_args;
pub mod env_file;
mod error;
mod file;
mod merge;
mod options;
mod schema;
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

pub(crate) use address::{format_address, format_ready, http_host};
pub use error::{ConfigError, Named, Place};
pub(crate) use merge::named;
pub use merge::{color, duration, merge};
pub use options::{CargoOptions, OwnOptions, RunOptions, Typed};
pub use schema::schema;
pub(crate) use show::quoted;
pub use show::show;
pub use table::{
    BuildConfig, FilesConfig, Needs, RunConfig, UiConfig, WatchConfig, changes, documented, variables,
};
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
    /// Files that hotrun writes.
    pub files: FilesConfig,
    /// `--once`.
    pub once: bool,
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
    /// The port accepts on 127.0.0.1 or `[::1]`: what `localhost` means differs from program to program.
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

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl BuildConfig {
    /// The program that `build.bin`, `build.example` or their options name.
    pub fn target(&self) -> Option<TargetName> {
        let bin = self.bin.value.clone().map(TargetName::Bin);
        bin.or_else(|| self.example.value.clone().map(TargetName::Example))
    }

    /// Names the program; origins stay as they are.
    pub fn set_target(&mut self, target: Option<TargetName>) {
        (self.bin.value, self.example.value) = match target {
            Some(TargetName::Bin(name)) => (Some(name), None),
            Some(TargetName::Example(name)) => (None, Some(name)),
            None => (None, None),
        };
    }
}

/// The path from `base` on, without `.` components; `..` stays, because what it means depends on symbolic links.
fn absolute(base: &Path, path: &Path) -> PathBuf {
    base.join(path).components().collect()
}

/// A path as texts show it: from the current folder where it is below it.
fn shown(path: &Path, cwd: &Path) -> PathBuf {
    path.strip_prefix(cwd).unwrap_or(path).to_owned()
}
