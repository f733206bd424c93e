//! Reading single keys, and noticing the terminal's end.
//!
//! Reads only while hotrun's job has the terminal and has not lent it. Ctrl-C, Ctrl-\ and Ctrl-Z stay signals.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::{Attention, Shared, TerminalNews};
use crate::sys;

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// `r`
    Restart,
    /// `p`
    Pause,
    /// `e`
    Errors,
    /// `c` or Ctrl-L
    Clear,
    /// `q`
    Quit,
    /// `h` or `?`
    Help,
    /// Enter
    Enter,
}

/// More than this at once was not typed but pasted, and means nothing.
const PASTE: usize = 4;

/// Listens until the terminal is gone or nobody wants to know any more.
pub(super) async fn listen(
    shared: Rc<Shared>,
    mut attention: watch::Receiver<Attention>,
    news: UnboundedSender<TerminalNews>,
) {
    loop {
        let now = *attention.borrow_and_update();
        let interest = match now {
            Attention::Keys => Interest::READABLE,
            Attention::End => quiet(),
        };
        let Ok(terminal) = sys::wait_on(Rc::clone(&shared.terminal), interest) else {
            return;
        };
        tokio::select! {
            changed = attention.changed() => if changed.is_err() { return },
            () = until_end(&shared, &terminal, interest, &news) => {
                // Nobody listens any more when hotrun is about to end.
                let _ = news.send(TerminalNews::HungUp);
                return;
            }
        }
    }
}

/// What is woken by the terminal's end but not by what is typed.
fn quiet() -> Interest {
    #[cfg(target_os = "linux")]
    {
        Interest::PRIORITY
    }
    #[cfg(not(target_os = "linux"))]
    {
        Interest::READABLE
    }
}

/// Tells keys until the terminal is gone.
async fn until_end(
    shared: &Shared,
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
        // In the background what is typed is for the shell. Brought to the foreground without having been stopped, a
        // job gets no signal; so the first key is what tells.
        let foreground = shared.in_foreground();
        if shared.away.replace(!foreground) && foreground {
            let _ = news.send(TerminalNews::Foreground);
        }
        // What waits for the terminal is about to get it, and what was typed.
        let reading = shared.attention() == Attention::Keys && shared.wanted.borrow().is_empty();
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

/// What was typed by now.
fn read(shared: &Shared) -> Vec<u8> {
    let mut typed = [0; 256];
    if !is_readable(shared) {
        return Vec::new();
    }
    // An error means that the terminal is hung up or somebody else's by now; both are seen by the next look.
    let length = rustix::io::read(&*shared.terminal, &mut typed).unwrap_or(0);
    typed.get(..length).unwrap_or_default().to_vec()
}

fn is_readable(shared: &Shared) -> bool {
    let mut asked = [PollFd::new(&*shared.terminal, PollFlags::IN)];
    let now = Timespec::default();
    let answer: io::Result<usize> = poll(&mut asked, Some(&now)).map_err(io::Error::from);
    answer.is_ok_and(|count| count > 0) && asked.iter().any(|fd| fd.revents().contains(PollFlags::IN))
}

/// The keys among what was typed. Sequences of function and arrow keys, letters of other scripts and pasted text mean
/// nothing.
fn keys(typed: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = typed.iter().copied();
    while let Some(byte) = rest.next() {
        if byte == 0x1b {
            skip_sequence(&mut rest);
            continue;
        }
        keys.push(match byte.to_ascii_lowercase() {
            b'r' => Some(Key::Restart),
            b'p' => Some(Key::Pause),
            b'e' => Some(Key::Errors),
            b'c' | 0x0c => Some(Key::Clear),
            b'q' => Some(Key::Quit),
            b'h' | b'?' => Some(Key::Help),
            b'\n' | b'\r' => Some(Key::Enter),
            _ => None,
        });
    }
    if keys.len() > PASTE && keys.iter().any(|key| *key != keys[0]) {
        return Vec::new();
    }
    keys.into_iter().flatten().collect()
}

/// The rest of an escape sequence (ECMA-48): `[`, parameters and a final byte; or `O` and one; or one.
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
    fn every_key_of_the_help() {
        let all = [Key::Restart, Key::Pause, Key::Errors, Key::Clear, Key::Quit, Key::Help, Key::Enter];
        let typed: Vec<Key> = b"rpecqh\n".iter().flat_map(|&byte| keys(&[byte])).collect();
        assert_eq!(typed, all);
        assert_eq!(keys(b"R?\x0c\r"), [Key::Restart, Key::Help, Key::Clear, Key::Enter]);
    }

    #[test]
    fn sequences_and_other_scripts_mean_nothing() {
        for typed in ["\x1b[A", "\x1b[1;5C", "\x1bOP", "\x1br", "é", "\x04", "\x1b"] {
            assert_eq!(keys(typed.as_bytes()), [], "{typed:?}");
        }
        assert_eq!(keys(b"\x1b[Aq"), [Key::Quit]);
    }

    #[test]
    fn pasted_text_means_nothing_but_a_key_held_down_does() {
        assert_eq!(keys(b"cargo run --quiet"), []);
        assert_eq!(keys(b"\n\n\n\n\n\n"), [Key::Enter; 6]);
    }
}
