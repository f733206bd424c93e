//! The rules of the house that can be read off the text: who imports whom, what pure rooms keep away from, where `unsafe`
//! stands, how long files are.

mod circles;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A file with more lines than this before its unit tests holds two ideas.
const LONGEST: usize = 450;
/// The same for a file of tests.
const LONGEST_TESTS: usize = 600;

/// Every room and the rooms it may import: the table of `ARCHITECTURE.md`. Two OS rooms never import each other.
const ROOMS: &[(&str, Kind, &[&str])] = &[
    ("words", Kind::Pure, &[]),
    ("config", Kind::Pure, &["words"]),
    ("cli", Kind::Pure, &["words", "config"]),
    ("messages", Kind::Pure, &["words"]),
    ("session", Kind::Pure, &["words", "config"]),
    ("history", Kind::Pure, &["words", "messages", "session"]),
    ("sys", Kind::Os, &["words"]),
    ("settings", Kind::Os, &["words", "config", "sys"]),
    ("project", Kind::Os, &["words", "config", "sys"]),
    ("watch", Kind::Os, &["words", "config", "sys"]),
    ("build", Kind::Os, &["words", "config", "messages", "session", "sys"]),
    ("process", Kind::Os, &["words", "config", "sys"]),
    ("output", Kind::Os, &["words", "config", "sys"]),
    ("handover", Kind::Os, &["words", "config", "sys"]),
    ("terminal", Kind::Os, &["words", "config", "sys"]),
    ("control", Kind::Os, &["words", "cli", "config", "messages", "session", "history"]),
    ("report", Kind::Os, &["words", "config", "messages", "session", "history", "sys"]),
    (
        "error",
        Kind::Wiring,
        &[
            "sys", "cli", "config", "settings", "project", "build", "watch", "process", "handover",
            "control", "init",
        ],
    ),
    (
        "site",
        Kind::Wiring,
        &["words", "config", "messages", "sys", "settings", "project", "watch", "build", "report", "error"],
    ),
    ("init", Kind::Wiring, EVERYONE),
    ("logs", Kind::Wiring, EVERYONE),
    ("doctor", Kind::Wiring, EVERYONE),
    ("runtime", Kind::Wiring, EVERYONE),
    ("up", Kind::Wiring, EVERYONE),
    ("lib", Kind::Wiring, EVERYONE),
    ("main", Kind::Wiring, EVERYONE),
    ("bin", Kind::Wiring, EVERYONE),
];
const EVERYONE: &[&str] = &["*"];

/// Files of OS rooms that decide by text and plain data alone.
const PURE_FILES: &[&str] = &[
    "doctor/disk.rs",
    "doctor/facts.rs",
    "doctor/finding.rs",
    "doctor/judge.rs",
    "doctor/linker.rs",
    "init/sources.rs",
    "init/template.rs",
    "output/lines.rs",
    "output/ring.rs",
    "output/style.rs",
    "output/view.rs",
    "report/line.rs",
    "report/lines.rs",
    "report/remarks.rs",
    "report/text.rs",
    "watch/dep_info.rs",
    "watch/globs.rs",
    "watch/inputs.rs",
    "watch/known.rs",
    "watch/reason.rs",
];

/// What pure code does not touch. `std::net` holds plain addresses as well, which are fine.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "std::os",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "UnixListener",
    "Instant",
    "SystemTime",
    "tokio",
    "rustix",
    "async ",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pure,
    Os,
    Wiring,
}

/// A source file: its path under `src` and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    fn is_test(&self) -> bool {
        self.path.contains("tests") || self.path == "session/laws.rs"
    }

    fn before_tests(&self) -> &str {
        let end = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        &self.text[..end]
    }

    /// The lines that are not comments, up to the unit tests, with their numbers from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.before_tests()
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.trim_start()))
            .filter(|(_, line)| !line.starts_with("//"))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.sort();
    let source = |path: PathBuf| Source {
        path: path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    };
    files.into_iter().map(source).collect()
}

/// Says everything that is wrong at once.
#[track_caller]
fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// The rooms a line names by `crate::ROOM`.
fn named_rooms(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").filter_map(|(at, found)| {
        let rest = &line[at + found.len()..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        (end > 0).then(|| &rest[..end])
    })
}

#[test]
fn imports_point_one_way() {
    let rooms: BTreeMap<&str, &[&str]> = ROOMS.iter().map(|(room, _, allowed)| (*room, *allowed)).collect();
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        let Some(allowed) = rooms.get(source.room()) else {
            violations.push(format!("src/{}: a room that is not in the table", source.path));
            continue;
        };
        if *allowed == EVERYONE {
            continue;
        }
        for (number, line) in source.code() {
            for named in named_rooms(line) {
                let room = rooms.contains_key(named);
                if room && named != source.room() && !allowed.contains(&named) {
                    violations.push(format!("src/{}:{number}: imports `{named}`", source.path));
                }
            }
            if line.starts_with("use crate::{") || line.starts_with("use crate::*") {
                violations.push(format!("src/{}:{number}: one line per room", source.path));
            }
        }
    }
    none(violations);
}

#[test]
fn pure_rooms_touch_nothing() {
    let pure: Vec<&str> =
        ROOMS.iter().filter(|(_, kind, _)| *kind == Kind::Pure).map(|(room, ..)| *room).collect();
    let mut violations = Vec::new();
    for source in sources() {
        let is_pure = pure.contains(&source.room()) || PURE_FILES.contains(&&*source.path);
        if !is_pure || source.is_test() {
            continue;
        }
        for (number, line) in source.code() {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                violations.push(format!("src/{}:{number}: `{word}` in a pure room", source.path));
            }
        }
    }
    none(violations);
}

/// A struct with more fields than this has parts that deserve a name. Rows of tables (`settings!`) are not counted.
const MOST_FIELDS: usize = 15;

#[test]
fn structs_have_few_fields() {
    let mut violations = Vec::new();
    for source in sources() {
        let mut current: Option<(&str, usize)> = None;
        for (number, line) in source.text.lines().enumerate() {
            let name = line.split("struct ").nth(1).filter(|_| !line.starts_with(' ') && line.ends_with('{'));
            if let Some(name) = name {
                let end = name.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(name.len());
                current = Some((&name[..end], 0));
            } else if line == "}" {
                let large = current.take().filter(|(_, fields)| *fields > MOST_FIELDS);
                violations.extend(large.map(|(name, fields)| {
                    format!("src/{}:{}: `{name}` has {fields} fields", source.path, number + 1)
                }));
            } else if let Some((_, fields)) = &mut current {
                let is_field = line.starts_with("    ") && !line[4..].starts_with([' ', '/', '#', ')']);
                *fields += usize::from(is_field && line.contains(": "));
            }
        }
    }
    none(violations);
}

/// What hotrun says is worded in `report`, or by the room whose error or warning it is.
#[test]
fn the_runtime_words_nothing() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| source.room() == "runtime") {
        for (number, line) in source.code() {
            for word in ["format!(", "Line::", "lines::"].iter().filter(|word| line.contains(**word)) {
                violations.push(format!("src/{}:{number}: `{word}`: add a `Remark`", source.path));
            }
        }
    }
    none(violations);
}

/// A panic ends hotrun and with it what runs: where the system has no more threads, `Builder` gives an error instead.
#[test]
fn a_thread_that_cannot_be_had_is_no_panic() {
    let mut violations = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (number, line) in source.code() {
            for word in ["thread::spawn(", "scope.spawn(", "spawn_blocking("] {
                if line.contains(word) {
                    violations.push(format!("src/{}:{number}: `{word}`: use `Builder`", source.path));
                }
            }
        }
    }
    none(violations);
}

#[test]
fn unsafe_stands_in_one_room_and_is_explained() {
    let mut violations = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in source.code() {
            if !line.contains("unsafe {") && !line.contains("unsafe fn") && !line.contains("unsafe impl") {
                continue;
            }
            let above = &lines[number.saturating_sub(6)..number];
            if source.room() != "sys" {
                violations.push(format!("src/{}:{number}: unsafe outside of sys", source.path));
            } else if !above.iter().any(|line| line.contains("SAFETY:") || line.contains("# Safety")) {
                violations.push(format!("src/{}:{number}: no SAFETY comment", source.path));
            }
        }
    }
    none(violations);
}

#[test]
fn files_are_short_open_with_their_purpose_and_hold_no_leftovers() {
    // Written apart, so that this file does not find itself.
    let leftovers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("dbg", "!("), concat!("todo", "!(")];
    let mut violations = Vec::new();
    for source in &sources() {
        let Source { path, text } = source;
        let code = if source.is_test() { &**text } else { source.before_tests() };
        let (lines, longest) = (code.lines().count(), if source.is_test() { LONGEST_TESTS } else { LONGEST });
        if lines > longest {
            violations.push(format!("src/{path}: {lines} lines"));
        }
        if !text.starts_with("//!") {
            violations.push(format!("src/{path}: does not say what it owns"));
        }
        for word in leftovers.iter().filter(|word| text.contains(**word)) {
            violations.push(format!("src/{path}: {word}"));
        }
    }
    none(violations);
}

#[test]
fn architecture_has_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(text.lines().count() <= 170, "ARCHITECTURE.md: {} lines", text.lines().count());
    for (room, kind, allowed) in ROOMS.iter().filter(|(_, kind, _)| *kind != Kind::Wiring) {
        let kind = if *kind == Kind::Pure { "pure" } else { "OS" };
        let allowed: Vec<String> = allowed.iter().map(|room| format!("`{room}`")).collect();
        let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
        let row = format!("| `{room}` | {kind} | {allowed} |");
        assert!(text.contains(&row), "ARCHITECTURE.md lacks the row {row}");
    }
}

#[test]
fn the_changelog_knows_this_version() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let version = concat!("## [", env!("CARGO_PKG_VERSION"), "]");
    let (_, entries) = text.split_once(version).expect("CHANGELOG.md lacks this version");
    // A user reads a release in a minute. Later changes belong under `Unreleased`.
    let words = entries.split("\n## ").next().unwrap().split_whitespace().count();
    assert!(words <= 350, "CHANGELOG.md: {words} words for {version}");
}
