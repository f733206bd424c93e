//! Files whose edit needs more than a build, edited together with a source: the build of the source does not swallow them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use hotrun::config::Poll;
use hotrun::words::ChangeKind;
use proptest::prelude::*;

use super::fixture::{Site, leads_to, write};

const FILES: [(&str, ChangeKind); 8] = [
    ("hotrun.toml", ChangeKind::Config),
    ("app.env", ChangeKind::EnvFile),
    (".env", ChangeKind::EnvFile),
    ("Cargo.toml", ChangeKind::Manifest),
    (".cargo/config.toml", ChangeKind::Manifest),
    ("rust-toolchain.toml", ChangeKind::Manifest),
    ("schema/tables.sql", ChangeKind::Input),
    ("data/words.txt", ChangeKind::Watched),
];

/// Ways to edit a file: each leaves a state that may be half of a save.
type Edit = fn(&Path);

const EDITS: [Edit; 4] = [
    |file| fs::write(file, "").unwrap(),
    |file| fs::remove_file(file).unwrap(),
    |file| fs::write(file, "other").unwrap(),
    |file| {
        fs::remove_file(file).unwrap();
        fs::write(file, "other").unwrap();
    },
];

fn site(poll: Poll) -> Site {
    let mut site = Site::new();
    site.plan.env_files.push(site.root.join("app.env"));
    site.plan.inputs.push(site.root.join("schema"));
    site.plan.paths.push(site.root.join("data"));
    for (file, _) in FILES {
        write(&site.root.join(file), "before");
    }
    site.watch_built(poll);
    site
}

/// An edit of each of some files, and how long after them the build starts.
type Round = (BTreeMap<usize, usize>, u64);

fn round() -> impl Strategy<Value = Round> {
    (proptest::collection::btree_map(0..FILES.len(), 0..EDITS.len(), 1..FILES.len()), 0..80_u64)
}

fn run(rounds: &[Round], poll: Poll) {
    let mut site = site(poll);
    for (turn, (edits, wait)) in rounds.iter().enumerate() {
        let edited: Vec<_> = edits
            .iter()
            .map(|(file, edit)| (site.root.join(FILES[*file].0), FILES[*file].1, EDITS[*edit]))
            .collect();
        for (file, _, edit) in &edited {
            edit(file);
        }
        write(&site.root.join("src/one.rs"), &format!("// {turn}\n"));
        // The look at some of them is deferred when the build starts.
        std::thread::park_timeout(Duration::from_millis(*wait));
        site.build();
        let files: Vec<_> = edited.iter().map(|(file, kind, _)| (file.as_path(), *kind)).collect();
        site.expect_each(&files);
        for (file, ..) in &edited {
            write(file, &format!("before {turn}"));
        }
        site.expect_each(&files);
        site.build();
        site.drain();
    }
}

#[test]
fn an_edit_beside_a_save_is_reported_whenever_the_build_starts() {
    std::thread::scope(|scope| {
        for lane in 0..4 {
            scope.spawn(move || {
                let poll = if lane % 2 == 0 { Poll::Never } else { Poll::Every(Duration::from_millis(15)) };
                let config =
                    ProptestConfig { cases: 3, failure_persistence: None, ..ProptestConfig::default() };
                let mut runner = proptest::test_runner::TestRunner::new(config);
                let result = runner.run(&proptest::collection::vec(round(), 1..4), |rounds| {
                    run(&rounds, poll);
                    Ok(())
                });
                if let Err(error) = result {
                    panic!("{error}");
                }
            });
        }
    });
}

/// New in a package with a build script, which may be its work, where another build starts.
#[test]
fn a_setting_created_during_a_build_is_reported_though_another_starts() {
    let mut site = Site::new();
    site.plan.packages[0].build_script = true;
    site.plan.paths.push(site.root.join("data"));
    site.watch_built(Poll::Never);
    site.drain();
    for (file, kind) in FILES
        .into_iter()
        .filter(|(_, kind)| matches!(kind, ChangeKind::Config | ChangeKind::EnvFile | ChangeKind::Watched))
    {
        let file = site.root.join(file);
        if file.ends_with("app.env") {
            continue;
        }
        let first = site.start_build();
        write(&file, "made");
        std::thread::park_timeout(Duration::from_millis(40));
        site.start_build();
        site.send(hotrun::watch::WatchCommand::BuildCancelled(first));
        site.succeed();
        assert_eq!(site.expect(&file).leads_to, leads_to(kind));
        site.drain();
    }
}
