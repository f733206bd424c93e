//! On a real pseudo-terminal: keys, lending, job control, hang-up; and the modes are as they were.

mod stand_in;
mod ui;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hotrun::sys::{self, TerminalModes};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::programs::program;
use stand_in::{BEHAVIOUR, FOREGROUND};

/// Far beyond what anything here takes, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A person at a terminal, and what runs there.
struct Person {
    typing: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
    /// The terminal's other end, to ask for its modes.
    terminal: OwnedFd,
    found: TerminalModes,
    child: Child,
}

impl Person {
    /// Starts a command as the leader of a session on a new terminal.
    fn start(command: &[&str], env: &[(&str, &str)]) -> Self {
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

    /// hotrun's stand-in, with a program that behaves as named.
    fn stand_in(behaviour: &str) -> Self {
        let me = std::env::current_exe().unwrap();
        let mut person = Self::start(
            &[me.to_str().unwrap(), "terminal::stand_in::stand_in", "--exact", "--nocapture"],
            &[(BEHAVIOUR, behaviour)],
        );
        person.sees("[started ");
        person
    }

    /// The same as a job of an interactive shell.
    fn shell(shell: &str) -> Self {
        let words: Vec<&str> = shell.split(' ').collect();
        let mut person = Self::start(&words, &[]);
        person.sees("PROMPT ");
        person
    }

    fn command(behaviour: &str) -> String {
        let me = std::env::current_exe().unwrap();
        format!("{BEHAVIOUR}={behaviour} {} terminal::stand_in::stand_in --exact --nocapture", me.display())
    }

    fn types(&mut self, keys: &str) {
        self.typing.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for a text, and forgets all up to its end.
    fn sees(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.screen.recv_timeout(left) else {
                panic!("no {text:?} but {:?}", self.seen);
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// The number that follows.
    fn sees_number(&mut self, end: &str) -> i32 {
        let deadline = Instant::now() + DEADLINE;
        while !self.seen.contains(end) {
            let bytes = self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())).unwrap();
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        self.seen.split(end).next().unwrap().trim().parse().unwrap()
    }

    /// The leader of the session: hotrun's stand-in or the shell.
    fn leader(&self) -> i32 {
        let parent = i32::try_from(self.child.id()).unwrap();
        sys::processes().into_iter().find(|row| row.parent == parent).unwrap().pid
    }

    fn modes(&self) -> TerminalModes {
        TerminalModes::of(self.terminal.as_fd()).unwrap()
    }

    fn waits_for(&self, what: &str, mut there: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !there(self) {
            assert!(Instant::now() < deadline, "never {what}");
            let pause = rustix::event::Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
            let _ = rustix::event::poll(&mut [] as &mut [rustix::event::PollFd<'_>], Some(&pause));
        }
    }

    fn keys_are_read(&self) {
        self.waits_for("key modes", |person| person.modes() == person.found.for_keys());
    }

    /// Waits for the end of what was started, and checks the terminal.
    fn ended(mut self) {
        self.waits_for("as found", |person| person.modes() == person.found);
        self.child.wait().unwrap();
        assert_eq!(self.modes(), self.found);
    }
}

/// The interactive shells there are: they differ in what they do to a job and to the modes.
fn shells() -> impl Iterator<Item = &'static str> {
    ["sh -i", "bash --norc --noprofile --noediting -i", "zsh -f -i -o no_zle"]
        .into_iter()
        .filter(|shell| which::which(shell.split(' ').next().unwrap()).is_ok())
}

#[test]
fn keys_are_told_and_the_modes_are_restored() {
    let mut person = Person::stand_in("quiet");
    person.keys_are_read();
    person.types("h");
    person.sees("[key Help]");
    person.types("\r");
    person.sees("[key Enter]");
    person.types("\x1b[A");
    person.types("p");
    person.sees("[key Pause]");
    person.types("r");
    person.sees("[started ");
    person.types("q");
    person.sees("[exited Signal(15) lent false]");
    person.ended();
}

#[test]
fn a_panic_restores_the_modes() {
    let mut person = Person::stand_in("quiet");
    person.types("e");
    person.sees("as asked");
    person.ended();
}

#[test]
fn ctrl_c_is_a_signal_and_hotrun_dies_of_it() {
    let mut person = Person::stand_in("quiet");
    person.keys_are_read();
    person.types("\x03");
    person.sees("[exited Signal(15) lent false]");
    let status = person.child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGINT));
    person.ended();
}

#[test]
fn a_program_that_reads_lines_is_lent_the_terminal() {
    let mut person = Person::stand_in("lines");
    let pid = person.sees_number("]");
    person.sees("[lent]");
    person.waits_for("as found", |person| person.modes() == person.found);
    person.types("quit\n");
    person.sees("line <quit>");
    // Half a line, which must not become keys.
    person.types("qqq");
    sys::kill_process(pid, libc::SIGTERM).unwrap();
    person.sees("\x1b[?1049l");
    person.sees("[exited Signal(15) lent true]");
    person.ended();
}

#[test]
fn a_program_that_ends_by_itself_gives_the_terminal_back() {
    let mut person = Person::stand_in("lines");
    person.sees("[lent]");
    person.types("x\n");
    person.sees("line <x>");
    person.types("\x04");
    person.sees("[exited Code(0) lent true]");
    person.ended();
}

#[test]
fn a_full_screen_program_is_lent_the_terminal_and_cleaned_up_after() {
    let mut person = Person::stand_in("raw");
    let pid = person.sees_number("]");
    person.sees("[lent]");
    person.sees("full screen");
    person.types("q\x03");
    person.sees("byte <113>");
    person.sees("byte <3>");
    assert!(!person.modes().by_line());
    sys::kill_process(pid, libc::SIGKILL).unwrap();
    person.sees("\x1b[?1049l");
    person.sees("[exited Signal(9) lent true]");
    person.ended();
}

#[test]
fn ctrl_c_for_a_program_that_has_the_terminal_ends_both() {
    let mut person = Person::stand_in("lines");
    person.sees("[lent]");
    person.waits_for("as found", |person| person.modes() == person.found);
    person.types("\x03");
    person.sees("[exited Signal(2) lent true]");
    let status = person.child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGINT));
    person.ended();
}

#[test]
fn a_program_can_have_the_terminal_from_its_start() {
    let me = std::env::current_exe().unwrap();
    let mut person = Person::start(
        &[me.to_str().unwrap(), "terminal::stand_in::stand_in", "--exact", "--nocapture"],
        &[(BEHAVIOUR, "raw"), (FOREGROUND, "yes")],
    );
    person.sees("full screen");
    person.types("z");
    person.sees("byte <122>");
    sys::kill_process(person.leader(), libc::SIGTERM).unwrap();
    person.sees("[exited Signal(15) lent true]");
    person.ended();
}

#[test]
fn the_end_of_the_terminal_ends_everything() {
    for behaviour in ["quiet", "raw"] {
        let mut person = Person::stand_in(behaviour);
        let pid = person.sees_number("]");
        if behaviour == "raw" {
            person.sees("full screen");
        }
        let Person { typing, screen, terminal, mut child, .. } = person;
        // The reading thread ends, and with it the last copy of the other end, at the next output; so make some.
        drop(screen);
        let _ = rustix::io::write(&terminal, b"x");
        drop((typing, terminal));
        let _ = child.wait();
        let deadline = Instant::now() + DEADLINE;
        while sys::process(pid).is_some_and(|row| !row.zombie) {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_killed_hotrun_leaves_the_terminal_as_it_was_found() {
    for behaviour in ["quiet", "raw"] {
        let mut person = Person::stand_in(behaviour);
        if behaviour == "raw" {
            person.sees("full screen");
        } else {
            person.keys_are_read();
        }
        sys::kill_process(person.leader(), libc::SIGKILL).unwrap();
        if behaviour == "raw" {
            person.sees("\x1b[?1049l");
        }
        person.ended();
    }
}

#[test]
fn ctrl_z_and_fg() {
    for shell in shells() {
        let mut person = Person::shell(shell);
        person.types(&format!("{}\n", Person::command("quiet")));
        person.sees("[started ");
        let pid = person.sees_number("]");
        person.waits_for("key modes", |person| !person.modes().by_line());
        person.types("\x1a");
        person.sees("PROMPT ");
        assert!(person.modes().by_line());
        person.waits_for("stopped", |_| sys::is_stopped(pid));
        person.types("fg\n");
        person.waits_for("continued", |person| !sys::is_stopped(pid) && !person.modes().by_line());
        person.types("h");
        person.sees("[key Help]");
        person.types("q");
        person.sees("PROMPT ");
        assert!(person.modes().by_line());
        person.types("exit\n");
        person.ended();
    }
}

#[test]
fn ctrl_z_for_a_program_that_has_the_terminal() {
    for shell in shells() {
        let mut person = Person::shell(shell);
        person.types(&format!("{}\n", Person::command("lines")));
        person.sees("[lent]");
        person.types("one\n");
        person.sees("line <one>");
        person.types("\x1a");
        person.sees("PROMPT ");
        person.types("fg\n");
        person.sees("[lent again]");
        person.types("two\n");
        person.sees("line <two>");
        person.types("\x04");
        person.sees("[exited Code(0) lent true]");
        person.sees("PROMPT ");
        person.types("exit\n");
        person.ended();
    }
}

#[test]
fn in_the_background_the_terminal_stops_nobody() {
    for shell in shells() {
        let mut person = Person::shell(shell);
        person.types(&format!("{} &\n", Person::command("lines")));
        person.sees("[started ");
        // The program waits for the terminal, which is the shell's.
        person.types("echo he''llo; jobs\n");
        person.sees("hello");
        person.sees("unning");
        person.types("fg\n");
        let shell = person.leader();
        person.waits_for("in the foreground", |person| {
            sys::terminal_holder(person.terminal.as_fd()).is_some_and(|holder| holder != shell)
        });
        // A shell that sends no SIGCONT to a job that was not stopped leaves it to the first key to tell.
        person.types("\n");
        person.sees("[lent");
        person.types("mine\n");
        person.sees("line <mine>");
        person.types("\x03");
        person.sees("[exited Signal(2) lent true]");
        person.sees("PROMPT ");
        person.types("exit\n");
        person.ended();
    }
}
