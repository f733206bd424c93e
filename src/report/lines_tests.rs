//! The text of every line for people.

use super::*;
use crate::session::{NotReloaded, StopCause};
use crate::words::{ArtifactId, Instance, ServiceId};
use std::collections::BTreeSet;

const SECOND: Duration = Duration::from_secs(1);

fn context(keys: bool) -> Context {
    Context {
        cwd: "/home/ann/shop".into(),
        keys,
        once: false,
        names: Names::new(vec!["shop".to_owned()]),
        verbose: false,
        past: Past::default(),
    }
}

fn text(notice: &Notice) -> Vec<String> {
    of_notice(notice, &context(true)).iter().map(Line::plain).collect()
}

fn main() -> BTreeSet<ArtifactId> {
    BTreeSet::from([ArtifactId::MAIN])
}

fn running() -> Option<Running> {
    Some(Running { instance: instance(), build: BuildId(13), age: Duration::from_secs(185), pid: 4711 })
}

fn finished(success: bool, errors: u32, warnings: u32, running: Option<Running>) -> Notice {
    let summary = BuildSummary { errors, warnings, fresh: false, took: SECOND };
    Notice::BuildFinished {
        build: BuildId(14),
        success,
        failed: if success { BTreeSet::new() } else { main() },
        summary,
        running: running.into_iter().collect(),
    }
}

fn started(restart: bool, since_change: Option<Duration>, build_took: Option<Duration>) -> Notice {
    Notice::Starting { instance: instance(), build: BuildId(13), restart, since_change, build_took }
}

fn exited(exit: Exit, next: AfterExit, expected: bool) -> Notice {
    let lived = Duration::from_millis(200);
    Notice::ProcessExited { instance: instance(), pid: 4711, build: BuildId(13), exit, lived, expected, next }
}

fn start_failed(failure: StartFailure, instead: Instead) -> Notice {
    Notice::StartFailed {
        instance: instance(),
        build: BuildId(14),
        pid: 4712,
        failure,
        instead,
        proven: false,
    }
}

fn ended(exit: Exit) -> StartFailure {
    StartFailure::Exited { exit, lived: SECOND }
}

fn instance() -> Instance {
    Instance { service: ServiceId::MAIN, number: 2 }
}

fn changed(paths: &[&str]) -> Notice {
    Notice::Changed(paths.iter().map(PathBuf::from).collect())
}

#[expect(clippy::too_many_lines, reason = "a table has a row for each notice")]
fn table() -> Vec<(Notice, &'static [&'static str])> {
    let millis = |millis| Some(Duration::from_millis(millis));
    let build = BuildId(14);
    vec![
        (changed(&["/home/ann/shop/src/main.rs"]), &["     Changed src/main.rs"]),
        (
            changed(&["/home/ann/shop/a.rs", "/lib/b.rs", "/home/ann/shop/c.rs", "/d.rs", "/e.rs"]),
            &["     Changed a.rs, /lib/b.rs, c.rs and 2 more"],
        ),
        (
            Notice::BuildStarted { build, artifacts: main(), cause: Cause::Start, paths: Vec::new() },
            &["    Building #14"],
        ),
        (
            Notice::BuildStarted { build, artifacts: main(), cause: Cause::Changed, paths: Vec::new() },
            &["    Building #14"],
        ),
        (
            Notice::BuildStarted { build, artifacts: main(), cause: Cause::Asked, paths: Vec::new() },
            &["    Building #14"],
        ),
        (
            Notice::BuildStarted { build, artifacts: main(), cause: Cause::LiveRemoved, paths: Vec::new() },
            &["    Building #14"],
        ),
        (Notice::BuildCancelled(build), &[]),
        (finished(true, 0, 0, running()), &[]),
        (finished(true, 0, 1, running()), &["warning: 1 warning in build 14 (press e to see it)"]),
        (finished(true, 0, 7, running()), &["warning: 7 warnings in build 14 (press e to see them)"]),
        (
            finished(false, 3, 0, running()),
            &["error: build 14 failed (3 errors); still running build 13, built 3 min ago"],
        ),
        (
            finished(false, 1, 2, running()),
            &["error: build 14 failed (1 error); still running build 13, built 3 min ago"],
        ),
        (finished(false, 2, 0, None), &["error: build 14 failed (2 errors); waiting for a change"]),
        (finished(false, 0, 0, None), &["error: build 14 failed; waiting for a change"]),
        (Notice::Published { build, artifact: ArtifactId::MAIN, path: "/t/live".into() }, &[]),
        (
            Notice::Unchanged { build, artifact: ArtifactId::MAIN, restarts: false },
            &["   Unchanged build 14 gave the same program"],
        ),
        (
            Notice::Unchanged { build, artifact: ArtifactId::MAIN, restarts: true },
            &["   Unchanged build 14 gave the same program"],
        ),
        (
            Notice::Held { service: ServiceId::MAIN, build, running: running() },
            &["   Published build 14; still running build 13, built 3 min ago (press r to restart)"],
        ),
        (
            exited(Exit::Code(0), AfterExit::Beside(BuildId(13)), false),
            &["      Exited shop with code 0 after 0.2 s; build 13 keeps running"],
        ),
        (
            exited(Exit::Code(3), AfterExit::Beside(BuildId(13)), false),
            &["     Crashed shop exited with code 3 after 0.2 s"],
        ),
        (
            Notice::PublishFailed {
                build,
                artifact: ArtifactId::MAIN,
                error: "no room".to_owned(),
                running: running(),
            },
            &["error: could not publish build 14: no room; still running build 13, built 3 min ago"],
        ),
        (
            Notice::PublishFailed {
                build,
                artifact: ArtifactId::MAIN,
                error: "no room".to_owned(),
                running: None,
            },
            &["error: could not publish build 14: no room"],
        ),
        (Notice::Stopping { instance: instance(), pid: 1, build, signal: 15, cause: StopCause::Update }, &[]),
        (started(true, millis(940), millis(910)), &["   Restarted in 0.94 s (compile 0.91 s)"]),
        (started(false, millis(79_000), millis(78_900)), &["     Started build 13 in 1m 19s"]),
        (started(false, millis(4200), millis(4100)), &["     Started build 13 in 4.20 s"]),
        (started(true, millis(12), None), &["   Restarted in 0.01 s"]),
        (started(true, millis(150_000), millis(149_000)), &["   Restarted in 2m 30s (compile 2m 29s)"]),
        (started(true, None, None), &["   Restarted build 13"]),
        (
            Notice::Reloaded {
                instance: instance(),
                build,
                since_change: millis(940),
                build_took: millis(910),
            },
            &["    Reloaded in 0.94 s (compile 0.91 s)"],
        ),
        (Notice::Ready { instance: instance(), pid: 1, build, after: SECOND, assumed: false }, &[]),
        (
            exited(Exit::Code(0), AfterExit::Waits, false),
            &["      Exited shop with code 0 after 0.2 s", "  hint: press r to run it again, or save a file"],
        ),
        (
            exited(Exit::Signal(11), AfterExit::GivesUp, false),
            &[
                "     Crashed shop was killed by SIGSEGV after 0.2 s; too many failures in a row",
                "  hint: press r to run it again, or save a file",
            ],
        ),
        (
            exited(Exit::Code(1), AfterExit::Restarts(Duration::from_millis(800)), false),
            &["     Crashed shop exited with code 1 after 0.2 s; starting again in 0.8 s"],
        ),
        (
            exited(Exit::Code(3), AfterExit::Ends, false),
            &["     Crashed shop exited with code 3 after 0.2 s"],
        ),
        (exited(Exit::Signal(15), AfterExit::AsPlanned, true), &[]),
        (
            start_failed(StartFailure::Spawn("no file `x`".to_owned()), Instead::StillRunning(running())),
            &[
                "error: build 14 could not start: no file `x`; still running build 13, built 3 min ago (press r to try again, or save a file)",
            ],
        ),
        (
            start_failed(not_ready(), Instead::RollsBack(BuildId(13))),
            &[
                "error: build 14 could not start: it was not ready within 30 s: no answer; going back to build 13 (press r to try again, or save a file)",
                "  hint: listen on port 3000",
            ],
        ),
        (
            start_failed(ended(Exit::Signal(11)), Instead::RollsBack(BuildId(13))),
            &[
                "error: build 14 could not start: it was ended by SIGSEGV after 1 s; going back to build 13 (press r to try again, or save a file)",
            ],
        ),
        (
            start_failed(ended(Exit::Code(1)), Instead::StillRunning(running())),
            &[
                "error: build 14 could not start: it exited with code 1 after 1 s; still running build 13, built 3 min ago (press r to try again, or save a file)",
            ],
        ),
        (start_failed(ended(Exit::Code(1)), Instead::Down), &[]),
        (
            never_ready(Update::Restart),
            &["warning: build 14 was not ready within 30 s: no answer", "  hint: listen on port 3000"],
        ),
        (
            never_ready(Update::Overlap),
            &[
                "warning: build 14 was not ready within 30 s: no answer; updates will restart instead of overlapping",
                "  hint: listen on port 3000",
            ],
        ),
        (
            never_ready(Update::Reexec),
            &[
                "warning: build 14 was not ready within 30 s: no answer; updates will restart instead of reloading",
                "  hint: listen on port 3000",
            ],
        ),
        (
            Notice::RolledBack { service: ServiceId::MAIN, to: BuildId(13) },
            &["      Rolled back to build 13"],
        ),
        (
            Notice::NoOverlap(ServiceId::MAIN),
            &["note: the program stores descriptors, so this update is a restart and not an overlap"],
        ),
        (
            Notice::ReloadFailed { instance: instance(), reason: NotReloaded::NoHandler },
            &[
                "warning: the program did not take up the new binary: it has no handler for SIGHUP; restarting it",
            ],
        ),
        (
            Notice::StillStopping {
                instance: Instance { service: ServiceId::MAIN, number: 2 },
                pid: 100,
                signal: 15,
                ago: Duration::from_secs(1),
                left: Some(Duration::from_secs(4)),
                quitting: false,
            },
            &["    Stopping shop (SIGTERM sent 1 s ago, SIGKILL in 4 s; Ctrl-C quits)"],
        ),
        (
            Notice::StillStopping {
                instance: Instance { service: ServiceId::MAIN, number: 2 },
                pid: 100,
                signal: 15,
                ago: Duration::from_secs(1),
                left: None,
                quitting: false,
            },
            &["    Stopping shop (SIGTERM sent 1 s ago, not killed while a debugger holds it; Ctrl-C quits)"],
        ),
        (
            Notice::ConfigChanged {
                files: vec!["/home/ann/shop/hotrun.toml".into()],
                keys: vec!["watch.ignore".to_owned(), "run.args".to_owned()],
                then: AfterConfig::Restart,
            },
            &["     Applied hotrun.toml: watch.ignore, run.args; restarting"],
        ),
        (
            Notice::ConfigChanged {
                files: vec!["/home/ann/shop/hotrun.toml".into()],
                keys: vec!["ui.clear".to_owned()],
                then: AfterConfig::Nothing,
            },
            &["     Applied hotrun.toml: ui.clear"],
        ),
        (Notice::Paused, &["      Paused edits are ignored (press p to resume)"]),
        (Notice::Resumed, &["     Resumed watching for edits"]),
        (
            Notice::LiveRemoved(ArtifactId::MAIN),
            &["warning: the live binary was removed (`cargo clean`?); building it again"],
        ),
        (Notice::Exiting(ExitReason::Quit(QuitReason::Asked)), &[]),
        (Notice::Exiting(ExitReason::Quit(QuitReason::Signal(2))), &["     Stopped by SIGINT"]),
        (Notice::Exiting(ExitReason::Quit(QuitReason::Hangup)), &["     Stopped the terminal is gone"]),
        (Notice::Exiting(ExitReason::BuildFailed), &[]),
        (Notice::Exiting(ExitReason::CannotRun), &[]),
        (Notice::Exiting(ExitReason::ProgramEnded(Exit::Code(7))), &[]),
    ]
}

#[test]
fn every_notice_as_text() {
    for (notice, expected) in table() {
        assert_eq!(text(&notice), expected, "{notice:?}");
    }
}

/// The most important words come first.
#[test]
fn forty_columns_hold_the_fact() {
    let words = [
        "Changed",
        "Published build",
        "Reloaded build",
        "Building #14",
        "build 14",
        "build 13",
        "Exited shop with code",
        "Crashed shop",
        "press r to run it again",
        "Restarted in",
        "Reloaded in",
        "in build 14",
        "Paused",
        "Resumed",
        "the live binary",
        "to build 13",
        "the program",
        "listen on port",
        "Stopped",
        "Stopping",
        "Applied",
    ];
    for (notice, _) in table() {
        for line in text(&notice) {
            let visible: String = line.chars().take(40).collect();
            assert!(words.iter().any(|word| visible.contains(word)), "{visible:?}");
        }
    }
}

#[test]
fn once_does_not_wait() {
    let once = Context { once: true, ..context(false) };
    let text = |notice: &Notice| of_notice(notice, &once).iter().map(Line::plain).collect::<Vec<_>>();
    assert_eq!(text(&finished(false, 1, 0, None)), ["error: build 14 failed (1 error)"]);
    let failure = start_failed(not_ready(), Instead::Down);
    assert_eq!(
        text(&failure),
        [
            "error: build 14 could not start: it was not ready within 30 s: no answer",
            "  hint: listen on port 3000",
        ]
    );
}

#[test]
fn without_keys_no_line_names_one() {
    for (notice, _) in table() {
        for line in of_notice(&notice, &context(false)) {
            let plain = line.plain();
            let paused = matches!(notice, Notice::Paused);
            assert!(paused || !plain.contains("press "), "{plain}");
        }
    }
}

#[test]
fn quiet_shows_only_important_lines() {
    let said = |notice: &Notice| text_with_quiet(notice);
    assert_eq!(said(&changed(&["/home/ann/shop/a.rs"])), [""; 0]);
    assert_eq!(said(&started(true, None, None)), [""; 0]);
    assert_eq!(said(&exited(Exit::Code(0), AfterExit::Waits, false)), [""; 0]);
    assert_eq!(said(&finished(false, 1, 0, running())).len(), 1);
    assert_eq!(said(&finished(true, 0, 7, running())), [""; 0]);
    // A crash is not routine, and its way out is told with it.
    for exit in [Exit::Signal(11), Exit::Code(101)] {
        assert_eq!(said(&exited(exit, AfterExit::Waits, false)).len(), 2, "{exit:?}");
    }
}

fn text_with_quiet(notice: &Notice) -> Vec<String> {
    let lines = of_notice(notice, &context(true));
    lines.iter().filter(|line| line.important).map(Line::plain).collect()
}

#[test]
fn each_build_has_two_lines_for_patterns() {
    let verbose = Context { verbose: true, ..context(true) };
    let begins = |notice: &Notice, head: &str| {
        let lines = of_notice(notice, &verbose);
        lines.first().is_some_and(|line| line.plain().trim_start().starts_with(head))
    };
    let build = BuildId(14);
    for cause in [Cause::Start, Cause::Changed, Cause::Asked, Cause::LiveRemoved] {
        assert!(begins(
            &Notice::BuildStarted { build, artifacts: main(), cause, paths: Vec::new() },
            "Building #14"
        ));
    }
    assert!(begins(&finished(false, 1, 0, None), "error: build 14"));
    assert!(begins(
        &Notice::Unchanged { build, artifact: ArtifactId::MAIN, restarts: false },
        "Unchanged: build 14"
    ));
    assert!(begins(
        &Notice::PublishFailed { build, artifact: ArtifactId::MAIN, error: String::new(), running: None },
        "error: could not publish build 14"
    ));
    assert!(begins(
        &Notice::Held { service: ServiceId::MAIN, build, running: running() },
        "Published build 14"
    ));
    assert!(begins(
        &Notice::Reloaded { instance: instance(), build, since_change: None, build_took: None },
        "Reloaded build 14"
    ));
    assert!(begins(&started(true, None, None), "Restarted build 13"));
    assert!(begins(&started(false, None, None), "Started build 13"));
    assert!(begins(&start_failed(StartFailure::Spawn(String::new()), Instead::Down), "error: build 14"));
}

#[test]
fn notifications_are_short() {
    let table = [
        (finished(false, 3, 0, None), Some("build 14 failed (3 errors); waiting for a change")),
        (finished(true, 0, 0, running()), Some("build 14 succeeded")),
        (Notice::Paused, None),
    ];
    for (notice, expected) in table {
        assert_eq!(notification(&notice, &context(true)).as_deref(), expected);
    }
}

#[test]
fn texts_of_the_reporter() {
    let lines = [
        watching(&Watching { files: 12, folders: 3, backend: "inotify".to_owned() }),
        note("a remark"),
        nothing_to_repeat(),
    ];
    let lines: Vec<String> = lines
        .into_iter()
        .chain(warning("odd", Some("look")))
        .chain(error("bad", None))
        .map(|line| line.plain())
        .collect();
    assert_eq!(
        lines,
        [
            "    Watching 12 files in 3 folders (inotify)",
            "note: a remark",
            "          No problems found",
            "warning: odd",
            "  hint: look",
            "error: bad",
        ]
    );
}

fn unmet() -> Option<Unmet> {
    Some(Unmet { reason: "no answer".to_owned(), hint: Some("listen on port 3000".to_owned()) })
}

fn not_ready() -> StartFailure {
    StartFailure::NotReady { waited: SECOND * 30, unmet: unmet() }
}

fn never_ready(update: Update) -> Notice {
    Notice::NeverReady {
        instance: instance(),
        build: BuildId(14),
        waited: SECOND * 30,
        unmet: unmet(),
        update,
    }
}

#[test]
fn several_services_are_told_apart() {
    let context =
        Context { names: Names::new(vec!["api".to_owned(), "worker".to_owned()]), ..context(false) };
    let service = ServiceId(1);
    let (instance, artifact, build) = (Instance { service, number: 1 }, ArtifactId(1), BuildId(14));
    let summary = BuildSummary { errors: 2, warnings: 0, fresh: false, took: SECOND };
    let running = Running { instance, build: BuildId(13), age: SECOND * 180, pid: 4711 };
    let failed = |failed: &[u16], running: &[Running]| Notice::BuildFinished {
        build,
        success: false,
        failed: failed.iter().copied().map(ArtifactId).collect(),
        summary,
        running: running.to_vec(),
    };
    let start =
        |restart| Notice::Starting { instance, build, restart, since_change: Some(SECOND), build_took: None };
    let (exit, lived, pid) = (Exit::Signal(11), SECOND, 4711);
    let next = AfterExit::Ends;
    let table = [
        (start(false), "     Started worker build 14 in 1.00 s"),
        (start(true), "   Restarted worker in 1.00 s"),
        (
            failed(&[1], &[running]),
            "error: build 14 failed (2 errors); worker: still build 13, built 3 min ago",
        ),
        (
            failed(&[0, 1], &[running]),
            "error: build 14 failed (2 errors); api does not run; worker: still build 13, built 3 min ago",
        ),
        (
            Notice::Unchanged { build, artifact, restarts: false },
            "   Unchanged worker build 14 gave the same program",
        ),
        (
            Notice::PublishFailed { build, artifact, error: "disk full".to_owned(), running: None },
            "error: could not publish build 14 of worker: disk full",
        ),
        (
            Notice::ProcessExited { instance, pid, build, exit, lived, expected: false, next },
            "     Crashed worker was killed by SIGSEGV after 1 s",
        ),
        (
            Notice::StartFailed {
                instance,
                build,
                pid,
                failure: StartFailure::Spawn("no".to_owned()),
                instead: Instead::RollsBack(BuildId(13)),
                proven: false,
            },
            "error: build 14 of worker could not start: no; going back to build 13 (`hotrun restart` or a save tries again)",
        ),
        // A command has no build.
        (
            Notice::Starting {
                instance,
                build: BuildId(0),
                restart: false,
                since_change: None,
                build_took: None,
            },
            "     Started worker",
        ),
        (
            Notice::ProcessExited {
                instance,
                pid,
                build: BuildId(0),
                exit: Exit::Code(0),
                lived,
                expected: false,
                next: AfterExit::Done,
            },
            "    Finished worker in 1 s",
        ),
        (
            Notice::Waiting { service, waits_for: vec![(ServiceId(0), Hindrance::Ended(Exit::Code(1)))] },
            "     Waiting worker for api (exited with code 1)",
        ),
        (Notice::StoppedByRequest(service), "     Stopped worker"),
        (Notice::RolledBack { service, to: BuildId(13) }, "      Rolled back to build 13 of worker"),
        (
            Notice::LiveRemoved(artifact),
            "warning: the live binary of worker was removed (`cargo clean`?); building it again",
        ),
    ];
    for (notice, expected) in table {
        let lines: Vec<String> = of_notice(&notice, &context).iter().map(Line::plain).collect();
        assert_eq!(lines, [expected]);
    }
}

#[test]
fn a_line_tells_what_earlier_facts_were_about() {
    let mut context = context(true);
    let build = BuildId(14);
    let unchanged = Notice::Unchanged { build, artifact: ArtifactId::MAIN, restarts: false };
    let first = |notice: &Notice, context: &Context| of_notice(notice, context)[0].plain();
    context.past.notice(&Notice::ProcessStarted { instance: instance(), pid: 1, build: BuildId(13) });
    assert_eq!(
        first(&unchanged, &context),
        "   Unchanged build 14 gave the same program, build 13 keeps running"
    );
    context.past.recovered = true;
    let fixed = "       Fixed build 14 compiles; same program, build 13 keeps running";
    assert_eq!(first(&unchanged, &context), fixed);
    context.past.notice(&unchanged);
    assert!(!context.past.recovered);
    let restarted = started(true, Some(SECOND), None);
    context.past.notice(&changed(&["/home/ann/shop/templates/index.html"]));
    assert_eq!(first(&restarted, &context), "   Restarted in 1.00 s (templates/index.html changed)");
    context.past.notice(&restarted);
    assert_eq!(first(&restarted, &context), "   Restarted in 1.00 s");
}
