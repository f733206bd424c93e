//! The signals hotrun answers, as news; and stopping itself as Ctrl-Z does.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::UnboundedSender;

use super::TerminalNews;
use crate::sys;

/// What is told, whatever it was at hotrun's start.
const ALWAYS: [i32; 5] = [libc::SIGINT, libc::SIGTERM, libc::SIGQUIT, libc::SIGCONT, libc::SIGWINCH];

/// What stays ignored where it was: SIGHUP under nohup(1), SIGTSTP where nobody could continue hotrun.
const UNLESS_IGNORED: [i32; 2] = [libc::SIGHUP, libc::SIGTSTP];

/// Which processes stop with hotrun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Only hotrun: the others of its job got the signal as well.
    Own,
    /// All of hotrun's job (`hotrun | tee log`): a program that had the terminal got the signal instead.
    Whole,
}

/// Listening to signals.
#[derive(Debug)]
pub struct Signals {
    hangup_ignored: bool,
}

impl Signals {
    /// Tells each signal from now on as news, until the process ends.
    ///
    /// # Errors
    /// Where a handler cannot be set.
    pub fn listen(news: &UnboundedSender<TerminalNews>) -> io::Result<Self> {
        let hangup_ignored = sys::is_ignored(libc::SIGHUP);
        let heeded = UNLESS_IGNORED.into_iter().filter(|&signal| !sys::is_ignored(signal));
        for number in ALWAYS.into_iter().chain(heeded.collect::<Vec<_>>()) {
            let stream = signal(SignalKind::from_raw(number))?;
            tokio::task::spawn_local(tell(number, stream, news.clone()));
        }
        Ok(Self { hangup_ignored })
    }

    /// Whether SIGHUP was ignored at hotrun's start, and stays so: for its programs as well.
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

/// Stops hotrun until it is continued, as SIGTSTP does by default: not at all where no shell could continue it (a
/// session leader). The terminal has to be put aside before.
pub fn suspend(job: Job) {
    sys::stop_by_terminal_signal(job == Job::Whole);
}
