//! Control: scripts, editors and agents ask a hotrun that runs how it fares, and tell it what to do.
//!
//! One line of JSON each way over a Unix socket in the runtime folder, which only this user may enter. The server decides
//! nothing: what is asked becomes news, and the answer comes from the runtime. The client finds the hotrun that is meant by
//! what each one wrote down about itself, without asking cargo. The socket is hotrun's own business: public are the
//! commands and the JSON they print.

mod answer;
mod client;
mod error;
mod registry;
mod said;
mod server;

pub use answer::{Answer, Diagnosis, HotrunProcess, LastBuild, RunningProcess};
pub use client::{Client, keeper};
pub use error::ControlError;
pub use registry::{About, Kind, real_file};
pub use said::Said;
pub use server::{ControlNews, Reply, Server};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// How things stand, at once.
    Status,
    /// How things stand when everything that was saved runs or failed.
    Wait,
    /// As the key `r`. Answered when it is ordered.
    Restart,
    /// As the key `q`. Not answered: the connection ends with hotrun.
    Stop,
}

/// What goes over the socket.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Envelope {
    request: Request,
}
