//! A person at a pseudo-terminal: types, reads the screen, resizes it, goes away; and knows the modes it had.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use hotrun::sys::{self, TerminalModes};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::DEADLINE;
use crate::programs::program;

/// A person at a terminal, and what runs there.
pub(crate) struct Person {
    typing: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// The terminal's other end, to ask for its modes.
    pub(crate) terminal: OwnedFd,
    /// Its modes at the start.
    pub(crate) found: TerminalModes,
    pub(crate) child: Child,
}

impl Person {
    /// Starts a command as the leader of a session on a new terminal.
    pub(crate) fn start(command: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_in(Path::new("."), command, env)
    }

    /// The same in a folder.
    pub(crate) fn start_in(cwd: &Path, command: &[&str], env: &[(&str, &str)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let name = Path::new(name.to_str().unwrap());
        let open = || File::options().read(true).write(true).open(name).unwrap();
        let terminal: OwnedFd = {
            let flags = rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC;
            rustix::fs::open(name, flags, rustix::fs::Mode::empty()).unwrap()
        };
        let found = TerminalModes::of(terminal.as_fd()).unwrap();
        let child = Command::new(program("session"))
            .args(command)
            .current_dir(cwd)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR")
            .envs(env.iter().copied())
            .env("PS1", "PROMPT ")
            .env_remove("ENV")
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let (sender, screen) = channel();
        let mut reading = File::from(master.try_clone().unwrap());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reading.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { typing: master.into(), screen, seen: String::new(), terminal, found, child }
    }

    /// The same as a job of an interactive shell.
    pub(crate) fn shell(shell: &str) -> Self {
        Self::shell_in(Path::new("."), shell, &[])
    }

    /// The same in a folder.
    pub(crate) fn shell_in(cwd: &Path, shell: &str, env: &[(&str, &str)]) -> Self {
        let words: Vec<&str> = shell.split(' ').collect();
        let mut person = Self::start_in(cwd, &words, env);
        person.sees("PROMPT ");
        person
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.typing.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for a text, forgets all up to its end, and gives what came before it.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                let mut before = std::mem::replace(&mut self.seen, rest);
                before.truncate(at);
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.screen.recv_timeout(left) else {
                panic!("no {text:?} but {:?}", self.seen);
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// The number that follows.
    pub(crate) fn sees_number(&mut self, end: &str) -> i32 {
        let deadline = Instant::now() + DEADLINE;
        while !self.seen.contains(end) {
            let bytes = self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        self.seen.split(end).next().unwrap().trim().parse().unwrap()
    }

    /// The leader of the session: hotrun's stand-in or the shell.
    pub(crate) fn leader(&self) -> i32 {
        let parent = i32::try_from(self.child.id()).unwrap();
        sys::processes().into_iter().find(|row| row.parent == parent).unwrap().pid
    }

    pub(crate) fn modes(&self) -> TerminalModes {
        TerminalModes::of(self.terminal.as_fd()).unwrap()
    }

    #[track_caller]
    pub(crate) fn waits_for(&self, what: &str, mut there: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !there(self) {
            assert!(Instant::now() < deadline, "never {what}");
            pause();
        }
    }

    pub(crate) fn keys_are_read(&self) {
        self.waits_for("key modes", |person| person.modes() == person.found.for_keys());
    }

    /// Waits for the end of what was started, and checks the terminal.
    #[track_caller]
    pub(crate) fn ended(mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        while self.modes() != self.found {
            assert!(
                Instant::now() < deadline,
                "{} is not {}; seen {:?}",
                self.modes(),
                self.found,
                self.seen
            );
            pause();
        }
        let status = self.child.wait().unwrap();
        assert_eq!(self.modes(), self.found);
        status
    }

    /// The terminal goes away.
    pub(crate) fn hang_up(self) -> Child {
        let Self { typing, screen, terminal, child, .. } = self;
        // The reading thread ends, and with it the last copy of the other end, at the next output; so make some.
        drop(screen);
        let _ = rustix::io::write(&terminal, b"x");
        drop((typing, terminal));
        child
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.typing, size).unwrap();
    }
}

/// Until it is worth looking again at what no event tells.
pub(crate) fn pause() {
    let pause = rustix::event::Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
    let _ = rustix::event::poll(&mut [] as &mut [rustix::event::PollFd<'_>], Some(&pause));
}

/// The interactive shells there are: they differ in what they do to a job and to the modes.
pub(crate) fn shells() -> impl Iterator<Item = &'static str> {
    ["sh -i", "bash --norc --noprofile --noediting -i", "zsh -f -i -o no_zle"]
        .into_iter()
        .filter(|shell| which::which(shell.split(' ').next().unwrap()).is_ok())
}
