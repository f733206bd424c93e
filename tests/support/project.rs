//! Throw-away cargo projects without dependencies, so that a real `cargo build --offline` is quick.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder with a cargo project in it, gone with this value.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

/// A program that calls home (see `Home`), says `<pid> <version>`, answers `who` with the same, and ends with the
/// code after `exit`.
const CALLER: &str = r#"
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

const VERSION: &str = "one";

fn main() {
    let home = std::env::var("TEST_HOME").expect("TEST_HOME");
    let mut stream = TcpStream::connect(home).expect("nobody is at home");
    let who = format!("{} {VERSION}\n", std::process::id());
    stream.write_all(who.as_bytes()).unwrap();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        let Ok(line) = line else { break };
        match line.split_once(' ') {
            Some(("exit", code)) => std::process::exit(code.parse().unwrap()),
            _ => stream.write_all(who.as_bytes()).unwrap(),
        }
    }
    // Whoever called has hung up; it is not for them to end this.
    loop {
        std::thread::park();
    }
}
"#;

impl Project {
    /// An empty folder.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("hotrun-test-").tempdir().unwrap();
        Self { folder }
    }

    /// A package `app` whose program calls home.
    pub(crate) fn caller() -> Self {
        let project = Self::empty();
        project.write("Cargo.toml", &manifest("app"));
        project.write("src/main.rs", CALLER);
        project
    }

    /// A package `app` whose program is `tests/fixtures/app.rs`, which behaves as its arguments say.
    pub(crate) fn fixture() -> Self {
        let project = Self::empty();
        project.write("Cargo.toml", &manifest("app"));
        project.edit_fixture("one");
        project
    }

    /// Another binary of the fixture.
    pub(crate) fn edit_fixture(&self, version: &str) {
        let text = include_str!("../fixtures/app.rs");
        self.write("src/main.rs", &format!("{text}\n#[used]\nstatic VERSION: &str = {version:?};\n"));
    }

    /// The program's text with another version.
    pub(crate) fn caller_text(version: &str) -> String {
        CALLER.replace("\"one\"", &format!("{version:?}"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn join(&self, file: &str) -> PathBuf {
        self.path().join(file)
    }

    /// Writes a file, in place.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes the program's file with another version.
    pub(crate) fn set_version(&self, version: &str) {
        self.write("src/main.rs", &Self::caller_text(version));
    }

    /// Writes the program's file so that it does not compile.
    pub(crate) fn break_it(&self) {
        self.write("src/main.rs", "fn main() { let broken: u32 = \"broken\"; }\n");
    }

    /// The live path of the program `name` built with the dev profile.
    pub(crate) fn live(&self, name: &str) -> PathBuf {
        self.join("target/hotrun/live/debug").join(name)
    }
}

/// A manifest without dependencies.
pub(crate) fn manifest(name: &str) -> String {
    format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n")
}
