//! Why a hotrun that runs could not be asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// What went wrong, for the one who asks.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// None is there to ask.
    #[error("no hotrun runs here, in `{}`", folder.display())]
    None {
        /// Where it was looked for.
        folder: PathBuf,
        /// How to name those that run nearby.
        nearby: Vec<String>,
    },
    /// Several are.
    #[error("several hotruns run here")]
    Several {
        /// How to name each.
        choices: Vec<String>,
    },
    /// It ended before it answered.
    #[error("hotrun (pid {pid}) ended meanwhile")]
    Ended {
        /// Its process id.
        pid: u32,
    },
    /// The time was over.
    #[error("timed out after {}: {state}", humantime::format_duration(*after))]
    TimedOut {
        /// How long it was waited.
        after: Duration,
        /// What hotrun is doing.
        state: String,
    },
    /// It is there and says nothing.
    #[error("hotrun (pid {pid}) does not answer")]
    Silent {
        /// Its process id.
        pid: u32,
    },
    /// It says something that this hotrun does not understand, or the reverse.
    #[error("hotrun (pid {pid}) was not understood: {problem}")]
    Misunderstood {
        /// Its process id.
        pid: u32,
        /// What was wrong.
        problem: String,
    },
    /// The system refused something.
    #[error("could not {what}")]
    Io {
        /// What.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl ControlError {
    /// The exit code: 3 where no hotrun runs, 124 after the timeout (as timeout(1)), 2 where it has to be named, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::None { .. } | Self::Ended { .. } => 3,
            Self::Several { .. } => 2,
            Self::TimedOut { .. } => 124,
            Self::Silent { .. } | Self::Misunderstood { .. } | Self::Io { .. } => 1,
        }
    }

    /// The word for it in the field `state`.
    pub fn state(&self) -> &'static str {
        match self {
            Self::None { .. } | Self::Ended { .. } => "none",
            Self::Several { .. } => "several",
            Self::TimedOut { .. } => "timed-out",
            Self::Silent { .. } | Self::Misunderstood { .. } | Self::Io { .. } => "unreachable",
        }
    }

    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::None { nearby, .. } if nearby.is_empty() => {
                Some("start it with `hotrun`, in another terminal or in the background".to_owned())
            }
            Self::None { nearby, .. } => {
                Some(format!("those that run in this workspace: {}", nearby.join(", ")))
            }
            Self::Several { choices } => Some(format!("name one: {}", choices.join(", "))),
            Self::Silent { pid } => Some(format!("it may be stopped: `kill -CONT {pid}` lets it go on")),
            Self::Misunderstood { .. } => {
                Some("it may be another version: stop it and start it again".to_owned())
            }
            Self::Ended { .. } | Self::TimedOut { .. } | Self::Io { .. } => None,
        }
    }
}
