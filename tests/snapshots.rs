//! Texts that people read, as snapshots under `tests/snapshots`: `INSTA_UPDATE=always cargo test snapshots` accepts new
//! ones.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::time::Duration;

use hotrun::build::{BuildError, PublishError};
use hotrun::cli::{self, CliError, Invocation};
use hotrun::config::{self, ConfigError, FileKind, FileText, OwnVariables, SettingName};
use hotrun::control::ControlError;
use hotrun::error::Error;
use hotrun::handover::ListenError;
use hotrun::handover::listeners::Holder;
use hotrun::init::InitError;
use hotrun::process::background::BackgroundError;
use hotrun::process::{ReaperError, SpawnError};
use hotrun::project::{ProjectError, UnknownTarget};
use hotrun::report::lines;
use hotrun::settings::SettingsError;
use hotrun::watch::WatchError;

/// The names of an enum's variants, and the name of the one a value is: a variant that is forgotten does not compile.
macro_rules! variants {
    ($all:ident, $name:ident, $kind:ident { $($variant:ident),* $(,)? }) => {
        const $all: &[&str] = &[$(stringify!($variant)),*];
        fn $name(value: &$kind) -> &'static str {
            match value {
                $($kind::$variant { .. } => stringify!($variant)),*
            }
        }
    };
}
pub(crate) use variants;

/// Every variant is among these.
#[track_caller]
pub(crate) fn complete<'a>(all: &[&str], shown: impl IntoIterator<Item = &'a str>) {
    let shown: std::collections::BTreeSet<&str> = shown.into_iter().collect();
    let missing: Vec<&&str> = all.iter().filter(|name| !shown.contains(**name)).collect();
    assert!(missing.is_empty(), "no text for {missing:?}");
}

/// Whether committed texts are written instead of compared, also those that are no snapshots.
pub(crate) fn are_updated() -> bool {
    std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always")
}

#[track_caller]
pub(crate) fn compare(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// The help as it is at this width, without the spaces clap leaves at the ends of lines.
fn help(width: usize, long: bool) -> String {
    let mut command = cli::command(Invocation::Direct).term_width(width);
    let help = if long { command.render_long_help() } else { command.render_help() };
    help.to_string().lines().map(str::trim_end).fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn help_texts() {
    compare("help", &help(80, false));
    compare("help-narrow", &help(40, false));
    compare("help-long", &help(80, true));
    compare("help-long-narrow", &help(40, true));
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn pairs(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|(name, package)| ((*name).to_owned(), (*package).to_owned())).collect()
}

fn unknown_target(elsewhere: &[&str], other_kind: bool, suggestion: Option<&str>) -> ProjectError {
    ProjectError::UnknownTarget(Box::new(UnknownTarget {
        kind: "binary",
        name: "apy".to_owned(),
        packages: owned(&["shop"]),
        existing: owned(&["api", "worker"]),
        elsewhere: owned(elsewhere),
        other_kind,
        suggestion: suggestion.map(ToOwned::to_owned),
    }))
}

fn project_errors() -> Vec<ProjectError> {
    let shop = || owned(&["shop"]);
    let both = || owned(&["shop", "tools"]);
    vec![
        ProjectError::NoCargo,
        ProjectError::Spawn { program: "/bin/rustc".into(), source: io::ErrorKind::NotFound.into() },
        ProjectError::Rustc { program: "rustc".into(), message: "no such target".to_owned() },
        ProjectError::NoManifest { folder: "/home/ann".into() },
        ProjectError::NoFolder("/home/ann/shop".into()),
        ProjectError::ManifestPath {
            path: "shop".into(),
            problem: "is a folder",
            meant: Some("shop/Cargo.toml".into()),
        },
        ProjectError::Cargo { message: "failed to parse manifest at `/home/ann/shop/Cargo.toml`".to_owned() },
        ProjectError::Metadata { source: serde_json::from_str::<u32>("x").unwrap_err() },
        ProjectError::UnknownPackage {
            spec: "shopp".to_owned(),
            workspace_root: "/home/ann/shop".into(),
            members: both(),
            suggestion: Some("shop".to_owned()),
        },
        ProjectError::PackageSpec {
            spec: "shop@".to_owned(),
            problem: "has no version",
            instead: Some("shop".to_owned()),
        },
        ProjectError::AmbiguousPackage {
            spec: "shop".to_owned(),
            candidates: owned(&["shop@1.0.0", "shop@2.0.0"]),
        },
        ProjectError::NoBinary {
            packages: shop(),
            examples: Vec::new(),
            elsewhere: pairs(&[("worker", "tools")]),
        },
        ProjectError::NoBinary { packages: shop(), examples: owned(&["tour"]), elsewhere: Vec::new() },
        ProjectError::NoBinary { packages: both(), examples: Vec::new(), elsewhere: Vec::new() },
        ProjectError::SeveralBinaries {
            packages: shop(),
            binaries: pairs(&[("api", "shop"), ("worker", "shop")]),
        },
        ProjectError::SeveralBinaries {
            packages: both(),
            binaries: pairs(&[("api", "shop"), ("worker", "tools")]),
        },
        ProjectError::SeveralPackages { kind: "binary", name: "api".to_owned(), packages: both() },
        unknown_target(&["tools"], false, None),
        unknown_target(&["tools", "more"], false, None),
        unknown_target(&[], true, None),
        unknown_target(&[], false, Some("api")),
        ProjectError::LibraryExample { name: "tour".to_owned() },
        ProjectError::Pattern { pattern: "api*".to_owned() },
        ProjectError::TargetName { name: "../..".to_owned() },
        ProjectError::SeveralTargets {
            triples: owned(&["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]),
        },
        ProjectError::OfService {
            service: "api".to_owned(),
            error: Box::new(unknown_target(&["tools"], false, None)),
        },
    ]
}

fn other_errors() -> Vec<Error> {
    let io = |kind: io::ErrorKind| io::Error::from(kind);
    let publish = |kind| {
        PublishError::Io { what: "create", path: "target/hotrun/live".into(), source: io(kind) }.into()
    };
    let read = |what, kind| SettingsError::Read { what, path: "x.toml".into(), source: io(kind) }.into();
    let mut variables = std::collections::BTreeMap::new();
    let env_file = hotrun::config::env_file::parse("A=1\n\nnonsense\n", &|_| None, &mut variables);
    vec![
        PublishError::Taken { pid: Some(4711), live: "target/hotrun/live/debug/shop".into() }.into(),
        PublishError::Taken { pid: None, live: "target/hotrun/live/debug/shop".into() }.into(),
        PublishError::NoBinary.into(),
        publish(io::ErrorKind::PermissionDenied),
        publish(io::ErrorKind::StorageFull),
        publish(io::ErrorKind::NotADirectory),
        read("env file", io::ErrorKind::NotFound),
        read("config file", io::ErrorKind::NotFound),
        read("config file", io::ErrorKind::PermissionDenied),
        SettingsError::EnvFile { path: ".env".into(), fault: env_file.unwrap_err() }.into(),
        InitError::Exists("hotrun.toml".into()).into(),
        InitError::InManifest("Cargo.toml".into()).into(),
        InitError::Write { path: "hotrun.toml".into(), source: io(io::ErrorKind::PermissionDenied) }.into(),
        WatchError::Thread(io(io::ErrorKind::WouldBlock)).into(),
        Error::Open { what: "log file", path: "/no/log".into(), source: io(io::ErrorKind::NotFound) },
        Error::Watched {
            setting: SettingName { name: "--log".to_owned(), place: None },
            path: "src/main.rs".to_owned(),
        },
        ControlError::None { folder: "/srv/shop".into(), nearby: Vec::new() }.into(),
        ControlError::None { folder: "/srv/shop".into(), nearby: owned(&["`-p api --bin api`"]) }.into(),
        ControlError::Several { choices: owned(&["`-p api --bin api`", "`-p job --bin job`"]) }.into(),
        ControlError::Inherited.into(),
        ControlError::NoService {
            problem: "no service is named `wep`".to_owned(),
            hint: Some("hotrun runs `api`, `web`".to_owned()),
        }
        .into(),
        ControlError::Ended { pid: 4711 }.into(),
        ControlError::TimedOut { after: Duration::from_secs(20), state: "building".to_owned() }.into(),
        ControlError::Silent { pid: 4711 }.into(),
        ControlError::Misunderstood { pid: 4711, problem: "unknown variant `dance`".to_owned() }.into(),
        ControlError::Io { what: "talk to hotrun", source: io(io::ErrorKind::PermissionDenied) }.into(),
        BackgroundError::Start(io(io::ErrorKind::WouldBlock)).into(),
        BackgroundError::Failed { reason: "unknown key `lisen`".to_owned(), hint: None, code: 2 }.into(),
        Error::System { what: "listen for signals", source: io(io::ErrorKind::PermissionDenied) },
    ]
}

/// What `hotrun.toml` with this text is refused with.
fn config_errors() -> Vec<ConfigError> {
    let texts = [
        "[run\n",
        "[run]\nstop-timeot = \"5s\"\n",
        "[rum]\n",
        "[proxy]\n",
        "[run]\nlisten = 3000\n",
        "[watch]\n\ndebounce = \"soon\"\n",
        "[watch]\npoll = \"sometimes\"\n",
        "[run]\nlisten = [\":3000\"]\n",
        "[run]\nlisten = [\"nowhere:99999\"]\n",
        "[run]\nstop-signal = \"SIGNOPE\"\n",
        "[run]\nready = \"soon\"\n",
        "[run]\nupdate = \"overlp\"\n",
        "[run]\nlisten = [\"3000\"]\nready = \"tcp:3000\"\n",
        "[run]\nupdate = \"overlap\"\nready = \"http://localhost:3000/\"\n",
        "[build]\nbin = \"api\"\nexample = \"tour\"\n",
        "[build]\nargs = [\"--release\"]\n",
        "[build]\nargs = [\"--message-format=json\"]\n",
        "[service.api]\nlisten = [\"3000\"]\n",
    ];
    let Ok(cli::Command::Run(options)) = cli::parse(["hotrun".into()]).map(|cli| cli.command) else {
        unreachable!()
    };
    let cwd = Path::new("/home/ann/shop");
    let refused = |text: &str| {
        let file = FileText { path: cwd.join("hotrun.toml"), text: text.to_owned(), kind: FileKind::Hotrun };
        config::merge(&options, &OwnVariables::new(), &[file], cwd).expect_err(text)
    };
    texts.into_iter().map(refused).collect()
}

/// What these command lines are refused with.
fn command_line_errors() -> Vec<CliError> {
    let lines = [
        "cargo-hotrun hotrun input.txt",
        "hotrun --bin api in.txt --fast",
        "cargo-hotrun hotrun -x run",
        "hotrun -x ls",
        "hotrun test",
        "hotrun watch",
        "cargo-hotrun hotrun watch",
        "hotrun confg",
        "cargo-hotrun hotrun +nightly -r",
        "hotrun --message-format=json",
        "hotrun --wath src",
        "hotrun --update overlp",
        "hotrun --bin api --example tour",
        "hotrun -q -v",
        "hotrun --bin",
    ];
    let refused = |line: &str| cli::parse(line.split(' ').map(Into::into)).expect_err(line);
    lines.into_iter().map(refused).collect()
}

fn spawn_errors() -> Vec<SpawnError> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    vec![
        SpawnError::NotOnPath("qemu-arm".into()),
        SpawnError::Missing("/srv/shop".into()),
        SpawnError::Folder { program: "/srv/shop".into(), cwd: "/nowhere".into(), source: missing() },
        SpawnError::NotExecutable("/srv/shop".into()),
        SpawnError::MissingInterpreter { program: "/srv/shop".into(), interpreter: "/bin/python9".into() },
        SpawnError::NotAProgram("/srv/shop".into()),
        SpawnError::Busy("/srv/shop".into()),
        SpawnError::Other { program: "/srv/shop".into(), source: missing() },
    ]
}

fn build_errors() -> Vec<BuildError> {
    let missing = io::Error::from(io::ErrorKind::NotFound);
    vec![
        BuildError::NotRun { program: "/home/ann/.cargo/bin/cargo".to_owned(), source: missing },
        BuildError::NoFolder("/home/ann/shop".into()),
        BuildError::NoProgram("shop".to_owned()),
        BuildError::NotKept {
            path: "/home/ann/shop/target/hotrun/live/debug/api/.built/shop".into(),
            source: io::ErrorKind::StorageFull.into(),
        },
    ]
}

fn reaper_errors() -> Vec<ReaperError> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    vec![ReaperError::OwnBinary(missing()), ReaperError::Start(missing())]
}

fn listen_errors() -> Vec<ListenError> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let holder = Holder { pid: 4711, name: "nginx".to_owned() };
    let address = || "127.0.0.1:3000".to_owned();
    vec![
        ListenError::InUse { address: address(), holder: Some(holder) },
        ListenError::InUse { address: address(), holder: None },
        ListenError::NotPermitted {
            address: "127.0.0.1:80".to_owned(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
        ListenError::NotPermitted {
            address: "unix:/run/shop.sock".to_owned(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
        ListenError::NotHere { address: "192.0.2.1:3000".to_owned() },
        ListenError::NotASocket("/run/shop.sock".into()),
        ListenError::TooLong("/run/shop.sock".into()),
        ListenError::NoFolder("/run/shop/shop.sock".into()),
        ListenError::Other { address: address(), source: missing() },
    ]
}

variants!(
    ALL,
    name,
    Error {
        Cli,
        Settings,
        Project,
        Publish,
        Listen,
        Init,
        Watch,
        Control,
        Background,
        Watched,
        Open,
        System
    }
);
variants!(OF_CLI, cli_name, CliError { Clap, Misunderstanding });
variants!(OF_SETTINGS, settings_name, SettingsError { Config, Read, EnvFile });
variants!(OF_CONFIG, config_name, ConfigError { Syntax, Unknown, Reserved, Type, Value, Missing, Conflict });
variants!(
    OF_PROJECT,
    project_name,
    ProjectError {
        NoCargo,
        Spawn,
        Rustc,
        NoManifest,
        NoFolder,
        ManifestPath,
        Cargo,
        Metadata,
        UnknownPackage,
        PackageSpec,
        AmbiguousPackage,
        NoBinary,
        SeveralBinaries,
        SeveralPackages,
        UnknownTarget,
        LibraryExample,
        Pattern,
        TargetName,
        SeveralTargets,
        OfService,
    }
);
variants!(OF_PUBLISH, publish_name, PublishError { Taken, NoBinary, Io });
variants!(OF_INIT, init_name, InitError { Exists, InManifest, Write });
variants!(OF_WATCH, watch_name, WatchError { Thread });
variants!(
    OF_CONTROL,
    control_name,
    ControlError { None, Several, NoService, Inherited, Ended, TimedOut, Silent, Misunderstood, Io }
);
variants!(OF_BACKGROUND, background_name, BackgroundError { Start, Failed });
variants!(
    OF_LISTEN,
    listen_name,
    ListenError { InUse, NotPermitted, NotHere, NotASocket, TooLong, NoFolder, Other }
);
variants!(
    OF_SPAWN,
    spawn_name,
    SpawnError { NotOnPath, Missing, Folder, NotExecutable, MissingInterpreter, NotAProgram, Busy, Other }
);
variants!(OF_BUILD, build_name, BuildError { NotRun, NoFolder, NoProgram, NotKept });
variants!(OF_REAPER, reaper_name, ReaperError { OwnBinary, Start });

/// The room of an error, and its variant there.
fn inner(error: &Error) -> (&'static str, &'static str) {
    let variant = match error {
        Error::Cli(error) => cli_name(error),
        Error::Settings(error) => settings_name(error),
        Error::Project(error) => project_name(error),
        Error::Publish(error) => publish_name(error),
        Error::Listen(error) => listen_name(error),
        Error::Init(error) => init_name(error),
        Error::Watch(error) => watch_name(error),
        Error::Control(error) => control_name(error),
        Error::Background(error) => background_name(error),
        Error::Watched { .. } | Error::Open { .. } | Error::System { .. } => "",
    };
    (name(error), variant)
}

/// The exit code, the error, and its way out.
type Shown = (Option<u8>, Box<dyn StdError>, Option<String>);

/// Every error, with its exit code where it ends hotrun.
fn errors() -> Vec<Shown> {
    let configs: Vec<ConfigError> = config_errors();
    complete(OF_CONFIG, configs.iter().map(config_name));
    let ending: Vec<Error> = command_line_errors()
        .into_iter()
        .map(Error::from)
        .chain(configs.into_iter().map(|error| Error::from(SettingsError::from(error))))
        .chain(project_errors().into_iter().map(Error::from))
        .chain(other_errors())
        .chain(listen_errors().into_iter().map(Error::from))
        .collect();
    complete(ALL, ending.iter().map(name));
    let of = |room: &str| {
        ending.iter().map(inner).filter(move |(of, _)| *of == room).map(|(_, name)| name).collect::<Vec<_>>()
    };
    complete(OF_CLI, of("Cli"));
    complete(OF_SETTINGS, of("Settings"));
    complete(OF_PROJECT, of("Project"));
    complete(OF_PUBLISH, of("Publish"));
    complete(OF_LISTEN, of("Listen"));
    complete(OF_INIT, of("Init"));
    complete(OF_WATCH, of("Watch"));
    complete(OF_CONTROL, of("Control"));
    complete(OF_BACKGROUND, of("Background"));
    complete(OF_SPAWN, spawn_errors().iter().map(spawn_name));
    complete(OF_BUILD, build_errors().iter().map(build_name));
    complete(OF_REAPER, reaper_errors().iter().map(reaper_name));
    let mut all: Vec<Shown> = Vec::new();
    for error in ending {
        let hint = error.hint();
        all.push((Some(error.exit_code()), Box::new(error), hint));
    }
    for error in spawn_errors() {
        let hint = error.hint();
        all.push((None, Box::new(error), hint));
    }
    all.extend(build_errors().into_iter().map(|error| -> Shown { (None, Box::new(error), None) }));
    for error in reaper_errors() {
        let hint = error.hint();
        all.push((None, Box::new(error), hint));
    }
    all
}

/// As it is shown on a terminal of this width: the message, what caused it, the way out.
fn shown(code: Option<u8>, error: &dyn StdError, hint: Option<&str>, width: usize) -> String {
    let code = code.map_or(String::new(), |code| format!("[exit code {code}]\n"));
    let message = error.to_string();
    if message.starts_with("error:") {
        // clap's own, with its usage.
        return code + message.trim_end() + "\n\n";
    }
    let first = message.chars().next().unwrap();
    assert!(first.is_lowercase() || first == '`', "a fragment, as cargo's: {message}");
    assert!(!message.ends_with('.'), "no final stop: {message}");
    lines::of_error(error, hint).iter().fold(code, |text, line| text + &line.fitted(Some(width)) + "\n")
        + "\n"
}

#[test]
fn error_texts() {
    for (name, width) in [("errors", 80), ("errors-narrow", 40)] {
        let text: String = errors()
            .iter()
            .map(|(code, error, hint)| shown(*code, &**error, hint.as_deref(), width))
            .collect();
        // The one word that depends on the machine.
        let text =
            text.replace(&format!("this machine is {}", std::env::consts::ARCH), "this machine is [ARCH]");
        compare(name, &text);
    }
}
