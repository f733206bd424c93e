//! Real workspaces, as `cargo metadata` sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use super::*;
use crate::config::{
    DebugInfo, OnExit, OnStartFailure, Origin, Output, Ready, RunConfig, Setting, Stdin, Update,
};

fn default<T>(value: T) -> Setting<T> {
    Setting { value, origin: Origin::Default }
}

fn build_config() -> BuildConfig {
    BuildConfig {
        package: default(None),
        bin: default(None),
        example: default(None),
        manifest_path: None,
        features: default(Vec::new()),
        all_features: false,
        no_default_features: false,
        profile: default("dev".to_owned()),
        triple: None,
        target_dir: None,
        common_args: vec!["--offline".to_owned()],
        args: default(Vec::new()),
        build_args: Vec::new(),
        env: BTreeMap::new(),
        inputs: Vec::new(),
        share_build_dir: default(false),
        debug_info: default(DebugInfo::Profile),
        together: default(false),
    }
}

pub(super) fn run_config() -> RunConfig {
    RunConfig {
        args: default(Vec::new()),
        env: BTreeMap::new(),
        env_files: Vec::new(),
        cwd: default(None),
        stdin: default(Stdin::Null),
        output: default(Output::Auto),
        listen: Vec::new(),
        ready: default(Ready::Auto),
        ready_timeout: default(Duration::from_secs(1)),
        update: default(Update::Restart),
        on_start_failure: default(OnStartFailure::Auto),
        on_exit: default(OnExit::Wait),
        stop_signal: default(15),
        stop_timeout: default(Duration::from_secs(1)),
    }
}

/// A workspace on disk.
pub(super) struct Workspace(tempfile::TempDir);

impl Workspace {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            folder.write(path, text);
        }
        folder
    }

    /// Packages `a` (binary `a`), `b` (binaries `a`, `b`, `extra`, example `ex`), `c` (binary `c`) and the library `l`
    /// (examples `lex` and, a library, `elib`); `root` goes into the root manifest.
    fn four(root: &str) -> Self {
        let package = |name: &str, more: &str| {
            format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n{more}")
        };
        let main = "fn main() {}\n";
        Self::new(&[
            ("Cargo.toml", &format!("[workspace]\nresolver = '2'\nmembers = ['a', 'b', 'c', 'l']\n{root}")),
            ("a/Cargo.toml", &package("a", "")),
            ("a/src/main.rs", main),
            ("b/Cargo.toml", &package("b", "")),
            ("b/src/main.rs", main),
            ("b/src/bin/a.rs", main),
            ("b/src/bin/extra.rs", main),
            ("b/examples/ex.rs", main),
            ("c/Cargo.toml", &package("c", "")),
            ("c/src/main.rs", main),
            ("l/Cargo.toml", &package("l", "[[example]]\nname = 'elib'\ncrate-type = ['lib']\n")),
            ("l/src/lib.rs", ""),
            ("l/examples/lex.rs", main),
            ("l/examples/elib.rs", ""),
        ])
    }

    pub(super) fn root(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn discover(&self, folder: &str, build: &BuildConfig) -> Result<Project, ProjectError> {
        self.find(folder, build, &BTreeMap::from([(ArtifactId::MAIN, ProgramChoice::from(build))]))
    }

    fn find(
        &self,
        folder: &str,
        build: &BuildConfig,
        choices: &BTreeMap<ArtifactId, ProgramChoice>,
    ) -> Result<Project, ProjectError> {
        let cwd = self.root().join(folder);
        let clean = clean_environment(std::env::vars_os());
        let toolchain = Toolchain::find(&cwd, &clean, &Queries::attached())?;
        let environment = cargo_environment(&toolchain, &clean, build);
        let config = CargoConfig::load(&cwd, &environment, &build.common_args);
        Project::discover(&toolchain, &environment, &config, build, choices, &cwd, &Queries::attached())
    }

    /// Returns the chosen package and cargo's arguments, or the error, its hint and its exit code.
    fn chosen(&self, folder: &str, package: Option<&str>, target: Option<TargetName>) -> String {
        let mut build = build_config();
        build.package.value = package.map(str::to_owned);
        build.set_target(target);
        let root = self.root();
        match self.discover(folder, &build) {
            Ok(project) => {
                let program = project.first().unwrap();
                let arguments = selection_args(program.spec.as_deref(), [TargetName::from(&program.target)]);
                format!("{}: {}", program.package.name, arguments.join(" "))
            }
            Err(error) => {
                let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                format!("{}: {error}{hint}", error.exit_code()).replace(root.to_str().unwrap(), "[ROOT]")
            }
        }
    }
}

fn bin(name: &str) -> TargetName {
    TargetName::Bin(name.to_owned())
}

fn example(name: &str) -> TargetName {
    TargetName::Example(name.to_owned())
}

#[test]
fn the_program_is_the_one_cargo_run_takes() {
    let workspace = Workspace::four("");
    for (folder, package, target, expected) in [
        ("", None, Some(bin("c")), "c: --bin c"),
        ("", None, Some(example("ex")), "b: --example ex"),
        ("a/src", None, None, "a: --bin a"),
        ("b", None, Some(bin("extra")), "b: --bin extra"),
        ("b", Some("a"), None, "a: --package a --bin a"),
        ("", Some("a:0.1"), None, "a: --package a:0.1 --bin a"),
        ("", Some("a@0.1.0"), None, "a: --package a@0.1.0 --bin a"),
        ("", Some("l"), Some(example("lex")), "l: --package l --example lex"),
    ] {
        assert_eq!(workspace.chosen(folder, package, target), expected);
    }
    for rest in ["", "#a", "#0.1", "#a@0.1.0"] {
        for kind in ["", "path+"] {
            let spec = format!("{kind}file://{}/a{rest}", workspace.root().display());
            assert!(workspace.chosen("", Some(&spec), None).starts_with("a: "), "{spec}");
        }
    }
}

#[test]
fn default_run_and_default_members_follow_cargo() {
    let workspace = Workspace::four("default-members = ['c']\n");
    assert_eq!(workspace.chosen("", None, None), "c: --bin c");
    insta::assert_snapshot!(workspace.chosen("", None, Some(bin("a"))), @"
    2: no binary named `a` in package `c`; it has `c`
    hint: choose one of the packages that have it with `-p <PACKAGE>`: `a`, `b`
    ");

    let workspace = Workspace::four("");
    let manifest = fs::read_to_string(workspace.root().join("b/Cargo.toml")).unwrap();
    workspace.write("b/Cargo.toml", &format!("{manifest}default-run = 'extra'\n"));
    assert_eq!(workspace.chosen("", None, None), "b: --bin extra");
    assert_eq!(workspace.chosen("b", None, None), "b: --bin extra");
    workspace.write("b/Cargo.toml", &format!("{manifest}default-run = 'a'\n"));
    insta::assert_snapshot!(workspace.chosen("", None, None), @"
    2: binary `a` exists in 2 packages: `a`, `b`
    hint: choose the package with `-p <PACKAGE>`
    ");
}

#[test]
fn ambiguous_selections_list_the_choices() {
    let workspace = Workspace::four("");
    insta::assert_snapshot!(workspace.chosen("", None, None), @"
    2: the default packages of the workspace have 5 binaries: `a` in `a`, `a` in `b`, `b`, `c`, `extra` in `b`
    hint: choose one with `--bin <NAME>` or `-p <PACKAGE>`
    ");
    insta::assert_snapshot!(workspace.chosen("b", None, None), @"
    2: package `b` has 3 binaries: `a`, `b`, `extra`
    hint: choose one with `--bin <NAME>`, or set `default-run` in `Cargo.toml`
    ");
    insta::assert_snapshot!(workspace.chosen("l", None, None), @"
    1: package `l` has no binary to run
    hint: choose another package with `-p <PACKAGE>`; the workspace has `a` in `a`, `a` in `b`, `b`, `extra` in `b`, `c`
    ");
    insta::assert_snapshot!(workspace.chosen("b", None, Some(bin("c"))), @"
    2: no binary named `c` in package `b`; it has `a`, `b`, `extra`
    hint: package `c` has it: add `-p c`
    ");
    insta::assert_snapshot!(workspace.chosen("b", None, Some(bin("exrta"))), @"
    2: no binary named `exrta` in package `b`; it has `a`, `b`, `extra`
    hint: did you mean `--bin extra`?
    ");
    insta::assert_snapshot!(workspace.chosen("b", None, Some(bin("ex"))), @"
    2: no binary named `ex` in package `b`; it has `a`, `b`, `extra`
    hint: did you mean `--example ex`?
    ");
    insta::assert_snapshot!(workspace.chosen("b", None, Some(bin("xtr"))), @"
    2: no binary named `xtr` in package `b`; it has `a`, `b`, `extra`
    hint: did you mean `--bin extra`?
    ");
    insta::assert_snapshot!(workspace.chosen("a", None, Some(example("x"))), @"2: no example named `x` in package `a`");
    insta::assert_snapshot!(workspace.chosen("", None, Some(example("elib"))), @"2: example `elib` is a library and cannot be run");
    insta::assert_snapshot!(workspace.chosen("", Some("bb"), None), @"
    2: package `bb` not found in workspace `[ROOT]`; it has `a`, `b`, `c`, `l`
    hint: did you mean `-p b`?
    ");
    insta::assert_snapshot!(workspace.chosen("", Some("a@0.2"), None), @"
    2: package `a@0.2` not found in workspace `[ROOT]`; it has `a`, `b`, `c`, `l`
    hint: did you mean `-p a`?
    ");
    insta::assert_snapshot!(workspace.chosen("", Some("./c"), None), @"
    2: package ID specification `./c` looks like a file path
    hint: did you mean `-p c`?
    ");
    insta::assert_snapshot!(workspace.chosen("", None, Some(bin("e*"))), @"
    2: `e*` is a pattern, but one program runs at a time
    hint: give the full name
    ");
}

#[test]
fn a_library_alone_names_its_examples() {
    let workspace = Workspace::new(&[
        ("Cargo.toml", "[package]\nname = 'l'\n"),
        ("src/lib.rs", ""),
        ("examples/ex.rs", "fn main() {}"),
    ]);
    insta::assert_snapshot!(workspace.chosen("", None, None), @"
    1: package `l` has no binary to run
    hint: run an example with `--example <NAME>`: `ex`
    ");
}

#[test]
fn missing_and_broken_manifests_are_reported() {
    let workspace = Workspace::new(&[
        ("p/Cargo.toml", "[package]\nname = 'p'\ndefault-run = 'q'\n"),
        ("p/src/main.rs", ""),
        ("none/file", ""),
    ]);
    insta::assert_snapshot!(workspace.chosen("none", None, None), @"
    1: could not find `Cargo.toml` in `[ROOT]/none` or any parent directory
    hint: run hotrun inside a cargo project, or name one with `--manifest-path <PATH>`
    ");
    // cargo's own words, some of which are newer than others.
    let broken = workspace.chosen("p", None, None);
    assert!(broken.starts_with("1: failed to parse manifest at `[ROOT]/p/Cargo.toml`\n"), "{broken}");
    assert!(broken.contains("default-run target `q` not found"), "{broken}");
    assert!(!broken.contains("backtrace"), "{broken}");
    for (path, expected) in [
        ("p", "manifest path `p` is a directory but expected a file"),
        ("p/cargo.toml", "manifest path `p/cargo.toml` does not exist"),
    ] {
        let mut build = build_config();
        build.manifest_path = Some(path.into());
        let error = workspace.discover("", &build).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.exit_code()), (expected, 2));
        assert_eq!(error.hint().as_deref(), Some("did you mean `p/Cargo.toml`?"));
    }
}

#[test]
fn sources_are_path_dependencies_in_any_folder() {
    let workspace = Workspace::new(&[
        (
            "ws/Cargo.toml",
            "[workspace]\nresolver = '2'\nmembers = ['app', 'dep', 'other']\n[workspace.dependencies]\ndep = { path = 'dep' }\n[patch.crates-io]\npatched = { path = '../patched' }\n",
        ),
        (
            "ws/app/Cargo.toml",
            "[package]\nname = 'app'\nrust-version = '1.70'\nreadme = 'R.md'\n[dependencies]\ndep.workspace = true\nout = { path = '../../out', optional = true }\n[dev-dependencies]\ndev = { path = '../../dev' }\n",
        ),
        ("ws/app/src/main.rs", ""),
        ("ws/app/examples/ex.rs", ""),
        ("ws/app/build.rs", ""),
        (
            "ws/dep/Cargo.toml",
            "[package]\nname = 'dep'\nlinks = 'z'\nbuild = 'b.rs'\n[target.'cfg(windows)'.build-dependencies]\ntool = { path = '../../out/tool' }\n",
        ),
        ("ws/dep/src/lib.rs", ""),
        ("ws/dep/b.rs", ""),
        ("ws/other/Cargo.toml", "[package]\nname = 'other'\n"),
        ("ws/other/src/main.rs", ""),
        ("out/Cargo.toml", "[package]\nname = 'out'\n[workspace]\nmembers = ['tool']\n"),
        ("out/src/lib.rs", ""),
        ("out/tool/Cargo.toml", "[package]\nname = 'tool'\n"),
        ("out/tool/src/lib.rs", ""),
        ("dev/Cargo.toml", "[package]\nname = 'dev'\n"),
        ("dev/src/lib.rs", ""),
        ("patched/Cargo.toml", "[package]\nname = 'patched'\n"),
        ("patched/src/lib.rs", ""),
    ]);
    let root = workspace.root();
    let project = workspace.discover("ws/app/src", &build_config()).unwrap();
    let names = |project: &Project| {
        let mut names: Vec<String> = project.packages.iter().map(|it| it.name.clone()).collect();
        names[1..].sort();
        names.join(" ")
    };
    assert_eq!(names(&project), "app dep out patched tool");
    assert_eq!(project.other_roots, [root.join("ws/other")]);
    assert_eq!(project.lock_file, root.join("ws/Cargo.lock"));
    let program = project.first().unwrap();
    assert_eq!(program.target.src_path, root.join("ws/app/src/main.rs"));
    assert_eq!(
        project.members,
        ["app", "dep", "other"].map(|it| root.join("ws").join(it).join("Cargo.toml"))
    );
    for manifest in ["ws", "ws/app", "ws/other", "out", "out/tool", "patched"] {
        assert!(project.manifests.contains(&root.join(manifest).join("Cargo.toml")), "{manifest}");
    }
    let dep = project.packages.iter().find(|it| it.name == "dep").unwrap();
    assert_eq!((&dep.build_script, dep.links.as_deref()), (&Some(root.join("ws/dep/b.rs")), Some("z")));
    // Build scripts are made of one, dependencies from elsewhere may be made of another.
    let entangled = project.packages.iter().filter(|it| !it.compiles_alone);
    assert_eq!(entangled.map(|it| it.name.as_str()).collect::<BTreeSet<_>>(), ["patched", "tool"].into());
    let variables: BTreeMap<_, _> = program.package.variables.iter().cloned().collect();
    assert_eq!(
        (variables["CARGO_PKG_RUST_VERSION"].as_str(), variables["CARGO_PKG_README"].as_str()),
        ("1.70", "R.md")
    );

    let mut build = build_config();
    build.set_target(Some(example("ex")));
    assert_eq!(names(&workspace.discover("ws/app", &build).unwrap()), "app dep dev out patched tool");
}

fn choices(choices: &[(&str, Option<&str>, Option<TargetName>)]) -> BTreeMap<ArtifactId, ProgramChoice> {
    let choice = |(service, package, target): &(&str, Option<&str>, _)| ProgramChoice {
        service: (*service).to_owned(),
        package: package.map(str::to_owned),
        target: Option::clone(target),
    };
    (0..).map(ArtifactId).zip(choices.iter().map(choice)).collect()
}

#[test]
fn several_programs_have_their_own_packages_and_share_others() {
    let package = |name: &str, more: &str| format!("[package]\nname = '{name}'\n[dependencies]\n{more}");
    let workspace = Workspace::new(&[
        ("Cargo.toml", "[workspace]\nresolver = '2'\nmembers = ['api', 'both', 'more', 'other', 'worker']\n"),
        ("worker/Cargo.toml", &package("worker", "both = { path = '../both' }\n")),
        ("worker/src/main.rs", ""),
        ("worker/src/bin/tick.rs", ""),
        ("api/Cargo.toml", &package("api", "both = { path = '../both' }\nmore = { path = '../more' }\n")),
        ("api/src/main.rs", ""),
        ("both/Cargo.toml", &package("both", "")),
        ("both/src/lib.rs", ""),
        ("more/Cargo.toml", &package("more", "")),
        ("more/src/lib.rs", ""),
        ("other/Cargo.toml", &package("other", "")),
        ("other/src/lib.rs", ""),
    ]);
    let wanted = choices(&[
        ("worker", None, Some(bin("worker"))),
        ("api", Some("api"), None),
        ("tick", Some("worker"), Some(bin("tick"))),
    ]);
    let project = workspace.find("", &build_config(), &wanted).unwrap();
    let names: Vec<&str> = project.packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["worker", "api", "both", "more"]);
    assert_eq!(project.other_roots, [workspace.root().join("other")]);
    let made_of = |program: &ProgramInfo| {
        let names: Vec<&str> = project.packages_of(program).map(|package| package.name.as_str()).collect();
        format!("{}: {}", program.target.name, names.join(" "))
    };
    let all: Vec<String> = project.programs.values().map(made_of).collect();
    assert_eq!(all, ["worker: worker both", "api: api both more", "tick: worker both"]);
    let worker = &project.programs[&ArtifactId(2)].package;
    assert_eq!(worker.programs, [bin("tick"), bin("worker")]);
}

#[test]
fn an_error_of_a_service_names_it() {
    let workspace = Workspace::four("");
    let error = |package: Option<&str>, target: Option<TargetName>| {
        let wanted = choices(&[("good", Some("c"), None), ("api", package, target)]);
        let error = workspace.find("", &build_config(), &wanted).unwrap_err();
        format!("{}: {error}\nhint: {}", error.exit_code(), error.hint().unwrap_or_default())
            .replace(workspace.root().to_str().unwrap(), "[ROOT]")
    };
    insta::assert_snapshot!(error(Some("bb"), None), @r#"
    2: service `api`: package `bb` not found in workspace `[ROOT]`; it has `a`, `b`, `c`, `l`
    hint: did you mean `package = "b"`?
    "#);
    insta::assert_snapshot!(error(Some("b"), None), @"
    2: service `api`: package `b` has 3 binaries: `a`, `b`, `extra`
    hint: choose one with `bin`, or set `default-run` in `Cargo.toml`
    ");
    insta::assert_snapshot!(error(Some("b"), Some(bin("ex"))), @r#"
    2: service `api`: no binary named `ex` in package `b`; it has `a`, `b`, `extra`
    hint: did you mean `example = "ex"`?
    "#);
}

#[test]
fn a_path_dependency_without_a_manifest_is_still_watched() {
    let workspace = Workspace::new(&[
        ("app/Cargo.toml", "[package]\nname = 'app'\n[dependencies]\ngone = { path = '../gone' }\n"),
        ("app/src/main.rs", ""),
    ]);
    let project = workspace.discover("app", &build_config()).unwrap();
    assert_eq!(project.packages[1].name, "gone");
    assert_eq!(project.packages[1].manifest, workspace.root().join("gone/Cargo.toml"));
}

#[test]
fn target_and_build_directory_follow_flags_and_configuration() {
    let workspace = Workspace::new(&[("Cargo.toml", "[package]\nname = 'p'\n"), ("src/main.rs", "")]);
    let root = workspace.root();
    let mut build = build_config();
    build.common_args.extend(["--config".to_owned(), "build.target-dir='t'".to_owned()]);
    let project = workspace.discover("src", &build).unwrap();
    assert_eq!(project.target_directory, root.join("src/t"));
    assert_eq!(project.build_directory, root.join("src/t"));
    build.target_dir = Some("u".into());
    let project = workspace.discover("src", &build).unwrap();
    assert_eq!(project.target_directory, root.join("src/u"));
    assert_eq!(project.build_directory, root.join("src/u"));
}
