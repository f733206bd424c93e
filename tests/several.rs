//! One build of several programs: cargo says what it built of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use hotrun::build::{BuildNews, BuildOrder, BuildResult, Cargo, Program};
use hotrun::session::BuildOutcome;
use hotrun::words::{ArtifactId, BuildId};

/// Builds these programs of the package in `folder`.
fn build(folder: &Path, names: &[&str]) -> (BuildOutcome, BTreeMap<ArtifactId, BuildResult>) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = vec![cargo, "build".into(), "--keep-going".into(), "--offline".into()];
    command.extend(["--message-format".into(), "json".into(), "--target-dir".into(), "target".into()]);
    command.extend(names.iter().flat_map(|name| ["--bin".into(), name.into()]));
    let package = format!("path+file://{}#two@0.1.0", folder.display());
    let programs = (0..)
        .zip(names)
        .map(|(id, name)| (ArtifactId(id), Program { package: package.clone(), target: (*name).to_owned() }));
    let order = BuildOrder {
        build: BuildId(1),
        command,
        env: std::env::vars_os().collect(),
        cwd: folder.to_owned(),
        programs: programs.collect(),
        seed: None,
    };
    let engine = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = async {
        let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
        let mut cargo = Cargo::new(sender);
        cargo.start(order);
        loop {
            if let BuildNews::Ended { outcome, results, .. } = news.recv().await.unwrap() {
                return (outcome, results);
            }
        }
    };
    let ended = async { tokio::time::timeout(Duration::from_mins(2), ended).await };
    tokio::task::LocalSet::new().block_on(&engine, ended).unwrap()
}

#[test]
fn what_cargo_built_is_told_while_another_program_failed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let bins = "[[bin]]\nname = \"a\"\npath = \"a.rs\"\n\n[[bin]]\nname = \"b\"\npath = \"b.rs\"\n";
    let package = "[package]\nname = \"two\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    fs::write(folder.join("Cargo.toml"), format!("{package}\n[workspace]\n\n{bins}")).unwrap();
    fs::write(folder.join("a.rs"), "fn main() {}\n").unwrap();
    fs::write(folder.join("b.rs"), "fn main() { word }\n").unwrap();
    let ids = |ids: &[u16]| ids.iter().copied().map(ArtifactId).collect::<BTreeSet<_>>();

    let (outcome, results) = build(&folder, &["a", "b"]);
    let BuildOutcome::Failed { summary, made } = outcome else { panic!("{outcome:?}") };
    assert_eq!((made, summary.errors), (ids(&[0]), 1));
    assert!(results[&ArtifactId(0)].executable.ends_with("debug/a") && results.len() == 1);

    let (outcome, results) = build(&folder, &["b"]);
    assert!(matches!(outcome, BuildOutcome::Failed { made, .. } if made.is_empty()));
    assert!(results.is_empty());

    fs::write(folder.join("b.rs"), "fn main() {}\n").unwrap();
    let (outcome, results) = build(&folder, &["a", "b"]);
    // The first one was fresh, the second one was not.
    assert!(matches!(outcome, BuildOutcome::Succeeded(summary) if !summary.fresh), "{outcome:?}");
    assert_eq!(results.into_keys().collect::<BTreeSet<_>>(), ids(&[0, 1]));
}
