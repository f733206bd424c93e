//! The words every room shares: plain data, and how people are told a time.
//!
//! Must not touch the operating system, and imports no other room.

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

/// One of the programs hotrun keeps running. There is one today; every process and event carries it all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

impl ServiceId {
    /// The program of a project that has one.
    pub const MAIN: Self = Self(0);
}

/// One process of a service: the first is number 1. Unlike a pid it is never used twice, which makes late news of an
/// earlier process harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    /// The program it runs.
    pub service: ServiceId,
    /// Its number, counted from 1.
    pub number: u32,
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.service.0, self.number)
    }
}

/// The environment variable that tags a program and all it starts with the run of hotrun and its [`Instance`].
pub const TAG: &str = "HOTRUN_ID";

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It called `exit` with this code.
    Code(i32),
    /// It died of this signal.
    Signal(i32),
}

impl Exit {
    /// Whether the process ended with code 0.
    pub fn success(self) -> bool {
        self == Self::Code(0)
    }
}

/// A file or folder that changed and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file or folder, absolute.
    pub path: PathBuf,
    /// What it is to the program.
    pub kind: ChangeKind,
    /// cargo, which compares modification times, may judge this change older than its last build: freshness has to
    /// be forced in the staging target.
    pub hidden: bool,
}

/// What a changed file is to the program, and so what its change leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// rustc or cargo reads it: cargo is asked to build.
    Source,
    /// A manifest, `Cargo.lock`, a cargo config or a toolchain file: the project is read again, cargo is asked to build.
    Manifest,
    /// Named by `build.inputs`: the package is compiled again although cargo does not know the file.
    Input,
    /// Named by `watch.paths`: builds, and restarts also with the same binary.
    Watched,
    /// An env file: restarts without a build.
    EnvFile,
    /// One of hotrun's own config files.
    Config,
}

/// How to stop a process: the first step and how long it is given before SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopPlan {
    /// The signal sent to the group first.
    pub signal: i32,
    /// How long the group has to end before SIGKILL.
    pub timeout: Duration,
}

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// A terminal, by its path.
    Terminal(PathBuf),
    /// A file.
    File(PathBuf),
    /// `/dev/null`.
    Null,
    /// A pipe, a socket, or what has no name.
    Unnamed,
}

/// The folder of a link search path as a build script prints it, with or without its kind (`native=/folder`).
pub fn linked_folder(printed: &Path) -> &Path {
    match printed.to_str().and_then(|text| text.split_once('=')) {
        Some(("native" | "crate" | "dependency" | "framework" | "all", rest)) => Path::new(rest),
        _ => printed,
    }
}

/// How long something took, as people are shown it: `2 ms`, `0.2 s`, `38 s`, and from a minute on as cargo writes it,
/// `1m 19s`.
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

/// How long ago something was, as people are shown it: `3 s`, `3 min`.
pub fn short_age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{} s", seconds.max(1)),
        60..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
