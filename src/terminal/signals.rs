//! The signals hotrun handles, and stopping itself as Ctrl-Z does.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

use super::news::TerminalNews;
use crate::sys;

/// Handled even if ignored at hotrun's start.
const ALWAYS: [i32; 5] = [libc::SIGINT, libc::SIGTERM, libc::SIGQUIT, libc::SIGCONT, libc::SIGWINCH];

/// Left ignored if ignored at the start: SIGHUP under nohup(1), SIGTSTP where nothing could continue hotrun.
const UNLESS_IGNORED: [i32; 2] = [libc::SIGHUP, libc::SIGTSTP];

/// The processes that stop with hotrun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuspendScope {
    /// Only hotrun: the rest of its job received the signal as well.
    Own,
    /// hotrun's whole job (`hotrun | tee log`): a program that had the terminal received the signal instead.
    Whole,
}

/// The signal handlers.
#[derive(Debug)]
pub struct Signals {
    hangup_ignored: bool,
}

impl Signals {
    /// Sends each signal as [`TerminalNews::Signal`] until the process ends.
    pub fn listen(news: &UnboundedSender<TerminalNews>) -> io::Result<Self> {
        let hangup_ignored = sys::is_ignored(libc::SIGHUP);
        let heeded = UNLESS_IGNORED.into_iter().filter(|&signal| !sys::is_ignored(signal));
        for number in ALWAYS.into_iter().chain(heeded.collect::<Vec<_>>()) {
            let stream = signal(SignalKind::from_raw(number))?;
            tokio::task::spawn_local(tell(number, stream, news.clone()));
        }
        Ok(Self { hangup_ignored })
    }

    /// Whether SIGHUP was ignored at hotrun's start. It stays ignored, for the programs as well.
    pub fn hangup_ignored(&self) -> bool {
        self.hangup_ignored
    }
}

async fn tell(number: i32, mut stream: Signal, news: UnboundedSender<TerminalNews>) {
    while stream.recv().await.is_some() {
        if news.send(TerminalNews::Signal(number)).is_err() {
            return;
        }
    }
}

/// Stops hotrun until it is continued, with the default effect of SIGTSTP: none if no shell could continue it
/// (a session leader). Call [`Terminal::put_aside`] first.
pub fn suspend(scope: SuspendScope) {
    sys::stop_by_terminal_signal(scope == SuspendScope::Whole);
}
