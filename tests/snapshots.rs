//! Texts that people read, compared with what is committed under `tests/snapshots`; `UPDATE=1 cargo test snapshots` writes
//! them anew.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use hotrun::build::PublishError;
use hotrun::cli::{self, Invocation};
use hotrun::control::ControlError;
use hotrun::error::Error;
use hotrun::handover::ListenError;
use hotrun::handover::listeners::Holder;
use hotrun::init::InitError;
use hotrun::process::{ReaperError, SpawnError};
use hotrun::project::{ProjectError, UnknownTarget};
use hotrun::settings::SettingsError;
use hotrun::watch::WatchError;

#[track_caller]
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, committed, "{name} differs: look at it, then run `UPDATE=1 cargo test snapshots`");
}

/// The help as it is at this width, without the spaces clap leaves at the ends of lines.
fn help(width: usize, long: bool) -> String {
    let mut command = cli::command(Invocation::Direct).term_width(width);
    let help = if long { command.render_long_help() } else { command.render_help() };
    help.to_string().lines().map(str::trim_end).fold(String::new(), |text, line| text + line + "\n")
}

#[test]
fn help_texts() {
    compare("help.txt", &help(80, false));
    compare("help-narrow.txt", &help(40, false));
    compare("help-long.txt", &help(80, true));
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
        ProjectError::ManifestPath {
            path: "shop".into(),
            problem: "is a folder",
            meant: Some("shop/Cargo.toml".into()),
        },
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
        ProjectError::SeveralTargets {
            triples: owned(&["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]),
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
        PublishError::Taken { pid: "4711".to_owned(), live: "target/hotrun/live/debug/shop".into() }.into(),
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
        ControlError::None { folder: "/srv/shop".into(), nearby: Vec::new() }.into(),
        ControlError::None { folder: "/srv/shop".into(), nearby: owned(&["`-p api --bin api`"]) }.into(),
        ControlError::Several { choices: owned(&["`-p api --bin api`", "`-p job --bin job`"]) }.into(),
        ControlError::Ended { pid: 4711 }.into(),
        ControlError::TimedOut { after: Duration::from_secs(20), state: "building".to_owned() }.into(),
        ControlError::Silent { pid: 4711 }.into(),
        ControlError::Misunderstood { pid: 4711, problem: "unknown variant `dance`".to_owned() }.into(),
        ControlError::Io { what: "talk to hotrun", source: io(io::ErrorKind::PermissionDenied) }.into(),
        Error::System { what: "listen for signals", source: io(io::ErrorKind::PermissionDenied) },
    ]
}

/// Errors about starting the program and what it needs.
fn start_errors() -> Vec<(Box<dyn std::error::Error>, Option<String>)> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let spawn = vec![
        SpawnError::NotOnPath("qemu-arm".into()),
        SpawnError::Missing("/srv/shop".into()),
        SpawnError::Folder { program: "/srv/shop".into(), cwd: "/nowhere".into(), source: missing() },
        SpawnError::NotExecutable("/srv/shop".into()),
        SpawnError::MissingInterpreter { program: "/srv/shop".into(), interpreter: "/bin/python9".into() },
        SpawnError::WrongArchitecture { program: "/srv/shop".into(), built_for: "arm".to_owned() },
        SpawnError::NotAProgram("/srv/shop".into()),
        SpawnError::Busy("/srv/shop".into()),
        SpawnError::Other { program: "/srv/shop".into(), source: missing() },
    ];
    let reaper = vec![ReaperError::OwnBinary(missing()), ReaperError::Start(missing())];
    let holder = Holder { pid: 4711, name: "nginx".to_owned() };
    let address = || "127.0.0.1:3000".to_owned();
    let listen = vec![
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
    ];
    let listen = listen.into_iter().map(|error| {
        let hint = error.hint();
        (Box::new(error) as Box<dyn std::error::Error>, hint)
    });
    let spawn = spawn.into_iter().map(|error| {
        let hint = error.hint();
        (Box::new(error) as Box<dyn std::error::Error>, hint)
    });
    let reaper = reaper.into_iter().map(|error| {
        let hint = error.hint();
        (Box::new(error) as Box<dyn std::error::Error>, hint)
    });
    spawn.chain(reaper).chain(listen).collect()
}

/// As it is shown: the message, what caused it, the way out.
fn shown(error: &dyn std::error::Error, hint: Option<&str>) -> String {
    let message = error.to_string();
    let first = message.chars().next().unwrap();
    assert!(first.is_lowercase() || first == '`', "a fragment, as cargo's: {message}");
    assert!(!message.ends_with('.'), "no final stop: {message}");
    let mut text = format!("error: {message}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        writeln!(text, "  caused by: {error}").unwrap();
        cause = error.source();
    }
    if let Some(hint) = hint {
        writeln!(text, "  hint: {hint}").unwrap();
    }
    text
}

#[test]
fn error_texts() {
    let mut text = String::new();
    for error in project_errors().into_iter().map(Error::from).chain(other_errors()) {
        let code = error.exit_code();
        text += &shown(&error, error.hint().as_deref()).replacen("error:", &format!("[{code}] error:"), 1);
    }
    for (error, hint) in start_errors() {
        text += &shown(&*error, hint.as_deref());
    }
    // The one word that depends on the machine.
    let text = text.replace(&format!("this machine is {}", std::env::consts::ARCH), "this machine is [ARCH]");
    compare("errors.txt", &text);
}
