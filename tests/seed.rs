//! The first start in a project that is built already: the staging target begins as a copy, and cargo finds it fresh.

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Instant, SystemTime};

use rustix::process::Signal;

use super::support::{DEADLINE, Home, Hotrun, Project, pause};

const BLOCKED: &str = "Blocking waiting for file lock";

/// A program with a library that includes what its build script generates, and a procedural macro.
fn project() -> Project {
    let project = Project::caller();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         generated = { path = \"generated\" }\nmacros = { path = \"macros\" }\n\n[workspace]\n",
    );
    let manifest = |name: &str| {
        format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n")
    };
    project.write("generated/Cargo.toml", &manifest("generated"));
    project.write(
        "generated/build.rs",
        "fn main() {\n    println!(\"cargo::rerun-if-changed=build.rs\");\n    let out = std::env::var(\"OUT_DIR\").unwrap();\n    \
         std::fs::write(format!(\"{out}/it.rs\"), \"pub fn it() -> u32 { 7 }\").unwrap();\n}\n",
    );
    project.write("generated/src/lib.rs", "include!(concat!(env!(\"OUT_DIR\"), \"/it.rs\"));\n");
    project.write("macros/Cargo.toml", &format!("{}\n[lib]\nproc-macro = true\n", manifest("macros")));
    project.write(
        "macros/src/lib.rs",
        "#[proc_macro]\npub fn seven(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    \"7\".parse().unwrap()\n}\n",
    );
    set_version(&project, "one");
    project
}

fn set_version(project: &Project, version: &str) {
    let check = "fn main() {\n    assert_eq!(generated::it(), macros::seven!());";
    project.write("src/main.rs", &Project::caller_text(version).replace("fn main() {", check));
}

/// What `cargo build` gives without hotrun.
fn build(project: &Project, args: &[&str], env: &[(&str, &str)]) {
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--offline"])
        .args(args)
        .current_dir(project.path())
        .env_remove("CARGO_TARGET_DIR")
        .envs(env.iter().copied())
        .status()
        .unwrap();
    assert!(built.success());
}

/// The triple of this machine.
fn host() -> String {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let about = String::from_utf8(rustc.stdout).unwrap();
    about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn start(project: &Project, home: &Home, args: &[&str], env: &[(&str, &str)]) -> Hotrun {
    env.iter()
        .fold(Hotrun::prepare(project, home, args), |start, (name, value)| start.env(name, value))
        .start()
}

/// Every file below a folder, with what would show that it was written to. Not what is hotrun's.
fn state(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, u64, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let metadata = entry.metadata().unwrap();
            if !metadata.is_dir() {
                let bytes = fs::read(entry.path()).unwrap();
                files.insert(entry.path(), (metadata.modified().unwrap(), metadata.ino(), bytes));
            } else if entry.file_name() != "hotrun" {
                folders.push(entry.path());
            }
        }
    }
    files
}

/// Nothing was compiled for the first build, which says what it began with.
#[track_caller]
fn began_with(hotrun: &mut Hotrun, from: &str) {
    let finished = hotrun.wait_for_build("build-finished", 1);
    assert_eq!(finished.0["fresh"], true, "{}", hotrun.stderr());
    hotrun.wait_for("process-started");
    let said = hotrun.wait_said("Started");
    assert!(!said.contains("Compiling"), "{said}");
    assert_eq!(said.matches("Using ").count(), 1, "{said}");
    assert!(said.contains("Using target/hotrun, so your own cargo never has to wait"), "{said}");
    assert!(said.contains(&format!(" from {from} (--share-build-dir ")), "{said}");
}

/// Waits until nothing is left of a copy: the warm-up makes one of its own.
fn leaves_no_copy(project: &Project) {
    let deadline = Instant::now() + DEADLINE;
    while project.join("target/hotrun/.seed").exists() {
        assert!(Instant::now() < deadline, "a copy is left");
        pause();
    }
}

#[test]
fn a_built_project_is_not_compiled_again_and_its_own_target_stays_as_it_is() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    let before = state(&project.join("target"));
    let mut hotrun = start(&project, &home, &[], &[]);
    began_with(&mut hotrun, "target/debug");
    assert_eq!(home.call().version, "one");

    // What follows is built in the copy alone, the build script included.
    set_version(&project, "two");
    home.call_of("two");
    let script = fs::read_to_string(project.join("generated/build.rs")).unwrap();
    project.write("generated/build.rs", &script.replace("{ 7 }", "{ 3 + 4 }"));
    hotrun.wait_for_build("process-started", 3);
    home.call_of("two");
    assert!(state(&project.join("target")) == before, "the project's own target was written to");

    // Nor does cargo write to the copy, where the two share files.
    hotrun.signal(Signal::INT);
    hotrun.wait();
    project.write("generated/build.rs", &script.replace("{ 7 }", "{ 8 - 1 }"));
    let before = state(&project.join("target/hotrun"));
    build(&project, &[], &[]);
    assert!(state(&project.join("target/hotrun")) == before, "the staging target was written to");
}

#[test]
fn what_tests_were_built_stays_behind() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    let built = |folder: &str| -> Vec<_> {
        let entries = fs::read_dir(project.join(folder)).unwrap().map(|entry| entry.unwrap());
        let programs = entries.filter(|entry| entry.path().extension().is_none());
        programs.map(|entry| entry.file_name()).collect()
    };
    let before = built("target/debug/deps");
    let done = Command::new("cargo")
        .args(["test", "--no-run", "--quiet", "--offline"])
        .current_dir(project.path())
        .env_remove("CARGO_TARGET_DIR")
        .status();
    assert!(done.unwrap().success());
    assert!(built("target/debug/deps").len() > before.len());
    began_with(&mut start(&project, &home, &[], &[]), "target/debug");
    assert_eq!(built("target/hotrun/debug/deps"), before);
}

#[test]
fn a_profile_that_only_the_workspace_names_is_the_one_that_is_copied() {
    let (project, home) = (project(), Home::new());
    project.write(
        "Cargo.toml",
        &fs::read_to_string(project.join("Cargo.toml"))
            .unwrap()
            .replace("[workspace]\n", "[workspace]\nmembers = [\"inner\"]\n"),
    );
    project
        .write("inner/Cargo.toml", "[package]\nname = \"inner\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    project.write(
        "inner/src/main.rs",
        &fs::read_to_string(project.join("src/main.rs"))
            .unwrap()
            .replace("assert_eq!(generated::it(), macros::seven!());", ""),
    );
    project.write("hotrun.toml", "[build]\nprofile = \"release\"\n");
    for profile in ["dev", "release"] {
        build(&project, &["--workspace", "--profile", profile], &[]);
    }
    let mut hotrun = Hotrun::prepare(&project, &home, &[]).folder(&project.join("inner")).start();
    hotrun.wait_for("process-started");
    let said = hotrun.wait_said("Started");
    assert!(said.contains("from ../target/release (") && !said.contains("Compiling"), "{said}");
    for gone in ["debug", ".seed"] {
        assert!(!project.join("target/hotrun").join(gone).exists(), "{gone}");
    }
}

#[test]
fn a_separate_build_directory_is_where_it_begins() {
    let (project, home) = (project(), Home::new());
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = format!("{}/{{workspace-path-hash}}", elsewhere.path().display());
    let env = [("CARGO_BUILD_BUILD_DIR", &*folder)];
    build(&project, &[], &env);
    let before = state(elsewhere.path());
    let mut hotrun = start(&project, &home, &[], &env);
    hotrun.wait_for("process-started");
    let said = hotrun.wait_said("Started");
    assert!(said.contains(&format!(" from {}", elsewhere.path().display())), "{said}");
    assert!(!said.contains("Compiling"), "{said}");
    assert!(state(elsewhere.path()) == before);
}

#[test]
fn a_target_of_ones_own_choice_is_where_it_begins() {
    let (project, home) = (project(), Home::new());
    let triple = host();
    let args = ["--target", &triple, "--release"];
    build(&project, &args, &[]);
    let mut hotrun = start(&project, &home, &args, &[]);
    began_with(&mut hotrun, &format!("target/{triple}/release"));
}

#[test]
fn the_locks_of_another_cargo_are_waited_for_and_an_edit_meanwhile_is_in_the_build() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    let lock = File::open(project.join("target/debug/.cargo-lock")).unwrap();
    lock.lock_shared().unwrap();
    let mut hotrun = start(&project, &home, &[], &[]);
    hotrun.wait_said(BLOCKED);
    set_version(&project, "two");
    hotrun.wait_for_build("build-cancelled", 1);
    hotrun.wait_for_build("build-started", 2);
    lock.unlock().unwrap();
    assert_eq!(home.call().version, "two");
    let said = hotrun.stderr();
    assert!(said.contains("Compiling app"), "{said}");
    assert!(!said.contains("Compiling generated"), "{said}");
}

#[test]
fn a_copy_that_takes_long_is_waited_for_without_a_word() {
    let (project, home) = (Project::caller(), Home::new());
    build(&project, &[], &[]);
    // Longer than cargo takes to find out what there is to build.
    fs::write(project.join("target/debug/large"), vec![1; 200 << 20]).unwrap();
    let mut hotrun = start(&project, &home, &[], &[]);
    began_with(&mut hotrun, "target/debug");
    let said = hotrun.stderr();
    // Another cargo on this machine may hold the package cache.
    let blocked = |line: &str| line.contains(BLOCKED) && line.ends_with("directory");
    assert!(!said.lines().any(blocked), "{said}");
    assert!(project.join("target/hotrun/debug/large").exists());
    leaves_no_copy(&project);
    // cargo would keep a copied one where the sources are the same.
    let dep_info = fs::read_to_string(project.join("target/hotrun/debug/app.d")).unwrap();
    assert!(dep_info.contains("target/hotrun/debug/app:"), "{dep_info}");
}

#[test]
fn a_signal_ends_the_wait_for_the_locks_and_nothing_half_done_is_left() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    let lock = File::open(project.join("target/debug/.cargo-lock")).unwrap();
    lock.lock().unwrap();
    let mut hotrun = start(&project, &home, &[], &[]);
    hotrun.wait_said(BLOCKED);
    hotrun.signal(Signal::INT);
    hotrun.wait();
    assert!(!project.join("target/hotrun/debug").exists());
    drop(lock);
    // What a killed one leaves is in nobody's way.
    project.write("target/hotrun/.seed/0/deps/half", "");
    let mut hotrun = start(&project, &home, &[], &[]);
    began_with(&mut hotrun, "target/debug");
    leaves_no_copy(&project);
}

#[test]
fn a_copy_that_the_first_build_cannot_use_is_thrown_away() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    // Damaged, with their times as they were: cargo takes them for fresh.
    for (path, (modified, ..)) in state(&project.join("target/debug")) {
        if path.extension().is_some_and(|extension| extension == "rlib" || extension == "rmeta") {
            fs::write(&path, "damaged").unwrap();
            File::open(&path).unwrap().set_times(FileTimes::new().set_modified(modified)).unwrap();
        }
    }
    set_version(&project, "two");
    let mut hotrun = start(&project, &home, &[], &[]);
    assert_eq!(home.call().version, "two");
    hotrun.wait_for_build("process-started", 1);
    let said = hotrun.stderr();
    assert!(said.contains("the copy of `target/debug` may be at fault"), "{said}");
    assert!(said.contains("Compiling generated"), "{said}");
}

#[test]
fn a_source_that_does_not_compile_is_no_fault_of_the_copy() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    project.break_it();
    let mut hotrun = start(&project, &home, &[], &[]);
    hotrun.wait_for_build("build-finished", 1);
    set_version(&project, "two");
    assert_eq!(home.call().version, "two");
    let said = hotrun.stderr();
    assert!(!said.contains("Compiling generated") && !said.contains("may be the fault"), "{said}");
}

/// A file and its text, arguments and environment of hotrun, and what is said of the cause.
type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

#[test]
fn what_the_project_or_the_machine_lacks_is_no_fault_of_the_copy() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    let host = host();
    let linker = format!("CARGO_TARGET_{}_LINKER", host.to_uppercase().replace('-', "_"));
    let foreign = "s390x-unknown-linux-gnu";
    project.write(&format!("target/{foreign}/debug/.cargo-lock"), "");
    project.write(&format!("target/{foreign}/debug/kept"), "");
    project.write("target/debug/kept", "");
    let (script, main) = ("generated/build.rs", "src/main.rs");
    let main_text = fs::read_to_string(project.join(main)).unwrap();
    let extern_crate = format!("extern crate nobodys;\n{main_text}");
    let native = "fn main() {\n    println!(\"cargo::rustc-link-lib=nobodys\");\n    std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/it.rs\", \"pub fn it() -> u32 { 7 }\").unwrap();\n}\n";
    let failing = "fn main() {\n    panic!(\"no C compiler\");\n}\n";
    let killed = "fn main() {\n    std::process::abort();\n}\n";
    let no_linker = [(&*linker, "nolink")];
    let at_foreign = ["--target", foreign];
    let cases: [Case<'_>; 6] = [
        (script, failing, &[], &[], "no C compiler"),
        (script, killed, &[], &[], "failed to run custom build command"),
        (script, native, &[], &[], "linking with"),
        (main, &extern_crate, &[], &[], "E0463"),
        (main, &main_text, &[], &no_linker, "linker `nolink` not found"),
        (main, &main_text, &at_foreign, &[], "error"),
    ];
    for (file, text, args, env, cause) in cases {
        let whole = fs::read_to_string(project.join(file)).unwrap();
        project.write(file, text);
        let mut hotrun = start(&project, &home, args, env);
        let finished = hotrun.wait_for_build("build-finished", 1);
        assert_eq!(finished.0["success"], false, "{cause}");
        hotrun.signal(Signal::INT);
        let (_, said) = hotrun.wait();
        assert!(said.contains(cause) && !said.contains("may be the fault"), "{cause}: {said}");
        let folder = if args.is_empty() { "debug".to_owned() } else { format!("{foreign}/debug") };
        assert!(project.join("target/hotrun").join(folder).join("kept").exists(), "{cause}: {said}");
        fs::remove_dir_all(project.join("target/hotrun")).unwrap();
        project.write(file, &whole);
    }
}

#[test]
fn without_anything_to_begin_with_or_with_a_shared_build_directory_nothing_is_copied() {
    let (project, home) = (project(), Home::new());
    let mut cold = start(&project, &home, &[], &[]);
    home.call();
    cold.signal(Signal::INT);
    let (_, said) = cold.wait();
    assert!(said.contains("Compiling generated") && !said.contains("a copy of"), "{said}");
    fs::remove_dir_all(project.join("target")).unwrap();
    build(&project, &[], &[]);
    let mut shared = start(&project, &home, &["--share-build-dir"], &[]);
    home.call();
    shared.signal(Signal::INT);
    let (_, said) = shared.wait();
    assert!(!said.contains("Compiling") && !said.contains("a copy of"), "{said}");
    assert!(!project.join("target/hotrun/.seed.lock").exists());
}

#[test]
fn less_debug_information_is_for_the_staging_target_alone() {
    let (project, home) = (project(), Home::new());
    build(&project, &[], &[]);
    let before = state(&project.join("target"));
    project.write("hotrun.toml", "[build]\ndebug-info = \"none\"\n");
    let mut hotrun = start(&project, &home, &[], &[]);
    let started = hotrun.wait_for_build("build-started", 1);
    let command = started.0["command"].as_array().unwrap();
    assert!(command.iter().any(|word| word == "profile.dev.debug=\"none\""), "{command:?}");
    home.call();
    let said = hotrun.wait_said("Started");
    // Nothing of the other builds' would be fresh.
    assert!(said.contains("Compiling generated") && !said.contains("a copy of"), "{said}");
    assert_eq!(state(&project.join("target")), before);
    let size = |path: &str| project.join(path).metadata().unwrap().len();
    assert!(size("target/hotrun/live/debug/app") < size("target/debug/app"));
}
