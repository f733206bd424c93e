//! When a memoized answer is valid, on disk.

use std::fs::File;

use super::*;

/// Certainly later than anything written before.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(10)
}

fn kept(paths: &[PathBuf]) -> Memoized<u8> {
    Memoized::new(1, paths.to_vec(), &Ancestors::default(), later(), 7).unwrap()
}

#[test]
fn an_answer_is_valid_while_its_inputs_are_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (manifest, main, lib) = (root.join("Cargo.toml"), root.join("src/main.rs"), root.join("src/lib.rs"));
    let (src, config) = (root.join("src"), root.join("config.toml"));
    fs::create_dir(&src).unwrap();
    fs::write(&manifest, "one").unwrap();
    fs::write(&main, "one").unwrap();
    let all = [manifest.clone(), main.clone(), lib.clone(), src.clone(), config.clone()];
    let answer = kept(&all);
    assert_eq!((answer.answer(1), answer.answer(2)), (Some(&7), None));

    fs::write(&main, "other").unwrap();
    fs::write(src.join(".main.rs.swp"), "").unwrap();
    assert_eq!(answer.answer(1), Some(&7), "the text of a source does not count");

    // The same size, and the modification time set back.
    let time = manifest.metadata().unwrap().modified().unwrap();
    fs::write(&manifest, "two").unwrap();
    File::options().write(true).open(&manifest).unwrap().set_modified(time).unwrap();
    assert_eq!(answer.answer(1), None);

    for new in [config, lib, src.join("other.rs"), src.join("bin/x.rs")] {
        let answer = kept(&all);
        fs::create_dir_all(new.parent().unwrap()).unwrap();
        fs::write(&new, "").unwrap();
        let counts = !new.starts_with(root.join("src/bin"));
        assert_eq!(answer.answer(1).is_none(), counts, "{}", new.display());
    }
    let answer = kept(&[root.join("src/bin")]);
    fs::create_dir(src.join("bin/y")).unwrap();
    assert_eq!(answer.answer(1), Some(&7));
    fs::write(src.join("bin/y/main.rs"), "").unwrap();
    assert_eq!(answer.answer(1), None);
}

#[test]
fn inputs_that_may_have_changed_are_not_memoized() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let asked = SystemTime::now();
    assert!(Memoized::new(1, [file], &Ancestors::default(), asked, ()).is_none());
    assert!(
        Memoized::new(1, [folder.path().join("src/lib.rs")], &Ancestors::default(), asked, ()).is_none(),
        "it may have been removed"
    );
}
