//! hotrun's lines and the program's on one terminal, as a person sees them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::support::{Person, Workshop};

const HOTRUN: &str = env!("CARGO_BIN_EXE_hotrun");

/// Asks with a prompt that has no line end, and answers each line.
const ASKING: &str = "#!/bin/sh
printf 'ready > '
while read line; do
    [ \"$line\" = quit ] && break
    printf 'heard <%s>\\nready > ' \"$line\"
done
printf bye
";

/// A terminal of this many columns that wraps as xterm does: not before the first letter of the next line comes.
#[derive(Clone)]
struct Screen {
    columns: usize,
    rows: Vec<String>,
    column: usize,
}

impl Screen {
    fn new(columns: usize) -> Self {
        Self { columns, rows: vec![String::new()], column: 0 }
    }

    fn shows(&mut self, text: &str) {
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            let row = self.rows.last_mut().unwrap();
            match letter {
                '\r' => self.column = 0,
                '\n' => self.rows.push(" ".repeat(self.column)),
                '\x07' => {}
                '\x1b' => match letters.next() {
                    Some('[') if letters.find(char::is_ascii_alphabetic) == Some('K') => {
                        row.truncate(self.column);
                    }
                    Some(']') => drop(letters.find(|letter| *letter == '\x07')),
                    _ => {}
                },
                letter => {
                    if self.column == self.columns {
                        self.rows.push(String::new());
                        self.column = 0;
                    }
                    let row = self.rows.last_mut().unwrap();
                    if self.column < row.len() {
                        row.replace_range(self.column..=self.column, &letter.to_string());
                    } else {
                        row.push(letter);
                    }
                    self.column += 1;
                }
            }
        }
    }

    /// Whether this is a line, and nothing else is in it.
    #[track_caller]
    fn has(&self, line: &str) {
        assert!(self.rows.iter().any(|row| row.trim_end() == line), "no {line:?} in {:#?}", self.rows);
    }
}

/// A workshop whose program is this script.
fn workshop(script: &str) -> Workshop {
    let workshop = Workshop::new(Path::new(""));
    let program = workshop.project.join("script");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    workshop.build_gives(&program);
    workshop
}

fn on_terminal(workshop: &Workshop, args: &[&str]) -> Person {
    let path = format!("{}:{}", workshop.project.join("bin").display(), std::env::var("PATH").unwrap());
    let cargo = std::env::var("CARGO").expect("cargo runs the tests");
    let env = [("PATH", &*path), ("REAL_CARGO", &*cargo), ("NO_COLOR", "1")];
    let command: Vec<&str> = [HOTRUN, "--offline"].iter().chain(args).copied().collect();
    Person::start_in(workshop.project.path(), &command, &env)
}

#[test]
fn lines_of_hotrun_and_of_a_program_that_asks_do_not_mix() {
    let workshop = workshop(ASKING);
    let stub = fs::read_to_string(workshop.project.join("bin/cargo")).unwrap();
    let bar = "printf '    Building [=====================>     ] 12/13: app(bin)\\r' >&2\n";
    workshop.project.write("bin/cargo", &stub.replace("echo \"$staging", &format!("{bar}echo \"$staging")));
    let mut person = on_terminal(&workshop, &[]);
    person.resize(80, 24);

    let mut screen = Screen::new(80);
    let mut see = |person: &mut Person, text: &str| {
        let before = person.sees(text);
        screen.shows(&(before + text));
        screen.clone()
    };
    let seen = see(&mut person, "ready > ");
    seen.has("ready >");
    let [.., started, _] = seen.rows.as_slice() else { panic!("{:?}", seen.rows) };
    assert!(started.trim_start().starts_with("Started build 1 in"), "{:#?}", seen.rows);
    assert!(!seen.rows.iter().any(|row| row.contains("[==")), "{:#?}", seen.rows);

    // The program has the terminal and waits for a line: what is wrong is shown at once.
    person.waits_for("as found", |person| person.modes() == person.found);
    workshop.build_fails();
    let seen = see(&mut person, "still running build 1");
    seen.has("ready >");
    seen.has("error: broken on purpose");
    person.types("one\n");
    see(&mut person, "heard <one>\r\nready > ").has("ready >");

    // What comes after a last line without an end begins on a line of its own.
    person.types("quit\n");
    let seen = see(&mut person, "save a file");
    seen.has("bye");
    let exited = &seen.rows[seen.rows.len() - 2];
    assert!(exited.starts_with("      Exited app with code 0"), "{:#?}", seen.rows);
    person.keys_are_read();
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}

/// A full-screen program that a key ends.
const FULL_SCREEN: &str = "#!/bin/sh
stty raw -echo
printf 'full screen'
dd bs=1 count=1 2>/dev/null
stty sane
";

#[test]
fn after_a_full_screen_program_only_what_still_holds_is_shown() {
    let workshop = workshop(FULL_SCREEN);
    let stub = fs::read_to_string(workshop.project.join("bin/cargo")).unwrap();
    let telling = stub.replace("'error: broken on purpose'", "\"error: $(cat src/main.rs)\"");
    workshop.project.write("bin/cargo", &telling);
    let log = workshop.project.join("target/log");
    let mut person = on_terminal(&workshop, &["--log", "target/log"]);
    person.sees("full screen");
    for error in ["first", "second"] {
        workshop.project.write("src/main.rs", error);
        let failed = format!("error: {error}\nerror: build");
        person.waits_for("failed", |_| fs::read_to_string(&log).is_ok_and(|log| log.contains(&failed)));
    }
    person.types("x");
    let shown = person.sees("Exited");
    assert!(shown.contains("error: second"), "{shown:?}");
    assert!(!shown.contains("error: first"), "{shown:?}");
    person.keys_are_read();
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}
