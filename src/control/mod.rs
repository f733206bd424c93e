//! Query and control a running hotrun: the socket behind `hotrun status`, `wait`, `restart` and the like.
//!
//! One line of JSON each way over a Unix socket in the runtime folder, which only this user may enter. The
//! server decides nothing: a request becomes a [`ControlNews`], and the runtime answers it. The client picks
//! a hotrun by the descriptions that each one wrote beside its socket, without asking cargo. The protocol is
//! private; only the commands and the JSON they print are public.

mod answer;
mod client;
mod error;
mod logs;
mod registry;
mod server;
mod text;

pub use answer::{Answer, Diagnosis, HotrunProcess, LastBuild, RunningProcess, ServiceAnswer, has_ended};
pub use client::{Client, keeper};
pub use error::ControlError;
pub use logs::{LogLine, LogsRequest};
pub use registry::{About, TargetKind, real_file};
pub use server::{ControlNews, Reply, Server};
pub use text::AnswerLine;

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ControlRequest {
    #[serde(rename = "request")]
    pub order: Order,
    /// The names of the services it is about; none: all.
    #[serde(default)]
    pub services: Vec<String>,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Report the state now.
    Status,
    /// Report the state once everything saved so far runs or has failed.
    Wait,
    /// Restart, as the key `r` does. Answered once the restart is ordered.
    Restart,
    /// Start what is down. Answered once it is ordered.
    Start,
    /// Stop, as the key `q` does. Not answered: the connection closes when hotrun ends. Answered if it names services, once
    /// they are down.
    Stop,
    /// Report the last lines of output, and those that come. The answer names the services, and the lines follow it.
    Logs(LogsRequest),
}
