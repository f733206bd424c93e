//! Every key of the config file: its table, what it takes and what it means. The reader accepts no other, and the JSON
//! Schema is made of the same list, so that they cannot drift apart.

use super::units::Word;
use super::{DebugInfo, OnExit, OnStartFailure, Stdin, Update};

/// One key.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) means: Means,
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    Flag,
    Name,
    Profile,
    Path,
    Texts,
    Paths,
    Variables,
    Duration,
    Poll,
    Listen,
    Ready,
    Signal,
    Words(fn() -> Vec<&'static str>),
}

/// Where the text about a key is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Means {
    /// It is that of this option in `--help`.
    Option(&'static str),
    /// No option stands for it.
    Text(&'static str),
}

/// A table of the file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) means: &'static str,
    pub(super) keys: &'static [Entry],
}

const fn key(name: &'static str, takes: Takes, means: Means) -> Entry {
    Entry { name, takes, means }
}

fn words<T: Word>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

/// The keys before the first table.
pub(super) const TOP: &[Entry] =
    &[key("events", Takes::Path, Means::Option("events")), key("log", Takes::Path, Means::Option("log"))];

pub(super) const BUILD: &[Entry] = &[
    key("package", Takes::Name, Means::Option("package")),
    key("bin", Takes::Name, Means::Option("bin")),
    key("example", Takes::Name, Means::Option("example")),
    key("features", Takes::Texts, Means::Text("Features to activate")),
    key("profile", Takes::Profile, Means::Option("profile")),
    key("args", Takes::Texts, Means::Text("Arguments for `cargo build` that have no key of their own")),
    key("env", Takes::Variables, Means::Text("Environment variables for cargo only")),
    key(
        "inputs",
        Takes::Paths,
        Means::Text(
            "Files and folders the compiler reads without telling cargo: a change compiles the package again",
        ),
    ),
    key("share-build-dir", Takes::Flag, Means::Option("share-build-dir")),
    key(
        "debug-info",
        Takes::Words(words::<DebugInfo>),
        Means::Text("How much debug information the builds in `target/hotrun` carry: less builds faster"),
    ),
];

pub(super) const WATCH: &[Entry] = &[
    key(
        "paths",
        Takes::Paths,
        Means::Text("Files and folders the program reads when it runs: a change builds and restarts"),
    ),
    key(
        "ignore",
        Takes::Texts,
        Means::Text("Gitignore-style patterns of what never counts as a change; they win over everything"),
    ),
    key("debounce", Takes::Duration, Means::Option("debounce")),
    key("poll", Takes::Poll, Means::Option("poll")),
];

pub(super) const RUN: &[Entry] = &[
    key("args", Takes::Texts, Means::Text("Arguments for the program, replaced by what is typed after `--`")),
    key("env", Takes::Variables, Means::Text("Environment variables for the program only")),
    key(
        "env-file",
        Takes::Paths,
        Means::Text("Files of environment variables for the program; an edit restarts without a build"),
    ),
    key(
        "cwd",
        Takes::Path,
        Means::Text("Folder the program starts in; without it the one hotrun was started in"),
    ),
    key("stdin", Takes::Words(words::<Stdin>), Means::Option("stdin")),
    key("listen", Takes::Listen, Means::Text("Sockets that hotrun opens and hands to the program")),
    key("ready", Takes::Ready, Means::Option("ready")),
    key("ready-timeout", Takes::Duration, Means::Option("ready-timeout")),
    key("update", Takes::Words(words::<Update>), Means::Option("update")),
    key("on-start-failure", Takes::Words(words::<OnStartFailure>), Means::Option("on-start-failure")),
    key("on-exit", Takes::Words(words::<OnExit>), Means::Option("on-exit")),
    key("stop-signal", Takes::Signal, Means::Option("stop-signal")),
    key("stop-timeout", Takes::Duration, Means::Option("stop-timeout")),
];

pub(super) const UI: &[Entry] = &[
    key("clear", Takes::Flag, Means::Option("clear")),
    key("keys", Takes::Flag, Means::Text("Whether hotrun takes keys where it was started on a terminal")),
    key("notify", Takes::Flag, Means::Option("notify")),
];

/// The tables, in the order of the file.
pub(super) const TABLES: [Table; 4] = [
    Table { name: "build", means: "What cargo is asked to build", keys: BUILD },
    Table { name: "watch", means: "What counts as a change", keys: WATCH },
    Table { name: "run", means: "How the program runs", keys: RUN },
    Table { name: "ui", means: "What hotrun shows", keys: UI },
];

/// The names of these keys.
pub(super) fn names(keys: &[Entry]) -> impl Iterator<Item = &'static str> + Clone + '_ {
    keys.iter().map(|key| key.name)
}

/// What stands at the top of the file: the tables and the keys before them.
pub(super) fn top() -> impl Iterator<Item = &'static str> + Clone {
    TABLES.iter().map(|table| table.name).chain(names(TOP))
}
