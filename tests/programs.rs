//! The programs of `tests/fixtures`, each compiled once by rustc.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The path of the compiled `tests/fixtures/<name>.rs`.
pub(crate) fn program(name: &str) -> PathBuf {
    variant(name, "", &[])
}

/// The same, compiled with these variables set; `tag` tells it from others.
pub(crate) fn variant(name: &str, tag: &str, variables: &[(&str, &str)]) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, PathBuf>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    let key = format!("{name}{tag}");
    if let Some(path) = built.get(&key) {
        return path.clone();
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name).with_extension("rs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("fixture-{key}"));
    let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    if modified(&path).is_none_or(|built| modified(&source).is_some_and(|changed| changed >= built)) {
        // Compiled aside and renamed into place: a test process beside this one may compile the same.
        let aside = tempfile::tempdir_in(folder).unwrap();
        let fresh = aside.path().join(name);
        let done = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition=2024", "-Copt-level=0", "-Cpanic=abort", "-o"])
            .args([&fresh, &source])
            .envs(variables.iter().copied())
            .status()
            .unwrap();
        assert!(done.success(), "the fixture `{name}` does not compile");
        #[expect(clippy::disallowed_methods, reason = "no live path here")]
        fs::rename(&fresh, &path).unwrap();
    }
    built.insert(key, path.clone());
    path
}

/// The program of `examples/<name>`, built once by cargo.
pub(crate) fn example(name: &str) -> PathBuf {
    build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), name)
}

/// The same with another text in its `main.rs`, as an edit would have it. Built once as well: cargo takes a program away
/// for the moment in which it links it anew, and another test may be starting it.
pub(crate) fn edited_example(name: &str, from: &str, to: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<[String; 3], PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    // A number of its own gives each a name of its own.
    let number = built.len();
    let key = [name, from, to].map(ToOwned::to_owned);
    built.entry(key).or_insert_with(|| build_edited(name, from, to, number)).clone()
}

fn build_edited(name: &str, from: &str, to: &str, number: usize) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let copy = tempfile::tempdir().unwrap();
    let edited = format!("{name}-edited-{number}");
    let rewrite = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(source.join(file)).unwrap();
        assert!(text.contains(from), "`{file}` of `{name}` has no {from}");
        fs::write(copy.path().join(file), text.replace(from, to)).unwrap();
    };
    fs::create_dir(copy.path().join("src")).unwrap();
    rewrite("src/main.rs", from, to);
    // Under a name of its own, so that both fit into one target directory.
    for file in ["Cargo.toml", "Cargo.lock"] {
        rewrite(file, &format!("name = \"{name}\""), &format!("name = \"{edited}\""));
    }
    build(copy.path(), &edited)
}

fn build(package: &Path, binary: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _alone = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples");
    let done = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status()
        .unwrap();
    assert!(done.success(), "the example `{binary}` does not compile");
    target.join("debug").join(binary)
}
