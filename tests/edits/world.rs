//! A workspace with one of everything a program can be made of, and a hotrun that keeps its program running.
//!
//! The program calls home with a list of words, one for each thing it is made of, so that an edit of any of them shows.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Home, Hotrun, Project};

/// The program: its modules and what it says of itself stand for the marks.
const MAIN: &str = r#"
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

MODULES

fn words() -> Vec<String> {
    let var = |name: &str| format!("{name}={}", std::env::var(name).unwrap_or_default());
    vec![
        WORDS
        include_str!("../../../outside.txt").trim().to_owned(),
        env!("SCHEMA").to_owned(),
        format!("fancy={}", cfg!(feature = "fancy")),
        format!("helper={}", helper::VERSION),
        nameless::DATA.to_owned(),
        picked::VALUE.to_owned(),
        outer::VALUE.to_owned(),
        format!("built={}", option_env!("RUSTUP_TOOLCHAIN").unwrap_or_default()),
        var("RUSTUP_TOOLCHAIN"),
        var("IN_CONFIG"),
        var("IN_ENV_FILE"),
    ]
}

fn main() {
    let home = std::env::var("TEST_HOME").expect("TEST_HOME");
    let mut stream = TcpStream::connect(home).expect("nobody is at home");
    let who = format!("{} {}\n", std::process::id(), words().join(","));
    stream.write_all(who.as_bytes()).unwrap();
    for line in BufReader::new(stream.try_clone().unwrap()).lines() {
        if line.is_err() {
            break;
        }
    }
    loop {
        std::thread::park();
    }
}
"#;

const APP: &str = r#"
[package]
name = "app"
version = "0.1.0"
edition = "2024"

[features]
default = []
fancy = []

[dependencies]
helper = { path = "../helper" }
nameless = { path = "../nameless" }
outer = { path = "../../outer" }
picked = "0.1"
"#;

/// Names its inputs, and writes the same source each time it runs.
const BUILD_SCRIPT: &str = r#"
fn main() {
    println!("cargo::rerun-if-changed=schema");
    println!("cargo::rerun-if-changed=build.rs");
    let schema = std::fs::read_to_string("schema/app.proto").unwrap();
    println!("cargo::rustc-env=SCHEMA={}", schema.trim());
    std::fs::write("src/scripted.rs", "pub const VALUE: &str = \"scripted\";\n").unwrap();
}
"#;

/// Names nothing: cargo runs it again for any file of its package.
const NAMELESS_SCRIPT: &str = r#"
fn main() {
    let data = std::fs::read_to_string("data/words.txt").unwrap();
    println!("cargo::rustc-env=DATA={}", data.trim());
}
"#;

/// A library's manifest.
pub(crate) fn library(name: &str) -> String {
    format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

/// Renames what must be there.
#[track_caller]
pub(crate) fn rename(from: &Path, to: &Path) {
    rustix::fs::rename(from, to).unwrap();
}

/// A module that holds a word.
pub(crate) fn module(word: &str) -> String {
    format!("pub const VALUE: &str = {word:?};\n")
}

/// The workspace, a hotrun in it, and a home for its program.
pub(crate) struct World {
    pub(crate) project: Project,
    pub(crate) hotrun: Hotrun,
    home: Home,
    modules: Vec<String>,
    main_word: String,
    words: u32,
    mark: usize,
}

impl World {
    /// Everything is there, and the first build runs.
    pub(crate) fn new(args: &[&str]) -> Self {
        let project = Project::empty();
        let base = project.path().to_owned();
        for (file, text) in [
            (
                ".cargo/config.toml",
                "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"vendor\"\n",
            ),
            ("outside.txt", "outside\n"),
            ("elsewhere/linked.rs", &module("linked")),
            ("elsewhere/one.rs", &module("one")),
            ("elsewhere/two.rs", &module("two")),
            ("outer/Cargo.toml", &library("outer")),
            ("outer/src/lib.rs", &module("outer")),
            (
                "ws/Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"helper\", \"nameless\", \"other\", \"crates/*\"]\n",
            ),
            ("ws/.gitignore", "target\n/app/src/generated.rs\n/app/scratch\n*.ignored\n"),
            ("ws/README.md", "# A workspace\n"),
            ("ws/app/Cargo.toml", APP),
            ("ws/app/README.md", "# An app\n"),
            ("ws/app/build.rs", BUILD_SCRIPT),
            ("ws/app/schema/app.proto", "schema\n"),
            ("ws/app/app.env", "IN_ENV_FILE=first\n"),
            ("ws/app/src/part.rs", &module("part")),
            ("ws/app/src/kept.rs", &module("kept")),
            ("ws/app/src/generated.rs", &module("generated")),
            ("ws/app/src/scripted.rs", &module("scripted")),
            ("ws/app/src/alpha/mod.rs", &module("alpha")),
            ("ws/app/src/unread.rs", "// nobody reads this\n"),
            ("ws/helper/Cargo.toml", &library("helper")),
            ("ws/helper/src/lib.rs", "pub const VERSION: &str = env!(\"CARGO_PKG_VERSION\");\n"),
            ("ws/nameless/Cargo.toml", &library("nameless")),
            ("ws/nameless/build.rs", NAMELESS_SCRIPT),
            ("ws/nameless/data/words.txt", "nameless\n"),
            ("ws/nameless/src/lib.rs", "pub const DATA: &str = env!(\"DATA\");\n"),
            ("ws/other/Cargo.toml", &library("other")),
            ("ws/crates/old/Cargo.toml", &library("old")),
            ("ws/crates/old/src/lib.rs", ""),
            ("ws/other/src/lib.rs", "// nobody depends on this\n"),
        ] {
            project.write(file, text);
        }
        for (version, word) in [("0.1.0", "picked-old"), ("0.1.1", "picked-new")] {
            let folder = format!("vendor/picked-{version}");
            project.write(&format!("{folder}/Cargo.toml"), &library("picked").replace("0.1.0", version));
            project.write(&format!("{folder}/src/lib.rs"), &module(word));
            project.write(&format!("{folder}/.cargo-checksum.json"), "{\"files\":{}}");
        }
        symlink("../../../elsewhere/linked.rs", base.join("ws/app/src/linked.rs")).unwrap();
        symlink("../../../elsewhere/one.rs", base.join("ws/app/src/turned.rs")).unwrap();

        let home = Home::new();
        let words = ["part", "kept", "generated", "scripted", "linked", "turned", "alpha"];
        let modules: Vec<String> = words.map(str::to_owned).into();
        project.write("ws/app/src/main.rs", &main_text(&modules, "main"));
        let hotrun = Hotrun::prepare(&project, &home, args)
            .folder(&base.join("ws/app"))
            .env_remove("RUSTUP_TOOLCHAIN")
            .start();
        let mut world = Self { project, hotrun, home, modules, main_word: "main".into(), words: 0, mark: 0 };
        world.expect("main");
        world.hotrun.wait_for("ready");
        world
    }

    /// A word that was never used.
    pub(crate) fn word(&mut self) -> String {
        self.words += 1;
        format!("word{}", self.words)
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.project.join(file)
    }

    /// A file of the program's package.
    pub(crate) fn app(&self, file: &str) -> PathBuf {
        self.path("ws/app").join(file)
    }

    /// Writes the program's file with another word and other modules.
    pub(crate) fn write_main(&mut self, word: &str, modules: impl FnOnce(&mut Vec<String>)) {
        modules(&mut self.modules);
        word.clone_into(&mut self.main_word);
        self.project.write("ws/app/src/main.rs", &main_text(&self.modules, word));
    }

    /// Waits until a program runs that says this word.
    #[track_caller]
    pub(crate) fn expect(&mut self, word: &str) {
        let deadline = std::time::Instant::now() + crate::support::DEADLINE;
        loop {
            assert!(std::time::Instant::now() < deadline, "nothing said {word}");
            let Some(call) = self.home.try_call() else {
                panic!("nobody called home to say {word}; hotrun said:\n{}", self.hotrun.stderr());
            };
            let said = call.version.split(',').any(|said| said == word);
            if said {
                return;
            }
        }
    }

    /// Waits until a build has failed.
    #[track_caller]
    pub(crate) fn expect_failure(&mut self) {
        self.hotrun.wait_until("failed build", |event| {
            event.kind() == "build-finished" && event.0["success"] == false
        });
    }

    /// From here on builds are counted.
    pub(crate) fn mark(&mut self) {
        self.mark = self.hotrun.seen().len();
    }

    /// The builds started and the paths said to have changed since the mark.
    pub(crate) fn since_mark(&mut self) -> (usize, Vec<String>) {
        let base = self.project.path().to_owned();
        let mark = self.mark;
        let events = &self.hotrun.seen()[mark..];
        let builds = events.iter().filter(|event| event.kind() == "build-started").count();
        let mut paths: Vec<String> = events
            .iter()
            .filter(|event| event.kind() == "changed")
            .flat_map(|event| event.0["paths"].as_array().cloned().unwrap_or_default())
            .map(|path| {
                let path = Path::new(path.as_str().unwrap_or_default()).to_owned();
                path.strip_prefix(&base).unwrap_or(&path).display().to_string()
            })
            .collect();
        paths.sort();
        paths.dedup();
        (builds, paths)
    }

    /// Runs git in the workspace.
    #[track_caller]
    pub(crate) fn git(&self, words: &[&str]) {
        git(&self.path("ws"), words);
    }
}

/// Runs git in a folder, as nobody in particular.
#[track_caller]
pub(crate) fn git(folder: &Path, words: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "init.defaultBranch=main"])
        .args(["-c", "commit.gpgsign=false", "-c", "advice.detachedHead=false", "-c", "gc.auto=0"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_EDITOR", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Whether a program is there to be called.
pub(crate) fn installed(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok()
}

/// Whether this system lets anybody have a namespace of their own.
pub(crate) fn namespaces(flags: &str) -> bool {
    let status = Command::new("unshare").args([flags, "true"]).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// What a test leaves out is said.
#[expect(clippy::print_stderr, reason = "tests have no other voice")]
pub(crate) fn skip(what: &str) {
    eprintln!("skipped: {what}");
}

fn main_text(modules: &[String], word: &str) -> String {
    let declared: Vec<String> = modules.iter().map(|module| format!("mod {module};")).collect();
    let mut words = vec![format!("{word:?}.to_owned(),")];
    words.extend(modules.iter().map(|module| format!("{module}::VALUE.to_owned(),")));
    MAIN.replace("MODULES", &declared.join("\n")).replace("WORDS", &words.join("\n        "))
}
