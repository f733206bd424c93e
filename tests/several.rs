//! One build of several programs: cargo says what it built of them, and one group is built after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hotrun::build::{BuildNews, BuildOrder, BuildResult, Cargo, Group, Program};
use hotrun::session::BuildOutcome;
use hotrun::words::{ArtifactId, BuildId};

use super::support::Project;

/// What was told of a build.
struct Told {
    outcome: BuildOutcome,
    results: BTreeMap<ArtifactId, BuildResult>,
    /// How often cargo was started.
    cargos: usize,
    /// The first lines of what the compiler said.
    diagnostics: Vec<String>,
}

/// Builds these groups; `meanwhile` may cancel the build.
fn build(folder: &Path, groups: Vec<Group>, mut meanwhile: impl FnMut(&BuildNews, &mut Cargo)) -> Told {
    let order = BuildOrder {
        build: BuildId(1),
        groups,
        env: std::env::vars_os().collect(),
        cwd: folder.to_owned(),
        seed: None,
    };
    let engine = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = async {
        let (sender, mut news) = tokio::sync::mpsc::unbounded_channel();
        let mut cargo = Cargo::new(sender);
        cargo.start(order);
        let (mut cargos, mut diagnostics) = (0, Vec::new());
        loop {
            let news = news.recv().await.unwrap();
            meanwhile(&news, &mut cargo);
            match news {
                BuildNews::Spawned { .. } => cargos += 1,
                BuildNews::Diagnostic { diagnostic, .. } => diagnostics.push(diagnostic.message),
                BuildNews::Ended { outcome, results, .. } => {
                    return Told { outcome, results, cargos, diagnostics };
                }
                _ => {}
            }
        }
    };
    let ended = async { tokio::time::timeout(Duration::from_mins(2), ended).await };
    tokio::task::LocalSet::new().block_on(&engine, ended).unwrap()
}

/// A group of programs, `PACKAGE/NAME`, in the workspace at `folder`.
fn group(folder: &Path, programs: &[(u16, &str)]) -> Group {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command: Vec<OsString> = vec![cargo, "build".into(), "--keep-going".into(), "--offline".into()];
    command.extend(["--message-format".into(), "json".into(), "--target-dir".into(), "target".into()]);
    let mut group = Group { command, programs: BTreeMap::new() };
    for (id, program) in programs {
        let (package, target) = program.split_once('/').unwrap();
        group.command.extend(["-p".into(), package.into(), "--bin".into(), target.into()]);
        let program = Program {
            package: format!("path+file://{}#0.1.0", folder.join(package).display()),
            target: target.to_owned(),
            example: false,
            aside: Some(folder.join("aside").join(id.to_string()).join(target)),
        };
        group.programs.insert(ArtifactId(*id), program);
    }
    group
}

/// A workspace of `shared` and of packages that use it, each with these binaries, which print their package and what
/// `shared` says.
fn workspace(packages: &[(&str, &[&str])]) -> Project {
    let project = Project::empty();
    let members: Vec<_> = packages.iter().map(|(name, _)| *name).chain(["shared"]).collect();
    project.write("Cargo.toml", &format!("[workspace]\nresolver = \"2\"\nmembers = {members:?}\n"));
    let manifest =
        |name: &str| format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    project.write("shared/Cargo.toml", &manifest("shared"));
    say(&project, "one");
    for (name, binaries) in packages {
        let shared = "[dependencies]\nshared = { path = \"../shared\" }\n";
        project.write(&format!("{name}/Cargo.toml"), &format!("{}{shared}", manifest(name)));
        for binary in *binaries {
            let text = format!("fn main() {{ println!(\"{name} {{}}\", shared::word()); }}\n");
            project.write(&format!("{name}/src/bin/{binary}.rs"), &text);
        }
    }
    project
}

/// What `shared` says from now on; each compilation of it warns.
fn say(project: &Project, word: &str) {
    let unused = "fn unused() {}";
    let text = format!("pub fn word() -> &'static str {{ {word:?} }}\n{unused}\n");
    project.write("shared/src/lib.rs", &text);
}

fn printed(result: &BuildResult) -> String {
    String::from_utf8(Command::new(result.file()).output().unwrap().stdout).unwrap()
}

fn ids(ids: &[u16]) -> BTreeSet<ArtifactId> {
    ids.iter().copied().map(ArtifactId).collect()
}

#[test]
fn what_cargo_built_is_told_while_another_program_failed() {
    let project = workspace(&[("two", &["a", "b"])]);
    let folder = project.path().canonicalize().unwrap();
    let build = |programs: &[(u16, &str)]| build(&folder, vec![group(&folder, programs)], |_, _| {});
    project.write("two/src/bin/b.rs", "fn main() { word }\n");

    let told = build(&[(0, "two/a"), (1, "two/b")]);
    let BuildOutcome::Failed { summary, made } = told.outcome else { panic!("{:?}", told.outcome) };
    assert_eq!((made, summary.errors), (ids(&[0]), 1));
    assert!(told.results[&ArtifactId(0)].executable.ends_with("debug/a") && told.results.len() == 1);
    let made = &told.results[&ArtifactId(0)];
    assert_eq!((printed(made).as_str(), &made.dep_info), ("two one\n", &None));

    let told = build(&[(1, "two/b")]);
    assert!(matches!(told.outcome, BuildOutcome::Failed { made, .. } if made.is_empty()));
    assert!(told.results.is_empty());

    project.write("two/src/bin/b.rs", "fn main() {}\n");
    let told = build(&[(0, "two/a"), (1, "two/b")]);
    // The first one was fresh, the second one was not.
    assert!(matches!(told.outcome, BuildOutcome::Succeeded(summary) if !summary.fresh), "{:?}", told.outcome);
    assert_eq!(told.results.into_keys().collect::<BTreeSet<_>>(), ids(&[0, 1]));
}

#[test]
fn programs_of_one_group_are_built_by_one_cargo() {
    let project = workspace(&[("a", &["a"]), ("b", &["b"]), ("c", &["c"])]);
    let folder = project.path().canonicalize().unwrap();
    let build = || build(&folder, vec![group(&folder, &[(0, "a/a"), (1, "b/b"), (2, "c/c")])], |_, _| {});
    build();
    say(&project, "other");
    let told = build();
    assert_eq!(told.cargos, 1);
    let printed: Vec<_> = told.results.values().map(printed).collect();
    assert_eq!(printed, ["a other\n", "b other\n", "c other\n"]);
}

#[test]
fn programs_of_one_name_are_built_one_after_the_other_and_both_kept() {
    let project = workspace(&[("a", &["app"]), ("b", &["app"])]);
    let folder = project.path().canonicalize().unwrap();
    let groups = || vec![group(&folder, &[(0, "a/app")]), group(&folder, &[(1, "b/app")])];
    let told = build(&folder, groups(), |_, _| {});
    let BuildOutcome::Succeeded(summary) = told.outcome else { panic!("{:?}", told.outcome) };
    // That of `shared`, which both would report.
    assert_eq!((told.cargos, summary.warnings, told.diagnostics.len()), (2, 1, 1), "{:?}", told.diagnostics);
    assert_eq!(told.results.values().map(printed).collect::<Vec<_>>(), ["a one\n", "b one\n"]);
    for (result, package) in told.results.values().zip(["a", "b"]) {
        let listed = fs::read_to_string(result.dep_info.as_ref().unwrap()).unwrap();
        assert!(listed.contains(&format!("/{package}/src/bin/app.rs")), "{listed}");
    }

    // An error in one leaves the other; one in what both are made of is told once.
    project.write("a/src/bin/app.rs", "fn main() { word }\n");
    say(&project, "other");
    let told = build(&folder, groups(), |_, _| {});
    assert!(matches!(told.outcome, BuildOutcome::Failed { made, .. } if made == ids(&[1])));
    assert_eq!(printed(&told.results[&ArtifactId(1)]), "b other\n");
    project.write("shared/src/lib.rs", "word\n");
    let told = build(&folder, groups(), |_, _| {});
    assert!(
        matches!(told.outcome, BuildOutcome::Failed { summary, made } if summary.errors == 1 && made.is_empty())
    );
    assert_eq!(told.diagnostics.len(), 1, "{:?}", told.diagnostics);
}

#[test]
fn cancelling_ends_the_groups_that_are_left() {
    let shell = |script: &str| {
        let command = ["/bin/sh", "-c", script].map(OsString::from).into();
        Group { command, programs: BTreeMap::new() }
    };
    let folder = tempfile::tempdir().unwrap();
    let waits = "sleep 1000";
    let groups = vec![shell("exit 0"), shell(waits), shell("touch third")];
    let mut spawned = 0;
    let told = build(folder.path(), groups, |news, cargo| {
        spawned += u32::from(matches!(news, BuildNews::Spawned { .. }));
        if spawned == 2 {
            cargo.cancel(BuildId(1));
        }
    });
    assert!(matches!(told.outcome, BuildOutcome::Cancelled) && told.results.is_empty());
    assert!(told.cargos == 2 && !folder.path().join("third").exists());
}
