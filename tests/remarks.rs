//! Every remark that is no notice of the session, and what the rooms word themselves, as it stands on a terminal of 80 and of 40
//! columns; compared with what is committed under `tests/snapshots`.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotrun::build::{BuildError, SeedError};
use hotrun::handover::{ListenError, Malformed};
use hotrun::process::{NotFollowed, ReaperError};
use hotrun::report::lines::{self, Context, Line, Past};
use hotrun::report::{ErrorText, ProgramRemark, Remark, Watching, in_a_line, key_help};
use hotrun::session::Cause;
use hotrun::watch::inputs::Reason;
use hotrun::watch::{Refused, Warning};
use hotrun::words::{BuildId, Names, ServiceId};

use super::snapshots::{compare, complete, variants};

variants!(
    REMARKS,
    remark,
    Remark {
        Program,
        NoReaper,
        ReaperEnded,
        NotLocked,
        NoControl,
        NotDescribed,
        SeedBlocked,
        SeedBegan,
        SeedCopying,
        SeedDeclined,
        SeedDiscarded,
        WarmedUp,
        NoBuild,
        NotForced,
        NoDepInfo,
        NotCounted,
        Watch,
        ConfigValidAgain,
        NothingSet,
        ConfigRefused,
        ConfigTakesOwn,
        SettingsHeld,
        Showing,
        StdinSpent,
    }
);
variants!(
    ON_PROGRAMS,
    on_program,
    ProgramRemark {
        Listening,
        NotRolledBack,
        Killed,
        NotPermitted,
        StillThere,
        Sweeping,
        StoredHungUp,
        StoreFull,
        NoSnapshot,
        NotFollowed,
        Stranger,
        Malformed,
        NothingPassed,
        NotCaptured,
        SocketRevived,
        SocketReplaced,
        SocketLost,
        HoldsSockets,
    }
);
variants!(SEED_ERRORS, seed_error, SeedError { Blocked, LittleSpace, Slow, Io, Taken, Stopped });
variants!(NOT_FOLLOWED, not_followed, NotFollowed { Untold, Ended });
variants!(MALFORMED, malformed, Malformed { Nul, Truncated, Barrier });
variants!(
    WARNINGS,
    warning,
    Warning { Unreliable, Polling, Blind, Lost, Missing, Loop, Echo, Repeats, Restless }
);
variants!(REFUSED, refused, Refused { Watches, Instances, Threads, Other });
variants!(
    REASONS,
    reason,
    Reason {
        Never,
        Git,
        Ignored,
        GitIgnored,
        EditorTemporary,
        ProgramData,
        NotRead,
        NotIncluded,
        OtherTarget,
        OtherPackage,
        Outside,
        SameContent,
        Loop,
        Echo,
        Open,
    }
);

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn cause() -> String {
    denied().to_string()
}

/// The first build, and what it begins with.
fn of_seeds() -> Vec<Remark> {
    let staging = || "target/hotrun".to_owned();
    let folder = || PathBuf::from("target/debug");
    let declined = [
        SeedError::Blocked { folder: folder(), waited: Duration::from_secs(20) },
        SeedError::LittleSpace { folder: folder(), bytes: 4_200_000_000, free: 900_000_000 },
        SeedError::Slow { folder: folder(), bytes: 4_200_000_000 },
        SeedError::Io { folder: folder(), source: denied() },
        SeedError::Taken,
    ];
    // One that was stopped is not told of.
    complete(SEED_ERRORS, declined.iter().map(seed_error).chain(["Stopped"]));
    let mut all = vec![
        Remark::SeedBlocked,
        Remark::SeedBegan { staging: staging(), from: "target/debug".to_owned(), size: "476 MB".to_owned() },
        Remark::SeedCopying { copied: "120 MB".to_owned(), size: "476 MB".to_owned() },
        Remark::SeedDiscarded { from: "target/debug".to_owned() },
        Remark::WarmedUp { took: Duration::from_millis(5600) },
    ];
    all.extend(declined.map(|error| Remark::SeedDeclined {
        staging: staging(),
        cause: in_a_line(&error, None),
        hint: error.hint(),
    }));
    all
}

/// Files, and how their changes are noticed.
fn of_the_watch() -> Vec<Remark> {
    let missing = [Refused::Watches, Refused::Instances, Refused::Threads, Refused::Other];
    complete(REFUSED, missing.iter().map(refused));
    let mut warnings = vec![
        Warning::Unreliable { folder: "/mnt/host/web".into(), file_system: "9p" },
        Warning::Lost { problem: "too many events".to_owned() },
        Warning::Missing { path: "/home/ann/shop/templats".into(), key: "watch.paths" },
        Warning::Loop { path: "/home/ann/shop/src/generated.rs".into() },
        Warning::Echo { path: "/home/ann/shop/data/state.json".into() },
        Warning::Repeats { path: "/home/ann/shop/src/schema.rs".into() },
        Warning::Restless { path: "/home/ann/shop/data/state.json".into() },
    ];
    for missing in missing {
        warnings.push(Warning::Polling { missing, every: Duration::from_millis(500) });
        warnings.push(Warning::Blind { missing });
    }
    complete(WARNINGS, warnings.iter().map(warning));
    let told = |warning: Warning| {
        let warning = warning.seen_from("/home/ann/shop".as_ref());
        ErrorText::of(&warning, warning.hint().map(ToOwned::to_owned))
    };
    let mut all: Vec<Remark> = warnings.into_iter().map(|warning| Remark::Watch(told(warning))).collect();
    let reasons = [
        Reason::Never,
        Reason::Git,
        Reason::Ignored,
        Reason::GitIgnored,
        Reason::EditorTemporary,
        Reason::ProgramData,
        Reason::NotRead,
        Reason::NotIncluded,
        Reason::OtherTarget,
        Reason::OtherPackage,
        Reason::Outside,
        Reason::SameContent,
        Reason::Loop,
        Reason::Echo,
        Reason::Open,
    ];
    complete(REASONS, reasons.iter().map(reason));
    all.extend(reasons.map(|reason| Remark::NotCounted {
        path: "notes/plan.md".to_owned(),
        reason: reason.to_string(),
        hint: reason.hint(Path::new("notes.txt")),
        first_in_folder: true,
    }));
    all
}

/// What becomes of the program and its processes.
fn of_the_program() -> Vec<ProgramRemark> {
    let mut all = vec![
        ProgramRemark::NotRolledBack { to: BuildId(13), cause: cause() },
        ProgramRemark::Killed { signal: 15, waited: Duration::from_secs(5) },
        ProgramRemark::NotPermitted { pids: vec![4711] },
        ProgramRemark::NotPermitted { pids: vec![4711, 4712] },
        ProgramRemark::StillThere { pids: vec![4711] },
        ProgramRemark::StillThere { pids: vec![4711, 4712] },
        ProgramRemark::Sweeping { pids: vec![4711, 4712] },
    ];
    all.extend(of_the_handover());
    complete(ON_PROGRAMS, all.iter().map(on_program));
    all
}

/// What the program gets and says.
fn of_the_handover() -> Vec<ProgramRemark> {
    let address = || "http://127.0.0.1:3000".to_owned();
    let followed = [NotFollowed::Untold, NotFollowed::Ended];
    complete(NOT_FOLLOWED, followed.iter().map(not_followed));
    let messages = [Malformed::Nul, Malformed::Truncated, Malformed::Barrier];
    complete(MALFORMED, messages.iter().map(malformed));
    let lost = ListenError::InUse { address: "127.0.0.1:3000".to_owned(), holder: None };
    let mut all = vec![
        ProgramRemark::Listening { address: address() },
        ProgramRemark::Listening { address: "unix:/run/shop.sock".to_owned() },
        ProgramRemark::StoredHungUp { name: "sessions".to_owned() },
        ProgramRemark::StoreFull { name: "sessions".to_owned(), dropped: 3 },
        ProgramRemark::NoSnapshot { cause: cause() },
        ProgramRemark::NotFollowed { pid: 4711, cause: None },
        ProgramRemark::Stranger { pid: 4711 },
        ProgramRemark::NothingPassed { cause: cause() },
        ProgramRemark::NotCaptured {
            cause: io::Error::from_raw_os_error(libc::EMFILE).to_string(),
            hint: hotrun::sys::limit_hint(&io::Error::from_raw_os_error(libc::EMFILE)),
        },
        ProgramRemark::SocketRevived { address: address() },
        ProgramRemark::SocketReplaced { address: address() },
        ProgramRemark::SocketLost { address: address(), cause: in_a_line(&lost, None), hint: lost.hint() },
        ProgramRemark::HoldsSockets { addresses: vec![address()] },
        ProgramRemark::HoldsSockets { addresses: vec![address(), "unix:/run/shop.sock".to_owned()] },
    ];
    all.extend(
        followed.map(|error| ProgramRemark::NotFollowed { pid: 4711, cause: Some(error.to_string()) }),
    );
    all.extend(messages.map(|error| ProgramRemark::Malformed { cause: error.to_string() }));
    all
}

fn samples() -> Vec<Remark> {
    let reaper = ReaperError::Start(denied());
    let cargo = BuildError::NotRun { program: "/home/ann/.cargo/bin/cargo".to_owned(), source: denied() };
    let taken = ListenError::InUse { address: "127.0.0.1:3000".to_owned(), holder: None };
    let mut all = vec![
        Remark::NoReaper(ErrorText::of(&reaper, reaper.hint())),
        Remark::NotLocked { folder: "target/hotrun/live/debug".to_owned(), cause: cause() },
        Remark::ReaperEnded { cause: None },
        Remark::ReaperEnded { cause: Some(ErrorText::of(&reaper, reaper.hint())) },
        Remark::NoControl { cause: cause() },
        Remark::NotDescribed { cause: cause() },
        Remark::Showing { name: Some("api".to_owned()) },
        Remark::Showing { name: None },
        Remark::StdinSpent,
        Remark::NoBuild(ErrorText::of(&cargo, None)),
        Remark::NotForced {
            packages: vec!["shop".to_owned(), "money".to_owned()],
            folder: "target/hotrun".to_owned(),
            cause: cause(),
        },
        Remark::NoDepInfo { cause: cause() },
        Remark::ConfigValidAgain,
        Remark::NothingSet,
        Remark::ConfigRefused(ErrorText::of(&taken, taken.hint())),
        Remark::ConfigTakesOwn { cause: taken.to_string() },
        Remark::SettingsHeld { keys: vec!["build.profile".to_owned()] },
        Remark::SettingsHeld { keys: vec!["build.profile".to_owned(), "build.target".to_owned()] },
    ];
    all.extend(of_seeds());
    all.extend(of_the_watch());
    all.extend(of_the_program().into_iter().map(|remark| Remark::Program(ServiceId::MAIN, remark)));
    all
}

variants!(CAUSES, cause_name, Cause { Start, Changed, Asked, LiveRemoved });

/// What the reporter says where it is asked, or with `-v`.
fn of_the_reporter() -> [(String, Vec<Line>); 5] {
    let context = Context {
        cwd: "/home/ann/shop".into(),
        names: Names::new(vec!["shop".to_owned()]),
        keys: true,
        once: false,
        verbose: false,
        past: Past::default(),
    };
    let causes = [Cause::Start, Cause::Changed, Cause::Asked, Cause::LiveRemoved];
    complete(CAUSES, causes.iter().map(cause_name));
    let paths = ["src/main.rs", "src/routes/mod.rs", "src/db.rs", "Cargo.toml"];
    let paths = paths.map(|path| context.cwd.join(path));
    let mut because: Vec<Line> =
        causes.iter().map(|cause| lines::because(BuildId(14), *cause, &[], &context)).collect();
    because.push(lines::because(BuildId(14), Cause::Changed, &paths, &context));
    because.push(lines::because(BuildId(14), Cause::Asked, &paths[..1], &context));
    let watching = Watching { files: 1234, folders: 56, backend: "inotify+polling".to_owned() };
    [
        ("the key `h`".to_owned(), key_help(true)),
        ("the key `e`, after a clean build".to_owned(), vec![lines::nothing_to_repeat()]),
        ("what is watched, with -v".to_owned(), vec![lines::watching(&watching)]),
        ("why there is a build, with -v".to_owned(), because),
        (
            "a reader that was too slow".to_owned(),
            [lines::dropped(1), lines::dropped(312), lines::missing_output(1), lines::missing_output(312)]
                .concat(),
        ),
    ]
}

/// Lines of the samples under these names, one text for each width.
pub(crate) fn compare_lines(file: &str, samples: &[(String, Vec<Line>)]) {
    for (name, width) in [(file.to_owned(), 80), (format!("{file}-narrow"), 40)] {
        let mut text = String::new();
        let mut last = "";
        for (kind, lines) in samples {
            if kind != last {
                let gap = if last.is_empty() { "" } else { "\n" };
                text += &[gap, "[", kind, "]\n"].concat();
                last = kind;
            }
            for line in lines {
                assert!(!line.text.ends_with('.'), "no final stop: {}", line.text);
                for row in line.fitted(Some(width)).lines() {
                    let columns = console::measure_text_width(row);
                    // A head and a word that has no room.
                    let unbreakable = row.split_whitespace().count() < 3;
                    assert!(columns <= width || unbreakable, "{columns} columns: {row}");
                    text += row;
                    text += "\n";
                }
            }
        }
        compare(&name, &text);
    }
}

#[test]
fn snapshots_of_every_remark() {
    let mut samples = samples();
    complete(REMARKS, samples.iter().map(remark));
    let name = |sample: &Remark| match sample {
        Remark::Program(_, program) => on_program(program),
        other => remark(other),
    };
    let names = [REMARKS, ON_PROGRAMS].concat();
    samples.sort_by_key(|sample| names.iter().position(|known| *known == name(sample)));
    let mut lines: Vec<(String, Vec<Line>)> =
        samples.iter().map(|sample| (name(sample).to_owned(), sample.lines(&Names::default()))).collect();
    lines.extend(of_the_reporter());
    compare_lines("remarks", &lines);
}
