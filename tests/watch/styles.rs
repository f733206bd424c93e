//! Every way in which editors and tools save a file is noticed, the second and third time too.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hotrun::config::Poll;
use hotrun::words::ChangeKind;
use rustix::fs::{RenameFlags, renameat_with};

use super::fixture::{A, Site, leads_to, write};

const POLLED: Poll = Poll::Every(Duration::from_millis(40));

pub(crate) fn rename(from: &Path, to: &Path) {
    rustix::fs::rename(from, to).unwrap();
}

/// A way to save: gets the file and its next content.
type Save = fn(&Path, &str);

const STYLES: &[(&str, Save)] = &[
    ("in place", |file, text| fs::write(file, text).unwrap()),
    ("in place without truncating", |file, text| {
        use std::io::Write;
        let mut open = fs::OpenOptions::new().write(true).open(file).unwrap();
        open.write_all(text.as_bytes()).unwrap();
        open.set_len(text.len() as u64).unwrap();
    }),
    ("append", |file, text| {
        use std::io::Write;
        fs::OpenOptions::new().append(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
    }),
    ("truncate, then write", |file, text| {
        fs::write(file, "").unwrap();
        fs::write(file, text).unwrap();
    }),
    ("temporary and rename", |file, text| {
        let temporary = file.with_extension("rs.tmp");
        fs::write(&temporary, text).unwrap();
        rename(&temporary, file);
    }),
    ("temporary with a source's name and rename", |file, text| {
        let temporary = file.with_file_name("scratch_1234.rs");
        fs::write(&temporary, text).unwrap();
        rename(&temporary, file);
    }),
    ("temporary elsewhere and rename", |file, text| {
        let temporary = file.ancestors().nth(3).unwrap().join("out").join(file.file_name().unwrap());
        fs::write(&temporary, text).unwrap();
        rename(&temporary, file);
    }),
    ("backup by rename, then write (vim)", |file, text| {
        let probe = file.with_file_name("4913");
        fs::write(&probe, "").unwrap();
        fs::remove_file(&probe).unwrap();
        let backup = file.with_extension("rs~");
        rename(file, &backup);
        fs::write(file, text).unwrap();
        fs::remove_file(&backup).unwrap();
    }),
    ("backup by copy, then write (vim, backupcopy)", |file, text| {
        let backup = file.with_extension("rs~");
        fs::copy(file, &backup).unwrap();
        fs::write(file, text).unwrap();
        fs::remove_file(&backup).unwrap();
    }),
    ("delete, then make again", |file, text| {
        fs::remove_file(file).unwrap();
        fs::write(file, text).unwrap();
    }),
    ("link over", |file, text| {
        let temporary = file.with_file_name("linked.tmp");
        fs::write(&temporary, text).unwrap();
        fs::remove_file(file).unwrap();
        fs::hard_link(&temporary, file).unwrap();
        fs::remove_file(&temporary).unwrap();
    }),
    ("exchange", |file, text| {
        let temporary = file.with_file_name("exchanged.tmp");
        fs::write(&temporary, text).unwrap();
        renameat_with(rustix::fs::CWD, &temporary, rustix::fs::CWD, file, RenameFlags::EXCHANGE).unwrap();
        fs::remove_file(&temporary).unwrap();
    }),
    ("the whole folder replaced", |file, text| {
        let folder = file.parent().unwrap();
        let (fresh, old) = (folder.with_file_name("src.new"), folder.with_file_name("src.old"));
        fs::create_dir(&fresh).unwrap();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), fresh.join(entry.file_name())).unwrap();
        }
        fs::write(fresh.join(file.file_name().unwrap()), text).unwrap();
        rename(folder, &old);
        rename(&fresh, folder);
        fs::remove_dir_all(&old).unwrap();
    }),
    ("with an old mtime", |file, text| {
        let temporary = file.with_extension("rs.tmp");
        fs::write(&temporary, text).unwrap();
        let old = fs::File::options().write(true).open(&temporary).unwrap();
        old.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).unwrap();
        drop(old);
        rename(&temporary, file);
    }),
];

/// Runs each case on a thread of its own, and says which failed.
fn each<T: Sync>(cases: &[(&str, T)], run: impl Fn(&T, Poll) + Sync) {
    let failed: Vec<String> = std::thread::scope(|scope| {
        let jobs: Vec<_> = cases
            .iter()
            .flat_map(|case| [("events", Poll::Never), ("polling", POLLED)].map(|how| (case, how)))
            .map(|((name, case), (how, poll))| {
                let run = &run;
                (format!("{name} ({how})"), scope.spawn(move || run(case, poll)))
            })
            .collect();
        jobs.into_iter().filter_map(|(name, job)| job.join().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn saves_in_every_style_are_noticed_again_and_again() {
    each(STYLES, |save, poll| {
        let mut site = Site::new();
        site.watch_built(poll);
        let file = site.root.join("src/one.rs");
        for round in 0..3 {
            save(&file, &format!("// round {round}\n"));
            let change = site.expect(&file);
            assert_eq!(change.leads_to, leads_to(ChangeKind::Source));
            // The build starts after everything was reported.
            site.drain();
            site.build();
            assert_eq!(site.changes(), [], "after round {round}");
        }
    });
}

/// A change of the tree, and the file that is reported.
type Edit = fn(&mut Site) -> PathBuf;

const EDITS: &[(&str, Edit)] = &[
    ("a new module in a new nested folder", |site| {
        let file = site.root.join("src/a/b/c/d/e/deep.rs");
        write(&file, "// deep");
        file
    }),
    ("an edit in a folder just made", |site| {
        let file = site.root.join("src/a/b/deep.rs");
        write(&file, "// deep");
        site.expect(&file);
        site.sources.push(file.clone());
        site.build();
        write(&file, "// deeper");
        file
    }),
    ("a folder moved in from elsewhere", |site| {
        write(&site.out().join("moved/deep/in.rs"), "// in");
        rename(&site.out().join("moved"), &site.root.join("src/moved"));
        site.root.join("src/moved/deep/in.rs")
    }),
    ("a folder renamed, then edited inside", |site| {
        let (old, new) = (site.root.join("src/old"), site.root.join("src/new"));
        write(&old.join("mod.rs"), "// old");
        site.expect(&old.join("mod.rs"));
        site.sources.push(old.join("mod.rs"));
        site.build();
        rename(&old, &new);
        site.expect(&old.join("mod.rs"));
        site.drain();
        site.sources.pop();
        site.sources.push(new.join("mod.rs"));
        site.build();
        write(&new.join("mod.rs"), "// new");
        new.join("mod.rs")
    }),
    ("a source deleted", |site| {
        let file = site.root.join("src/one.rs");
        fs::remove_file(&file).unwrap();
        file
    }),
    ("a source emptied", |site| {
        let file = site.root.join("src/one.rs");
        fs::write(&file, "").unwrap();
        file
    }),
    ("a file replaced by a folder", |site| {
        let file = site.root.join("src/one.rs");
        fs::remove_file(&file).unwrap();
        let module = file.join("mod.rs");
        write(&module, "// in a folder");
        site.expect_each(&[(&file, ChangeKind::Source), (&module, ChangeKind::Source)]);
        site.sources.push(module.clone());
        site.build();
        write(&module, "// edited");
        module
    }),
    ("a source folder deleted", |site| {
        fs::remove_dir_all(site.root.join("src")).unwrap();
        site.root.join("src/one.rs")
    }),
    ("a manifest", |site| {
        let file = site.root.join("Cargo.toml");
        write(&file, "[package]\nname = \"other\"\n");
        file
    }),
    (".cargo/config.toml made later", |site| {
        let file = site.root.join(".cargo/config.toml");
        write(&file, "[env]\n");
        file
    }),
    ("rust-toolchain.toml made later", |site| {
        let file = site.root.join("rust-toolchain.toml");
        write(&file, "[toolchain]\n");
        file
    }),
    (".env made later", |site| {
        let file = site.root.join(".env");
        write(&file, "A=1\n");
        file
    }),
    ("hotrun.toml made later", |site| {
        let file = site.root.join("hotrun.toml");
        write(&file, "");
        file
    }),
];

#[test]
fn changes_of_the_tree_are_noticed() {
    each(EDITS, |edit, poll| {
        let mut site = Site::new();
        site.watch_built(poll);
        let file = edit(&mut site);
        site.expect(&file);
        site.drain();
        site.build();
        assert_eq!(site.changes(), []);
    });
}

/// The files needed before, the files the build reads, and an edit.
type Scene = (fn(&mut Site), Edit);

const SCENES: &[(&str, Scene)] = &[
    (
        "a source that is a link",
        (
            |site| {
                write(&site.out().join("real.rs"), "// one");
                symlink(site.out().join("real.rs"), site.root.join("src/link.rs")).unwrap();
                site.sources.push(site.root.join("src/link.rs"));
            },
            |site| {
                write(&site.out().join("real.rs"), "// two");
                site.root.join("src/link.rs")
            },
        ),
    ),
    (
        "a link that leads elsewhere now",
        (
            |site| {
                write(&site.out().join("one.rs"), "// one");
                write(&site.out().join("two.rs"), "// two");
                symlink(site.out().join("one.rs"), site.root.join("src/link.rs")).unwrap();
                site.sources.push(site.root.join("src/link.rs"));
            },
            |site| {
                let link = site.root.join("src/link.rs");
                symlink(site.out().join("two.rs"), site.root.join("fresh")).unwrap();
                rename(&site.root.join("fresh"), &link);
                site.expect(&link);
                site.drain();
                site.build();
                write(&site.out().join("two.rs"), "// three");
                link
            },
        ),
    ),
    (
        "sources in a linked folder, led elsewhere",
        (
            |site| {
                write(&site.out().join("one/deep/mod.rs"), "// one");
                write(&site.out().join("two/deep/mod.rs"), "// two");
                symlink("../../out/one", site.root.join("src/linked")).unwrap();
                site.sources.push(site.root.join("src/linked/deep/mod.rs"));
            },
            |site| {
                let file = site.root.join("src/linked/deep/mod.rs");
                write(&site.out().join("one/deep/mod.rs"), "// one more");
                site.expect(&file);
                site.build();
                fs::remove_file(site.root.join("src/linked")).unwrap();
                symlink("../../out/two", site.root.join("src/linked")).unwrap();
                site.expect(&file);
                site.drain();
                site.build();
                write(&site.out().join("two/deep/mod.rs"), "// three");
                file
            },
        ),
    ),
    (
        "a new source where the folder of all sources is a link",
        (
            |site| {
                rename(&site.root.join("src"), &site.out().join("src"));
                symlink("../out/src", site.root.join("src")).unwrap();
            },
            |site| {
                write(&site.out().join("src/new.rs"), "// new");
                site.root.join("src/new.rs")
            },
        ),
    ),
    (
        "a new source of a package inside another",
        (
            |site| {
                let root = site.root.join("parts/dep");
                write(&root.join("src/lib.rs"), "// one");
                write(&root.join("Cargo.toml"), "");
                site.plan.packages.push(hotrun::watch::PackageFolder {
                    name: "dep".into(),
                    manifest: root.join("Cargo.toml"),
                    sources: vec![root.join("src/lib.rs")],
                    root,
                    build_script: false,
                    artifacts: [A].into(),
                });
                site.sources.push(site.root.join("parts/dep/src/lib.rs"));
            },
            |site| {
                let file = site.root.join("parts/dep/src/new.rs");
                write(&file, "// new");
                file
            },
        ),
    ),
    (
        "included from outside, deleted and restored",
        (
            |site| {
                write(&site.out().join("text.txt"), "one");
                site.sources.push(site.root.join("src/../../out/text.txt"));
            },
            |site| {
                let file = site.out().join("text.txt");
                fs::remove_file(&file).unwrap();
                site.expect(&file);
                site.fail();
                write(&file, "two");
                file
            },
        ),
    ),
    (
        "a generated source that git ignores",
        (
            |site| {
                write(&site.root.join("ignored/generated.rs"), "// one");
                site.sources.push(site.root.join("ignored/generated.rs"));
            },
            |site| {
                let file = site.root.join("ignored/generated.rs");
                write(&file, "// two");
                file
            },
        ),
    ),
    (
        "below a folder a build script names",
        (
            |site| {
                write(&site.root.join("ignored/proto/deep/a.proto"), "one");
                site.sources.push(site.root.join("ignored/proto"));
            },
            |site| {
                let file = site.root.join("ignored/proto/new/b.proto");
                write(&file, "two");
                file
            },
        ),
    ),
    (
        "a folder in watch.paths made later",
        (
            |site| site.plan.paths.push(site.root.join("ignored/assets")),
            |site| {
                let file = site.root.join("ignored/assets/css/a.css");
                write(&file, "two");
                file
            },
        ),
    ),
    (
        "what a failed build names, in folders that are not there yet",
        (
            |_| {},
            |site| {
                let (ignored, outside) =
                    (site.root.join("ignored/made/gen.rs"), site.out().join("made/deep/v.txt"));
                site.fail_naming(&[ignored.clone(), outside.clone()]);
                write(&ignored, "// made");
                site.expect(&ignored);
                site.drain();
                site.fail_naming(std::slice::from_ref(&outside));
                write(&outside, "made");
                outside
            },
        ),
    ),
    (
        "a folder that a failed build names",
        (
            |_| {},
            |site| {
                site.fail_naming(&[site.root.join("ignored/dist")]);
                let file = site.root.join("ignored/dist/css/a.css");
                write(&file, "made");
                file
            },
        ),
    ),
    (
        "a package that a failed build could not read",
        (
            |site| write(&site.root.join("vendor/.gitignore"), "*"),
            |site| {
                let package = site.root.join("vendor/util");
                site.fail_naming(&[package.clone(), package.join("Cargo.toml")]);
                write(&package.join("Cargo.toml"), "[package]");
                site.expect(&package.join("Cargo.toml"));
                site.drain();
                site.fail_naming(&[package.join("Cargo.toml")]);
                let file = package.join("src/lib.rs");
                write(&file, "// made");
                file
            },
        ),
    ),
    (
        "what rustc was compiling when it failed",
        (
            |site| {
                write(&site.out().join("v.rs"), "// one");
                let units = "app: src/main.rs src/../../out/v.rs\n";
                write(&site.root.join("target/debug/deps/app-0123.d"), units);
            },
            |site| {
                site.fail();
                let file = site.out().join("v.rs");
                write(&file, "// two");
                file
            },
        ),
    ),
    (
        "build.inputs",
        (
            |site| {
                write(&site.root.join("migrations/1.sql"), "one");
                site.plan.inputs.push(site.root.join("migrations"));
            },
            |site| {
                let file = site.root.join("migrations/2.sql");
                write(&file, "two");
                file
            },
        ),
    ),
    (
        "a path dependency outside",
        (
            |site| {
                let root = site.out().join("dep");
                write(&root.join("src/lib.rs"), "// one");
                write(&root.join("Cargo.toml"), "");
                site.plan.packages.push(hotrun::watch::PackageFolder {
                    name: "dep".into(),
                    manifest: root.join("Cargo.toml"),
                    sources: vec![root.join("src/lib.rs")],
                    root,
                    build_script: false,
                    artifacts: [A].into(),
                });
                site.sources.push(site.out().join("dep/src/lib.rs"));
            },
            |site| {
                let file = site.out().join("dep/src/lib.rs");
                write(&file, "// two");
                file
            },
        ),
    ),
];

#[test]
fn every_part_of_the_program_is_noticed() {
    each(SCENES, |(prepare, edit), poll| {
        let mut site = Site::new();
        prepare(&mut site);
        site.watch_built(poll);
        assert_eq!(site.changes(), [], "before the edit");
        site.build();
        let file = edit(&mut site);
        site.expect(&file);
        site.drain();
        site.build();
        assert_eq!(site.changes(), [], "after the edit");
    });
}
