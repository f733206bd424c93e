//! Settings are read outside the room too, and may differ between that read and the room's look.

use std::time::{Duration, SystemTime};

use hotrun::config::Poll;
use hotrun::watch::WatchCommand;
use hotrun::words::ChangeKind;

use super::fixture::{Site, write};

const FILES: [(&str, ChangeKind); 2] =
    [("hotrun.toml", ChangeKind::Config), ("app.env", ChangeKind::EnvFile)];

/// Both were read with this text.
fn read(site: &Site, text: Option<&str>) {
    let file = |(file, _): (&str, _)| (site.root.join(file), text.map(ToOwned::to_owned));
    site.send(WatchCommand::SettingsRead(FILES.map(file).into()));
}

#[track_caller]
fn expect_both(site: &mut Site) {
    let paths = FILES.map(|(file, kind)| (site.root.join(file), kind));
    site.expect_each(&paths.each_ref().map(|(path, kind)| (path.as_path(), *kind)));
}

#[test]
fn a_file_of_the_project_saved_while_the_project_is_read_is_reported() {
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(50))] {
        let mut site = Site::new();
        site.watch_built(poll);
        let manifest = site.root.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let began = SystemTime::now();
        site.start_build();
        site.send(WatchCommand::ProjectRead { began });
        assert_eq!(site.changes(), []);
        // As every cargo does, longer than file times are coarse.
        std::thread::park_timeout(Duration::from_millis(20));
        write(&manifest, "");
        write(&manifest, &text);
        site.changes();
        site.send(WatchCommand::ProjectRead { began });
        site.cancel();
        site.expect_each(&[(&manifest, ChangeKind::Manifest)]);
        // The next reading reads the same.
        let began = SystemTime::now();
        site.start_build();
        site.send(WatchCommand::ProjectRead { began });
        site.succeed();
        assert_eq!(site.changes(), []);
    }
}

#[test]
fn settings_read_between_two_looks_are_reported() {
    for poll in [Poll::Never, Poll::Every(Duration::from_millis(50))] {
        let mut site = Site::new();
        site.plan.env_files.push(site.root.join("app.env"));
        for (file, _) in FILES {
            write(&site.root.join(file), "first");
        }
        site.watch_built(poll);
        for failed in [false, true] {
            if failed {
                site.fail();
            }
            read(&site, Some("first"));
            assert_eq!(site.changes(), []);
            for other in [Some("other"), Some(""), None] {
                read(&site, other);
                expect_both(&mut site);
                read(&site, Some("first"));
                assert_eq!(site.changes(), []);
            }
        }
        // Removed after the read and before a look.
        std::fs::remove_file(site.root.join("app.env")).unwrap();
        site.expect(&site.root.join("app.env"));
        read(&site, None);
        site.changes();
        read(&site, Some("first"));
        site.expect(&site.root.join("app.env"));
    }
}
