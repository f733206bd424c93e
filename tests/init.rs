//! `hotrun init`: for projects of every shape, what it writes is accepted, and hotrun runs the program with it.

use std::fs;
use std::path::Path;

use super::support::{Home, Hotrun, Project, Said, manifest, said};

/// A package at `folder` that whose program calls home.
fn package(project: &Project, folder: &str, manifest: &str) {
    project.write(&format!("{folder}/Cargo.toml"), manifest);
    project.write(&format!("{folder}/src/main.rs"), &Project::caller_text("one"));
}

#[track_caller]
fn init(folder: &Path, args: &[&str]) -> String {
    let Said { code, stdout, stderr } = said(folder, &[&["init"], args].concat());
    assert_eq!((code, &*stdout), (0, ""), "{stderr}");
    assert!(stderr.starts_with("     Created "), "{stderr}");
    stderr
}

/// What `hotrun config` shows, without the origins.
#[track_caller]
fn settings(folder: &Path) -> Vec<String> {
    let Said { code, stdout, stderr } = said(folder, &["config"]);
    assert_eq!(code, 0, "{stderr}");
    stdout.lines().map(|line| line.split("  #").next().unwrap().trim_end().to_owned()).collect()
}

#[track_caller]
fn has(settings: &[String], line: &str) {
    assert!(settings.iter().any(|setting| setting.trim() == line), "no `{line}` in {settings:#?}");
}

/// hotrun runs the program, which calls home.
#[track_caller]
fn runs(project: &Project, args: &[&str]) {
    let home = Home::new();
    let mut hotrun = Hotrun::run(project, &home, args);
    hotrun.wait_for("ready");
    home.call();
}

#[test]
fn a_plain_package_gets_a_file_that_changes_nothing() {
    let project = Project::caller();
    let before = settings(project.path());
    assert_eq!(init(project.path(), &[]), "     Created hotrun.toml for `app`\n");
    assert_eq!(settings(project.path()), before);
    assert_eq!(
        fs::read_dir(project.path()).unwrap().filter(|entry| is_new(entry.as_ref().unwrap())).count(),
        1
    );
}

/// Whether hotrun made it.
fn is_new(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().contains("hotrun")
}

#[test]
fn of_several_programs_one_is_named() {
    let project = Project::caller();
    fs::remove_file(project.join("src/main.rs")).unwrap();
    for name in ["api", "worker"] {
        project.write(&format!("src/bin/{name}.rs"), &Project::caller_text("one"));
    }
    project.write("src/lib.rs", "");
    let said = init(project.path(), &[]);
    assert!(said.contains("Created hotrun.toml for `api` of package `app`"), "{said}");
    assert!(said.contains("bin = \"api\" (the program to run; there is `worker` too)"), "{said}");
    has(&settings(project.path()), "bin = \"api\"");
    runs(&project, &[]);

    fs::remove_file(project.join("hotrun.toml")).unwrap();
    init(project.path(), &["--bin", "worker"]);
    has(&settings(project.path()), "bin = \"worker\"");

    // Where the manifest says which, the file need not.
    fs::remove_file(project.join("hotrun.toml")).unwrap();
    project.write(
        "Cargo.toml",
        &manifest("app").replace("[workspace]", "default-run = \"worker\"\n\n[workspace]"),
    );
    assert_eq!(init(project.path(), &[]), "     Created hotrun.toml for `worker` of package `app`\n");
}

#[test]
fn a_package_of_examples_runs_one() {
    let project = Project::empty();
    project.write("Cargo.toml", &manifest("app"));
    project.write("src/lib.rs", "");
    project.write("examples/tour.rs", &Project::caller_text("one"));
    init(project.path(), &[]);
    has(&settings(project.path()), "example = \"tour\"");
    runs(&project, &[]);
}

#[test]
fn a_workspace_without_a_package_gets_its_file_at_the_root() {
    let project = Project::empty();
    project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n");
    for name in ["api", "worker"] {
        package(&project, &format!("crates/{name}"), &manifest(name).replace("[workspace]\n", ""));
    }
    init(project.path(), &["-p", "worker"]);
    has(&settings(project.path()), "package = \"worker\"");
    runs(&project, &[]);
    fs::remove_file(project.join("hotrun.toml")).unwrap();

    init(project.path(), &[]);
    let shown = settings(project.path());
    has(&shown, "bin = \"api\"");
    has(&shown, "package = \"api\"");

    // In a member it is the member's, which has to name its program now that the root names one.
    init(&project.join("crates/worker/src"), &[]);
    assert!(project.join("crates/worker/hotrun.toml").is_file());
    has(&settings(&project.join("crates/worker")), "bin = \"worker\"");
    fs::remove_file(project.join("hotrun.toml")).unwrap();
    fs::remove_file(project.join("crates/worker/hotrun.toml")).unwrap();
    assert_eq!(init(&project.join("crates/worker"), &[]), "     Created hotrun.toml for `worker`\n");
}

#[test]
fn a_server_is_preferred_and_an_env_file_is_noted() {
    let project = Project::empty();
    project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"client\", \"server\"]\n");
    for name in ["client", "server"] {
        package(&project, name, &manifest(name).replace("[workspace]\n", ""));
    }
    project.write("server/.env", "A=1\n");
    let said = init(project.path(), &[]);
    assert!(said.contains("bin = \"server\" (the program to run; there is `client` too)"), "{said}");
    assert!(said.contains("note: `server/.env` is there"), "{said}");
    has(&settings(project.path()), "env-file = []");
}

#[test]
fn nothing_that_exists_is_written_over() {
    let refused = |project: &Project, words: &[&str]| {
        let Said { code, stderr, .. } = said(project.path(), &["init"]);
        assert_eq!(code, 1, "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "no {word:?} in:\n{stderr}");
        }
    };
    let project = Project::caller();
    project.write("hotrun.toml", "# mine\n");
    refused(&project, &["hotrun.toml` already exists", "hint: edit it"]);
    assert_eq!(fs::read_to_string(project.join("hotrun.toml")).unwrap(), "# mine\n");

    fs::remove_file(project.join("hotrun.toml")).unwrap();
    std::os::unix::fs::symlink("elsewhere", project.join("hotrun.toml")).unwrap();
    refused(&project, &["already exists"]);
    assert!(!project.join("elsewhere").exists());

    let project = Project::caller();
    let text = manifest("app") + "\n[package.metadata.hotrun.ui]\nclear = true\n";
    project.write("Cargo.toml", &text);
    refused(&project, &["Cargo.toml` already has `[package.metadata.hotrun]`", "hint: edit it there"]);
    assert!(!project.join("hotrun.toml").exists());

    refused(&Project::empty(), &["could not find `Cargo.toml`"]);
}
