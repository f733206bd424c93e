//! Reads single keys, and notices a hangup.
//!
//! Reads only while hotrun's process group has the terminal. Ctrl-C, Ctrl-\ and Ctrl-Z stay signals.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::news::{KeyCommand, TerminalNews};
use super::shared::{Attention, TerminalState};
use crate::sys;

/// More bytes than this at once were pasted, not typed, and are ignored.
const MAX_TYPED: usize = 4;

/// Listens until the terminal is gone or the receiver is dropped.
pub(super) async fn listen(
    shared: Rc<TerminalState>,
    mut attention: watch::Receiver<Attention>,
    news: UnboundedSender<TerminalNews>,
) {
    loop {
        let now = *attention.borrow_and_update();
        let interest = match now {
            Attention::Keys => Interest::READABLE,
            Attention::End => hangup_only(),
        };
        let Ok(terminal) = sys::wait_on(Rc::clone(&shared.terminal), interest) else {
            return;
        };
        tokio::select! {
            changed = attention.changed() => if changed.is_err() { return },
            () = until_end(&shared, &terminal, interest, &news) => {
                // The receiver is dropped when hotrun is about to end.
                let _ = news.send(TerminalNews::HungUp);
                return;
            }
        }
    }
}

/// Returns an interest that a hangup wakes, but input does not.
fn hangup_only() -> Interest {
    #[cfg(target_os = "linux")]
    {
        Interest::PRIORITY
    }
    #[cfg(not(target_os = "linux"))]
    {
        Interest::READABLE
    }
}

/// Sends keys until the terminal is gone.
async fn until_end(
    shared: &TerminalState,
    terminal: &AsyncFd<Rc<OwnedFd>>,
    interest: Interest,
    news: &UnboundedSender<TerminalNews>,
) {
    loop {
        let Ok(mut ready) = terminal.ready(interest).await else {
            return;
        };
        if shared.is_hung_up() {
            return;
        }
        // In the background, input is for the shell. A job brought to the foreground without having been
        // stopped gets no signal, so the first key reveals it.
        let foreground = shared.in_foreground();
        if shared.in_background.replace(!foreground) && foreground {
            let _ = news.send(TerminalNews::Foreground);
        }
        // A program that waits for the terminal is about to get it, with this input.
        let reading = shared.attention() == Attention::Keys && shared.waiting.borrow().is_empty();
        if reading && foreground {
            shared.set_own_modes();
            for key in keys(&read(shared)) {
                let _ = news.send(TerminalNews::Key(key));
            }
        }
        if !reading || !foreground || !is_readable(shared) {
            ready.clear_ready();
        }
    }
}

/// Returns the pending input.
fn read(shared: &TerminalState) -> Vec<u8> {
    let mut typed = [0; 256];
    if !is_readable(shared) {
        return Vec::new();
    }
    // An error means a hangup or another holder; the next check sees both.
    let length = rustix::io::read(&*shared.terminal, &mut typed).unwrap_or(0);
    typed.get(..length).unwrap_or_default().to_vec()
}

fn is_readable(shared: &TerminalState) -> bool {
    let mut asked = [PollFd::new(&*shared.terminal, PollFlags::IN)];
    let now = Timespec::default();
    let answer: io::Result<usize> = poll(&mut asked, Some(&now)).map_err(io::Error::from);
    answer.is_ok_and(|count| count > 0) && asked.iter().any(|fd| fd.revents().contains(PollFlags::IN))
}

/// Returns the keys in the input. Sequences of function and arrow keys, non-ASCII letters and pasted text are
/// ignored.
fn keys(typed: &[u8]) -> Vec<KeyCommand> {
    let mut keys = Vec::new();
    let mut rest = typed.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == 0x1b {
            skip_sequence(&mut rest);
            continue;
        }
        keys.push(match byte.to_ascii_lowercase() {
            b'r' => Some(KeyCommand::Restart),
            b'p' => Some(KeyCommand::Pause),
            b'e' => Some(KeyCommand::Errors),
            b'c' | 0x0c => Some(KeyCommand::Clear),
            b'q' => Some(KeyCommand::Quit),
            b'h' | b'?' => Some(KeyCommand::Help),
            b'\n' | b'\r' => Some(KeyCommand::Enter),
            b's' => Some(KeyCommand::StopOrStart),
            digit @ b'0'..=b'9' => Some(KeyCommand::Show(digit - b'0')),
            _ => None,
        });
    }
    if keys.len() > MAX_TYPED && keys.iter().any(|key| *key != keys[0]) {
        return Vec::new();
    }
    keys.into_iter().flatten().collect()
}

/// Skips the rest of an escape sequence (ECMA-48): `[`, parameters and a final byte; or `O` and one byte; or
/// one byte.
fn skip_sequence(rest: &mut impl Iterator<Item = u8>) {
    match rest.next() {
        Some(b'[') => drop(rest.find(|byte| (0x40..=0x7e).contains(byte))),
        Some(b'O') => drop(rest.next()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_documented_keys() {
        let all = [
            KeyCommand::Restart,
            KeyCommand::Pause,
            KeyCommand::Errors,
            KeyCommand::Clear,
            KeyCommand::Quit,
            KeyCommand::Help,
            KeyCommand::Enter,
            KeyCommand::Show(1),
            KeyCommand::Show(0),
            KeyCommand::StopOrStart,
        ];
        let typed: Vec<KeyCommand> = b"rpecqh\n10s".iter().flat_map(|&byte| keys(&[byte])).collect();
        assert_eq!(typed, all);
        assert_eq!(
            keys(b"R?\x0c\r"),
            [KeyCommand::Restart, KeyCommand::Help, KeyCommand::Clear, KeyCommand::Enter]
        );
    }

    #[test]
    fn sequences_and_other_scripts_are_ignored() {
        for typed in ["\x1b[A", "\x1b[1;5C", "\x1bOP", "\x1br", "é", "\x04", "\x1b"] {
            assert_eq!(keys(typed.as_bytes()), [], "{typed:?}");
        }
        assert_eq!(keys(b"\x1b[Aq"), [KeyCommand::Quit]);
    }

    #[test]
    fn pasted_text_is_ignored_but_not_a_key_held_down() {
        assert_eq!(keys(b"cargo run --quiet"), []);
        assert_eq!(keys(b"\n\n\n\n\n\n"), [KeyCommand::Enter; 6]);
    }
}
