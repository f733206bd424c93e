//! Compares the findings for given facts with `tests/snapshots`; `INSTA_UPDATE=always cargo test doctor` rewrites those.

use std::time::Duration;

use super::facts::{
    Age, Failure, Limits, ProjectFacts, RunnerFacts, RuntimeFolderFacts, SocketFacts, Target, TargetState,
    TerminalFacts, Tools, WatchFacts,
};
use super::finding::{self, Finding, Severity};
use super::judge;
use crate::config::Poll;
use crate::history::{BuildTimes, Outcome, Part};
use crate::project::{CompileSettings, Compiling, Linking};

fn tools() -> Tools {
    Tools {
        cargo: "/home/ann/.rustup/toolchains/stable/bin/cargo".into(),
        version: Ok("cargo 1.95.0 (f2d3ce0bd 2026-03-21)".to_owned()),
        shim: Some("/home/ann/.cargo/bin/cargo".into()),
        toolchain: Some("stable-x86_64-unknown-linux-gnu".to_owned()),
    }
}

fn well() -> ProjectFacts {
    ProjectFacts {
        package: "web".to_owned(),
        program: "web".to_owned(),
        example: false,
        settings: vec!["hotrun.toml".to_owned()],
        share_build_dir: false,
        profile: "dev".to_owned(),
        compiling: Some(Compiling {
            rustc: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
            linking: Linking::Works,
            settings: CompileSettings::default(),
        }),
        watching: WatchFacts {
            files: 120,
            folders: 18,
            poll: Poll::Auto,
            unreliable: None,
            file_system: Some("ext4".to_owned()),
            newest: Some(("src/main.rs".to_owned(), Age::Past(Duration::from_secs(3)))),
            limits: Some(Limits {
                watches: 65536,
                used_watches: 1204,
                instances: 128,
                used_instances: 9,
                queued: 16384,
            }),
        },
        target: Target {
            staging: "target/hotrun".to_owned(),
            state: TargetState::Fine,
            file_system: Some("ext4".to_owned()),
            remote: None,
            one_file_system: true,
            free: Some(47_700_000_000),
            size: 476_000_000,
            outside: None,
            other_workspace: None,
        },
        running: None,
        sockets: vec![SocketFacts { address: "tcp:127.0.0.1:3000".to_owned(), refused: None }],
        runner: None,
        runtime_folder: RuntimeFolderFacts {
            made: Ok(("/run/user/1000/hotrun-0".into(), 0o700)),
            preferred: Some("/run/user/1000".into()),
        },
        terminal: TerminalFacts {
            stdin: true,
            stderr: true,
            dumb: false,
            colors: true,
            utf8: true,
            osc_9: false,
            columns: Some(120),
        },
        ptrace_scope: Some(1),
        last_build: Some((
            BuildTimes {
                build: 12,
                program: "web".to_owned(),
                workspace: "/home/ann/web".into(),
                outcome: Outcome::Ready,
                parts: vec![
                    (Part::Seen, 2.4),
                    (Part::Waited, 0.1),
                    (Part::Cargo, 871.0),
                    (Part::Published, 0.6),
                    (Part::Restarted, 14.2),
                    (Part::Ready, 5.5),
                ],
            },
            Age::Past(Duration::from_secs(200)),
        )),
    }
}

/// Facts that cause every warning.
fn ill() -> ProjectFacts {
    let mut facts = well();
    facts.example = true;
    facts.share_build_dir = true;
    facts.settings = Vec::new();
    facts.compiling = Some(Compiling {
        rustc: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
        linking: Linking::Fails("linker `mold` not found".to_owned()),
        settings: CompileSettings {
            linker: Some(("mold".to_owned(), "`target.x86_64-unknown-linux-gnu.linker`".to_owned())),
            incremental: Some((false, "`CARGO_INCREMENTAL`".to_owned())),
            wrappers: vec!["sccache".to_owned()],
            ..CompileSettings::default()
        },
    });
    facts.watching.unreliable = Some(("/mnt/host/web".to_owned(), "9p"));
    facts.watching.newest = Some(("src/main.rs".to_owned(), Age::Future(Duration::from_hours(1))));
    facts.watching.limits =
        Some(Limits { watches: 8192, used_watches: 8190, instances: 128, used_instances: 9, queued: 128 });
    facts.target = Target {
        staging: "/shared/hotrun".to_owned(),
        remote: Some("nfs"),
        one_file_system: false,
        free: Some(40_000_000),
        outside: Some("`CARGO_TARGET_DIR`"),
        other_workspace: Some("/home/ann/other".to_owned()),
        ..facts.target
    };
    facts.running = Some(4711);
    let held = "could not listen on `tcp:127.0.0.1:3000`: `nginx` (pid 815) holds it".to_owned();
    facts.sockets[0].refused = Some((held, Some("stop it (`kill 815`)".to_owned()), Some(815)));
    let missing = "no program `qemu-aarch64` found on `PATH`".to_owned();
    let remedy = "install `qemu-aarch64`, or name it with its path".to_owned();
    facts.runner =
        Some(RunnerFacts { program: "qemu-aarch64".to_owned(), refused: Some((missing, Some(remedy))) });
    facts.runtime_folder.made = Ok(("/tmp/hotrun-1000-0".into(), 0o700));
    facts.terminal.dumb = true;
    if let Some((_, age)) = &mut facts.last_build {
        *age = Age::Future(Duration::from_mins(15));
    }
    facts
}

fn findings(facts: &ProjectFacts, tools: &Tools) -> Vec<Finding> {
    std::iter::once(judge::tools(tools)).chain(judge::facts(facts, tools)).collect()
}

fn shown(findings: &[Finding], columns: usize) -> String {
    let lines = finding::lines(findings, true);
    lines.iter().fold(String::new(), |page, line| page + &line.fitted(Some(columns)) + "\n")
}

#[test]
fn findings_at_any_width() {
    let old = Tools { version: Ok("cargo 1.80.1 (376290515 2024-07-16)".to_owned()), ..tools() };
    for columns in [80, 40] {
        let text =
            shown(&findings(&well(), &tools()), columns) + "\n" + &shown(&findings(&ill(), &old), columns);
        insta::with_settings!({
            snapshot_path => "../../tests/snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("doctor-{columns}"), text);
        });
        for line in text.lines().filter(|line| line.chars().count() > columns) {
            assert!(line.split_whitespace().count() < 3, "this could be broken: {line}");
        }
    }
}

#[test]
fn every_warning_and_error_has_a_remedy() {
    let broken = Tools { version: Err("no such toolchain".to_owned()), ..tools() };
    let alone = Tools { toolchain: None, ..tools() };
    let mut all = findings(&ill(), &broken);
    all.push(judge::tools(&alone));
    for state in [TargetState::NotAFolder, TargetState::NotWritable] {
        let mut facts = well();
        facts.target.state = state;
        facts.watching.poll = Poll::Never;
        facts.watching.unreliable = Some(("/mnt".to_owned(), "9p"));
        facts.runtime_folder.made = Err("permission denied".to_owned());
        all.extend(findings(&facts, &tools()));
    }
    let bad: Vec<&Finding> = all.iter().filter(|finding| finding.level >= Severity::Warning).collect();
    assert!(bad.len() > 15, "{}", bad.len());
    for finding in bad {
        assert!(finding.hint.is_some(), "{finding:?}");
        assert!(!finding.message.ends_with('.'), "{finding:?}");
    }
    let failure = Failure { check: "cargo", message: "x".to_owned(), hint: None };
    assert_eq!(judge::failure(failure).level, Severity::Error);
}

#[track_caller]
fn level(facts: &ProjectFacts, check: &str) -> Option<Severity> {
    findings(facts, &tools()).into_iter().find(|finding| finding.check == check).map(|finding| finding.level)
}

#[test]
fn a_running_hotrun_already_has_its_watches_and_sockets() {
    let mut facts = well();
    facts.running = Some(4711);
    facts.sockets[0].refused = Some(("held".to_owned(), None, Some(4711)));
    facts.watching.limits =
        Some(Limits { watches: 20, used_watches: 20, instances: 2, used_instances: 2, queued: 16384 });
    assert_eq!(level(&facts, "listen"), Some(Severity::Ok));
    assert_eq!(level(&facts, "watching"), Some(Severity::Ok));
    assert_eq!(level(&facts, "running"), Some(Severity::Note));
    facts.running = None;
    assert_eq!(level(&facts, "listen"), Some(Severity::Error));
    assert_eq!(level(&facts, "watching"), Some(Severity::Warning));
}

#[test]
fn missing_parts_of_the_target_are_errors() {
    let mut facts = well();
    if let Some(compiling) = &mut facts.compiling {
        compiling.linking = Linking::NoLibrary("wasm32-wasip1".to_owned());
    }
    assert_eq!((level(&facts, "std"), level(&facts, "linker")), (Some(Severity::Error), None));
    if let Some(compiling) = &mut facts.compiling {
        compiling.linking = Linking::Untried;
    }
    assert_eq!((level(&facts, "std"), level(&facts, "linker")), (None, None));
}

#[test]
fn requested_settings_are_no_faults() {
    let mut facts = well();
    facts.watching.poll = Poll::Always;
    facts.watching.limits =
        Some(Limits { watches: 0, used_watches: 0, instances: 0, used_instances: 0, queued: 1 });
    facts.profile = "release".to_owned();
    for (mode, expected) in [(0o700, Severity::Warning), (0o711, Severity::Ok), (0o755, Severity::Warning)] {
        facts.runtime_folder.made = Ok(("/tmp/hotrun-0-0".into(), mode));
        assert_eq!(level(&facts, "runtime-folder"), Some(expected), "{mode:o}");
    }
    facts.runtime_folder.made = Ok(("/run/user/1000/hotrun-0".into(), 0o700));
    assert_eq!(level(&facts, "watching"), Some(Severity::Ok));
    assert_eq!(level(&facts, "event-queue"), None);
    assert_eq!(level(&facts, "incremental"), Some(Severity::Note));
    assert_eq!(finding::worst(&findings(&facts, &tools())), Severity::Note);
}
