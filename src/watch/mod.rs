//! Watches the files that count and reports their changes to the session.
//!
//! A change is judged by content, against the content that the latest build attempt started from; the session
//! decides when to build. One thread and one queue keep file events and commands in order. A command carries
//! the time it was sent, so that a change is never attributed to a build that started before it. Writes no
//! file, starts no build, knows no process.

mod attempt;
mod busy;
mod deferred;
pub mod dep_info;
mod echoes;
mod filter;
pub mod fingerprint;
mod globs;
mod ignores;
pub mod inputs;
mod inspect;
mod known;
mod ledger;
mod loops;
#[cfg(target_os = "linux")]
mod mounts;
mod names;
mod news;
mod plan;
mod polling;
mod reason;
mod room;
mod scan;
pub mod units;
mod warning;
mod watcher;

use std::sync::mpsc::{self, Sender};

pub use inspect::{Inspection, inspect};
use news::RoomMessage;
pub use news::{Backend, NewsSink, WatchCommand, WatchNews};
pub use plan::{PackageFolder, Plan, Workspace};
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

/// Starts to watch. All changes are noticed from [`WatchNews::Watching`] on, and earlier ones if they come
/// after [`WatchCommand::BuildStarted`].
pub fn start(plan: Plan, sink: NewsSink) -> Result<WatchHandle, WatchError> {
    let (sender, receiver) = mpsc::channel();
    let events = sender.clone();
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || room::Room::new(plan, sink, events).run(&receiver))
        .map_err(WatchError::Thread)?;
    Ok(WatchHandle { sender })
}

/// Sends commands to the watch thread; dropping it ends the thread.
#[derive(Debug)]
pub struct WatchHandle {
    sender: Sender<RoomMessage>,
}

impl WatchHandle {
    /// Sends a command. Nothing happens after [`WatchCommand::Stop`].
    pub fn send(&self, command: WatchCommand) {
        // The thread has ended only if it was stopped.
        let _ = self.sender.send(RoomMessage::Command(ledger::Moment::now(), command));
    }
}

impl Drop for WatchHandle {
    fn drop(&mut self) {
        self.send(WatchCommand::Stop);
    }
}
