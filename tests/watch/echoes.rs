//! Files that change after each build or start without an edit are no longer reported after a few rounds; edits still are.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hotrun::config::Poll;
use hotrun::watch::{WatchCommand, WatchNews};

use super::fixture::{Site, write};

/// What happens after the start of the program in this round.
type Echo = fn(&Path, u32);

const HOWS: [Poll; 2] = [Poll::Never, Poll::Every(Duration::from_millis(20))];

/// Builds and starts for each reported change until a warning comes. Returns the rounds and the warning.
fn until_warned(site: &mut Site, builds: bool, echo: Echo) -> (u32, String) {
    let end = std::time::Instant::now() + Duration::from_secs(40);
    for round in 1.. {
        let root = site.root.clone();
        if builds {
            site.build();
            site.send(WatchCommand::ProgramStarts);
        } else {
            site.fail();
        }
        // A repeated report of an earlier round is no round of its own.
        site.send(WatchCommand::Sync(u64::from(round)));
        site.wait(|news| matches!(news, WatchNews::Synced(_)).then_some(())).expect("no answer");
        echo(&root, round);
        let mut told = false;
        while !told {
            assert!(std::time::Instant::now() < end, "no warning after {round} rounds");
            let warned = site.wait(|news| match news {
                WatchNews::Changed { .. } => Some(None),
                WatchNews::Warning(warning) => Some(Some(warning.to_string())),
                _ => None,
            });
            match warned.expect("nothing was told") {
                Some(warning) => return (round, warning),
                None => told = true,
            }
        }
    }
    unreachable!()
}

const ECHOES: [(&str, bool, u32, Echo); 5] = [
    ("state that the program writes at its start", true, 8, |root, round| {
        write(&root.join("data/state.json"), &format!("{round}"));
    }),
    ("several files in turn", true, 8, |root, round| {
        write(&root.join(format!("data/{}.json", ["a", "b", "c"][round as usize % 3])), &format!("{round}"));
    }),
    ("a new name each time", true, 8, |root, round| {
        write(&root.join(format!("data/run-{round}-{}", std::process::id() + round)), "x");
    }),
    ("some time after the start", true, 8, |root, round| {
        std::thread::park_timeout(Duration::from_millis(300));
        write(&root.join("data/late"), &format!("{round}"));
    }),
    ("a dump of each build that fails", false, 5, |root, round| {
        write(&root.join(format!("dump-{round}.txt")), "x");
    }),
];

#[test]
fn files_that_change_after_every_start_give_a_warning_and_edits_are_still_reported() {
    std::thread::scope(|scope| {
        for (poll, (name, builds, rounds, echo)) in
            HOWS.into_iter().flat_map(|poll| ECHOES.map(|it| (poll, it)))
        {
            scope.spawn(move || {
                let mut site = Site::new();
                fs::create_dir(site.root.join("data")).unwrap();
                site.plan.paths.push(site.root.join("data"));
                site.watch_built(poll);
                let (took, warning) = until_warned(&mut site, builds, echo);
                assert!(took <= rounds, "{name} with {poll:?}: {took} rounds; {warning}");
                // The last one is reported.
                site.build();
                site.send(WatchCommand::ProgramStarts);
                echo(&site.root.clone(), 100);
                site.drain();
                let edited = site.root.join("src/one.rs");
                write(&edited, "// edited\n");
                site.expect(&edited);
            });
        }
    });
}

#[test]
fn a_log_kept_open_is_reported_when_it_is_closed() {
    use std::io::Write;
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    site.fail();
    site.drain();
    let path = site.root.join("out.log.2026-11-28");
    let mut log = fs::File::create(&path).unwrap();
    for line in 0..30 {
        writeln!(log, "line {line}").unwrap();
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert_eq!(site.changes(), []);
    drop(log);
    site.expect(&path);
}

#[test]
fn the_files_of_hotruns_own_output_are_not_reported() {
    use std::os::unix::fs::MetadataExt;
    for poll in HOWS {
        let mut site = Site::new();
        let path = site.root.join("nohup.out");
        write(&path, "");
        let metadata = path.metadata().unwrap();
        site.plan.outputs.push((metadata.dev(), metadata.ino()));
        site.watch(poll);
        site.fail();
        for line in 0..5 {
            write(&path, &format!("line {line}"));
        }
        assert_eq!(site.changes(), []);
    }
}

/// As tests and agents edit: each as soon as the build before has started.
#[test]
fn edits_of_a_source_after_every_start_are_all_reported() {
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    let file = site.root.join("src/one.rs");
    for round in 0..32 {
        write(&file, &format!("// {round}\n"));
        site.expect(&file);
        site.build();
        site.send(WatchCommand::ProgramStarts);
    }
}
