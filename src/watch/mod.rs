//! Watches the files that count and reports their changes to the session.
//!
//! A change is judged by content, against the content that the latest build attempt started from; the session
//! decides when to build. One thread and one queue keep file events and commands in order. A command carries
//! the time it was sent, so that a change is never attributed to a build that started before it. Writes no
//! file, starts no build, knows no process.

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

/// Why watching could not start.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("could not start the thread that watches files")]
    Thread(#[source] std::io::Error),
}

impl WatchError {
    /// Returns a way out, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Thread(_) => Some("raise the limit on processes (`ulimit -u`)".to_owned()),
        }
    }
}

/// Starts to watch. All changes are noticed from [`News::Watching`] on, and earlier ones if they come after
/// [`Command::BuildStarted`].
pub fn start(plan: Plan, sink: Sink) -> Result<Handle, WatchError> {
    let (sender, receiver) = mpsc::channel();
    let events = sender.clone();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || room::Room::new(plan, sink, events).run(&receiver))
        .map_err(WatchError::Thread)?;
    Ok(Handle { sender })
}

/// Sends commands to the watch thread; dropping it ends the thread.
#[derive(Debug)]
pub struct Handle {
    sender: Sender<Message>,
}

impl Handle {
    /// Sends a command. Nothing happens after [`Command::Stop`].
    pub fn send(&self, command: Command) {
        // The thread has ended only if it was stopped.
        let _ = self.sender.send(Message::Command(ledger::Moment::now(), command));
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.send(Command::Stop);
    }
}
