//! The output of a program that hotrun reads: on a terminal, redirected, and asked for later.

mod logs;
mod redirected;
mod several;
mod terminal;

use std::fmt::Write as _;
use std::path::Path;

use crate::programs::{program, variant};
use crate::support::{Call, Home, Hotrun, Person, Workshop};

const HOTRUN: &str = env!("CARGO_BIN_EXE_hotrun");

/// A project whose program writes what it is told to, and where it calls.
struct Scene {
    workshop: Workshop,
    home: Home,
}

impl Scene {
    fn new() -> Self {
        Self { workshop: Workshop::new(&program("writer")), home: Home::new() }
    }

    /// hotrun on a terminal of 100 columns and 30 rows.
    fn on_terminal(&self, args: &[&str]) -> Person {
        let mut command = vec![HOTRUN, "--offline"];
        command.extend(args);
        let address = self.home.address.to_string();
        let path =
            format!("{}:{}", self.workshop.project.join("bin").display(), std::env::var("PATH").unwrap());
        let cargo = std::env::var("CARGO").unwrap();
        let env = [("TEST_HOME", &*address), ("PATH", &path), ("REAL_CARGO", &cargo)];
        let person = Person::start_in(self.workshop.project.path(), &command, &env);
        person.resize(100, 30);
        person
    }

    /// hotrun with its stdout in a pipe, and stderr in another.
    fn redirected(&self, args: &[&str]) -> (Hotrun, std::io::PipeReader) {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut start = Hotrun::prepare(&self.workshop.project, &self.home, args);
        self.workshop.equip(start.command());
        start.command().stdout(writer);
        (start.start(), reader)
    }

    /// The next build gives another binary: an edit.
    fn edit(&self) {
        self.workshop.build_gives(&variant("writer", "-two", &[("WRITER_VERSION", "two")]));
    }

    fn path(&self) -> &Path {
        self.workshop.project.path()
    }
}

/// Makes the program write, and waits until it has.
fn write(call: &mut Call, to: &str, bytes: impl AsRef<[u8]>) {
    let hex = bytes.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    assert_eq!(answer(call, &format!("{to} {hex}")), "done");
}

/// The program's answer.
fn answer(call: &mut Call, word: &str) -> String {
    call.tell(word);
    call.line()
}

/// The most memory that a process ever had, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().trim().parse::<u64>().unwrap() << 10
}
