//! The watch room: tells the session what changed, of all that counts.
//!
//! It judges by content, against what the latest build attempt started from, and decides nothing beyond that: when to
//! build is the session's part. One thread and one queue, in which file events and commands keep their order; a command
//! carries the moment it was sent, so that a change is never taken for part of a build that had begun before it.
//!
//! Must not write a file, start a build, or know of processes.

mod attempt;
pub mod dep_info;
mod echoes;
pub mod fingerprint;
mod glances;
mod globs;
mod guard;
mod holds;
mod ignores;
pub mod inputs;
mod ledger;
mod look;
#[cfg(target_os = "linux")]
mod mounts;
mod names;
mod news;
mod plan;
mod polling;
mod reason;
mod room;
mod sieve;
mod survey;
pub mod units;
mod warning;
mod watcher;

use std::sync::mpsc::{self, Sender};

pub use look::{Look, look};
use news::Message;
pub use news::{Backend, Command, News, Sink};
pub use plan::{PackageFolder, Plan};
pub use polling::unreliable;
pub use warning::{Refused, Warning};

/// Why the room could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No thread.
    #[error("could not start the thread that watches files")]
    Thread(#[source] std::io::Error),
}

impl WatchError {
    /// A way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Thread(_) => Some("raise the limit on processes (`ulimit -u`)".to_owned()),
        }
    }
}

/// Opens the room. Changes are noticed from the moment of [`News::Watching`]; what is changed before it is noticed too
/// where it came after [`Command::BuildStarted`].
pub fn start(plan: Plan, sink: Sink) -> Result<Handle, WatchError> {
    let (sender, receiver) = mpsc::channel();
    let events = sender.clone();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || room::Room::new(plan, sink, events).run(&receiver))
        .map_err(WatchError::Thread)?;
    Ok(Handle { sender })
}

/// The way into the room; it closes when this is dropped.
#[derive(Debug)]
pub struct Handle {
    sender: Sender<Message>,
}

impl Handle {
    /// Tells the room. After [`Command::Stop`] nothing happens any more.
    pub fn send(&self, command: Command) {
        // The room is gone only after it was stopped.
        let _ = self.sender.send(Message::Command(ledger::Moment::now(), command));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.send(Command::Stop);
    }
}
