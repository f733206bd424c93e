//! Publishing in a temporary folder.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::build::Library;

struct Fixture {
    _root: tempfile::TempDir,
    staged: PathBuf,
    live: PathBuf,
}

fn fixture() -> Fixture {
    let root = tempfile::tempdir().unwrap();
    let (staged, live) = (root.path().join("app"), root.path().join("live/debug/app"));
    Fixture { _root: root, staged, live }
}

impl Fixture {
    fn built(&self) -> BuildResult {
        BuildResult { executable: self.staged.clone(), ..BuildResult::default() }
    }

    /// Builds a binary, a `dylib` that cargo replaces, and a library that a build script writes in place.
    fn build(&self, binary: &str, linked: &str, made: &str) -> BuildResult {
        build(&self.staged, binary);
        let [engine, codec] = ["libengine.so", "libcodec.so"].map(|name| self.staged.with_file_name(name));
        if fs::read_to_string(&engine).ok().as_deref() != Some(linked) {
            build(&engine, linked);
        }
        fs::write(&codec, made).unwrap();
        let libraries = [(engine, true), (codec, false)];
        let libraries = libraries.map(|(path, replaced)| Library { path, replaced }).to_vec();
        BuildResult { libraries, ..self.built() }
    }

    /// Returns the sets by number, with their content.
    fn sets(&self) -> Vec<(String, String)> {
        let mut sets = Vec::new();
        for set in fs::read_dir(beside(&self.live, ".d")).unwrap() {
            let set = set.unwrap();
            // A set being removed loses its files one by one.
            let read = |name: &str| fs::read_to_string(set.path().join(name)).unwrap_or_default();
            let held = [read("libengine.so"), read("libcodec.so")].join(" ");
            sets.push((set.file_name().into_string().unwrap(), held));
        }
        sets.sort();
        sets
    }
}

/// Returns the libraries the live binary would load.
fn loads(publisher: &Publisher) -> String {
    let read = |name: &str| fs::read_to_string(publisher.libraries().unwrap().join(name)).unwrap();
    [read("libengine.so"), read("libcodec.so")].join(" ")
}

/// Creates a new inode each time, as cargo does.
fn build(staged: &Path, bytes: &str) {
    let _ = fs::remove_file(staged);
    fs::write(staged, bytes).unwrap();
}

#[test]
fn the_live_path_follows_the_staged_binary_and_keeps_the_one_that_ran() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    build(&fixture.staged, "one");
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Published);
    publisher.keep();
    build(&fixture.staged, "two");
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Published);
    build(&fixture.staged, "three");
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Published);
    assert_eq!(fs::read_to_string(&fixture.live).unwrap(), "three");
    // "two" never ran.
    assert_eq!(fs::read_to_string(publisher.previous()).unwrap(), "one");
}

#[test]
fn a_rollback_restores_the_previous_binary_and_keeps_the_failed_one() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    for bytes in ["good", "bad"] {
        build(&fixture.staged, bytes);
        publisher.publish(&fixture.built()).unwrap();
        publisher.keep();
    }
    publisher.condemn();
    publisher.roll_back().unwrap();
    assert_eq!(fs::read_to_string(&fixture.live).unwrap(), "good");
    assert_eq!(fs::read_to_string(beside(&fixture.live, ".failed")).unwrap(), "bad");
    // The same bad bytes are published when they are built again.
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Published);
    assert_eq!(fs::read_to_string(publisher.previous()).unwrap(), "good");
}

#[test]
fn the_same_bytes_are_not_published_again() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    build(&fixture.staged, "one");
    publisher.publish(&fixture.built()).unwrap();
    let inode = fs::metadata(&fixture.live).unwrap().ino();
    build(&fixture.staged, "one");
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Unchanged);
    assert_eq!(fs::metadata(&fixture.live).unwrap().ino(), inode);
}

#[test]
fn a_removed_live_folder_is_recreated() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    build(&fixture.staged, "one");
    publisher.publish(&fixture.built()).unwrap();
    fs::remove_dir_all(fixture.live.parent().unwrap()).unwrap();
    build(&fixture.staged, "one");
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Unchanged);
    assert_eq!(fs::read_to_string(&fixture.live).unwrap(), "one");
}

#[test]
fn one_live_path_has_one_hotrun() {
    let fixture = fixture();
    let first = Publisher::open(fixture.live.clone()).unwrap();
    let error = Publisher::open(fixture.live.clone()).unwrap_err();
    let PublishError::Taken { pid, .. } = &error else { panic!("{error}") };
    assert_eq!(*pid, Some(std::process::id()));
    // Written by two hotruns on a file system without locks.
    fs::write(fixture.live.with_file_name("app.lock"), "4711\n12\n").unwrap();
    let error = Publisher::open(fixture.live.clone()).unwrap_err();
    assert!(matches!(error, PublishError::Taken { pid: None, .. }), "{error}");
    drop(first);
    Publisher::open(fixture.live).unwrap();
}

#[test]
fn leftovers_of_a_killed_hotrun_are_removed() {
    let fixture = fixture();
    let folder = fixture.live.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(".app.new-7"), "").unwrap();
    fs::write(folder.join(".apple.new-7"), "").unwrap();
    drop(Publisher::open(fixture.live.clone()).unwrap());
    assert!(!folder.join(".app.new-7").exists());
    assert!(folder.join(".apple.new-7").exists());
}

#[test]
fn a_program_with_another_name_can_be_rolled_back_to_the_one_before() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    build(&fixture.staged, "old");
    publisher.publish(&fixture.built()).unwrap();
    publisher.keep();
    let renamed = fixture.live.with_file_name("renamed");
    publisher.move_to(renamed.clone()).unwrap();
    assert_eq!(publisher.live(), renamed);
    assert_eq!(fs::read_to_string(&fixture.live).unwrap(), "old");
    build(&fixture.staged, "new");
    assert_eq!(publisher.publish(&fixture.built()).unwrap(), Publication::Published);
    assert_eq!(fs::read_to_string(&renamed).unwrap(), "new");
    publisher.roll_back().unwrap();
    assert_eq!(fs::read_to_string(&renamed).unwrap(), "old");
    // The old live path is free for another hotrun.
    Publisher::open(fixture.live).unwrap();
}

#[test]
fn a_missing_fresh_binary_leaves_the_live_one() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    build(&fixture.staged, "one");
    publisher.publish(&fixture.built()).unwrap();
    fs::remove_file(&fixture.staged).unwrap();
    publisher.publish(&fixture.built()).unwrap_err();
    assert_eq!(fs::read_to_string(&fixture.live).unwrap(), "one");
}

#[test]
fn libraries_are_published_with_their_binary_and_come_back_with_it() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    let good = fixture.build("good", "e1", "c1");
    assert_eq!(publisher.publish(&good).unwrap(), Publication::Published);
    publisher.keep();
    let first = publisher.libraries().unwrap().to_owned();
    // The same bytes, written again.
    assert_eq!(publisher.publish(&fixture.build("good", "e1", "c1")).unwrap(), Publication::Unchanged);
    assert_eq!(publisher.libraries().unwrap(), first);
    // Only a library differs; a failed build has replaced the other one before.
    fixture.build("good", "e1", "broken");
    assert_eq!(loads(&publisher), "e1 c1");
    assert_eq!(publisher.publish(&fixture.build("good", "e1", "c2")).unwrap(), Publication::Published);
    assert_eq!(loads(&publisher), "e1 c2");
    assert_eq!(fs::read_to_string(first.join("libcodec.so")).unwrap(), "c1", "never written again");
    publisher.roll_back().unwrap();
    assert_eq!((loads(&publisher).as_str(), publisher.libraries().unwrap()), ("e1 c1", first.as_path()));
    // A binary that did not start is published when it is built again.
    assert_eq!(publisher.publish(&fixture.build("good", "e1", "c2")).unwrap(), Publication::Published);
    // Another binary with the same libraries shares the set.
    let shared = publisher.libraries().unwrap().to_owned();
    assert_eq!(publisher.publish(&fixture.build("better", "e1", "c2")).unwrap(), Publication::Published);
    assert_eq!(publisher.libraries().unwrap(), shared);
}

#[test]
fn unused_sets_are_removed() {
    let fixture = fixture();
    let first = Publisher::open(fixture.live.clone()).map(|mut publisher| {
        publisher.publish(&fixture.build("old", "e0", "c0")).unwrap();
    });
    first.unwrap();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    for n in 1..=6 {
        publisher.publish(&fixture.build("good", &format!("e{n}"), "c")).unwrap();
        publisher.keep();
    }
    let wanted = [("6".to_owned(), "e5 c".to_owned()), ("7".to_owned(), "e6 c".to_owned())];
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while fixture.sets() != wanted {
        assert!(std::time::Instant::now() < deadline, "{:?}", fixture.sets());
        std::thread::yield_now();
    }
}

#[test]
fn a_removed_set_is_recreated_under_its_name() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    publisher.publish(&fixture.build("one", "e", "c")).unwrap();
    let folder = publisher.libraries().unwrap().to_owned();
    for gone in [folder.clone(), fixture.live.parent().unwrap().to_owned()] {
        fs::remove_dir_all(gone).unwrap();
        assert_eq!(publisher.publish(&fixture.build("one", "e", "c")).unwrap(), Publication::Unchanged);
        assert_eq!((loads(&publisher).as_str(), publisher.libraries().unwrap()), ("e c", folder.as_path()));
    }
}

#[test]
fn other_build_script_output_counts_as_another_binary() {
    let fixture = fixture();
    let mut publisher = Publisher::open(fixture.live.clone()).unwrap();
    build(&fixture.staged, "one");
    let of = |outputs: u64| BuildResult { outputs, ..fixture.built() };
    publisher.publish(&of(1)).unwrap();
    assert_eq!(publisher.publish(&of(1)).unwrap(), Publication::Unchanged);
    assert_eq!(publisher.publish(&of(2)).unwrap(), Publication::Published);
    assert_eq!(publisher.publish(&of(2)).unwrap(), Publication::Unchanged);
}
