//! Looks on request: everything saved before the request is reported before the answer.

use std::fs;
use std::time::Duration;

use hotrun::config::Poll;
use hotrun::watch::{WatchCommand, WatchNews};

use super::fixture::{Site, write};
use super::styles::rename;

/// Requests a look. Returns the paths reported before the answer.
fn look(site: &Site, token: u64) -> Vec<std::path::PathBuf> {
    site.send(WatchCommand::Sync(token));
    let mut told = Vec::new();
    let answered = site.wait(|news| match news {
        WatchNews::Changed { changes } => {
            told.extend(changes.into_iter().map(|change| change.path));
            None
        }
        WatchNews::Synced(answered) => {
            assert_eq!(answered, token);
            Some(())
        }
        _ => None,
    });
    assert!(answered.is_some(), "the look was not answered");
    told
}

/// With events, and without any: the interval never passes.
fn hows() -> [Poll; 2] {
    [Poll::Never, Poll::Every(Duration::from_hours(1))]
}

#[test]
fn every_save_is_reported_before_the_answer() {
    for poll in hows() {
        let mut site = Site::new();
        site.watch_built(poll);
        let file = site.root.join("src/one.rs");
        for round in 0..200_u64 {
            // Of the same length, and often within one tick of the file system's clock.
            let text = format!("// {round:05}\n");
            if round % 3 == 0 {
                let temporary = site.root.join("src/one.rs.tmp");
                write(&temporary, &text);
                rename(&temporary, &file);
            } else {
                write(&file, &text);
            }
            let told = look(&site, round);
            assert!(told.contains(&file), "round {round} of {poll:?}: {told:?}");
            // The next edit is one by content, compared with what this build starts from.
            site.build();
        }
    }
}

#[test]
fn of_two_saves_within_a_tick_the_second_is_reported() {
    for poll in hows() {
        let mut site = Site::new();
        site.watch_built(poll);
        let file = site.root.join("src/one.rs");
        for round in 0..100_u64 {
            write(&file, &format!("// {round:05} a\n"));
            look(&site, 2 * round);
            site.start_build();
            write(&file, &format!("// {round:05} b\n"));
            let told = look(&site, 2 * round + 1);
            assert!(told.contains(&file), "round {round} of {poll:?}");
            site.succeed();
        }
    }
}

#[test]
fn deletions_creations_and_moves_are_reported() {
    for poll in hows() {
        let mut site = Site::new();
        site.watch_built(poll);
        let (one, two) = (site.root.join("src/one.rs"), site.root.join("src/new/two.rs"));
        fs::remove_file(&one).unwrap();
        assert!(look(&site, 1).contains(&one));
        site.fail();
        write(&two, "// new\n");
        write(&one, "");
        let told = look(&site, 2);
        assert!(told.contains(&one) && told.contains(&two), "{told:?}");
        site.fail();
        rename(&site.root.join("src/new"), &site.root.join("src/moved"));
        let told = look(&site, 3);
        assert!(told.contains(&two) && told.contains(&site.root.join("src/moved/two.rs")), "{told:?}");
    }
}

#[test]
fn a_source_that_comes_and_goes_between_two_looks_is_reported_if_a_build_has_read_it() {
    for poll in hows() {
        let mut site = Site::new();
        site.watch_built(poll);
        let one = site.root.join("src/one.rs");
        fs::remove_file(&one).unwrap();
        assert_eq!(look(&site, 1), [one.as_path()]);
        site.start_build();
        write(&one, "// one\n");
        fs::remove_file(&one).unwrap();
        site.succeed();
        site.expect(&one);
    }
}

#[test]
fn a_source_that_differed_between_two_looks_is_reported_if_a_build_may_have_read_it() {
    for replanned in [false, true] {
        let mut site = Site::new();
        site.watch_built(Poll::Every(Duration::from_hours(1)));
        let one = site.root.join("src/one.rs");
        site.start_build();
        // As every compiler does, longer than file times are coarse.
        std::thread::park_timeout(Duration::from_millis(20));
        write(&one, "// other\n");
        write(&one, "// one\n");
        site.succeed();
        if replanned {
            site.send(WatchCommand::Replan(Box::new(site.plan.clone())));
        }
        site.expect(&one);
        // Once.
        site.build();
        assert!(look(&site, 1).is_empty());
    }
}

#[test]
fn a_source_saved_again_with_an_older_time_before_a_build_reads_it_is_reported_at_the_next_look() {
    let mut site = Site::new();
    site.watch_built(Poll::Every(Duration::from_hours(1)));
    let one = site.root.join("src/one.rs");
    write(&one, "// other\n");
    assert_eq!(look(&site, 1), [one.as_path()]);
    let long_ago = std::time::SystemTime::now() - Duration::from_hours(1);
    fs::File::options().write(true).open(&one).unwrap().set_modified(long_ago).unwrap();
    site.build();
    assert!(site.expect(&one).hidden);
    site.build();
    assert!(look(&site, 2).is_empty());
}

#[test]
fn a_file_kept_open_or_written_endlessly_delays_no_answer() {
    use std::io::Write;
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    let file = site.root.join("src/one.rs");
    let mut open = fs::File::create(&file).unwrap();
    open.write_all(b"// written, not closed\n").unwrap();
    assert!(look(&site, 1).contains(&file));
    // A thread writes without a pause.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            open.write_all(b"// more\n").unwrap();
            std::thread::yield_now();
        }
    });
    look(&site, 2);
    drop(stop);
    writer.join().unwrap();
    look(&site, 3);
}

#[test]
fn without_a_save_nothing_is_reported() {
    let mut site = Site::new();
    site.watch_built(Poll::Never);
    site.drain();
    for token in 0..20 {
        assert_eq!(look(&site, token), Vec::<std::path::PathBuf>::new());
    }
}
