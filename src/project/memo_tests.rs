//! When a memo is read, and what the real cargo is still asked.

use std::fs;
use std::time::{Duration, Instant};

use super::super::tests::Workspace;
use super::*;

/// Certainly later than anything written before.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(10)
}

#[test]
fn damaged_and_foreign_memos_are_empty() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join("target/hotrun");
    fs::create_dir_all(&staging).unwrap();
    let below = folder.path().join("a/b");
    let mut memo = Memo { metadata: Some(kept_text()), ..Memo::read(&below, None) };
    memo.write(&staging);
    assert_eq!(Memo::read(&below, None), memo);
    assert!(Memo::read(&below, Some(Path::new("elsewhere"))).metadata.is_none());
    let text = fs::read_to_string(staging.join(FILE)).unwrap();
    for other in [&text[..text.len() - 1], &text.replace(env!("CARGO_PKG_VERSION"), "0.0.0")] {
        fs::write(staging.join(FILE), other).unwrap();
        assert!(Memo::read(&below, None).metadata.is_none());
    }
}

fn kept_text() -> Memoized<String> {
    Memoized::new(1, [], &Ancestors::default(), later(), "text".to_owned()).unwrap()
}

#[test]
fn changed_inputs_query_cargo_again() {
    let files = Workspace::new(&[
        ("Cargo.toml", "[package]\nname = \"p\"\nedition = \"2024\"\n"),
        ("src/main.rs", "fn main() {}"),
    ]);
    let mut memo = Memo::read(&files.root(), None);
    // A file just written may still be being written.
    let deadline = Instant::now() + Duration::from_secs(30);
    while memo.metadata.is_none() {
        assert!(Instant::now() < deadline);
        files.recall(&mut memo).unwrap();
    }
    let before = files.recall(&mut memo).unwrap();
    let known = memo.clone();
    files.recall(&mut memo).unwrap();
    assert_eq!(memo, known);

    let answers = |path: &str, text: &str| {
        files.write(path, text);
        files.recall(&mut memo.clone()).map(|project| project.target.name)
    };
    assert_eq!(answers("src/main.rs", "fn main() { }").unwrap(), before.target.name);
    assert!(answers("src/bin/q.rs", "fn main() {}").is_err(), "there are two programs now");
    fs::remove_dir_all(files.root().join("src/bin")).unwrap();
    let named = "[package]\nname = \"q\"\nedition = \"2024\"\n";
    assert_eq!(answers("Cargo.toml", named).unwrap(), "q");
    assert!(answers("Cargo.toml", "[package]\n").is_err());
}

#[test]
fn memos_writable_by_others_are_ignored() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let above = tempfile::tempdir().unwrap();
    let (staging, project) = (above.path().join("target/hotrun"), above.path().join("project"));
    fs::create_dir_all(&staging).unwrap();
    fs::create_dir(&project).unwrap();
    let path = staging.join(FILE);
    let kept = Memoized::new(1, [], &Ancestors::default(), later(), "a cargo".to_owned());
    let mut memo = Memo { metadata: kept, ..Memo::default() };
    memo.write(&staging);
    let read = || Memo::read(&project, None).metadata.is_some();
    assert!(read());

    fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
    assert!(!read(), "others may write to it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(read());
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
        assert!(!read(), "another user's");
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
    let elsewhere = above.path().join("elsewhere");
    fs::copy(&path, &elsewhere).unwrap();
    fs::remove_file(&path).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(!read(), "a link");
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert!(!read(), "a FIFO");
}
