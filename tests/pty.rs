//! The real hotrun on a real pseudo-terminal.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;

use hotrun::sys;

use super::edits::world::skip;
use super::support::{Home, Person, Project, shells};

const HOTRUN: &str = env!("CARGO_BIN_EXE_hotrun");

/// hotrun in the project's folder on a terminal of its own.
fn on_terminal(project: &Project, home: Option<&Home>, args: &[&str]) -> Person {
    let mut command = vec![HOTRUN, "--offline"];
    command.extend(args);
    let address = home.map_or(String::new(), |home| home.address.to_string());
    Person::start_in(project.path(), &command, &[("TEST_HOME", &address)])
}

/// hotrun's command in a shell.
fn command(args: &str) -> String {
    format!("{HOTRUN} --offline {args}")
}

#[test]
fn every_key_does_what_the_help_says() {
    let (project, home) = (Project::caller(), Home::new());
    let mut person = on_terminal(&project, Some(&home), &[]);
    let one = home.call_of("one");
    person.sees("Started");
    person.keys_are_read();
    person.types("h");
    person.sees("show the last errors");
    person.types("r");
    let two = home.call_of("one");
    assert_ne!(one.pid, two.pid);
    person.sees("Restarted");
    person.types("e");
    person.sees("problems found");
    person.types("p");
    person.sees("Paused");
    project.set_version("two");
    person.types("p");
    person.sees("Resumed");
    home.call_of("two");
    person.sees("Restarted");
    project.break_it();
    person.sees("mismatched types");
    person.sees("failed");
    person.types("e");
    person.sees("mismatched types");
    person.types("\r");
    person.sees("\r\n");
    person.types("c");
    person.sees("\x1b[2J");
    person.types("\x0c");
    person.sees("\x1b[2J");
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn every_way_of_leaving_leaves_the_terminal_as_it_was_found() {
    let project = Project::fixture();
    for behaviour in ["quiet", "lines", "raw"] {
        let lent = behaviour != "quiet";
        for signal in [libc::SIGTERM, libc::SIGABRT, libc::SIGKILL, libc::SIGQUIT] {
            let mut person = on_terminal(&project, None, &["--", behaviour]);
            match behaviour {
                "quiet" => drop(person.sees("Started")),
                "lines" => drop(person.sees("asking")),
                _ => drop(person.sees("full screen")),
            }
            person.waits_for("its modes", |person| {
                let own = person.modes() == person.found.for_keys();
                if behaviour == "lines" { person.modes() == person.found } else { lent || own }
            });
            sys::kill_process(person.leader(), signal).unwrap();
            if behaviour == "raw" {
                person.sees("\x1b[?1049l");
            }
            assert_eq!(person.ended().signal(), Some(signal), "{behaviour}");
        }
    }
    let mut person = on_terminal(&project, None, &["--", "quiet"]);
    person.sees("Started");
    person.keys_are_read();
    person.types("\x03");
    assert_eq!(person.ended().signal(), Some(libc::SIGINT));
    let mut person = on_terminal(&project, None, &["--", "lines"]);
    person.sees("asking");
    person.waits_for("as found", |person| person.modes() == person.found);
    person.types("\x03");
    assert_eq!(person.ended().signal(), Some(libc::SIGINT));
}

#[test]
fn ctrl_z_and_fg() {
    for shell in shells() {
        let (project, home) = (Project::caller(), Home::new());
        let address = home.address.to_string();
        let mut person = Person::shell_in(project.path(), shell, &[("TEST_HOME", &address)]);
        person.types(&format!("{}\n", command("")));
        let one = home.call_of("one");
        person.sees("Started");
        person.waits_for("key modes", |person| !person.modes().by_line());
        person.types("\x1a");
        person.sees("PROMPT ");
        person.waits_for("stopped", |_| sys::is_stopped(one.pid.cast_signed()));
        person.types("fg\n");
        person.waits_for("continued", |person| {
            !sys::is_stopped(one.pid.cast_signed()) && !person.modes().by_line()
        });
        person.types("r");
        home.call_of("one");
        person.sees("Restarted");
        person.types("q");
        person.sees("PROMPT ");
        person.types("exit\n");
        person.ended();
    }
}

#[test]
fn in_the_background_hotrun_is_never_stopped() {
    for shell in shells() {
        let (project, home) = (Project::caller(), Home::new());
        let address = home.address.to_string();
        let mut person = Person::shell_in(project.path(), shell, &[("TEST_HOME", &address)]);
        person.types(&format!("stty tostop; {} &\n", command("")));
        home.call_of("one");
        person.sees("Started");
        project.set_version("two");
        home.call_of("two");
        person.sees("Restarted");
        person.types("jobs\n");
        person.sees("unning");
        person.types("fg\n");
        let shell = person.leader();
        person.waits_for("in the foreground", |person| {
            sys::terminal_holder(person.terminal.as_fd()).is_some_and(|holder| holder != shell)
        });
        // A shell that sends no SIGCONT to a job that was not stopped leaves it to the first key to tell.
        person.types("\n");
        person.waits_for("key modes", |person| !person.modes().by_line());
        person.types("r");
        home.call_of("two");
        person.sees("Restarted");
        person.types("q");
        person.sees("PROMPT ");
        person.types("stty -tostop; exit\n");
        person.ended();
    }
}

#[test]
fn a_program_that_reads_lines_is_restarted_by_an_edit_and_reads_again() {
    let project = Project::fixture();
    let mut person = on_terminal(&project, None, &["--", "lines"]);
    person.sees("asking");
    person.waits_for("as found", |person| person.modes() == person.found);
    person.types("first\n");
    person.sees("line <first>");
    project.edit_fixture("two");
    // The new process, which may say so before hotrun does.
    person.sees("asking");
    person.waits_for("as found", |person| person.modes() == person.found);
    person.types("second\n");
    person.sees("line <second>");
    // The end of the input ends the program.
    person.types("\x04");
    person.sees("Exited");
    person.keys_are_read();
    person.types("h");
    person.sees("show the last errors");
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn a_full_screen_program_is_left_alone_and_hears_of_nothing_but_its_keys() {
    let project = Project::fixture();
    let log = project.join("hotrun.log");
    let mut person = on_terminal(&project, None, &["--log", log.to_str().unwrap(), "--", "raw"]);
    person.sees("full screen");
    person.types("x");
    person.sees("byte <120>");
    project
        .write("src/main.rs", "fn main() { let a: u32 = \"a\"; let b: u32 = \"b\"; let c: u32 = \"c\"; }\n");
    let before = person.sees("\x1b]2;hotrun: 3 errors\x07");
    assert_eq!(before.trim(), "\x1b[22;2t");
    assert!(fs::read_to_string(&log).unwrap().contains("mismatched types"));
    person.types("y");
    let before = person.sees("byte <121>");
    assert!(before.trim().is_empty(), "{before:?}");
    project.edit_fixture("two");
    person.sees("\x1b]2;\x07\x1b[23;2t");
    person.sees("\x1b[?1049l");
    // What was said meanwhile and no longer holds is not shown.
    let held = person.sees("Restarted");
    assert!(!held.contains("mismatched types"), "{held:?}");
    person.sees("full screen");
    person.types("z");
    person.sees("byte <122>");
    project.write("src/main.rs", "fn main() { println!(\"bye\"); }\n");
    person.sees("bye");
    person.keys_are_read();
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn a_pager_works_without_any_option() {
    if which::which("less").is_err() {
        return skip("a pager: less is not installed");
    }
    let project = Project::empty();
    project.write("Cargo.toml", &super::support::manifest("app"));
    let main = |version: u32| {
        format!(
            "fn main() {{ let status = std::process::Command::new(\"less\").arg(\"text\").status(); println!(\"{version} {{status:?}}\"); }}"
        )
    };
    project.write("src/main.rs", &main(1));
    let lines: Vec<String> = (1..200).map(|n| format!("this is line {n}\n")).collect();
    project.write("text", &lines.concat());
    let mut person = on_terminal(&project, None, &[]);
    person.resize(80, 24);
    person.sees("this is line 3");
    person.types("G");
    person.sees("this is line 199");
    project.write("src/main.rs", &main(2));
    person.sees("Restarted");
    person.sees("this is line 3");
    person.types("q");
    person.sees("2 Ok(");
    person.sees("Exited");
    person.keys_are_read();
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn stdin_null_and_stdin_inherit() {
    let project = Project::fixture();
    let mut person = on_terminal(&project, None, &["--stdin", "null", "--", "lines"]);
    person.sees("asking");
    person.sees("Exited");
    person.types("\x03");
    assert_eq!(person.ended().signal(), Some(libc::SIGINT));

    let mut person = on_terminal(&project, None, &["--stdin", "inherit", "--", "raw"]);
    person.sees("full screen");
    person.types("q");
    person.sees("byte <113>");
    project.edit_fixture("two");
    person.sees("\x1b[?1049l");
    person.sees("full screen");
    person.types("q");
    person.sees("byte <113>");
    sys::kill_process(person.leader(), libc::SIGTERM).unwrap();
    assert_eq!(person.ended().signal(), Some(libc::SIGTERM));

    // Keys are off: what is typed is the program's from its first moment.
    let mut person = on_terminal(&project, None, &["--stdin", "inherit", "--", "lines"]);
    person.types("q\n");
    person.sees("line <q>");
    person.types("\x03");
    assert_eq!(person.ended().signal(), Some(libc::SIGINT));
}

#[test]
fn the_size_of_the_terminal_reaches_the_program() {
    let project = Project::fixture();
    let fifo = super::support::Reports::new();
    let mut person = Person::start_in(
        project.path(),
        &[HOTRUN, "--offline", "--", "sizes"],
        &[("TEST_REPORT", fifo.path())],
    );
    fifo.wait_for("ready");
    person.sees("Started");
    person.resize(100, 30);
    fifo.wait_for("resized");
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn a_slow_stop_for_a_restart_is_said_and_ctrl_c_ends_it() {
    let project = Project::fixture();
    let reports = super::support::Reports::new();
    let mut person = Person::start_in(
        project.path(),
        &[HOTRUN, "--offline", "--stop-timeout", "10m", "--", "stubborn"],
        &[("TEST_REPORT", reports.path())],
    );
    reports.wait_for("ready");
    person.sees("Started");
    person.keys_are_read();
    person.types("r");
    person.sees("app (SIGTERM sent 1 s ago, SIGKILL in 599 s; Ctrl-C quits)");
    person.types("\x03");
    person.sees("app (SIGINT sent 1 s ago, ");
    person.sees("Ctrl-C kills it now)");
    person.types("\x03");
    person.sees("Stopped");
    assert_eq!(person.ended().signal(), Some(libc::SIGINT));
}

#[test]
fn cargo_is_lent_the_terminal_when_it_asks() {
    let (project, home) = (Project::caller(), Home::new());
    project.write(
        "build.rs",
        r#"
use std::io::{BufRead, BufReader, Write};
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let mut terminal = std::fs::File::options().read(true).write(true).open("/dev/tty").unwrap();
    write!(terminal, "Password: ").unwrap();
    let mut word = String::new();
    BufReader::new(&terminal).read_line(&mut word).unwrap();
    assert_eq!(word, "secret\n");
}
"#,
    );
    let mut person = on_terminal(&project, Some(&home), &[]);
    person.sees("Password: ");
    person.waits_for("as found", |person| person.modes() == person.found);
    person.types("secret\n");
    home.call_of("one");
    person.sees("Started");
    person.keys_are_read();
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

#[test]
fn no_color_means_no_colour_and_a_terminal_has_it_otherwise() {
    let (project, home) = (Project::caller(), Home::new());
    project.break_it();
    let address = home.address.to_string();
    let mut person = on_terminal(&project, Some(&home), &[]);
    let colored = person.sees("failed");
    assert!(colored.contains("\x1b[1m"), "{colored:?}");
    person.keys_are_read();
    person.types("q");
    person.ended();
    let env = [("TEST_HOME", address.as_str()), ("NO_COLOR", "1")];
    let mut person = Person::start_in(project.path(), &[HOTRUN, "--offline"], &env);
    let plain = person.sees("failed");
    assert!(plain.contains("mismatched types") && !plain.contains("\x1b[1m"), "{plain:?}");
    assert!(!plain.contains("\x1b[3"), "{plain:?}");
    person.keys_are_read();
    person.types("q");
    person.ended();
}
