//! Plain data that every room shares, and the formatting of durations and counts.
//!
//! Must not touch the operating system, and imports no other room.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The number of a build attempt, counted from 1 in each run of hotrun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct BuildId(pub u32);

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A program or library that is built and published. At most one service runs an artifact: two services with the
/// same program have an artifact each, so that a build which one of them cannot start is not taken from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArtifactId(pub u16);

impl ArtifactId {
    /// The only artifact of a project today.
    pub const MAIN: Self = Self(0);
}

/// A program that hotrun keeps running. There is one today; processes and events carry the id all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

impl ServiceId {
    /// The only service of a project today.
    pub const MAIN: Self = Self(0);

    /// Returns the service that runs an artifact: it has the same number.
    pub fn of(artifact: ArtifactId) -> Self {
        Self(artifact.0)
    }
}

/// The names of the services: the index is the number of a [`ServiceId`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    pub fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// Returns the name of a service, for machines.
    pub fn of(&self, service: ServiceId) -> &str {
        self.0.get(usize::from(service.0)).map_or("", String::as_str)
    }

    /// Returns the name of a service for people: only where there are several to tell apart.
    pub fn told(&self, service: ServiceId) -> Option<&str> {
        self.are_several().then(|| self.of(service))
    }

    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    pub fn find(&self, name: &str) -> Option<ServiceId> {
        let index = self.0.iter().position(|known| known == name)?;
        u16::try_from(index).ok().map(ServiceId)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// One process of a service. Unlike pids, numbers are never reused, so late events are harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    pub service: ServiceId,
    /// Counted from 1.
    pub number: u32,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service.0, self.number)
    }
}

/// The environment variable that tags a program and its descendants with the run of hotrun and the
/// [`Instance`].
pub const TAG: &str = "HOTRUN_ID";

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

/// A relevant change of a file or folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Absolute.
    pub path: PathBuf,
    pub leads_to: Consequence,
    /// cargo compares modification times and may judge this change older than its last build, so the staging
    /// target needs forced freshness.
    pub hidden: bool,
}

/// What a change leads to. The consequence of several changes is the union.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Consequence {
    /// Reads the settings and env files again, before anything else.
    pub config: bool,
    /// Reads the project again before the next build.
    pub project: bool,
    /// Compiles the packages that read the file, even though cargo does not know it.
    pub compile: bool,
    pub builds: BTreeSet<ArtifactId>,
    /// Services that are started again even if the binary is unchanged, after the build if there is one.
    pub restarts: BTreeSet<ServiceId>,
}

impl Consequence {
    /// Returns whether the change leads to a build and nothing else.
    pub fn only_builds(&self) -> bool {
        let Self { config, project, compile, builds, restarts } = self;
        !(*config || *project || *compile || builds.is_empty()) && restarts.is_empty()
    }

    pub fn add(&mut self, other: Self) {
        self.config |= other.config;
        self.project |= other.project;
        self.compile |= other.compile;
        self.builds.extend(other.builds);
        self.restarts.extend(other.restarts);
    }
}

/// What a changed file is to the programs and commands, which decides what the change leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// Read by rustc or cargo: builds.
    Source,
    /// A manifest, `Cargo.lock`, a cargo config or a toolchain file: reads the project again, then builds.
    Manifest,
    /// Named by `build.inputs`: compiles the package even though cargo does not know the file.
    Input,
    /// Named by `watch.paths`: restarts without a build, unless a build reads it as well.
    Watched,
    /// Named by `inputs` of a command: starts it again, and builds nothing.
    Command,
    /// An env file: is read again, and restarts without a build if it sets something else.
    EnvFile,
    /// One of hotrun's own config files.
    Config,
}

impl ChangeKind {
    /// Returns what a change leads to if the file belongs to these artifacts and services.
    pub fn leads_to(self, artifacts: &BTreeSet<ArtifactId>, services: &BTreeSet<ServiceId>) -> Consequence {
        let is_built = !matches!(self, Self::Watched | Self::Command | Self::EnvFile | Self::Config);
        Consequence {
            config: matches!(self, Self::Config | Self::EnvFile | Self::Manifest),
            project: self == Self::Manifest,
            compile: self == Self::Input,
            builds: if is_built { artifacts.clone() } else { BTreeSet::new() },
            restarts: if matches!(self, Self::Watched | Self::Command) {
                services.clone()
            } else {
                BTreeSet::new()
            },
        }
    }
}

/// How to stop a process: a signal to its group, then SIGKILL after the timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopPlan {
    pub signal: i32,
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    Terminal(PathBuf),
    File(PathBuf),
    /// `/dev/null`.
    Null,
    /// A pipe, a socket, or a file without a name.
    Unnamed,
}

/// Returns the folder of a link search path as a build script prints it, with or without a kind
/// (`native=/folder`).
pub fn linked_folder(printed: &Path) -> &Path {
    match printed.to_str().and_then(|text| text.split_once('=')) {
        Some(("native" | "crate" | "dependency" | "framework" | "all", rest)) => Path::new(rest),
        _ => printed,
    }
}

/// Formats a number with its noun: `1 error`, `2 errors`.
pub fn count(number: u32, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Formats a duration: `2 ms`, `0.2 s`, `38 s`, and from a minute on as cargo writes it, `1m 19s`.
pub fn short_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() < 10 => format!("{} ms", time.as_millis()),
        0..10 => {
            let text = format!("{:.2}", time.as_secs_f64());
            format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
        }
        10..60 => format!("{seconds} s"),
        60..7200 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => short_age(time),
    }
}

/// Formats the time since an event: `3 s`, `3 min`.
pub fn short_age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{} s", seconds.max(1)),
        60..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
