//! Changes by git are reported together when it has finished.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hotrun::config::Poll;
use hotrun::watch::{WatchCommand, WatchNews};

use super::fixture::{Site, write};
use super::styles::rename;

/// Longer than any look is deferred.
const A_WHILE: Duration = Duration::from_millis(150);

/// A site that was built, and its git directory: that of the repository or of a linked worktree.
fn site(poll: Poll, linked: bool) -> (Site, PathBuf) {
    let mut site = Site::new();
    let mut git = site.root.join(".git");
    if linked {
        fs::remove_dir_all(&git).unwrap();
        git = site.out().join("worktrees/ws");
        fs::create_dir_all(&git).unwrap();
        write(&site.root.join(".git"), "gitdir: ../out/worktrees/ws\n");
    }
    site.watch_built(poll);
    site.drain();
    (site, git)
}

/// The next changes, by path.
#[track_caller]
fn told(site: &Site) -> Vec<PathBuf> {
    let changes = site.next_changes().expect("nothing was told");
    let mut paths: Vec<_> = changes.into_iter().map(|change| change.path).collect();
    paths.sort();
    paths
}

fn set_age(file: &Path, age: Duration) {
    let file = fs::File::options().write(true).open(file).unwrap();
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[test]
fn changes_by_git_are_reported_together_when_it_has_finished() {
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(20)), Poll::Every(Duration::from_millis(400))]
    {
        for (linked, pause) in [(false, A_WHILE), (false, Duration::ZERO), (true, A_WHILE)] {
            let (mut site, git) = site(poll, linked);
            let lock = git.join("index.lock");
            write(&lock, "");
            write(&site.sources[1], "// of another branch\n");
            std::thread::park_timeout(pause);
            fs::remove_file(&site.sources[0]).unwrap();
            rename(&lock, &git.join("index"));
            assert_eq!(told(&site), [&*site.sources[0], &*site.sources[1]], "{poll:?} {linked} {pause:?}");
            assert_eq!(site.changes(), [], "{poll:?} {linked} {pause:?}");
        }
    }
}

#[test]
fn changes_by_git_are_reported_together_after_a_stall() {
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(20))] {
        let (mut site, git) = site(poll, false);
        let stall = Arc::clone(&site.stall);
        let stalled = stall.lock().unwrap();
        let file = site.root.join("rust-toolchain.toml");
        write(&file, "");
        site.expect(&file);
        let lock = git.join("index.lock");
        write(&lock, "");
        write(&site.sources[1], "// of another branch\n");
        fs::remove_file(&site.sources[0]).unwrap();
        rename(&lock, &git.join("index"));
        std::thread::park_timeout(A_WHILE);
        drop(stalled);
        assert_eq!(told(&site), [&*site.sources[0], &*site.sources[1]], "{poll:?}");
        assert_eq!(site.changes(), [], "{poll:?}");
    }
}

#[test]
fn a_look_is_answered_when_git_has_finished() {
    let (site, git) = site(Poll::Never, false);
    let lock = git.join("index.lock");
    write(&lock, "");
    write(&site.sources[1], "// of another branch\n");
    site.send(WatchCommand::Sync(7));
    std::thread::park_timeout(A_WHILE);
    write(&site.sources[0], "fn main() {}\n");
    rename(&lock, &git.join("index"));
    let mut changed = 0;
    let looked = site.wait(|news| match news {
        WatchNews::Changed { changes } => {
            changed += changes.len();
            None
        }
        WatchNews::Synced(7) => Some(()),
        _ => None,
    });
    assert!(looked.is_some());
    assert_eq!(changed, 2);
}

#[test]
fn a_lasting_lock_delays_by_two_seconds_and_an_old_one_not_at_all() {
    let (mut site, git) = site(Poll::Never, false);
    let lock = git.join("index.lock");
    let file = site.sources[1].clone();
    for (age, least, most) in [(0, 1000, 10_000), (60, 0, 1000)] {
        write(&lock, "");
        set_age(&lock, Duration::from_secs(age));
        write(&file, &format!("// beside a lock of {age} seconds\n"));
        let saved = Instant::now();
        site.expect(&file);
        let took = saved.elapsed().as_millis();
        assert!((least..most).contains(&took), "{took} ms beside a lock of {age} seconds");
        site.build();
    }
}

#[test]
fn a_released_lock_delays_nothing() {
    let (site, git) = site(Poll::Never, false);
    let lock = git.join("index.lock");
    write(&lock, "");
    write(&site.sources[1], "// saved while git looks at the status\n");
    std::thread::park_timeout(A_WHILE);
    let given_up = Instant::now();
    fs::remove_file(&lock).unwrap();
    site.expect(&site.sources[1]);
    assert!(given_up.elapsed() < Duration::from_secs(1));
}
