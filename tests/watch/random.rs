//! Random edits: at rest, the last build has started from the files as they are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hotrun::config::Poll;
use hotrun::watch::{WatchCommand, WatchNews};
use proptest::prelude::*;

use super::fixture::{Site, write};

#[derive(Debug, Clone)]
enum Act {
    Write(usize, u8),
    Replace(usize, u8),
    Truncate(usize),
    Delete(usize),
    Rename(usize, usize),
    DeleteFolder(usize),
    RenameFolder(usize, usize),
    Build,
    /// A build that has read everything when a file is saved.
    SaveDuringBuild(usize, u8),
    Cancel,
}

const FILES: [&str; 8] =
    ["main.rs", "one.rs", "a/mod.rs", "a/deep/x.rs", "b/mod.rs", "b/deep/y.rs", "c.rs", "a/z.rs"];
const FOLDERS: [&str; 4] = ["a", "b", "a/deep", "b/deep"];

fn act() -> impl Strategy<Value = Act> {
    let (file, folder) = (0..FILES.len(), 0..FOLDERS.len());
    prop_oneof![
        6 => (file.clone(), any::<u8>()).prop_map(|(at, text)| Act::Write(at, text)),
        3 => (file.clone(), any::<u8>()).prop_map(|(at, text)| Act::Replace(at, text)),
        1 => file.clone().prop_map(Act::Truncate),
        2 => file.clone().prop_map(Act::Delete),
        2 => (file.clone(), file).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => folder.clone().prop_map(Act::DeleteFolder),
        2 => (folder.clone(), folder).prop_map(|(from, to)| Act::RenameFolder(from, to)),
        3 => Just(Act::Build),
        2 => (0..FILES.len(), any::<u8>()).prop_map(|(at, text)| Act::SaveDuringBuild(at, text)),
        1 => Just(Act::Cancel),
    ]
}

/// Every source there is, with its content.
fn snapshot(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            snapshot(&path, into);
        } else if let Ok(bytes) = fs::read(&path) {
            into.insert(path, bytes);
        }
    }
}

fn sources(site: &Site) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    snapshot(&site.root.join("src"), &mut found);
    found
}

/// A build as far as the room can tell: it starts, reads, and says what it read.
fn build(site: &mut Site) -> BTreeMap<PathBuf, Vec<u8>> {
    site.start_build();
    let read = sources(site);
    site.sources = read.keys().cloned().collect();
    site.succeed();
    read
}

fn perform(site: &mut Site, built: &mut BTreeMap<PathBuf, Vec<u8>>, act: &Act) {
    let source = |at: &usize| site.root.join("src").join(FILES[*at]);
    let folder = |at: &usize| site.root.join("src").join(FOLDERS[*at]);
    match act {
        // What is in the way, or missing, makes an act fail as it would in life.
        Act::Write(at, text) => write(&source(at), &"x".repeat(usize::from(*text))),
        Act::Replace(at, text) => {
            let temporary = source(at).with_extension("tmp");
            write(&temporary, &"y".repeat(usize::from(*text)));
            let _ = rustix::fs::rename(&temporary, source(at));
        }
        Act::Truncate(at) => {
            let _ = fs::File::options().write(true).truncate(true).open(source(at));
        }
        Act::Delete(at) => {
            let _ = fs::remove_file(source(at));
        }
        Act::Rename(from, to) => {
            let _ = rustix::fs::rename(source(from), source(to));
        }
        Act::DeleteFolder(at) => {
            let _ = fs::remove_dir_all(folder(at));
        }
        Act::RenameFolder(from, to) => {
            let _ = rustix::fs::rename(folder(from), folder(to));
        }
        Act::Build => *built = build(site),
        Act::SaveDuringBuild(at, text) => {
            let file = source(at);
            site.start_build();
            *built = sources(site);
            write(&file, &"z".repeat(usize::from(*text)));
            site.sources = built.keys().cloned().collect();
            site.succeed();
        }
        Act::Cancel => {
            let started = site.start_build();
            site.send(WatchCommand::BuildCancelled(started));
            // A cancelled build has read nothing: another follows, as the session sees to.
            *built = build(site);
        }
    }
}

fn run(acts: &[Act], poll: Poll) {
    let mut site = Site::new();
    site.watch(poll);
    let mut built = build(&mut site);
    for act in acts {
        perform(&mut site, &mut built, act);
    }
    let mut told = Vec::new();
    for round in 0.. {
        let news = site.drain();
        let changes = news.iter().filter(|news| matches!(news, WatchNews::Changed { .. })).count();
        told.push(news);
        if changes == 0 {
            // On a busy machine silence may come before the end; a lost change is never reported.
            if built == sources(&site) || site.next_changes().is_none() {
                break;
            }
        }
        assert!(round < 10, "builds without end: {told:?}");
        built = build(&mut site);
    }
    let there = sources(&site);
    let paths: std::collections::BTreeSet<_> = built.keys().chain(there.keys()).collect();
    let length = |files: &BTreeMap<PathBuf, Vec<u8>>, path: &PathBuf| files.get(path).map(Vec::len);
    let others: Vec<_> = paths
        .into_iter()
        .filter(|path| built.get(*path) != there.get(*path))
        .map(|path| (path, length(&built, path), length(&there, path)))
        .collect();
    assert!(
        others.is_empty(),
        "the last build started from other content (was, is): {others:?}; told: {told:?}"
    );
}

/// Cases at once, since each spends most of its time in the silence at its end. Fewer than the inotify instances of a user.
const LANES: u32 = 20;

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000)
}

#[test]
fn the_last_build_has_the_final_content() {
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            scope.spawn(move || {
                let config = ProptestConfig {
                    cases: cases().div_ceil(LANES),
                    failure_persistence: None,
                    max_shrink_iters: 20,
                    ..ProptestConfig::default()
                };
                let poll = if lane < 2 { Poll::Every(Duration::from_millis(30)) } else { Poll::Never };
                let mut runner = proptest::test_runner::TestRunner::new(config);
                let result = runner.run(&proptest::collection::vec(act(), 1..40), |acts| {
                    run(&acts, poll);
                    Ok(())
                });
                if let Err(error) = result {
                    panic!("{error}");
                }
            });
        }
    });
}

/// Found by the random test: the first look at a new source was deferred, and the compiler read it before its removal.
#[test]
fn a_source_removed_before_its_first_look_is_reported_if_the_build_has_read_it() {
    let acts = [Act::Replace(4, 97), Act::Build, Act::Replace(2, 236), Act::Rename(2, 4), Act::Delete(4)];
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(30))] {
        for _ in 0..5 {
            run(&acts, poll);
        }
    }
}

/// Tries to hit the moment between the walk that finds the file and the look at it.
#[test]
fn a_file_outside_removed_as_its_first_build_ends_is_reported() {
    std::thread::scope(|scope| {
        for lane in 0..12u64 {
            scope.spawn(move || {
                for turn in 0..5u64 {
                    let mut site = Site::new();
                    let outside = site.out().join("outside.txt");
                    write(&outside, "one");
                    site.watch(Poll::Never);
                    site.start_build();
                    site.sources.push(outside.clone());
                    // As every compiler does, longer than file times are coarse.
                    std::thread::park_timeout(Duration::from_millis(20));
                    site.succeed();
                    let until = Instant::now() + Duration::from_micros((lane * 37 + turn * 53) % 1500);
                    while Instant::now() < until {
                        std::hint::spin_loop();
                    }
                    fs::remove_file(&outside).unwrap();
                    site.expect(&outside);
                }
            });
        }
    });
}
