//! Every line that tells of what happens, as it stands on a terminal of 80 and of 40 columns; compared with
//! `tests/snapshots`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use hotrun::config::Update;
use hotrun::report::lines::{Context, Past, of_notice};
use hotrun::session::{
    AfterConfig, AfterExit, BuildSummary, Cause, ExitReason, Hindrance, Instead, NotReloaded, Notice,
    QuitReason, Running, StartFailure, StopCause, Unmet,
};
use hotrun::words::{ArtifactId, BuildId, Exit, Instance, Names, ServiceId};

use super::snapshots::{compare, complete, variants};

variants!(
    NOT_RELOADED,
    not_reloaded,
    NotReloaded { Silent, NoHandler, Ended, OldLibraries, OldBinary, NotReady }
);
variants!(
    NOTICES,
    notice,
    Notice {
        Changed,
        BuildStarted,
        BuildCancelled,
        BuildFinished,
        Published,
        Unchanged,
        PublishFailed,
        Stopping,
        StillStopping,
        ProcessStarted,
        Starting,
        Held,
        Reloaded,
        Ready,
        ProcessExited,
        StartFailed,
        NeverReady,
        RolledBack,
        NoOverlap,
        ReloadFailed,
        ConfigChanged,
        Paused,
        Resumed,
        LiveRemoved,
        Waiting,
        StoppedByRequest,
        Exiting,
    }
);
variants!(AFTERS, after, AfterExit { AsPlanned, Beside, Done, Waits, GivesUp, Restarts, Ends });
variants!(FAILURES, failure, StartFailure { Spawn, Exited, NotReady });
variants!(HINDRANCES, hindrance, Hindrance { Stopped, Ended, NotBuilt, NotStarted, NotReady, Waits });
variants!(INSTEADS, instead, Instead { StillRunning, RollsBack, Down });
variants!(CONFIGS, config, AfterConfig { Nothing, NextStart, Restart, Build, Resume });
variants!(REASONS, reason, ExitReason { Quit, ProgramEnded, BuildFailed, CannotRun });

const BUILD: BuildId = BuildId(14);
const PROCESS: Instance = Instance { service: ServiceId::MAIN, number: 2 };

fn main() -> BTreeSet<ArtifactId> {
    BTreeSet::from([ArtifactId::MAIN])
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn changed(paths: &[&str]) -> Notice {
    Notice::Changed(paths.iter().map(PathBuf::from).collect())
}

fn finished(success: bool, errors: u32, warnings: u32, running: Option<Running>) -> Notice {
    let summary = BuildSummary { errors, warnings, fresh: false, took: millis(910) };
    Notice::BuildFinished {
        build: BUILD,
        success,
        failed: if success { BTreeSet::new() } else { main() },
        summary,
        running: running.into_iter().collect(),
    }
}

fn started(restart: bool, since_change: Option<u64>, build_took: Option<u64>) -> Notice {
    Notice::Starting {
        instance: PROCESS,
        build: BuildId(13),
        restart,
        since_change: since_change.map(millis),
        build_took: build_took.map(millis),
    }
}

fn exited(exit: Exit, next: AfterExit, expected: bool) -> Notice {
    let lived = millis(200);
    Notice::ProcessExited { instance: PROCESS, pid: 4711, build: BuildId(13), exit, lived, expected, next }
}

fn start_failed(failure: StartFailure, instead: Instead) -> Notice {
    Notice::StartFailed { instance: PROCESS, build: BUILD, pid: 4712, failure, instead, proven: false }
}

fn unmet() -> Unmet {
    Unmet {
        reason: "`tcp:3000` (`run.ready` in `hotrun.toml`, line 3): connection refused; the program listens on 127.0.0.1:3001".to_owned(),
        hint: Some("set `ready` to where the program listens: 127.0.0.1:3001".to_owned()),
    }
}

fn never_ready(update: Update) -> Notice {
    Notice::NeverReady {
        instance: PROCESS,
        build: BuildId(14),
        waited: millis(30_000),
        unmet: Some(unmet()),
        update,
    }
}

fn still_stopping(quitting: bool, debugged: bool) -> Notice {
    let (ago, left) = (millis(1000), (!debugged).then(|| millis(3700)));
    Notice::StillStopping { instance: PROCESS, pid: 4711, signal: 15, ago, left, quitting }
}

fn not_reloads() -> [Notice; 6] {
    let reasons = [
        NotReloaded::Silent,
        NotReloaded::NoHandler,
        NotReloaded::Ended,
        NotReloaded::OldLibraries,
        NotReloaded::OldBinary,
        NotReloaded::NotReady,
    ];
    complete(NOT_RELOADED, reasons.iter().map(not_reloaded));
    reasons.map(|reason| Notice::ReloadFailed { instance: PROCESS, reason })
}

fn samples() -> Vec<Notice> {
    let (build, artifact, instance, service) = (BUILD, ArtifactId::MAIN, PROCESS, ServiceId::MAIN);
    let running = Some(Running { instance, build: BuildId(13), age: millis(185_000), pid: 4711 });
    let mut all = vec![
        changed(&["/home/ann/shop/src/main.rs"]),
        changed(&["/home/ann/shop/crates/storage/src/backends/postgres/connection_pool.rs"]),
        changed(&["/home/ann/shop/資料/設定/翻訳/とても長い名前のフォルダ/日本語の設定ファイル.rs"]),
        changed(&[
            "/home/ann/shop/src/main.rs",
            "/home/ann/shop/src/routes/mod.rs",
            "/lib/b.rs",
            "/c.rs",
            "/d.rs",
        ]),
        changed(&["/home/ann/shop/src/a\x1b[2J.rs"]),
    ];
    for cause in [Cause::Start, Cause::Changed, Cause::Asked, Cause::LiveRemoved] {
        all.push(Notice::BuildStarted { build, artifacts: main(), cause, paths: Vec::new() });
    }
    all.extend([
        Notice::BuildCancelled(build),
        finished(true, 0, 0, running),
        finished(true, 0, 1, running),
        finished(true, 0, 40, running),
        finished(false, 3, 2, running),
        finished(false, 1, 0, None),
        finished(false, 0, 0, None),
        Notice::Published { build, artifact, path: "/home/ann/shop/target/hotrun/live/debug/shop".into() },
        Notice::Held { service, build, running },
        Notice::Unchanged { build, artifact, restarts: false },
        Notice::Unchanged { build, artifact, restarts: true },
        Notice::PublishFailed {
            build,
            artifact,
            error: "could not create `target/hotrun/live`: no space".to_owned(),
            running,
        },
        Notice::Stopping { instance, pid: 4711, build, signal: 15, cause: StopCause::Update },
        still_stopping(false, false),
        still_stopping(true, false),
        still_stopping(true, true),
        Notice::ProcessStarted { instance, pid: 4712, build: BuildId(13) },
        started(false, Some(4200), Some(4100)),
        started(true, Some(940), Some(910)),
        started(true, Some(4), None),
        started(true, None, None),
        Notice::Reloaded { instance, build, since_change: Some(millis(940)), build_took: Some(millis(910)) },
        Notice::Ready { instance, pid: 4712, build, after: millis(80), assumed: false },
        exited(Exit::Code(0), AfterExit::Beside(BuildId(13)), false),
        exited(Exit::Code(0), AfterExit::Waits, false),
        exited(Exit::Signal(11), AfterExit::Waits, false),
        exited(Exit::Code(1), AfterExit::GivesUp, false),
        exited(Exit::Code(1), AfterExit::Restarts(millis(800)), false),
        exited(Exit::Code(3), AfterExit::Ends, false),
        exited(Exit::Signal(15), AfterExit::AsPlanned, true),
    ]);
    let failures = [
        StartFailure::Spawn("`target/hotrun/live/debug/shop` is not a program".to_owned()),
        StartFailure::Exited { exit: Exit::Code(1), lived: millis(80) },
        StartFailure::Exited { exit: Exit::Signal(11), lived: millis(80) },
        StartFailure::NotReady { waited: millis(30_000), unmet: Some(unmet()) },
    ];
    let insteads = [Instead::StillRunning(running), Instead::RollsBack(BuildId(13)), Instead::Down];
    complete(FAILURES, failures.iter().map(failure));
    complete(INSTEADS, insteads.iter().map(instead));
    for failure in &failures {
        all.extend(insteads.iter().map(|instead| start_failed(failure.clone(), *instead)));
    }
    let configs = [
        AfterConfig::Nothing,
        AfterConfig::NextStart,
        AfterConfig::Restart,
        AfterConfig::Build,
        AfterConfig::Resume,
    ];
    complete(CONFIGS, configs.iter().map(config));
    all.extend(configs.map(|then| Notice::ConfigChanged {
        files: vec!["/home/ann/shop/hotrun.toml".into()],
        keys: vec!["watch.ignore".to_owned(), "run.args".to_owned()],
        then,
    }));
    let reasons = [
        ExitReason::Quit(QuitReason::Asked),
        ExitReason::Quit(QuitReason::Signal(2)),
        ExitReason::Quit(QuitReason::Hangup),
        ExitReason::ProgramEnded(Exit::Code(7)),
        ExitReason::BuildFailed,
        ExitReason::CannotRun,
    ];
    complete(REASONS, reasons.iter().map(reason));
    all.extend([
        never_ready(Update::Restart),
        never_ready(Update::Overlap),
        never_ready(Update::Reexec),
        Notice::RolledBack { service, to: BuildId(13) },
        Notice::NoOverlap(ServiceId::MAIN),
    ]);
    all.extend(not_reloads().into_iter().chain(of_several()));
    all.extend([Notice::Paused, Notice::Resumed, Notice::LiveRemoved(ArtifactId::MAIN)]);
    all.extend(reasons.map(Notice::Exiting));
    all
}

fn of_several() -> [Notice; 4] {
    let service = ServiceId::MAIN;
    let first = [Hindrance::Ended(Exit::Code(1)), Hindrance::NotReady, Hindrance::NotBuilt(BUILD)];
    let second =
        [Hindrance::Stopped, Hindrance::NotStarted, Hindrance::Waits, Hindrance::Ended(Exit::Signal(9))];
    complete(HINDRANCES, first.iter().chain(&second).map(hindrance));
    let [first, second] = [&first[..], &second[..]].map(|why| {
        let waits_for = why.iter().map(|why| (service, *why)).collect();
        Notice::Waiting { service, waits_for }
    });
    [exited(Exit::Code(0), AfterExit::Done, false), first, second, Notice::StoppedByRequest(service)]
}

#[test]
fn snapshots_of_every_line_of_a_life() {
    let samples = samples();
    complete(NOTICES, samples.iter().map(notice));
    let nexts = samples.iter().filter_map(|notice| match notice {
        Notice::ProcessExited { next, .. } => Some(after(next)),
        _ => None,
    });
    complete(AFTERS, nexts);
    let context = Context {
        cwd: "/home/ann/shop".into(),
        names: Names::new(vec!["shop".to_owned()]),
        keys: true,
        once: false,
        verbose: false,
        past: Past::default(),
    };
    for (name, width) in [("lines", 80), ("lines-narrow", 40)] {
        let mut text = String::new();
        let mut last = "";
        for sample in &samples {
            let kind = notice(sample);
            if kind != last {
                let gap = if last.is_empty() { "" } else { "\n" };
                text += &[gap, "[", kind, "]\n"].concat();
                last = kind;
            }
            let lines = of_notice(sample, &context);
            if lines.is_empty() {
                text += "(nothing)\n";
            }
            for line in lines {
                let line = line.fitted(Some(width));
                for row in line.lines() {
                    let columns = console::measure_text_width(row);
                    assert!(columns <= width || !row.trim().contains(' '), "{columns} columns: {row}");
                    text += row;
                    text += "\n";
                }
            }
        }
        compare(name, &text);
    }
}
