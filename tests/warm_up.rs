//! The warm-up of a copied staging target: once, in nobody's way, and gone without a trace.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::process::Signal;

use super::support::{DEADLINE, Home, Hotrun, Project, pause};

/// What is said of one that came to its end, with `-v`.
const DONE: &str = "in the background in";

/// A built program with a macro that does not return while `target/hold` exists.
fn project() -> Project {
    let project = Project::caller();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         macros = { path = \"macros\" }\n\n[workspace]\n",
    );
    project.write(
        "macros/Cargo.toml",
        "[package]\nname = \"macros\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n",
    );
    project.write(
        "macros/src/lib.rs",
        "#[proc_macro]\npub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    \
         while std::path::Path::new(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../target/hold\")).exists() {\n        \
         std::thread::sleep(std::time::Duration::from_millis(10));\n    }\n    \"7\".parse().unwrap()\n}\n",
    );
    set_version(&project, "one");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--offline"])
        .current_dir(project.path())
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("CARGO_INCREMENTAL")
        .status();
    assert!(built.unwrap().success());
    project
}

fn set_version(project: &Project, version: &str) {
    let text = Project::caller_text(version);
    project.write(
        "src/main.rs",
        &text.replace("fn main() {", "fn main() {\n    assert_eq!(7, macros::seven!());"),
    );
}

fn start(project: &Project, home: &Home, args: &[&str]) -> Hotrun {
    Hotrun::prepare(project, home, args).env_remove("CARGO_INCREMENTAL").start()
}

/// The cargos that build in the staging target.
fn cargos(project: &Project) -> Vec<u32> {
    let staging = project.join("target/hotrun");
    let staging = staging.as_os_str().as_encoded_bytes();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.windows(2).any(|pair| pair == [b"--target-dir", staging])
    })
    .collect()
}

#[track_caller]
fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !there() {
        assert!(Instant::now() < deadline, "{what}");
        pause();
    }
}

/// A hotrun in the middle of its warm-up.
fn warming(project: &Project, home: &Home) -> Hotrun {
    fs::write(project.join("target/hold"), "").unwrap();
    let mut hotrun = start(project, home, &["-v"]);
    assert_eq!(hotrun.wait_for_build("build-finished", 1).0["fresh"], true);
    hotrun.wait_for("process-started");
    wait_until("no warm-up begins", || !cargos(project).is_empty());
    hotrun
}

/// Nothing is left of a warm-up, and what it was to replace is in its place.
fn nothing_left(project: &Project) {
    wait_until("cargo runs on", || cargos(project).is_empty());
    wait_until("its copy is left", || !project.join("target/hotrun/.seed").exists());
}

/// The warm-up gives way to everything on a busy machine, other tests too.
fn hurry(project: &Project) {
    for pid in cargos(project) {
        let pid = pid.to_string();
        let mut command = Command::new("chrt");
        command.args(["--all-tasks", "--other", "--pid", "0", &pid]).stderr(Stdio::null());
        let _ = command.status();
    }
}

#[test]
fn the_first_edit_finds_what_was_compiled_once_in_the_background() {
    let (project, home) = (project(), Home::new());
    let mut hotrun = start(&project, &home, &["-v"]);
    assert_eq!(hotrun.wait_for_build("build-finished", 1).0["fresh"], true);
    wait_until("the warm-up does not end", || {
        hurry(&project);
        hotrun.stderr().contains(DONE)
    });
    nothing_left(&project);
    let caches = fs::read_dir(project.join("target/hotrun/debug/incremental")).unwrap().flatten();
    let caches: Vec<_> = caches.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    for package in ["app-", "macros-"] {
        assert!(caches.iter().any(|cache| cache.starts_with(package)), "{caches:?}");
    }
    // cargo judges by the same files as before, and nobody has heard of a build.
    hotrun.signal(Signal::HUP);
    hotrun.wait_for("process-started");
    assert!(hotrun.seen().iter().all(|event| event.0["build"].as_u64().unwrap_or(1) == 1));
    set_version(&project, "two");
    hotrun.wait_for_build("process-started", 2);
    home.call_of("two");
    hotrun.signal(Signal::INT);
    hotrun.wait();

    // The next start has nothing to do.
    let mut hotrun = start(&project, &home, &["-v"]);
    assert_eq!(hotrun.wait_for_build("build-finished", 1).0["fresh"], true);
    set_version(&project, "three");
    home.call_of("three");
    hotrun.signal(Signal::INT);
    let (_, said) = hotrun.wait();
    assert!(!said.contains(DONE), "{said}");
}

#[test]
fn an_edit_ends_the_warm_up_and_is_built() {
    let (project, home) = (project(), Home::new());
    let mut hotrun = warming(&project, &home);
    let before = cargos(&project);
    set_version(&project, "two");
    wait_until("the warm-up is not cancelled", || cargos(&project).iter().all(|pid| !before.contains(pid)));
    fs::remove_file(project.join("target/hold")).unwrap();
    let finished = hotrun.wait_for_build("build-finished", 2);
    assert_eq!((&finished.0["success"], &finished.0["fresh"]), (&true.into(), &false.into()));
    home.call_of("two");
    nothing_left(&project);
    assert!(!hotrun.stderr().contains(DONE));
}

#[test]
fn another_program_of_the_workspace_does_not_wait_for_a_warm_up() {
    let (project, home) = (project(), Home::new());
    project.write("src/bin/other.rs", "fn main() {\n    std::thread::sleep(std::time::Duration::MAX);\n}\n");
    let built =
        Command::new("cargo").args(["build", "--quiet", "--offline"]).current_dir(project.path()).status();
    assert!(built.unwrap().success());
    fs::write(project.join("target/hold"), "").unwrap();
    let mut hotrun = start(&project, &home, &["-v", "--bin", "app"]);
    hotrun.wait_for("process-started");
    wait_until("no warm-up begins", || !cargos(&project).is_empty());
    let mut other = start(&project, &home, &["--bin", "other"]);
    other.wait_for("process-started");
    nothing_left(&project);
}

#[test]
fn nothing_is_left_of_a_warm_up_when_hotrun_ends() {
    let (project, home) = (project(), Home::new());
    let mut hotrun = warming(&project, &home);
    hotrun.signal(Signal::INT);
    hotrun.wait();
    assert!(cargos(&project).is_empty());
    fs::remove_dir_all(project.join("target/hotrun")).unwrap();
    let mut hotrun = warming(&project, &home);
    hotrun.signal(Signal::KILL);
    hotrun.wait_for_end();
    wait_until("cargo outlives hotrun", || cargos(&project).is_empty());
    // The next start finds everything fresh.
    let mut next = start(&project, &home, &[]);
    assert_eq!(next.wait_for_build("build-finished", 1).0["fresh"], true, "{}", next.stderr());
    next.wait_for("process-started");
    nothing_left(&project);
}

#[test]
fn with_a_shared_build_directory_there_is_nothing_to_warm_up() {
    let (project, home) = (project(), Home::new());
    let mut hotrun = start(&project, &home, &["-v", "--share-build-dir"]);
    hotrun.wait_for("process-started");
    set_version(&project, "two");
    home.call_of("two");
    hotrun.signal(Signal::INT);
    let (_, said) = hotrun.wait();
    assert!(!said.contains(DONE), "{said}");
    assert!(!project.join("target/hotrun/.seed.lock").exists());
}
