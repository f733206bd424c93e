//! Errors of the control client.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a running hotrun gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no hotrun runs here, in `{}`", folder.display())]
    None {
        /// Where it was looked for.
        folder: PathBuf,
        /// The options that select those running nearby.
        nearby: Vec<String>,
    },
    #[error("several hotruns run here")]
    Several {
        /// The options that select each.
        choices: Vec<String>,
    },
    #[error("{problem}")]
    NoService { problem: String, hint: Option<String> },
    /// It does not read the output of what it runs.
    #[error("hotrun keeps no output: the program writes to hotrun's own stdout and stderr")]
    Inherited,
    /// It ended before it answered.
    #[error("hotrun (pid {pid}) ended meanwhile")]
    Ended { pid: u32 },
    #[error("timed out after {}: {state}", humantime::format_duration(*after))]
    TimedOut {
        after: Duration,
        /// The state of hotrun at that time.
        state: String,
    },
    /// It runs but does not answer.
    #[error("hotrun (pid {pid}) does not answer")]
    Silent { pid: u32 },
    /// Either side does not understand the other.
    #[error("hotrun (pid {pid}) was not understood: {problem}")]
    Misunderstood { pid: u32, problem: String },
    #[error("could not {what}")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

impl ControlError {
    /// Returns the exit code: 3 if no hotrun runs, 124 after a timeout (as timeout(1)), 2 if one must be
    /// named, otherwise 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::None { .. } | Self::Ended { .. } => 3,
            Self::Several { .. } | Self::NoService { .. } => 2,
            Self::TimedOut { .. } => 124,
            Self::Inherited | Self::Silent { .. } | Self::Misunderstood { .. } | Self::Io { .. } => 1,
        }
    }

    /// The value of the field `state`.
    pub fn state(&self) -> &'static str {
        match self {
            Self::None { .. } | Self::Ended { .. } => "none",
            Self::Several { .. } => "several",
            Self::NoService { .. } => "unknown",
            Self::Inherited => "inherited",
            Self::TimedOut { .. } => "timed-out",
            Self::Silent { .. } | Self::Misunderstood { .. } | Self::Io { .. } => "unreachable",
        }
    }

    /// Returns a way out, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::None { nearby, .. } if nearby.is_empty() => Some(
                "start it with `hotrun` in another terminal, or with `hotrun up` in the background"
                    .to_owned(),
            ),
            Self::None { nearby, .. } => {
                Some(format!("those that run in this workspace: {}", nearby.join(", ")))
            }
            Self::Several { choices } => Some(format!("name one: {}", choices.join(", "))),
            Self::NoService { hint, .. } => hint.clone(),
            Self::Inherited => {
                Some("`output = \"capture\"` under `[run]`, or `--output capture`, has it kept".to_owned())
            }
            Self::Silent { pid } => Some(format!("it may be stopped: `kill -CONT {pid}` lets it go on")),
            Self::Misunderstood { .. } => {
                Some("it may be another version: stop it and start it again".to_owned())
            }
            Self::Ended { .. } | Self::TimedOut { .. } | Self::Io { .. } => None,
        }
    }
}
