//! What hotrun says that is no fact of the session: each remark with its words, how it is said, and the way out.
//!
//! Pure. The runtime names the fact and nothing else; no line is worded in place.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::lines::{self, Line};
use super::text::with_causes;
use crate::config::signal_name;
use crate::words::{BuildId, short_time};

/// Something to say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// The helper that cleans up when hotrun is killed could not be started.
    #[error("{0}")]
    NoReaper(Told),
    /// The helper that cleans up when hotrun is killed has ended before hotrun.
    #[error(
        "the helper that cleans up when hotrun is killed has ended; {}",
        match cause {
            None => "another one has taken its place".to_owned(),
            Some(cause) => format!("no other could be started, which is tried again: {cause}"),
        }
    )]
    ReaperEnded {
        /// Why there is no other yet.
        cause: Option<Told>,
    },
    /// A socket is open for the program.
    #[error("{address}")]
    Listening {
        /// Its address.
        address: String,
    },
    /// A file system has no locks.
    #[error(
        "the file system of `{folder}` has no file locks ({cause}): another hotrun that runs the same program may go unnoticed"
    )]
    NotLocked {
        /// The folder of the live path.
        folder: String,
        /// What the system said.
        cause: String,
    },
    /// Nobody can ask this hotrun.
    #[error("could not listen for `hotrun status` and the like: {cause}")]
    NoControl {
        /// Why not.
        cause: String,
    },
    /// Those who look for a hotrun to ask find it as it was before.
    #[error("could not write down what runs here: {cause}")]
    NotDescribed {
        /// Why not.
        cause: String,
    },

    /// The first build waits for another cargo, in the words of the cargo that would wait there.
    #[error("waiting for file lock on build directory")]
    SeedBlocked,
    /// The first build begins with what was compiled already, as far as cargo finds it fresh.
    #[error(
        "{}; the first build there reuses what it can of a copy of `{from}` ({size})",
        reason_of(staging)
    )]
    SeedBegan {
        /// Where hotrun builds.
        staging: String,
        /// What is copied.
        from: String,
        /// How much that is.
        size: String,
    },
    /// So much of it is there.
    #[error("{copied} of {size}")]
    SeedCopying {
        /// How much.
        copied: String,
        /// Of how much.
        size: String,
    },
    /// The first build begins with nothing.
    #[error("{}; the first build there compiles everything ({cause})", reason_of(staging))]
    SeedDeclined {
        /// Where hotrun builds.
        staging: String,
        /// Why.
        cause: String,
        /// A way out.
        hint: Option<&'static str>,
    },
    /// The first build could not load what was copied, and begins again with nothing.
    #[error("that may be the fault of what was copied from `{from}`: building again without it")]
    SeedDiscarded {
        /// What was copied.
        from: String,
    },

    /// cargo gave nothing where the compiler found no fault.
    #[error("{0}")]
    NoBuild(Told),
    /// An edit that cargo does not see could not be made visible to it.
    #[error("could not make cargo compile {} again: {cause}", quoted(packages))]
    NotForced {
        /// What it has to compile.
        packages: Vec<String>,
        /// Where cargo builds.
        folder: String,
        /// Why not.
        cause: String,
    },
    /// What a build was made of is not known.
    #[error("could not read what the program is made of: {cause}; watching every file of its packages")]
    NoDepInfo {
        /// Why not.
        cause: String,
    },
    /// The live path could not be set back.
    #[error("could not go back to build {to}: {cause}")]
    NotRolledBack {
        /// The build that ran before.
        to: BuildId,
        /// Why not.
        cause: String,
    },

    /// A stop took too long.
    #[error("the program did not end within {} of {}; killed", short_time(*waited), signal_name(*signal))]
    Killed {
        /// What it was asked with.
        signal: i32,
        /// For how long.
        waited: Duration,
    },
    /// Processes of another user are in the way.
    #[error("hotrun may not stop {}: another user's", pids_text(pids))]
    NotPermitted {
        /// Which.
        pids: Vec<i32>,
    },
    /// Processes did not go.
    #[error("still there after SIGKILL: {}", pids_text(pids))]
    StillThere {
        /// Which.
        pids: Vec<i32>,
    },
    /// The program has ended and left processes.
    #[error("stopping what the program left behind: {}", pids_text(pids))]
    Sweeping {
        /// Which.
        pids: Vec<i32>,
    },

    /// A file changed and nothing happens.
    #[error("`{path}` does not count: {reason}{}", hint.map_or(String::new(), |hint| [" (", hint, ")"].concat()))]
    NotCounted {
        /// Which, as people are shown it.
        path: String,
        /// Why.
        reason: String,
        /// What would make it count.
        hint: Option<&'static str>,
        /// The first such in its folder, which is said without `-v` too.
        first_in_folder: bool,
    },
    /// Something about noticing changes.
    #[error("{0}")]
    Watch(Told),

    /// The config is as it should be again.
    #[error("the config is valid again; no setting has changed")]
    ConfigValidAgain,
    /// A config file was saved.
    #[error("no setting has changed")]
    NothingSet,
    /// An edited config is wrong.
    #[error("{0}")]
    ConfigRefused(Told),
    /// An edit of the config takes an address that hotrun or the program has: it is free only when both have ended.
    #[error("{cause}")]
    ConfigTakesOwn {
        /// What is wrong.
        cause: String,
    },
    /// Settings were edited that only another start of hotrun takes up.
    #[error("the {} not in force", edits_text(keys))]
    SettingsHeld {
        /// Which.
        keys: Vec<&'static str>,
    },

    /// Nobody is at the other end of a stored descriptor any more.
    #[error("the stored descriptor `{name}` hung up and was dropped")]
    StoredHungUp {
        /// Its name.
        name: String,
    },
    /// The program stores too much.
    #[error("the descriptor store is full: {dropped} more named `{name}` were dropped")]
    StoreFull {
        /// Their name.
        name: String,
        /// How many.
        dropped: usize,
    },
    /// What is stored could not be copied.
    #[error("could not copy what is stored, for a rollback: {cause}")]
    NoSnapshot {
        /// Why not.
        cause: String,
    },
    /// `MAINPID=` named a process that is not followed.
    #[error(
        "the program named pid {pid} as its main process, which is not followed ({}); it ends with the process that hotrun started",
        cause.as_deref().unwrap_or("it is not one of the program's processes")
    )]
    NotFollowed {
        /// Which.
        pid: i32,
        /// Why not; nothing where it is a stranger's.
        cause: Option<String>,
    },
    /// A process that is none of the program's spoke.
    #[error("pid {pid} spoke on NOTIFY_SOCKET and is not the program's")]
    Stranger {
        /// Which.
        pid: i32,
    },
    /// A message was dropped.
    #[error("a message on NOTIFY_SOCKET was dropped: {cause}")]
    Malformed {
        /// What was wrong with it.
        cause: String,
    },
    /// stdin is a pipe that an earlier process has read.
    #[error("stdin is a pipe, which the first process was given; the next ones read nothing")]
    StdinSpent,
    /// The program gets nothing.
    #[error(
        "could not open what the program gets: {cause}; it runs without sockets and without NOTIFY_SOCKET"
    )]
    NothingPassed {
        /// Why not.
        cause: String,
    },
    /// A socket was shut down.
    #[error("{address} was shut down; it listens again")]
    SocketRevived {
        /// Its address.
        address: String,
    },
    /// A socket was broken, and there is another in its place.
    #[error("{address} was removed or broken; it was opened again, and waits for the next process")]
    SocketReplaced {
        /// Its address.
        address: String,
    },
    /// A socket was broken and could not be opened anew.
    #[error("{address} is broken: {cause}")]
    SocketLost {
        /// Its address.
        address: String,
        /// Why not.
        cause: String,
        /// A way out.
        hint: Option<String>,
    },
    /// A program that could not start may be trying to bind what hotrun holds.
    #[error(
        "hotrun holds {}: a program that binds {} from descriptor 3 on (crate `listenfd`)",
        addresses.join(", "),
        if addresses.len() == 1 { "it itself fails; take the socket" } else { "them itself fails; take the sockets" }
    )]
    HoldsSockets {
        /// What it holds.
        addresses: Vec<String>,
    },
}

/// How something is said, and how it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A status line with this verb, also with `-q`.
    Status(&'static str),
    /// A line as cargo's own, with this verb; a `transient` one is written over by the next.
    Cargo { verb: &'static str, transient: bool },
    /// An error, and a `warning` event.
    Error,
    /// A warning, and a `warning` event.
    Warning,
    /// A note.
    Note,
    /// A note with `-v`.
    Detail,
}

impl Remark {
    /// Its lines.
    pub fn lines(&self) -> Vec<Line> {
        let (text, hint) = (self.to_string(), self.hint());
        let mut lines = match self.manner() {
            Manner::Status(verb) | Manner::Cargo { verb, .. } => vec![Line::status(verb, text)],
            Manner::Error => lines::error(&text, hint.as_deref()),
            Manner::Warning => lines::warning(&text, hint.as_deref()),
            Manner::Note | Manner::Detail => vec![lines::note(&text)],
        };
        if matches!(self, Self::ConfigRefused(_) | Self::ConfigTakesOwn { .. }) {
            lines.push(lines::note("the settings from before stay in force"));
        }
        lines
    }

    pub(super) fn manner(&self) -> Manner {
        match self {
            Self::Listening { .. } => Manner::Status("Listening"),
            Self::SeedBlocked => Manner::Cargo { verb: "Blocking", transient: false },
            Self::SeedCopying { .. } => Manner::Cargo { verb: "Copying", transient: true },
            Self::NoBuild(_)
            | Self::NotRolledBack { .. }
            | Self::ConfigRefused(_)
            | Self::ConfigTakesOwn { .. }
            | Self::SocketLost { .. } => Manner::Error,
            Self::NoReaper(_)
            | Self::NotLocked { .. }
            | Self::ReaperEnded { .. }
            | Self::NoControl { .. }
            | Self::SeedDeclined { hint: Some(_), .. }
            | Self::SeedDiscarded { .. }
            | Self::NotForced { .. }
            | Self::NoDepInfo { .. }
            | Self::Killed { .. }
            | Self::NotPermitted { .. }
            | Self::StillThere { .. }
            | Self::Watch(_)
            | Self::SettingsHeld { .. }
            | Self::StoreFull { .. }
            | Self::NoSnapshot { .. }
            | Self::NotFollowed { .. }
            | Self::NothingPassed { .. }
            | Self::SocketRevived { .. }
            | Self::SocketReplaced { .. } => Manner::Warning,
            Self::SeedBegan { .. }
            | Self::SeedDeclined { hint: None, .. }
            | Self::NotCounted { first_in_folder: true, .. }
            | Self::ConfigValidAgain
            | Self::StdinSpent
            | Self::HoldsSockets { .. } => Manner::Note,
            Self::NotDescribed { .. }
            | Self::Sweeping { .. }
            | Self::NotCounted { .. }
            | Self::NothingSet
            | Self::StoredHungUp { .. }
            | Self::Stranger { .. }
            | Self::Malformed { .. } => Manner::Detail,
        }
    }

    fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::NoReaper(told) | Self::NoBuild(told) | Self::Watch(told) | Self::ConfigRefused(told) => {
                return told.hint.clone();
            }
            Self::ReaperEnded { cause } => return cause.as_ref().and_then(|told| told.hint.clone()),
            Self::SocketLost { hint, .. } => return hint.clone(),
            Self::SeedDeclined { hint, .. } => return hint.map(ToOwned::to_owned),
            Self::NotPermitted { pids } => {
                let ended = if pids.len() == 1 { "that has" } else { "they have" };
                return Some(format!(
                    "stop {} yourself; nothing is started before {ended} ended",
                    pids_text(pids)
                ));
            }
            Self::NotForced { folder, .. } => {
                return Some(format!("`cargo clean --target-dir {folder}` makes it compile everything"));
            }
            Self::SettingsHeld { keys } if keys.len() > 1 => "start hotrun again to apply them",
            Self::SettingsHeld { .. } | Self::ConfigTakesOwn { .. } => "start hotrun again to apply it",
            Self::StoreFull { .. } => "send FDSTOREREMOVE=1 for those that are no longer needed",
            Self::SocketReplaced { .. } => {
                "press `r` to restart; a program must neither shut down nor unlink a socket that was passed to it"
            }
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

/// What an error of a room says, with what caused it and the room's way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    message: String,
    hint: Option<String>,
}

impl Told {
    /// Of this error.
    pub fn of(error: &dyn Error, hint: Option<String>) -> Self {
        Self { message: with_causes(error), hint }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// What the keys do, for `h`.
pub fn key_help() -> Vec<Line> {
    [
        ("r", "build if anything changed, then restart"),
        ("p", "pause, and go on"),
        ("e", "show the last errors and warnings again"),
        ("c", "clear the screen (also Ctrl-L)"),
        ("Enter", "an empty line"),
        ("q", "quit"),
        ("h", "this help (also ?)"),
    ]
    .map(|(key, meaning)| Line::status(key, meaning))
    .into()
}

fn reason_of(staging: &str) -> String {
    format!("hotrun builds in `{staging}`, to share no lock with other cargos")
}

fn pids_text(pids: &[i32]) -> String {
    let numbers: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("{} {}", if pids.len() == 1 { "pid" } else { "pids" }, numbers.join(", "))
}

fn edits_text(keys: &[&str]) -> String {
    let names = quoted(keys);
    if keys.len() == 1 { format!("edit of {names} is") } else { format!("edits of {names} are") }
}

fn quoted<T: fmt::Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
