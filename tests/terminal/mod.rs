//! On a real pseudo-terminal: keys, lending, job control, hang-up; and the modes are as they were.

mod stand_in;
mod ui;

use std::os::fd::AsFd;
use std::time::Instant;

use hotrun::sys;

use crate::support::{DEADLINE, Person, shells};
use stand_in::{BEHAVIOUR, FOREGROUND};

impl Person {
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

    fn command(behaviour: &str) -> String {
        let me = std::env::current_exe().unwrap();
        format!("{BEHAVIOUR}={behaviour} {} terminal::stand_in::stand_in --exact --nocapture", me.display())
    }
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
        let mut child = person.hang_up();
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
