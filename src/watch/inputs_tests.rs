//! What counts as a change, by kind of file and state of the last build.

use super::*;
use crate::config::{IgnoreGlob, Poll};
use crate::watch::{PackageFolder, Workspace};
const A: ArtifactId = ArtifactId(0);

use ChangeKind::{Config, EnvFile, Input, Manifest, Source, Watched};

fn package(name: &str, root: &str) -> PackageFolder {
    let root = PathBuf::from(root);
    PackageFolder {
        name: name.into(),
        manifest: root.join("Cargo.toml"),
        root,
        build_script: false,
        sources: Vec::new(),
        artifacts: BTreeSet::from([A]),
    }
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn plan() -> Plan {
    let ignore = |glob: &str| IgnoreGlob { base: "/ws".into(), glob: glob.into() };
    Plan {
        programs: BTreeMap::from([(A, ServiceId(0))]),
        packages: vec![package("app", "/ws/app"), package("lib", "/ws/lib"), package("far", "/far")],
        other_roots: paths(&["/ws/other", "/ws/app/nested"]),
        workspace: Workspace {
            root: "/ws".into(),
            manifests: paths(&["/ws/Cargo.toml", "/ws/app/Cargo.toml", "/ws/other/Cargo.toml"]),
            member_patterns: Vec::new(),
            member_excludes: Vec::new(),
            lock_file: "/ws/Cargo.lock".into(),
            cargo_configs: paths(&["/ws/.cargo/config.toml", "/home/u/.cargo/config.toml"]),
            toolchain_files: paths(&["/ws/rust-toolchain.toml"]),
        },
        hotrun_configs: paths(&["/ws/hotrun.toml"]),
        env_files: paths(&["/ws/dev.env", "/ws/app/.env"]),
        inputs: paths(&["/ws/app/migrations", "/ws/app/q/*.sql"]),
        paths: paths(&["/ws/app/templates", "/ws/app/both.rs"]),
        command_inputs: BTreeMap::new(),
        ignore: vec![ignore("*.gen.rs"), ignore("!keep.gen.rs"), ignore("/app/junk/")],
        build_directory: "/ws/target/hotrun".into(),
        never: paths(&["/ws/target", "/ws/app/events.json"]),
        outputs: Vec::new(),
        poll: Poll::Auto,
        verbose: false,
    }
}

/// A success of the only artifact.
fn read(sources: &[&str]) -> BuildInputs {
    let sources = sources.iter().map(PathBuf::from).collect();
    BuildInputs { read: BTreeMap::from([(A, sources)]), ..BuildInputs::default() }
}

/// A failure of the only artifact.
fn failed(wanted: &[&str]) -> BuildInputs {
    let wanted = wanted.iter().map(PathBuf::from).collect();
    BuildInputs { failed: BTreeSet::from([A]), wanted, ..BuildInputs::default() }
}

fn narrow(sources: &[&str], rerun_everything: &[&str]) -> Rules {
    let mut rules = Rules::new(&plan());
    rules.build_ended(BuildInputs { rerun_everything: paths(rerun_everything), ..read(sources) });
    rules
}

fn counts(kinds: &[ChangeKind]) -> Verdict {
    let (artifacts, services) = (BTreeSet::from([A]), BTreeSet::from([ServiceId(0)]));
    Verdict::Counts(kinds.iter().map(|kind| (*kind, kind.leads_to(&artifacts, &services))).collect())
}

const OLD: PathFacts = PathFacts { git_ignored: false, new: false };
const NEW: PathFacts = PathFacts { git_ignored: false, new: true };
const IGNORED: PathFacts = PathFacts { git_ignored: true, new: false };

#[track_caller]
fn check(rules: &Rules, table: &[(&str, PathFacts, Verdict)]) {
    for (path, facts, expect) in table {
        assert_eq!(rules.verdict(Path::new(path), *facts), *expect, "{path} {facts:?}");
    }
}

#[test]
fn the_fixed_list_counts_in_every_state() {
    let table = [
        ("/ws/Cargo.toml", OLD, counts(&[Manifest])),
        ("/ws/other/Cargo.toml", OLD, counts(&[Manifest])),
        ("/ws/lib/Cargo.toml", OLD, counts(&[Manifest])),
        ("/ws/Cargo.lock", IGNORED, counts(&[Manifest])),
        ("/ws/.cargo/config.toml", NEW, counts(&[Manifest])),
        ("/home/u/.cargo/config.toml", OLD, counts(&[Manifest])),
        ("/ws/rust-toolchain.toml", NEW, counts(&[Manifest])),
        ("/ws/hotrun.toml", NEW, counts(&[Config])),
        ("/ws/dev.env", OLD, counts(&[EnvFile])),
        ("/ws/app/migrations/1.sql", NEW, counts(&[Input])),
        ("/ws/app/migrations/deep/1.sql", IGNORED, counts(&[Input])),
        ("/ws/app/q/a.sql", IGNORED, counts(&[Input])),
        ("/ws/app/templates/deep/a.html", IGNORED, counts(&[Watched])),
    ];
    check(&Rules::new(&plan()), &table);
    check(&narrow(&[], &[]), &table);
    check(&narrow(&[], &[]), &[("/ws/app/.env", NEW, counts(&[EnvFile]))]);
}

#[test]
fn never_and_ignore_win_over_everything() {
    let rules = narrow(&["/ws/target/debug/out/x.rs", "/ws/app/a.gen.rs", "/ws/app/.git/HEAD"], &["/ws/app"]);
    check(
        &rules,
        &[
            ("/ws/target/debug/out/x.rs", OLD, Verdict::Not(Reason::Never)),
            ("/ws/app/events.json", OLD, Verdict::Not(Reason::Never)),
            ("/ws/app/.git/HEAD", OLD, Verdict::Not(Reason::Git)),
            ("/ws/app/a.gen.rs", OLD, Verdict::Not(Reason::Ignored)),
            ("/ws/app/keep.gen.rs", NEW, counts(&[Source])),
            ("/ws/app/junk/a.rs", NEW, Verdict::Not(Reason::Ignored)),
            ("/ws/app/templates/x.gen.rs", OLD, Verdict::Not(Reason::Ignored)),
        ],
    );
    assert!(rules.named_paths().all(|(path, _)| !path.starts_with("/ws/target")));
}

#[test]
fn after_a_success_only_inputs_count() {
    let rules =
        narrow(&["/ws/app/src/main.rs", "/ws/app/data", "/out/of/tree.txt", "/ws/app/gen.txt"], &["/ws/lib"]);
    check(
        &rules,
        &[
            ("/ws/app/src/main.rs", OLD, counts(&[Source])),
            ("/ws/app/src/main.rs", IGNORED, counts(&[Source])),
            ("/ws/app/gen.txt", IGNORED, counts(&[Source])),
            ("/out/of/tree.txt", OLD, counts(&[Source])),
            ("/ws/app/data/deep/x", IGNORED, counts(&[Source])),
            ("/ws/app/src/old.rs", OLD, Verdict::Not(Reason::NotIncluded)),
            ("/ws/app/tests/api.rs", OLD, Verdict::Not(Reason::OtherTarget)),
            ("/ws/app/tests/data/a.json", NEW, Verdict::Not(Reason::OtherTarget)),
            ("/ws/app/src/bin/other.rs", OLD, Verdict::Not(Reason::OtherTarget)),
            ("/ws/app/static/tests/a.css", OLD, Verdict::Not(Reason::NotRead)),
            ("/ws/app/src/new.rs", NEW, counts(&[Source])),
            ("/ws/app/src/bin/new.rs", NEW, counts(&[Source])),
            ("/ws/app/build.rs", NEW, counts(&[Source])),
            ("/ws/app/new.txt", NEW, Verdict::Not(Reason::NotRead)),
            (
                "/ws/app/src/new.rs",
                PathFacts { git_ignored: true, new: true },
                Verdict::Not(Reason::GitIgnored),
            ),
            ("/ws/lib/whatever.txt", OLD, counts(&[Source])),
            ("/ws/lib/ignored.txt", IGNORED, Verdict::Not(Reason::GitIgnored)),
            ("/far/src/x.rs", NEW, counts(&[Source])),
            ("/ws/app/nested/src/new.rs", NEW, Verdict::Not(Reason::OtherPackage)),
            ("/ws/other/src/lib.rs", OLD, Verdict::Not(Reason::OtherPackage)),
            ("/ws/README.md", OLD, Verdict::Not(Reason::Outside)),
            ("/ws/app/src/.main.rs.swp", NEW, Verdict::Not(Reason::EditorTemporary)),
            ("/ws/app/src/main.rs~", NEW, Verdict::Not(Reason::EditorTemporary)),
            ("/ws/app/templates/.a.html.swp", NEW, Verdict::Not(Reason::EditorTemporary)),
            ("/ws/app/src/sedJZIsA0", NEW, Verdict::Not(Reason::EditorTemporary)),
            ("/ws/lib/sedatives", NEW, counts(&[Source])),
        ],
    );
}

#[test]
fn a_dropped_input_counts_until_the_next_build() {
    let mut rules = narrow(&["/ws/app/src/a.rs", "/out/b.txt"], &[]);
    for expect in [true, false] {
        rules.build_ended(read(&[]));
        for path in ["/ws/app/src/a.rs", "/out/b.txt"] {
            assert_eq!(rules.verdict(Path::new(path), OLD).counts(), expect, "{path}");
        }
    }
}

#[test]
fn while_builds_fail_every_file_of_the_packages_counts() {
    let mut rules = narrow(&["/ws/app/src/main.rs"], &[]);
    rules.build_ended(failed(&[]));
    for rules in [rules, Rules::new(&plan())] {
        check(
            &rules,
            &[
                ("/ws/app/src/old.rs", OLD, counts(&[Source])),
                ("/ws/app/README.md", OLD, counts(&[Source])),
                ("/far/x", NEW, counts(&[Source])),
                ("/ws/app/x", IGNORED, Verdict::Not(Reason::GitIgnored)),
                ("/ws/app/app.db", OLD, Verdict::Not(Reason::ProgramData)),
                ("/ws/app/nested/x", OLD, Verdict::Not(Reason::OtherPackage)),
                ("/ws/README.md", OLD, Verdict::Not(Reason::Outside)),
            ],
        );
    }
}

#[test]
fn a_path_can_be_of_several_kinds() {
    let rules = narrow(&["/ws/app/both.rs", "/ws/app/.env", "/ws/app/migrations", "/ws/app/Cargo.toml"], &[]);
    check(
        &rules,
        &[
            ("/ws/app/both.rs", OLD, counts(&[Source, Watched])),
            ("/ws/app/.env", OLD, counts(&[Source, EnvFile])),
            ("/ws/app/migrations/1.sql", OLD, counts(&[Input])),
            ("/ws/app/Cargo.toml", OLD, counts(&[Manifest])),
        ],
    );
}

#[test]
fn scans_skip_folders_that_cannot_count() {
    let rules = Rules::new(&plan());
    for (folder, named, expect) in [
        ("/ws/target", true, Some(Reason::Never)),
        ("/ws/app/.git", true, Some(Reason::Git)),
        ("/ws/app/junk", true, Some(Reason::Ignored)),
        ("/ws/app/nested", false, Some(Reason::OtherPackage)),
        ("/ws/app/nested", true, None),
        ("/ws/app/node_modules", false, Some(Reason::GitIgnored)),
        ("/ws/app/src", false, None),
    ] {
        assert_eq!(rules.prunes(Path::new(folder), named), expect, "{folder}");
    }
}

#[test]
fn inputs_are_compared_with_those_before() {
    let mut rules = Rules::new(&plan());
    let mut read = |sources: &[&str]| rules.build_ended(read(sources));
    assert_eq!(read(&["/ws/app/src/main.rs"]), InputsChange::More(paths(&["/ws/app/src/main.rs"])));
    assert_eq!(read(&["/ws/app/src/main.rs", "/ws/target/out.rs"]), InputsChange::Same);
    assert_eq!(read(&["/ws/app/src/main.rs", "/out/a.txt"]), InputsChange::More(paths(&["/out/a.txt"])));
    // It counts until the next build, which then reads fewer.
    assert_eq!(read(&["/ws/app/src/main.rs"]), InputsChange::Same);
    assert_eq!(read(&["/ws/app/src/main.rs"]), InputsChange::Fewer);
    assert_eq!(read(&["/ws/app/src/main.rs"]), InputsChange::Same);
}

#[test]
fn paths_that_may_fix_a_failed_build_count_everywhere() {
    let wanted = |rules: &mut Rules, wanted: &[&str]| rules.build_ended(failed(wanted));
    let mut rules = narrow(&["/ws/app/src/main.rs"], &[]);
    let named = ["/ws/app/gen.rs", "/out/v.rs", "/ws/app/dist", "/ws/target/x.rs", "/ws/util/Cargo.toml"];
    assert_eq!(wanted(&mut rules, &named), InputsChange::Fewer);
    let table = [
        ("/ws/app/gen.rs", IGNORED, counts(&[Source])),
        ("/out/v.rs", OLD, counts(&[Source])),
        ("/ws/app/dist/deep/a.html", IGNORED, counts(&[Source])),
        ("/ws/target/x.rs", OLD, Verdict::Not(Reason::Never)),
        ("/ws/util/Cargo.toml", NEW, counts(&[Source])),
        ("/ws/util/src/lib.rs", NEW, counts(&[Source])),
        ("/ws/util/x", IGNORED, Verdict::Not(Reason::GitIgnored)),
        ("/ws/other/src/lib.rs", NEW, Verdict::Not(Reason::OtherPackage)),
    ];
    check(&rules, &table);
    let mut replanned = Rules::new(&plan());
    replanned.inherit(&rules);
    check(&replanned, &table);
    // Until the next build, which may want others.
    assert_eq!(wanted(&mut rules, &["/ws/Cargo.toml", "/ws/app/gen.rs"]), InputsChange::Fewer);
    check(
        &rules,
        &[
            ("/out/v.rs", OLD, Verdict::Not(Reason::Outside)),
            ("/ws/util/src/lib.rs", NEW, Verdict::Not(Reason::Outside)),
            ("/ws/README.md", OLD, Verdict::Not(Reason::Outside)),
        ],
    );
    assert_eq!(wanted(&mut rules, &["/ws/Cargo.toml", "/ws/app/gen.rs"]), InputsChange::Same);
    assert_eq!(
        wanted(&mut rules, &["/ws/Cargo.toml", "/ws/app/gen.rs", "/a"]),
        InputsChange::More(paths(&["/a"]))
    );
    rules.build_ended(read(&["/ws/app/src/main.rs"]));
    check(&rules, &[("/ws/app/gen.rs", IGNORED, Verdict::Not(Reason::GitIgnored))]);
}

#[test]
fn the_root_source_of_a_target_counts_until_a_build_has_read_it() {
    let mut plan = plan();
    plan.packages[0].sources = paths(&["/elsewhere/main.rs"]);
    let mut rules = Rules::new(&plan);
    let main = |rules: &Rules| rules.verdict(Path::new("/elsewhere/main.rs"), OLD).counts();
    assert!(main(&rules));
    rules.build_ended(read(&[]));
    assert!(!main(&rules));
    rules.build_ended(failed(&[]));
    assert!(main(&rules));
}
