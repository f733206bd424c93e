//! The table of settings. A row defines everything about a setting: its key, shape, default and
//! documentation, what an edit of it needs, and its option and environment variable.
//!
//! `settings!` turns the rows into the structs of [`Config`], the [`Layer`] of a source, and [`ROWS`], which
//! drives the reader of files, the options of `--help`, the schema, `hotrun config` and the comparison of two
//! configs. A new setting is a row here and the place that uses it.

use std::time::Duration;

use clap::{Arg, ValueHint};
use serde_json::Value;

use super::error::ConfigError;
use super::page::Page;
use super::shape::{
    Command, Comparable, Each, Flag, Layered, List, Maybe, One, Shape, Variables, Whole, Words,
};
use super::text::{
    Argument, File, Glob, Name, OneOf, Plain, Polling, Profile, Readiness, ServiceName, Signal, Socket, Time,
};
use super::value::{FileReader, Key};
use super::{Color, Config, DebugInfo, OnExit, OnStartFailure, Output, Poll, Port, Ready, Stdin, Update};

/// How long a process may take to become ready by default.
pub(super) const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// The heading of options about compilation.
pub(super) const COMPILATION: &str = "Compilation Options";

/// What a changed setting needs to take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// Another start of a process: running processes keep the old value.
    NextStart,
    Restart,
    Build,
    /// A restart of hotrun, for another program or live path.
    Hotrun,
}

pub(super) struct SettingRow {
    /// Empty for a key before the first table.
    pub(super) table: &'static str,
    pub(super) name: &'static str,
    /// The key with its table, as in `run.listen`.
    pub(super) key: &'static str,
    /// The documentation by lines; the first paragraph is the summary.
    pub(super) docs: &'static [&'static str],
    pub(super) needs: Needs,
    /// The option that sets it, without hyphens.
    pub(super) option: Option<&'static str>,
    /// Configures the option in clap; `None` for an option of cargo's own.
    pub(super) describe: Option<fn(Arg) -> Arg>,
    pub(super) variable: Option<&'static str>,
    pub(super) default_text: fn() -> Option<String>,
    pub(super) schema: fn() -> Value,
    pub(super) read: fn(&mut Layer, &FileReader<'_>, &Key<'_>) -> Result<(), ConfigError>,
    pub(super) words: fn(&mut Layer, Words<'_>) -> Result<(), ConfigError>,
    pub(super) show: fn(&mut Page<'_>, &Config),
    pub(super) same: fn(&Config, &Config) -> bool,
    pub(super) copy: fn(&mut Config, &Config),
}

impl SettingRow {
    /// Returns the summary, and the paragraphs after it.
    pub(super) fn help(&self) -> (String, Option<String>) {
        let paragraphs = self.docs.split(|line| line.trim().is_empty());
        let paragraphs: Vec<String> = paragraphs
            .map(|lines| lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "))
            .collect();
        let first = paragraphs.first().cloned().unwrap_or_default();
        (first, (paragraphs.len() > 1).then(|| paragraphs[1..].join("\n\n")))
    }
}

macro_rules! default_of {
    () => {
        ()
    };
    ($default:expr) => {
        $default
    };
}

macro_rules! some_or_none {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

macro_rules! settings {
    ($(
        #[doc = $about:literal]
        $field:ident: $Config:ident, $Layer:ident, $table:literal {
            $(
                $(#[doc = $docs:literal])+
                $name:ident = $key:literal / $full:literal: $Shape:ty $(= $default:expr)?, $needs:ident
                    $(, cargo $of_cargo:literal)? $(, option $option:literal $describe:expr)? $(, variable $variable:literal)?;
            )*
        }
        $( and { $( $(#[$more_docs:meta])* $more:ident: $More:ty, )* } )?
    )*) => {
        $(
            #[doc = $about]
            #[derive(Debug, Clone, PartialEq)]
            #[allow(private_interfaces, reason = "shapes stay inside the room: outside a field has the type they stand for")]
            pub struct $Config {
                $( $(#[doc = $docs])+ pub $name: <$Shape as Shape>::Value, )*
                $( $( $(#[$more_docs])* pub $more: $More, )* )?
            }

            #[derive(Clone, Default)]
            pub(super) struct $Layer {
                $( pub(super) $name: <$Shape as Shape>::Layer, )*
            }

            impl $Layer {
                fn over(self, lower: Self) -> Self {
                    Self { $( $name: self.$name.over(lower.$name), )* }
                }

                fn settle(self) -> $Config {
                    $Config {
                        $( $name: <$Shape as Shape>::settle(self.$name, default_of!($($default)?)), )*
                        $( $( $more: Default::default(), )* )?
                    }
                }
            }
        )*

        /// The settings of a source: a file, the environment or the command line.
        #[derive(Clone, Default)]
        pub(super) struct Layer {
            $( pub(super) $field: $Layer, )*
        }

        impl Layer {
            /// Merges this source over one of lower precedence.
            pub(super) fn over(self, mut lower: Self) -> Self {
                // Package, binary and example are overridden together.
                let build = &self.build;
                if build.package.is_some() || build.bin.is_some() || build.example.is_some() {
                    lower.build.package = None;
                    lower.build.bin = None;
                    lower.build.example = None;
                }
                let own = &self.own;
                if own.package.is_some() || own.bin.is_some() || own.example.is_some() || own.command.is_some() {
                    lower.own.package = None;
                    lower.own.bin = None;
                    lower.own.example = None;
                    lower.own.command = None;
                }
                Self { $( $field: self.$field.over(lower.$field), )* }
            }

            /// Applies the defaults. Fields that are no setting of the table get the default of their type.
            pub(super) fn settle(self) -> Config {
                Config { $( $field: self.$field.settle(), )* once: false, services: Vec::new() }
            }
        }

        /// In the order of the file.
        pub(super) const ROWS: &[SettingRow] = &[ $( $(
            SettingRow {
                table: $table,
                name: $key,
                key: $full,
                docs: &[$($docs),+],
                needs: Needs::$needs,
                option: some_or_none!($($of_cargo)? $($option)?),
                describe: some_or_none!($(|option| ($describe)(<$Shape as Shape>::option(option)))?),
                variable: some_or_none!($($variable)?),
                default_text: || <$Shape as Shape>::default_text(&default_of!($($default)?)),
                schema: || <$Shape as Shape>::schema(),
                read: |layer, reader, key| {
                    layer.$field.$name = <$Shape as Shape>::file(reader, key)?;
                    Ok(())
                },
                words: |layer, words| {
                    layer.$field.$name = <$Shape as Shape>::words(words)?;
                    Ok(())
                },
                show: |page, config| <$Shape as Shape>::show(page, $key, &config.$field.$name),
                same: |one, other| one.$field.$name.same(&other.$field.$name),
                copy: |config, from| config.$field.$name = from.$field.$name.clone(),
            },
        )* )* ];

        /// The tables in the order of the file, with their descriptions; the first holds the keys before
        /// these.
        const TABLES: &[(&str, &str)] = &[$( ($table, $about) ),*];
    };
}

const WATCHING: &str = "Watching";
const RUNNING: &str = "Running";
pub(super) const OUTPUT: &str = "Output and Configuration";

settings! {
    /// Files that hotrun writes
    files: FilesConfig, FilesLayer, "" {
        /// Append machine-readable events to a file, one JSON object per line
        events = "events" / "events": Maybe<File>, Nothing,
            option "events" |it| hidden(it, OUTPUT, "PATH"), variable "HOTRUN_EVENTS";
        /// Write hotrun's own lines and diagnostics to a file as well
        log = "log" / "log": Maybe<File>, Nothing,
            option "log" |it| hidden(it, OUTPUT, "PATH"), variable "HOTRUN_LOG";
    }
    /// What cargo is asked to build
    build: BuildConfig, BuildLayer, "build" {
        /// Package with the program to run
        package = "package" / "build.package": Maybe<Name>, Hotrun, cargo "package";
        /// Name of the binary to run
        bin = "bin" / "build.bin": Maybe<Name>, Hotrun, cargo "bin";
        /// Name of the example to run
        example = "example" / "build.example": Maybe<Name>, Hotrun, cargo "example";
        /// Features to activate
        features = "features" / "build.features": Whole<Plain>, Build, cargo "features";
        /// Build with the named profile
        profile = "profile" / "build.profile": One<Profile> = "dev".to_owned(), Hotrun, cargo "profile";
        /// Arguments for `cargo build` that have no key of their own
        args = "args" / "build.args": Whole<Plain>, Build;
        /// Environment variables for cargo only
        env = "env" / "build.env": Variables, Build;
        /// Files and folders the compiler reads without telling cargo: a change compiles the package again
        inputs = "inputs" / "build.inputs": List<File>, Nothing;
        /// Keep intermediates in the project's own build directory
        ///
        /// Saves disk space and the first full build, but waits for the lock that rust-analyzer and other terminals take.
        share_build_dir = "share-build-dir" / "build.share-build-dir": Flag = false, Hotrun,
            option "share-build-dir" |it: Arg| it.help_heading(COMPILATION).hide_short_help(true);
        /// How much debug information the builds in `target/hotrun` carry: less builds faster
        debug_info = "debug-info" / "build.debug-info": One<OneOf<DebugInfo>> = DebugInfo::Profile, Build;
        /// Update no service unless each program of the build succeeded
        together = "together" / "build.together": Flag = false, Nothing;
    } and {
        manifest_path: Option<std::path::PathBuf>,
        all_features: bool,
        no_default_features: bool,
        triple: Option<String>,
        target_dir: Option<std::path::PathBuf>,
        /// `--locked`, `--offline`, `--frozen`, `--config KEY=VALUE`, `-Z FLAG`: passed to every cargo command as typed.
        common_args: Vec<String>,
        /// `-j`, `--keep-going`, `--ignore-rust-version`, `--timings` and `build.args`: passed to `cargo build` only.
        build_args: Vec<String>,
    }
    /// What counts as a change
    watch: WatchConfig, WatchLayer, "watch" {
        /// Files or folders the program reads when it runs: a change restarts it
        ///
        /// Sources need not be named: hotrun knows what cargo and rustc read.
        paths = "paths" / "watch.paths": Each<File>, Nothing,
            option "watch" |it| daily(it, WATCHING, "PATH").short('w').value_hint(ValueHint::AnyPath);
        /// Gitignore-style patterns of what never counts as a change; they win over everything
        ignore = "ignore" / "watch.ignore": Each<Glob>, Nothing,
            option "ignore" |it| hidden(it, WATCHING, "GLOB").short('i');
        /// Quiet time that ends a burst of edits
        debounce = "debounce" / "watch.debounce": One<Time> = std::time::Duration::from_millis(50), Nothing,
            option "debounce" |it| hidden(it, WATCHING, "DURATION");
        /// Look at files instead of relying on events: `auto`, `always`, `never` or an interval
        ///
        /// Without a value: always, once a second.
        poll = "poll" / "watch.poll": One<Polling> = Poll::Auto, Nothing,
            option "poll" |it| hidden(it, WATCHING, "HOW")
                .num_args(0..=1).require_equals(true).default_missing_value("always"),
            variable "HOTRUN_POLL";
    }
    /// How the program runs
    run: RunConfig, RunLayer, "run" {
        /// Arguments for the program, replaced by the words after `--`
        args = "args" / "run.args": Whole<Argument>, Restart, cargo "";
        /// Environment variables for the program only
        env = "env" / "run.env": Variables, Restart,
            option "env" |it| daily(it, RUNNING, "KEY=VALUE").short('E');
        /// Files of environment variables for the program; an edit restarts without a build
        env_files = "env-file" / "run.env-file": Each<File>, Restart,
            option "env-file" |it| hidden(it, RUNNING, "PATH");
        /// Folder the program starts in; without it the folder hotrun was started in
        cwd = "cwd" / "run.cwd": Maybe<File>, Restart;
        /// What the program gets as its stdin
        ///
        /// `lend`: the terminal, when it asks for it. `null`: nothing. `inherit`: hotrun's own from the start, which turns the
        /// keys off.
        stdin = "stdin" / "run.stdin": One<OneOf<Stdin>> = Stdin::Lend, Restart,
            option "stdin" |it| hidden(it, RUNNING, "MODE");
        /// Where the program's output goes
        ///
        /// `inherit`: to hotrun's own stdout and stderr. `capture`: to hotrun, which shows it line by line. `auto`: `capture` with
        /// several services, else `inherit`.
        output = "output" / "run.output": One<OneOf<Output>> = Output::Auto, Restart,
            option "output" |it| hidden(it, RUNNING, "HOW");
        /// Sockets that hotrun opens and hands to the program
        ///
        /// A port (of 127.0.0.1), `localhost:PORT`, `IP:PORT`, `tcp:ADDR`, `udp:ADDR` or `unix:PATH`; `NAME=ADDR` names it. The program
        /// gets it as from systemd: descriptors from 3 on, `LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`.
        listen = "listen" / "run.listen": List<Socket>, Restart,
            option "listen" |it| daily(it, RUNNING, "ADDR");
        /// When a process counts as ready
        ///
        /// `spawn`: at once. `notify`: `READY=1` on `NOTIFY_SOCKET`. `tcp:ADDR`: it accepts. `http://HOST:PORT/PATH`: it
        /// answers 2xx or 3xx. A duration: after that time. `auto`: `notify` for `overlap` and `reexec`, else `spawn`.
        ready = "ready" / "run.ready": One<Readiness> = Ready::Auto, NextStart,
            option "ready" |it| hidden(it, RUNNING, "HOW");
        /// How long to wait until it is ready
        ready_timeout = "ready-timeout" / "run.ready-timeout": One<Time> = READY_TIMEOUT, NextStart,
            option "ready-timeout" |it| hidden(it, RUNNING, "DURATION");
        /// How a new build reaches the process
        ///
        /// `restart`: stop the old process, then start the new one. `overlap`: start the new one, wait until it is ready, then
        /// stop the old one. `manual`: build and publish, restart only on request. `reexec`: send SIGHUP to a program that
        /// re-executes itself.
        update = "update" / "run.update": One<OneOf<Update>> = Update::Restart, Nothing,
            option "update" |it| daily(it, RUNNING, "MODE");
        /// What to do when a new build cannot start
        ///
        /// `rollback`: start the previous build again. `wait`: leave the program down. `auto`: `rollback` where `--ready` was set.
        on_start_failure = "on-start-failure" / "run.on-start-failure": One<OneOf<OnStartFailure>> = OnStartFailure::Auto, Nothing,
            option "on-start-failure" |it| hidden(it, RUNNING, "WHAT");
        /// What to do when the program ends by itself
        ///
        /// `wait`: for a change. `restart`: after a pause that grows with each failure. `exit`: end with the program's exit code.
        on_exit = "on-exit" / "run.on-exit": One<OneOf<OnExit>> = OnExit::Wait, Nothing,
            option "on-exit" |it| hidden(it, RUNNING, "WHAT");
        /// First signal of a stop: a name or a number
        stop_signal = "stop-signal" / "run.stop-signal": One<Signal> = libc::SIGTERM, Nothing,
            option "stop-signal" |it| hidden(it, RUNNING, "SIGNAL");
        /// How long a stop may take before SIGKILL
        stop_timeout = "stop-timeout" / "run.stop-timeout": One<Time> = std::time::Duration::from_secs(5), Nothing,
            option "stop-timeout" |it| hidden(it, RUNNING, "DURATION");
    }
    /// Programs and commands that run side by side, each in a table of its own; the keys of `[run]` may stand there too
    own: ServiceKeys, OwnLayer, "service" {
        /// Package with the program to run
        package = "package" / "service.NAME.package": Maybe<Name>, Hotrun;
        /// Name of the binary to run
        bin = "bin" / "service.NAME.bin": Maybe<Name>, Hotrun;
        /// Name of the example to run
        example = "example" / "service.NAME.example": Maybe<Name>, Hotrun;
        /// Command to run in place of a program: a list is executed, a string goes to `sh -c`
        command = "command" / "service.NAME.command": Command, Restart;
        /// Services that must be ready before this one starts; a task is once it has ended with code 0
        after = "after" / "service.NAME.after": Whole<ServiceName>, Nothing;
        /// Services whose replacement restarts this one
        restart_with = "restart-with" / "service.NAME.restart-with": Whole<ServiceName>, Nothing;
        /// Start it with hotrun, or only when it is asked for or needed
        autostart = "autostart" / "service.NAME.autostart": Flag = true, Nothing;
        /// Run it to its end, and again when its inputs change
        task = "task" / "service.NAME.task": Flag = false, Hotrun;
        /// Gitignore-style patterns of files whose change runs a command or task again
        inputs = "inputs" / "service.NAME.inputs": List<Glob>, Nothing;
        /// `auto`: `PORT` is a port that was free when hotrun started
        port = "port" / "service.NAME.port": Maybe<OneOf<Port>>, Restart;
    }
    /// What hotrun shows
    ui: UiConfig, UiLayer, "ui" {
        /// Clear the screen when there is something new to show
        clear = "clear" / "ui.clear": Flag = false, Nothing,
            option "clear" |it: Arg| it.help_heading(OUTPUT).short('c');
        /// Whether hotrun takes keys where it was started on a terminal
        keys = "keys" / "ui.keys": Flag = true, Nothing;
        /// Notify through the terminal (OSC 9, or its bell) when a build fails or recovers
        notify = "notify" / "ui.notify": Flag = false, Nothing,
            option "notify" |it: Arg| it.help_heading(OUTPUT).short('N').hide_short_help(true);
    } and {
        color: Color,
        /// `-q` is -1, each `-v` adds 1.
        verbosity: i8,
    }
}

pub(super) fn find(key: &str) -> Option<&'static SettingRow> {
    ROWS.iter().find(|entry| entry.key == key)
}

/// The table of the keys that only services have.
pub(super) const SERVICE: &str = "service";

/// Returns the rows of a service: its own keys and those of `[run]`.
pub(super) fn of_service() -> impl Iterator<Item = &'static SettingRow> + Clone {
    let of = |table| ROWS.iter().filter(move |row| row.table == table);
    of(SERVICE).chain(of("run"))
}

pub(super) fn tables() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    TABLES.iter().copied().filter(|(table, _)| !table.is_empty())
}

pub(super) fn names(table: &str) -> impl Iterator<Item = &'static str> + Clone {
    ROWS.iter().filter(move |entry| entry.table == table).map(|entry| entry.name)
}

/// Returns the names at the top of the file: its tables and the keys before them.
pub(super) fn top() -> impl Iterator<Item = &'static str> + Clone {
    tables().map(|(table, _)| table).chain(names(""))
}

pub fn variables() -> impl Iterator<Item = &'static str> {
    ROWS.iter().filter_map(|entry| entry.variable)
}

/// Returns key, option, variable and text of every setting, for the documentation.
pub fn documented() -> impl Iterator<Item = (&'static str, Option<&'static str>, Option<&'static str>, String)>
{
    ROWS.iter().map(|entry| {
        let (summary, details) = entry.help();
        let default =
            (entry.default_text)().map_or(String::new(), |default| format!(" Default: `{default}`."));
        let details = details.map_or(String::new(), |details| format!(" {}", details.replace("\n\n", " ")));
        let option = entry.option.filter(|option| !option.is_empty());
        (entry.key, option, entry.variable, format!("{summary}.{default}{details}"))
    })
}

/// Configures an option that `-h` shows.
fn daily(option: Arg, heading: &'static str, value: &'static str) -> Arg {
    option.help_heading(heading).value_name(value)
}

/// Configures an option that only `--help` shows.
fn hidden(option: Arg, heading: &'static str, value: &'static str) -> Arg {
    daily(option, heading, value).hide_short_help(true)
}
