//! Saves that must not be reported, and saves that must be in spite of everything.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use hotrun::config::{IgnoreGlob, Poll};
use hotrun::watch::inputs::Reason;
use hotrun::watch::{Backend, PackageFolder, Warning, WatchCommand, WatchNews};
use hotrun::words::{BuildId, ChangeKind};

use super::fixture::{A, Site, leads_to, write};
use super::styles::rename;

type Act = fn(&Site);

const NOTHING: &[(&str, Act)] = &[
    ("same bytes in place", |site| {
        write(&site.root.join("src/one.rs"), "// one\n");
    }),
    ("same bytes by rename", |site| {
        let temporary = site.root.join("src/one.tmp");
        write(&temporary, "// one\n");
        rename(&temporary, &site.root.join("src/one.rs"));
    }),
    ("same bytes after truncating", |site| {
        let file = site.root.join("src/one.rs");
        fs::write(&file, "").unwrap();
        fs::write(&file, "// one\n").unwrap();
    }),
    ("deleted and restored", |site| {
        let file = site.root.join("src/one.rs");
        rename(&file, &site.out().join("kept"));
        rename(&site.out().join("kept"), &file);
    }),
    ("touch", |site| {
        let file = fs::File::options().write(true).open(site.root.join("src/one.rs")).unwrap();
        file.set_modified(SystemTime::now()).unwrap();
    }),
    ("chmod", |site| {
        fs::set_permissions(site.root.join("src/one.rs"), fs::Permissions::from_mode(0o755)).unwrap();
    }),
    ("read", |site| {
        for _ in 0..100 {
            fs::read(site.root.join("src/one.rs")).unwrap();
        }
    }),
    ("a source the program does not read", |site| {
        write(&site.root.join("src/unread.rs"), "// other\n");
    }),
    ("a file of the package", |site| {
        write(&site.root.join("notes.txt"), "other\n");
    }),
    ("the program's database", |site| {
        for _ in 0..20 {
            write(&site.root.join("app.db-journal"), "x");
            write(&site.root.join("app.db"), "x");
            fs::remove_file(site.root.join("app.db-journal")).unwrap();
        }
    }),
    ("git at work", |site| {
        write(&site.root.join(".git/index.lock"), "x");
        rename(&site.root.join(".git/index.lock"), &site.root.join(".git/index"));
        write(&site.root.join(".git/refs/heads/new.rs"), "x");
    }),
    ("the target directory", |site| {
        write(&site.root.join("target/debug/build/x/out/gen.rs"), "x");
    }),
    ("a new source in an ignored folder", |site| {
        write(&site.root.join("ignored/deep/new.rs"), "x");
    }),
    ("a nested package", |site| {
        write(&site.root.join("nested/Cargo.toml"), "");
        write(&site.root.join("nested/src/lib.rs"), "");
    }),
    ("an editor's swap and backup files", |site| {
        for name in [".main.rs.swp", "main.rs~", "4913", "#main.rs#", ".#main.rs"] {
            write(&site.root.join("src").join(name), "x");
        }
    }),
    ("a scratch file with a source's name", |site| {
        write(&site.root.join("src/scratch.rs"), "x");
        fs::remove_file(site.root.join("src/scratch.rs")).unwrap();
    }),
    ("an empty folder", |site| {
        fs::create_dir_all(site.root.join("src/empty/deep")).unwrap();
    }),
];

#[test]
fn a_save_that_does_not_affect_the_program_is_not_reported() {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let jobs: Vec<_> = NOTHING
            .iter()
            .map(|(name, act)| {
                let job = scope.spawn(move || {
                    let mut site = Site::new();
                    fs::create_dir_all(site.root.join("nested/src")).unwrap();
                    write(&site.root.join("nested/Cargo.toml"), "");
                    site.watch_built(Poll::Never);
                    act(&site);
                    assert_eq!(site.changes(), []);
                    site.send(WatchCommand::Sync(1));
                    assert_eq!(site.changes(), [], "on a second look");
                });
                (*name, job)
            })
            .collect();
        jobs.into_iter().filter_map(|(name, job)| job.join().is_err().then(|| name.to_owned())).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_file_counts_until_it_builds() {
    let mut site = Site::new();
    site.watch(Poll::Never);
    let notes = site.root.join("notes.txt");
    write(&notes, "first");
    site.expect(&notes);
    site.build();
    write(&notes, "while it builds");
    assert_eq!(site.changes(), []);
    site.fail();
    assert_eq!(site.changes(), [], "what the failed build started from");
    write(&notes, "mended");
    site.expect(&notes);
}

#[test]
fn a_change_during_a_failing_build_is_reported() {
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    site.start_build();
    write(&site.root.join("notes.txt"), "while it builds");
    assert_eq!(site.changes(), []);
    site.send(WatchCommand::failed(BuildId(2), Vec::new()));
    site.expect(&site.root.join("notes.txt"));
}

#[test]
fn a_save_between_the_start_of_a_build_and_its_message_is_reported() {
    for _ in 0..20 {
        let mut site = Site::new();
        site.watch_built(Poll::Never);
        let file = site.root.join("src/one.rs");
        site.drain();
        site.start_build();
        write(&file, "// after the start");
        site.succeed();
        site.expect(&file);
    }
}

#[test]
fn a_file_saved_during_the_build_and_named_by_dep_info_is_reported() {
    let mut site = Site::new();
    write(&site.out().join("text.txt"), "one");
    site.watch(Poll::Never);
    site.drain();
    site.start_build();
    let file = site.out().join("text.txt");
    write(&file, "two");
    site.sources.push(file.clone());
    site.succeed();
    site.expect(&file);
}

#[test]
fn an_mtime_that_goes_back_is_hidden_from_cargo() {
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    let file = site.root.join("src/one.rs");
    let old = site.out().join("old");
    let save_old = |text: &str| {
        write(&old, text);
        let open = fs::File::options().write(true).open(&old).unwrap();
        open.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
        rename(&old, &file);
    };
    save_old("// old");
    assert!(site.expect(&file).hidden);
    site.build();
    site.drain();
    write(&file, "// new");
    assert!(!site.expect(&file).hidden);
    // The same once more, before a build has read it and while one may read it.
    save_old("// new");
    assert!(site.expect(&file).hidden);
    site.build();
    // A save in the tick of the build's end would be hidden as well.
    site.drain();
    write(&file, "// newer");
    assert!(!site.expect(&file).hidden);
    site.start_build();
    save_old("// newer");
    assert!(site.expect(&file).hidden);
    site.build();
    save_old("// newer");
    assert_eq!(site.changes(), []);
    // Back to what a build started from, before the next build.
    site.drain();
    site.start_build();
    // Past the tick of the build's start.
    std::thread::park_timeout(Duration::from_millis(20));
    write(&file, "// newest");
    assert!(!site.expect(&file).hidden);
    site.cancel();
    save_old("// newer");
    assert!(site.expect(&file).hidden);
    site.build();
    assert_eq!(site.changes(), []);
}

#[test]
fn one_note_per_folder_says_why_a_save_did_nothing() {
    let mut site = Site::new();
    write(&site.root.join("made/kept.txt"), "");
    fs::create_dir(site.root.join("ignored")).unwrap();
    site.watch_built(Poll::Never);
    let mut notes = Vec::new();
    for _ in 0..2 {
        for path in [
            "src/unread.rs",
            "src/b.skip",
            "notes.txt",
            "ignored/x",
            "src/other.swp",
            "made/a.skip",
            "made/a.db",
        ] {
            // Never empty: what may be half of a save is looked at later.
            write(&site.out().join("new"), &format!("{:?}", SystemTime::now()));
            rename(&site.out().join("new"), &site.root.join(path));
        }
        // Before the next save empties the file that this one is looked at in.
        notes.extend(site.drain());
    }
    let mut notes: Vec<_> = notes
        .into_iter()
        .map(|news| match news {
            WatchNews::NotCounted { path, reason, first_in_folder: true } => (path, reason),
            other => panic!("{other:?}"),
        })
        .collect();
    notes.sort_by(|one, other| one.0.cmp(&other.0));
    let expect = [
        ("made/a.skip", Reason::GitIgnored),
        ("notes.txt", Reason::NotRead),
        ("src/unread.rs", Reason::NotIncluded),
    ];
    let expect = expect.map(|(path, reason)| (site.root.join(path), reason));
    assert_eq!(notes, expect);
}

#[test]
fn verbose_notes_give_every_reason() {
    let mut site = Site::new();
    site.plan.verbose = true;
    site.plan.ignore = vec![IgnoreGlob { base: site.root.clone(), glob: "*.rst".into() }];
    site.watch_built(Poll::Never);
    for (path, text) in [
        ("src/unread.rs", "x"),
        ("a.skip", "x"),
        ("b.rst", "x"),
        ("src/a.rs~", "x"),
        ("src/one.rs", "// one\n"),
    ] {
        write(&site.root.join(path), text);
    }
    let said: Vec<Reason> = site
        .drain()
        .into_iter()
        .filter_map(|news| match news {
            WatchNews::NotCounted { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    for reason in [
        Reason::NotIncluded,
        Reason::GitIgnored,
        Reason::Ignored,
        Reason::EditorTemporary,
        Reason::SameContent,
    ] {
        assert!(said.contains(&reason), "{reason:?} in {said:?}");
    }
}

#[test]
fn an_edited_gitignore_takes_effect() {
    let mut site = Site::new();
    site.watch(Poll::Never);
    write(&site.root.join("ignored/deep/data.txt"), "one");
    assert_eq!(site.changes(), []);
    write(&site.root.join(".gitignore"), "/target\n");
    site.drain();
    write(&site.root.join("ignored/deep/data.txt"), "two");
    site.expect(&site.root.join("ignored/deep/data.txt"));
}

#[test]
fn a_new_plan_is_followed_at_once() {
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    let file = site.out().join("dep/src/lib.rs");
    write(&file, "// dep");
    write(&site.out().join("dep/Cargo.toml"), "");
    let mut plan = site.plan.clone();
    plan.paths.push(site.out().join("dep"));
    site.send(WatchCommand::Replan(Box::new(plan)));
    assert_eq!(site.changes(), []);
    write(&file, "// changed");
    assert_eq!(site.expect(&file).leads_to, leads_to(ChangeKind::Watched));
}

#[test]
fn an_ignored_tree_costs_nothing() {
    let count = |files: usize| {
        let mut site = Site::new();
        for at in 0..files {
            write(&site.root.join(format!("ignored/{}/{at}.txt", at % 50)), "x");
        }
        site.plan.poll = Poll::Never;
        let (told, news) = std::sync::mpsc::channel();
        let sink = Box::new(move |news| {
            let _ = told.send(news);
        });
        let _room = hotrun::watch::start(site.plan.clone(), sink).unwrap();
        match news.recv_timeout(Duration::from_secs(20)).unwrap() {
            WatchNews::Watching { files, folders, backend } => (files, folders, backend),
            other => panic!("{other:?}"),
        }
    };
    let (files, folders, backend) = count(0);
    assert_eq!(backend, Backend::Native);
    assert_eq!(count(500), (files, folders, backend));
}

#[test]
fn a_file_that_every_build_rewrites_is_recognised() {
    recognised(Poll::Never);
}

#[test]
fn polling_recognises_a_file_that_every_build_rewrites() {
    recognised(Poll::Every(Duration::from_millis(30)));
}

#[track_caller]
fn recognised(poll: Poll) {
    let mut site = Site::new();
    let file = site.root.join("src/one.rs");
    site.watch_built(poll);
    let mut warned = None;
    for round in 0..12 {
        site.start_build();
        // A build script takes a while to run, and what follows it too.
        std::thread::park_timeout(Duration::from_millis(40));
        write(&file, &format!("// generated {round}\n"));
        std::thread::park_timeout(Duration::from_millis(40));
        site.succeed();
        warned = site.wait(|news| match news {
            WatchNews::Changed { changes } => {
                changes.iter().any(|change| change.path == file).then_some(None)
            }
            WatchNews::Warning(warning) => Some(Some(warning.to_string())),
            _ => None,
        });
        if warned.as_ref().is_some_and(Option::is_some) {
            break;
        }
    }
    let message = warned.flatten().expect("no warning");
    assert!(message.contains("src/one.rs"), "{message}");
    assert_eq!(site.changes(), []);
    // An edit by hand counts again.
    write(&file, "// by hand");
    site.expect(&file);
}

/// The events of the saves arrive before or after the end of the build.
#[test]
fn a_source_that_differed_during_a_build_is_reported() {
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    let file = site.root.join("src/one.rs");
    for _ in 0..30 {
        site.start_build();
        // As every compiler does, longer than file times are coarse.
        std::thread::park_timeout(Duration::from_millis(20));
        write(&file, "// other\n");
        write(&file, "// one\n");
        site.succeed();
        site.expect(&file);
        site.build();
        site.drain();
    }
}

#[test]
fn a_source_removed_before_it_was_seen_is_reported() {
    for _ in 0..20 {
        let mut site = Site::new();
        site.watch_built(Poll::Never);
        site.drain();
        let file = site.root.join("src/new/mod.rs");
        write(&file, "// read by the build");
        site.start_build();
        site.sources.push(file.clone());
        fs::remove_file(&file).unwrap();
        site.succeed();
        site.expect(&file);
    }
}

#[test]
fn an_included_file_outside_removed_before_it_was_seen_is_reported() {
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(30))] {
        let mut site = Site::new();
        site.watch_built(poll);
        site.drain();
        let file = site.out().join("page.html");
        write(&file, "read by the build");
        site.start_build();
        site.sources.push(file.clone());
        fs::remove_file(&file).unwrap();
        site.succeed();
        site.expect(&file);
    }
}

/// The failed build may have read another text than the one it started from, which the file holds again.
#[test]
fn a_partial_save_that_a_failed_build_may_have_read_is_reported_when_complete() {
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(30))] {
        let mut site = Site::new();
        site.watch_built(poll);
        site.drain();
        let file = site.root.join("src/one.rs");
        let whole = fs::read_to_string(&file).unwrap();
        site.start_build();
        std::thread::park_timeout(Duration::from_millis(25));
        let mut half = fs::File::create(&file).unwrap();
        site.send(WatchCommand::failed(BuildId(2), Vec::new()));
        half.write_all(whole.as_bytes()).unwrap();
        drop(half);
        site.expect(&file);
        // Once is enough, and what is saved after the end is what the build read.
        site.fail();
        // By rename: on a busy machine an emptied file could be seen.
        let temporary = file.with_extension("tmp");
        write(&temporary, &whole);
        rename(&temporary, &file);
        assert_eq!(site.changes(), [], "{poll:?}");
    }
}

#[test]
fn a_missing_path_named_by_settings_gives_one_warning() {
    let mut site = Site::new();
    let missing = site.root.join("ignored/not/yet.txt");
    site.plan.paths =
        ["ignored/not/yet.txt", "notes.txt", "ignored/*.md"].map(|name| site.root.join(name)).into();
    site.plan.inputs = vec![site.root.join("migrations")];
    site.watch_built(Poll::Never);
    site.send(WatchCommand::Replan(Box::new(site.plan.clone())));
    let warnings: Vec<Warning> = site
        .drain()
        .into_iter()
        .filter_map(|news| if let WatchNews::Warning(warning) = news { Some(warning) } else { None })
        .collect();
    let named = |path, key| Warning::Missing { path, key };
    let expected =
        [named(site.plan.inputs[0].clone(), "build.inputs"), named(missing.clone(), "watch.paths")];
    assert_eq!(warnings, expected);
    write(&missing, "now");
    assert_eq!(site.expect(&missing).leads_to, leads_to(ChangeKind::Watched));
}

#[test]
fn a_source_saved_while_a_script_runs_is_reported() {
    let mut site = Site::new();
    let root = site.root.join("member");
    let source = root.join("src/lib.rs");
    write(&root.join("Cargo.toml"), "[package]\nname = \"member\"\n");
    write(&source, "// one\n");
    site.plan.packages[0].build_script = true;
    site.plan.packages.push(PackageFolder {
        name: "member".into(),
        manifest: root.join("Cargo.toml"),
        root,
        build_script: false,
        sources: vec![source.clone()],
        artifacts: [A].into(),
    });
    site.sources.push(source.clone());
    site.watch_built(Poll::Never);
    let build = site.start_build();
    // The script ends after the save, which the member's compiler may not have seen.
    let (root, ended) = (site.root.clone(), SystemTime::now() + Duration::from_mins(1));
    site.send(WatchCommand::ScriptRan { build, root, ended });
    write(&source, "// two\n");
    site.expect_each(&[(&source, ChangeKind::Source)]);
    // One of its own package may be one that the script had read.
    let own = site.sources[1].clone();
    write(&own, "// saved by a person\n");
    site.expect_each(&[(&own, ChangeKind::Source)]);
}

#[test]
fn a_file_that_a_build_script_rewrites_cancels_no_build_and_gives_a_warning() {
    let mut site = Site::new();
    let (file, other) = (site.sources[1].clone(), site.sources[0].clone());
    site.plan.packages[0].build_script = true;
    site.watch_built(Poll::Never);
    let round = |site: &mut Site, number: u32, after: bool| {
        let build = site.start_build();
        // Long after the start, and each time longer.
        std::thread::park_timeout(Duration::from_millis(20) * number.pow(2));
        write(&file, &format!("// written by build {number}\n"));
        let mut heard = site.drain();
        let root = site.root.clone();
        // A file time, as cargo gives it.
        let ended = fs::metadata(&file).unwrap().modified().unwrap();
        site.send(WatchCommand::ScriptRan { build, root, ended });
        if after {
            write(&file, "// saved by a person\n");
            heard.extend(site.drain());
        }
        site.succeed();
        heard.extend(site.drain());
        heard
    };
    let reported =
        |heard: &[WatchNews]| heard.iter().filter(|news| matches!(news, WatchNews::Changed { .. })).count();
    let warned = |heard: &[WatchNews]| {
        heard.iter().any(|news| matches!(news, WatchNews::Warning(Warning::Loop { .. })))
    };
    let first = round(&mut site, 1, false);
    assert!(reported(&first) == 1 && !warned(&first), "{first:?}");
    let second = round(&mut site, 2, false);
    assert!(reported(&second) == 0 && warned(&second), "{second:?}");
    // What is saved after the end of the script is reported, and so is everything between builds.
    let third = round(&mut site, 3, true);
    assert!(reported(&third) == 1 && !warned(&third), "{third:?}");
    site.build();
    write(&other, "fn main() { println!() }\n");
    write(&site.sources[1], "// saved by a person again\n");
    site.expect_each(&[(&other, ChangeKind::Source), (&site.sources[1].clone(), ChangeKind::Source)]);
}
