//! Two programs with a shared package, and a command beside them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotrun::config::{IgnoreGlob, Poll};
use hotrun::words::{ArtifactId, Change, ServiceId};

use super::fixture::{A, B, Site, write};

const BACKENDS: [Poll; 2] = [Poll::Never, Poll::Every(Duration::from_millis(15))];
const COMMAND: ServiceId = ServiceId(2);

/// What each program is built from.
struct Sources {
    a: Vec<PathBuf>,
    b: Vec<PathBuf>,
}

fn sources(site: &Site) -> Sources {
    let at = |names: &[&str]| names.iter().map(|name| site.root.join(name)).collect();
    Sources { a: at(&["src/main.rs", "shared/src/lib.rs"]), b: at(&["b/src/lib.rs", "shared/src/lib.rs"]) }
}

fn site(poll: Poll) -> (Site, Sources) {
    let mut site = Site::new();
    site.add_b();
    let globs = ["migrations", "/b/**/*.sql", "/out/*.css"];
    let glob = |glob: &str| IgnoreGlob { base: site.root.clone(), glob: glob.into() };
    site.plan.command_inputs.insert(COMMAND, globs.map(glob).to_vec());
    fs::write(site.root.join(".gitignore"), "/target\n/migrations\n/out\n").unwrap();
    write(&site.root.join("migrations/1.sql"), "one");
    write(&site.root.join("out/site.css"), "one");
    write(&site.root.join("b/query.sql"), "one");
    let sources = sources(&site);
    site.watch(poll);
    let build = site.start_build_of(&[A, B]);
    site.end_build(build, &[(A, &sources.a), (B, &sources.b)], false);
    site.drain();
    (site, sources)
}

/// Waits for a change of this path that leads to builds of exactly these.
#[track_caller]
fn expect(site: &Site, path: &Path, builds: &[ArtifactId]) -> Change {
    let change = site.expect(path);
    assert_eq!(change.leads_to.builds, builds.iter().copied().collect(), "{}", path.display());
    change
}

#[test]
fn an_edit_concerns_the_programs_that_read_the_file() {
    for poll in BACKENDS {
        let (mut site, _) = site(poll);
        for (file, builds) in [
            ("src/main.rs", &[A] as &[ArtifactId]),
            ("b/src/lib.rs", &[B]),
            ("shared/src/lib.rs", &[A, B]),
            ("shared/src/new.rs", &[A, B]),
            ("b/src/new.rs", &[B]),
        ] {
            let file = site.root.join(file);
            write(&file, "// edited\n");
            let change = expect(&site, &file, builds);
            assert_eq!(change.leads_to.restarts, BTreeSet::new());
        }
        write(&site.root.join("shared/README.md"), "edited\n");
        assert_eq!(site.changes(), []);
    }
}

#[test]
fn what_failed_guesses_and_what_was_built_all_the_same_does_not() {
    for (poll, listed) in BACKENDS.into_iter().flat_map(|poll| [(poll, true), (poll, false)]) {
        let (mut site, sources) = site(poll);
        // rustc's own list of the crate, where cargo writes none.
        let (units, new) = (site.root.join("target/debug/deps"), site.root.join("src/new.txt"));
        write(&new, "new\n");
        write(&units.join("app-1.d"), &format!("app: {} {}\n", sources.a[0].display(), new.display()));
        let build = site.start_build_of(&[A, B]);
        let read = if listed { [&sources.a[..], std::slice::from_ref(&new)].concat() } else { Vec::new() };
        site.end_build(build, &[(A, &read)], true);
        site.drain();
        write(&site.root.join("notes.txt"), "edited\n");
        let readme = site.root.join("shared/README.md");
        write(&readme, "edited\n");
        expect(&site, &readme, &[B]);
        assert_eq!(site.changes(), []);
        for (file, builds) in [
            (&new, &[A] as &[ArtifactId]),
            (&sources.a[0], &[A]),
            (&sources.a[1], &[A, B]),
            (&sources.b[0], &[B]),
        ] {
            fs::write(file, "// edited\n").unwrap();
            expect(&site, file, builds);
        }
    }
}

/// Ways to edit a file, some of which leave a state that may be half of a save.
const EDITS: [fn(&Path); 4] = [
    |file| fs::write(file, "").unwrap(),
    |file| fs::remove_file(file).unwrap(),
    |file| fs::write(file, "// edited\n").unwrap(),
    |file| {
        let other = file.with_extension("new");
        fs::write(&other, "// replaced\n").unwrap();
        rustix::fs::rename(&other, file).unwrap();
    },
];

#[test]
fn a_build_of_one_program_does_not_swallow_an_edit_for_the_other() {
    for poll in BACKENDS {
        let (mut site, sources) = site(poll);
        let files = ["b/src/lib.rs", "shared/src/lib.rs"].map(|file| site.root.join(file));
        let mut turn = 0;
        for wait in [0, 3, 12, 40] {
            for (edit, file) in EDITS.iter().flat_map(|edit| files.iter().map(move |file| (edit, file))) {
                edit(file);
                std::thread::park_timeout(Duration::from_millis(wait));
                let build = site.start_build_of(&[A]);
                site.end_build(build, &[(A, &sources.a)], false);
                assert!(site.expect(file).leads_to.builds.contains(&B), "{}", file.display());
                turn += 1;
                fs::write(file, format!("// {turn}\n")).unwrap();
                assert!(site.expect(file).leads_to.builds.contains(&B), "{}", file.display());
                let build = site.start_build_of(&[A, B]);
                site.end_build(build, &[(A, &sources.a), (B, &sources.b)], false);
                site.drain();
            }
        }
    }
}

/// The build of B includes it, which is known only at its end: the edit may have come after B was compiled.
#[test]
fn a_file_that_turns_out_to_be_read_by_another_program_is_reported_again() {
    for (poll, overtaken) in BACKENDS.into_iter().flat_map(|poll| [(poll, false), (poll, true)]) {
        let (mut site, mut sources) = site(poll);
        let file = site.root.join("src/main.rs");
        let build = site.start_build_of(&[B]);
        // Later than a tick of file times.
        std::thread::park_timeout(Duration::from_millis(25));
        write(&file, "// edited\n");
        expect(&site, &file, &[A]);
        if overtaken {
            // The next build may start before the end of the last one is told.
            site.start_build_of(&[A]);
            site.drain();
        }
        sources.b.push(file.clone());
        site.end_build(build, &[(B, &sources.b)], false);
        expect(&site, &file, &[A, B]);
    }
}

#[test]
fn inputs_of_a_command_start_it_again() {
    for poll in BACKENDS {
        let (mut site, mut sources) = site(poll);
        for file in
            ["migrations/1.sql", "migrations/deep/2.sql", "out/site.css", "out/new.css", "b/query.sql"]
        {
            let file = site.root.join(file);
            for edit in [
                |file: &Path| write(file, "two"),
                |file: &Path| fs::remove_file(file).unwrap(),
                |file: &Path| write(file, "one"),
            ] {
                edit(&file);
                let change = expect(&site, &file, &[]);
                assert_eq!(change.leads_to.restarts, BTreeSet::from([COMMAND]));
            }
        }
        write(&site.root.join("out/other.txt"), "new");
        assert_eq!(site.changes(), []);
        // A build that starts before the save is complete has nothing to do with it.
        let file = site.root.join("migrations/1.sql");
        fs::write(&file, "").unwrap();
        std::thread::park_timeout(Duration::from_millis(20));
        let build = site.start_build_of(&[A, B]);
        site.end_build(build, &[(A, &sources.a), (B, &sources.b)], false);
        expect(&site, &file, &[]);
        // B reads it as well: going back before a build is a change to the command.
        let file = site.root.join("b/query.sql");
        sources.b.push(file.clone());
        let build = site.start_build_of(&[B]);
        site.end_build(build, &[(B, &sources.b)], false);
        for text in ["two", "one"] {
            write(&file, text);
            let (mut builds, mut restarts) = (BTreeSet::new(), BTreeSet::new());
            while builds.is_empty() || restarts.is_empty() {
                let changes = site.next_changes().expect("a report of both");
                for change in changes.into_iter().filter(|change| change.path == file) {
                    builds.extend(change.leads_to.builds);
                    restarts.extend(change.leads_to.restarts);
                }
            }
            assert_eq!((builds, restarts), (BTreeSet::from([B]), BTreeSet::from([COMMAND])));
        }
    }
}
