//! Messages that are not facts of the session: their wording, presentation and hints.
//!
//! Pure. The runtime names the fact; all wording is here.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::lines::{self, Head, Line};
use super::text::with_causes;
use crate::config::signal_name;
use crate::words::{BuildId, Names, ServiceId, short_time};

/// A message other than a [`Notice`](crate::session::Notice).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    #[error("{1}")]
    Program(ServiceId, ProgramRemark),
    #[error("{0}")]
    NoReaper(ErrorText),
    #[error(
        "the helper that cleans up when hotrun is killed has ended; {}",
        match cause {
            None => "another one has taken its place".to_owned(),
            Some(cause) => format!("no other could be started, which is tried again: {cause}"),
        }
    )]
    ReaperEnded {
        /// Why no other has taken its place yet.
        cause: Option<ErrorText>,
    },
    #[error(
        "the file system of `{folder}` has no file locks ({cause}): another hotrun that runs the same program may go unnoticed"
    )]
    NotLocked {
        /// The folder of the live path.
        folder: String,
        cause: String,
    },
    /// `hotrun status` and the like cannot find this hotrun.
    #[error("could not listen for `hotrun status` and the like: {cause}")]
    NoControl { cause: String },
    /// Control clients find an outdated description.
    #[error("could not write down what runs here: {cause}")]
    NotDescribed { cause: String },

    /// The first build waits for another cargo. In cargo's own words.
    #[error("waiting for file lock on build directory")]
    SeedBlocked,
    #[error("{}; reusing {size} from {from} (--share-build-dir saves the space)", reason_of(staging))]
    SeedBegan { staging: String, from: String, size: String },
    #[error("{copied} of {size}")]
    SeedCopying { copied: String, size: String },
    #[error("{}; compiling everything there ({cause})", reason_of(staging))]
    SeedDeclined { staging: String, cause: String, hint: Option<&'static str> },
    #[error("the copy of `{from}` may be at fault: building again without it")]
    SeedDiscarded { from: String },

    #[error("compiled the project's own packages in the background in {}, for the first edit", short_time(*took))]
    WarmedUp { took: Duration },

    /// cargo failed without a compiler error.
    #[error("{0}")]
    NoBuild(ErrorText),
    /// An edit that cargo does not notice could not be made visible to it.
    #[error("could not make cargo compile {} again: {cause}", quoted(packages))]
    NotForced {
        packages: Vec<String>,
        /// cargo's target directory.
        folder: String,
        cause: String,
    },
    #[error("could not read what the program is made of: {cause}; watching every file of its packages")]
    NoDepInfo { cause: String },

    #[error("{path} ({reason})")]
    NotCounted {
        /// As shown to people.
        path: String,
        reason: String,
        /// What would make it count.
        hint: Option<&'static str>,
        /// The first such file in its folder, shown without `-v` too.
        first_in_folder: bool,
    },
    /// A warning of the watch room.
    #[error("{0}")]
    Watch(ErrorText),

    #[error("the config is valid again; no setting has changed")]
    ConfigValidAgain,
    /// A config file was saved without a change of settings.
    #[error("no setting has changed")]
    NothingSet,
    #[error("{0}")]
    ConfigRefused(ErrorText),
    /// An edited config takes an address that hotrun or the program holds, which is free only when both have
    /// ended.
    #[error("{cause}")]
    ConfigTakesOwn { cause: String },
    /// Settings were edited that only another start of hotrun applies.
    #[error("the {} not in force", edits_text(keys))]
    SettingsHeld { keys: Vec<String> },
    #[error("{}", name.as_ref().map_or("all services".to_owned(), |name| format!("{name} alone (0 shows all)")))]
    Showing {
        /// `None`: all services.
        name: Option<String>,
    },
    #[error("stdin is a pipe, which the first process was given; the next ones read nothing")]
    StdinSpent,
}

/// A message about the program of a service, its sockets and its processes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramRemark {
    #[error("{address}")]
    Listening { address: String },
    #[error("could not go back to build {to}: {cause}")]
    NotRolledBack { to: BuildId, cause: String },
    #[error("the program did not end within {} of {}; killed", short_time(*waited), signal_name(*signal))]
    Killed { signal: i32, waited: Duration },
    #[error("hotrun may not stop {}: another user's", pids_text(pids))]
    NotPermitted { pids: Vec<i32> },
    #[error("still there after SIGKILL: {}", pids_text(pids))]
    StillThere { pids: Vec<i32> },
    #[error("stopping what the program left behind: {}", pids_text(pids))]
    Sweeping { pids: Vec<i32> },
    #[error("the stored descriptor `{name}` hung up and was dropped")]
    StoredHungUp { name: String },
    #[error("the descriptor store is full: {dropped} more named `{name}` were dropped")]
    StoreFull { name: String, dropped: usize },
    #[error("could not copy what is stored, for a rollback: {cause}")]
    NoSnapshot { cause: String },
    #[error(
        "the program named pid {pid} as its main process, which is not followed ({}); it ends with the process that hotrun started",
        cause.as_deref().unwrap_or("it is not one of the program's processes")
    )]
    NotFollowed {
        pid: i32,
        /// Why not; `None` if the process is not the program's.
        cause: Option<String>,
    },
    #[error("pid {pid} spoke on NOTIFY_SOCKET and is not the program's")]
    Stranger { pid: i32 },
    #[error("a message on NOTIFY_SOCKET was dropped: {cause}")]
    Malformed { cause: String },
    #[error(
        "could not open what the program gets: {cause}; it runs without sockets and without NOTIFY_SOCKET"
    )]
    NothingPassed { cause: String },
    #[error("could not capture the program's output: {cause}; it goes to hotrun's own stdout and stderr")]
    NotCaptured { cause: String, hint: Option<&'static str> },
    #[error("{address} was shut down; it listens again")]
    SocketRevived { address: String },
    #[error("{address} was removed or broken; it was opened again, and waits for the next process")]
    SocketReplaced { address: String },
    #[error("{address} is broken: {cause}")]
    SocketLost { address: String, cause: String, hint: Option<String> },
    /// The program could not start, perhaps because it binds a socket that hotrun holds.
    #[error(
        "hotrun holds {}: a program that binds {} from descriptor 3 on (crate `listenfd`)",
        addresses.join(", "),
        if addresses.len() == 1 { "it itself fails; take the socket" } else { "them itself fails; take the sockets" }
    )]
    HoldsSockets { addresses: Vec<String> },
}

/// The presentation of a remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemarkKind {
    /// A status line with this verb, also with `-q`.
    Status(&'static str),
    /// A line in cargo's style; a `transient` one is overwritten by the next.
    Cargo {
        verb: &'static str,
        transient: bool,
    },
    /// Also a `warning` event.
    Error,
    /// Also a `warning` event.
    Warning,
    Note,
    /// A dim line with this verb.
    Fact(&'static str),
    /// A note or a dim line, only with `-v`.
    Detail(Option<&'static str>),
}

impl Remark {
    /// Renders it for people. A program is named where there are several.
    pub fn lines(&self, names: &Names) -> Vec<Line> {
        let name = match self {
            Self::Program(service, _) => names.told(*service),
            _ => None,
        };
        let text = name.map_or(self.to_string(), |name| format!("{name}: {self}"));
        let hint = self.hint();
        let mut lines = match self.kind() {
            RemarkKind::Status(verb) | RemarkKind::Cargo { verb, .. } => vec![Line::status(verb, text)],
            RemarkKind::Error => lines::error(&text, hint.as_deref()),
            RemarkKind::Warning => lines::warning(&text, hint.as_deref()),
            RemarkKind::Fact(verb) | RemarkKind::Detail(Some(verb)) => {
                let hint = hint.map(|hint| Line::new(Head::Hint, hint).unimportant());
                std::iter::once(Line::plain_verb(verb, text)).chain(hint).collect()
            }
            RemarkKind::Note | RemarkKind::Detail(None) => vec![lines::note(&text)],
        };
        if matches!(self, Self::ConfigRefused(_) | Self::ConfigTakesOwn { .. }) {
            lines.push(lines::note("the settings from before stay in force"));
        }
        lines
    }

    pub(super) fn kind(&self) -> RemarkKind {
        match self {
            Self::Program(_, remark) => remark.kind(),
            Self::Showing { .. } => RemarkKind::Status("Showing"),
            Self::SeedBlocked => RemarkKind::Cargo { verb: "Blocking", transient: false },
            Self::SeedCopying { .. } => RemarkKind::Cargo { verb: "Copying", transient: true },
            Self::NoBuild(_) | Self::ConfigRefused(_) | Self::ConfigTakesOwn { .. } => RemarkKind::Error,
            Self::NoReaper(_)
            | Self::NotLocked { .. }
            | Self::ReaperEnded { .. }
            | Self::NoControl { .. }
            | Self::SeedDeclined { hint: Some(_), .. }
            | Self::SeedDiscarded { .. }
            | Self::NotForced { .. }
            | Self::NoDepInfo { .. }
            | Self::Watch(_)
            | Self::SettingsHeld { .. } => RemarkKind::Warning,
            Self::SeedBegan { .. } | Self::SeedDeclined { hint: None, .. } => RemarkKind::Fact("Using"),
            Self::NotCounted { first_in_folder: true, .. } => RemarkKind::Fact("Ignored"),
            Self::NotCounted { .. } => RemarkKind::Detail(Some("Ignored")),
            Self::ConfigValidAgain | Self::StdinSpent => RemarkKind::Note,
            Self::NotDescribed { .. } | Self::WarmedUp { .. } | Self::NothingSet => RemarkKind::Detail(None),
        }
    }

    fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::NoReaper(told) | Self::NoBuild(told) | Self::Watch(told) | Self::ConfigRefused(told) => {
                return told.hint.clone();
            }
            Self::ReaperEnded { cause } => return cause.as_ref().and_then(|told| told.hint.clone()),
            Self::Program(_, remark) => return remark.hint(),
            Self::SeedDeclined { hint, .. } | Self::NotCounted { hint, first_in_folder: true, .. } => {
                return hint.map(ToOwned::to_owned);
            }
            Self::NotForced { folder, .. } => {
                return Some(format!("`cargo clean --target-dir {folder}` makes it compile everything"));
            }
            Self::SettingsHeld { keys } if keys.len() > 1 => "start hotrun again to apply them",
            Self::SettingsHeld { .. } | Self::ConfigTakesOwn { .. } => "start hotrun again to apply it",
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

impl ProgramRemark {
    fn kind(&self) -> RemarkKind {
        match self {
            Self::Listening { .. } => RemarkKind::Status("Listening"),
            Self::NotRolledBack { .. } | Self::SocketLost { .. } => RemarkKind::Error,
            Self::Killed { .. }
            | Self::NotPermitted { .. }
            | Self::StillThere { .. }
            | Self::StoreFull { .. }
            | Self::NoSnapshot { .. }
            | Self::NotFollowed { .. }
            | Self::NothingPassed { .. }
            | Self::NotCaptured { .. }
            | Self::SocketRevived { .. }
            | Self::SocketReplaced { .. } => RemarkKind::Warning,
            Self::HoldsSockets { .. } => RemarkKind::Note,
            Self::Sweeping { .. }
            | Self::StoredHungUp { .. }
            | Self::Stranger { .. }
            | Self::Malformed { .. } => RemarkKind::Detail(None),
        }
    }

    fn hint(&self) -> Option<String> {
        let fixed = match self {
            Self::SocketLost { hint, .. } => return hint.clone(),
            Self::NotCaptured { hint, .. } => return hint.map(ToOwned::to_owned),
            Self::NotPermitted { pids } => {
                let ended = if pids.len() == 1 { "that has" } else { "they have" };
                return Some(format!(
                    "stop {} yourself; nothing is started before {ended} ended",
                    pids_text(pids)
                ));
            }
            Self::StoreFull { .. } => "send FDSTOREREMOVE=1 for those that are no longer needed",
            Self::SocketReplaced { .. } => {
                "press `r` to restart; a program must neither shut down nor unlink a socket that was passed to it"
            }
            _ => return None,
        };
        Some(fixed.to_owned())
    }
}

/// The message of a room's error with its causes, and the room's hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorText {
    message: String,
    hint: Option<String>,
}

impl ErrorText {
    pub fn of(error: &dyn Error, hint: Option<String>) -> Self {
        Self { message: with_causes(error), hint }
    }
}

impl fmt::Display for ErrorText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Returns the help of the `h` key.
pub fn key_help(several_services: bool) -> Vec<Line> {
    let of_services = [
        ("1 to 9", "show the output of one service alone, which `r` restarts; 0 shows all"),
        ("s", "stop that service, or start it"),
    ];
    let keys = [
        ("r", "build if anything changed, then restart"),
        ("p", "pause, and go on"),
        ("e", "show the last errors and warnings again"),
        ("c", "clear the screen (also Ctrl-L)"),
        ("Enter", "an empty line"),
        ("q", "quit"),
        ("h", "this help (also ?)"),
    ];
    let of_services = of_services.into_iter().filter(|_| several_services);
    keys.into_iter().chain(of_services).map(|(key, meaning)| Line::status(key, meaning)).collect()
}

fn reason_of(staging: &str) -> String {
    format!("{staging}, so your own cargo never has to wait")
}

fn pids_text(pids: &[i32]) -> String {
    let numbers: Vec<String> = pids.iter().map(ToString::to_string).collect();
    format!("{} {}", if pids.len() == 1 { "pid" } else { "pids" }, numbers.join(", "))
}

fn edits_text(keys: &[String]) -> String {
    let names = quoted(keys);
    if keys.len() == 1 { format!("edit of {names} is") } else { format!("edits of {names} are") }
}

fn quoted<T: fmt::Display>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
