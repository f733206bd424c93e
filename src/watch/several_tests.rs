//! Which artifacts and services a changed file concerns, where there are several.

use super::*;
use crate::config::{IgnoreGlob, Poll};
use crate::watch::{PackageFolder, Workspace};

const A: ArtifactId = ArtifactId(0);
const B: ArtifactId = ArtifactId(1);
const OLD: PathFacts = PathFacts { git_ignored: false, new: false };
const NEW: PathFacts = PathFacts { git_ignored: false, new: true };
const IGNORED: PathFacts = PathFacts { git_ignored: true, new: true };

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn package(root: &str, artifacts: &[ArtifactId]) -> PackageFolder {
    PackageFolder {
        name: "any".into(),
        root: root.into(),
        manifest: Path::new(root).join("Cargo.toml"),
        build_script: false,
        sources: vec![Path::new(root).join("src/lib.rs")],
        artifacts: artifacts.iter().copied().collect(),
    }
}

/// Two programs that share a package; a package of the second lies in the folder of the first. Services 2 and 3 are
/// commands.
fn plan() -> Plan {
    let globs = |globs: &[&str]| -> Vec<IgnoreGlob> {
        globs.iter().map(|glob| IgnoreGlob { base: "/ws".into(), glob: (*glob).into() }).collect()
    };
    Plan {
        programs: BTreeMap::from([(A, ServiceId(0)), (B, ServiceId(1))]),
        packages: vec![
            package("/ws/a", &[A]),
            package("/ws/b", &[B]),
            package("/ws/shared", &[A, B]),
            package("/ws/a/nested", &[B]),
        ],
        other_roots: paths(&["/ws/other"]),
        workspace: Workspace {
            root: "/ws".into(),
            manifests: paths(&["/ws/Cargo.toml"]),
            member_patterns: Vec::new(),
            member_excludes: Vec::new(),
            lock_file: "/ws/Cargo.lock".into(),
            cargo_configs: Vec::new(),
            toolchain_files: Vec::new(),
        },
        hotrun_configs: paths(&["/ws/hotrun.toml"]),
        env_files: paths(&["/ws/a.env", "/ws/b.env"]),
        inputs: paths(&["/ws/macros"]),
        paths: paths(&["/ws/templates"]),
        command_inputs: BTreeMap::from([
            (ServiceId(2), globs(&["migrations/", "/b/**/*.sql", "!skip.sql"])),
            (ServiceId(3), globs(&["web/src", "*.css"])),
        ]),
        ignore: Vec::new(),
        build_directory: "/ws/target/hotrun".into(),
        never: paths(&["/ws/target"]),
        outputs: Vec::new(),
        poll: Poll::Auto,
        verbose: false,
    }
}

fn inputs(read: &[(ArtifactId, &[&str])], failed: &[ArtifactId]) -> BuildInputs {
    BuildInputs {
        read: read.iter().map(|(id, files)| (*id, files.iter().map(PathBuf::from).collect())).collect(),
        failed: failed.iter().copied().collect(),
        ..BuildInputs::default()
    }
}

fn built() -> Rules {
    let mut rules = Rules::new(&plan());
    let a = ["/ws/a/src/lib.rs", "/ws/shared/src/lib.rs", "/ws/shared/assets"];
    let b = ["/ws/b/src/lib.rs", "/ws/shared/src/lib.rs", "/ws/shared/src/only_b.rs", "/ws/b/q/one.sql"];
    rules.build_ended(inputs(&[(A, &a), (B, &b)], &[]));
    rules
}

/// What a change leads to: the artifacts by letter, the services by number, and the rest by a word.
fn leads_to(rules: &Rules, path: &str, facts: PathFacts) -> String {
    let Verdict::Counts(parts) = rules.verdict(Path::new(path), facts) else { return "-".to_owned() };
    let one = |leads_to: &Consequence| {
        let mut words = Vec::new();
        for (given, word) in
            [(leads_to.config, "config"), (leads_to.project, "project"), (leads_to.compile, "compile")]
        {
            words.extend(given.then(|| word.to_owned()));
        }
        words.extend(leads_to.builds.iter().map(|id| if *id == A { "A" } else { "B" }.to_owned()));
        words.extend(leads_to.restarts.iter().map(|service| service.0.to_string()));
        words.join(" ")
    };
    parts.values().map(one).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(rules: &Rules, table: &[(&str, PathFacts, &str)]) {
    for (path, facts, expect) in table {
        assert_eq!(leads_to(rules, path, *facts), *expect, "{path} {facts:?}");
    }
}

#[test]
fn what_belongs_to_nobody_in_particular_concerns_all() {
    let table = [
        ("/ws/Cargo.toml", OLD, "config project A B"),
        ("/ws/b/Cargo.toml", OLD, "config project A B"),
        ("/ws/Cargo.lock", OLD, "config project A B"),
        ("/ws/hotrun.toml", OLD, "config"),
        ("/ws/b.env", OLD, "config"),
        ("/ws/macros/deep/x.txt", NEW, "compile A B"),
        ("/ws/templates/x.html", NEW, "0 1"),
    ];
    check(&Rules::new(&plan()), &table);
    check(&built(), &table);
}

#[test]
fn before_the_first_success_a_file_concerns_what_is_built_from_its_package() {
    check(
        &Rules::new(&plan()),
        &[
            ("/ws/a/x.txt", OLD, "A"),
            ("/ws/b/x.txt", NEW, "B"),
            ("/ws/shared/x.txt", OLD, "A B"),
            ("/ws/a/nested/x.txt", OLD, "B"),
            ("/ws/other/x.rs", NEW, "-"),
            ("/ws/x.rs", NEW, "-"),
            ("/ws/a/x.txt", IGNORED, "-"),
        ],
    );
}

#[test]
fn after_a_success_a_file_concerns_what_has_read_it() {
    check(
        &built(),
        &[
            ("/ws/a/src/lib.rs", OLD, "A"),
            ("/ws/b/src/lib.rs", OLD, "B"),
            ("/ws/shared/src/lib.rs", OLD, "A B"),
            ("/ws/shared/src/only_b.rs", OLD, "B"),
            ("/ws/shared/assets/deep/x.png", NEW, "A"),
            ("/ws/shared/src/unread.rs", OLD, "-"),
            ("/ws/shared/src/new.rs", NEW, "A B"),
            ("/ws/a/nested/src/new.rs", NEW, "B"),
            ("/ws/a/src/new.rs", NEW, "A"),
        ],
    );
}

#[test]
fn what_failed_guesses_in_its_own_packages_and_the_others_stay_exact() {
    let mut rules = built();
    rules.build_ended(inputs(&[(A, &["/ws/a/src/lib.rs", "/ws/a/new.txt"])], &[B]));
    let table = [
        ("/ws/b/README.md", OLD, "B"),
        ("/ws/shared/README.md", OLD, "B"),
        ("/ws/a/nested/README.md", OLD, "B"),
        ("/ws/a/README.md", OLD, "-"),
        ("/ws/a/new.txt", OLD, "A"),
        // It may have been missing just when A was built.
        ("/ws/shared/src/lib.rs", OLD, "A B"),
        ("/ws/shared/assets/x.png", OLD, "B"),
    ];
    check(&rules, &table);
    // The same under a new plan.
    let mut replanned = Rules::new(&plan());
    replanned.inherit(&rules);
    check(&replanned, &table);
    // A build of A alone says nothing of B.
    rules.build_ended(inputs(&[(A, &["/ws/a/src/lib.rs"])], &[]));
    check(&rules, &[("/ws/b/README.md", OLD, "B"), ("/ws/shared/src/only_b.rs", OLD, "B")]);
    rules.build_ended(inputs(&[(B, &["/ws/b/src/lib.rs"])], &[]));
    check(&rules, &[("/ws/b/README.md", OLD, "-"), ("/ws/shared/src/only_b.rs", OLD, "B")]);
}

#[test]
fn a_build_script_that_reruns_for_everything_counts_until_a_build_of_its_package() {
    let mut rules = built();
    let all = |read: &[(ArtifactId, &[&str])], roots: &[&str]| BuildInputs {
        rerun_everything: paths(roots),
        ..inputs(read, &[])
    };
    rules.build_ended(all(&[(A, &[]), (B, &[])], &["/ws/shared", "/ws/b"]));
    check(&rules, &[("/ws/shared/x", OLD, "A B"), ("/ws/b/x", OLD, "B"), ("/ws/a/x", OLD, "-")]);
    rules.build_ended(all(&[(A, &[])], &[]));
    check(&rules, &[("/ws/shared/x", OLD, "-"), ("/ws/b/x", OLD, "B")]);
}

#[test]
fn inputs_of_a_command_start_it_again_and_build_nothing() {
    for rules in [Rules::new(&plan()), built()] {
        check(
            &rules,
            &[
                ("/ws/migrations/1.sql", NEW, "2"),
                ("/ws/migrations/deep/1.sql", IGNORED, "2"),
                ("/ws/migrations/skip.sql", NEW, "-"),
                ("/ws/deep/migrations/1.sql", NEW, "2"),
                ("/ws/migrations", NEW, "-"),
                ("/ws/web/src/deep/x.ts", NEW, "3"),
                ("/ws/deep/web/src/x.ts", NEW, "-"),
                ("/ws/web/src/x.css~", NEW, "-"),
                ("/ws/other/x.css", OLD, "3"),
                ("/ws/target/x.css", OLD, "-"),
                // Both an input of a command and a source.
                ("/ws/b/q/one.sql", OLD, "B, 2"),
                ("/elsewhere/x.css", NEW, "-"),
            ],
        );
    }
    check(&built(), &[("/ws/b/q/other.sql", OLD, "2")]);
}

#[test]
fn the_folders_of_patterns_are_walked_and_plain_paths_are_named() {
    let rules = Rules::new(&plan());
    let mut bases: Vec<&Path> = rules.glob_bases().collect();
    bases.sort();
    assert_eq!(bases, ["/ws", "/ws", "/ws/b"].map(Path::new));
    for path in ["/ws/migrations", "/ws/web/src"] {
        assert!(rules.named_paths().any(|(named, below)| named == Path::new(path) && below), "{path}");
    }
}

#[test]
fn what_is_no_longer_built_concerns_nobody() {
    let mut plan = plan();
    plan.programs.remove(&B);
    plan.packages.retain(|package| package.artifacts.contains(&A));
    for package in &mut plan.packages {
        package.artifacts.remove(&B);
    }
    let mut rules = Rules::new(&plan);
    rules.inherit(&built());
    check(
        &rules,
        &[
            ("/ws/Cargo.toml", OLD, "config project A"),
            ("/ws/templates/x", OLD, "0"),
            ("/ws/shared/src/lib.rs", OLD, "A"),
            ("/ws/shared/src/only_b.rs", OLD, "-"),
            ("/ws/b/src/lib.rs", OLD, "-"),
        ],
    );
}
