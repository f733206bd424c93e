//! Plans, locks and copies in folders that look like cargo's.

use std::fs::File;
use std::time::Duration;

use super::work::{LARGEST_LOOSE, is_slow};
use super::*;

fn plan(root: &Path, triple: Option<&str>) -> SeedPlan {
    SeedPlan::new(&root.join("target/hotrun"), &root.join("target"), &root.join("target"), "dev", triple)
}

fn write(root: &Path, files: &[&str]) {
    for file in files {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::write(root.join(file), file).unwrap();
    }
}

fn run(plan: &SeedPlan) -> Result<bool, SeedError> {
    let seeded = seed(plan, &AtomicBool::new(false), &|_| (), &|_| ())?;
    copy_loose_files(&plan.build, &plan.staging);
    Ok(seeded)
}

#[test]
fn a_profile_is_copied_once_without_useless_files() {
    let root = tempfile::tempdir().unwrap();
    let files = [
        "debug/.cargo-lock",
        "debug/deps/app-1",
        "debug/incremental/app/x",
        "release/app",
        "TAG",
        "debug/app.d",
        "debug/examples/show.d",
        "debug/deps/app-1.d",
    ];
    write(&root.path().join("target"), &files);
    // A leftover of a killed hotrun.
    write(&root.path().join("target/hotrun"), &[".seed/0/deps/half"]);
    // A file of the user, too large to be cargo's.
    File::create(root.path().join("target/core")).unwrap().set_len(LARGEST_LOOSE + 1).unwrap();
    let plan = plan(root.path(), None);
    assert!(plan.is_due());
    assert!(run(&plan).unwrap());
    let staging = root.path().join("target/hotrun");
    assert!(
        staging.join("debug/deps/app-1.d").exists()
            && staging.join("debug/deps/app-1").exists()
            && staging.join("TAG").exists()
    );
    for gone in [
        "debug/incremental",
        "debug/deps/half",
        "release",
        ".seed",
        "core",
        "debug/app.d",
        "debug/examples/show.d",
    ] {
        assert!(!staging.join(gone).exists(), "{gone}");
    }
    assert!(!plan.is_due());
    assert!(!run(&plan).unwrap());
}

#[test]
fn with_a_triple_build_scripts_are_copied_too() {
    let root = tempfile::tempdir().unwrap();
    let plan = plan(root.path(), Some("x86_64-unknown-linux-gnu"));
    write(&root.path().join("target"), &["debug/.cargo-lock", "debug/build/script"]);
    assert!(!plan.is_due(), "nothing was built for the triple");
    write(&root.path().join("target/x86_64-unknown-linux-gnu"), &["debug/.cargo-lock", "debug/deps/app"]);
    assert!(run(&plan).unwrap());
    for there in ["debug/build/script", "x86_64-unknown-linux-gnu/debug/deps/app"] {
        assert!(root.path().join("target/hotrun").join(there).exists(), "{there}");
    }
}

#[test]
fn a_separate_build_directory_is_copied_under_both_locks() {
    let root = tempfile::tempdir().unwrap();
    let (target, build) = (root.path().join("target"), root.path().join("build"));
    write(&target, &["debug/.cargo-artifact-lock", "debug/app"]);
    write(&build, &["debug/.cargo-build-lock", "debug/deps/app-1"]);
    let plan = SeedPlan::new(&target.join("hotrun"), &target, &build, "dev", None);
    for lock in [target.join("debug/.cargo-artifact-lock"), build.join("debug/.cargo-build-lock")] {
        let held = File::open(lock).unwrap();
        held.lock_shared().unwrap();
        let folders: Vec<&Path> = plan.locked.iter().map(PathBuf::as_path).collect();
        assert!(try_locks(&folders).unwrap().is_none());
    }
    assert!(run(&plan).unwrap());
    assert!(target.join("hotrun/debug/deps/app-1").exists());
    assert!(!target.join("hotrun/debug/app").exists());
}

#[test]
fn a_folder_without_locks_is_not_copied_and_a_stop_ends_the_wait() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("target"), &["debug/deps/app"]);
    let plan = plan(root.path(), None);
    assert!(matches!(run(&plan), Err(SeedError::Io { .. })));
    write(&root.path().join("target"), &["debug/.cargo-lock"]);
    let held = File::open(root.path().join("target/debug/.cargo-lock")).unwrap();
    held.lock().unwrap();
    let stopped = seed(&plan, &AtomicBool::new(true), &|_| (), &|_| ());
    assert!(matches!(stopped, Err(SeedError::Stopped)));
    assert!(!root.path().join("target/hotrun/debug").exists());
}

#[test]
fn slow_copies_are_detected_by_their_pace() {
    let second = Duration::from_secs(1);
    assert!(!is_slow(second, 0, 100), "too early to tell");
    assert!(!is_slow(second * 4, 50, 100));
    assert!(is_slow(second * 4, 1, 100));
    assert!(is_slow(second * 61, 99, 100));
    assert_eq!((size(476_400_000), size(2_340_000_000)), ("476 MB".to_owned(), "2.3 GB".to_owned()));
}

#[test]
fn leftovers_are_removed_even_without_a_copy() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("target/hotrun"), &["debug/app", ".seed/0/half", ".seed.lock"]);
    let (plan, temporary) = (plan(root.path(), None), root.path().join("target/hotrun/.seed"));
    assert!(!plan.is_due());
    let another = File::open(plan.own_lock()).unwrap();
    another.lock().unwrap();
    plan.tidy().unwrap().join().unwrap();
    assert!(temporary.exists());
    another.unlock().unwrap();
    plan.tidy().unwrap().join().unwrap();
    assert!(!temporary.exists() && root.path().join("target/hotrun/debug/app").exists());
    assert!(plan.tidy().is_none());
}
