//! What runs is what a build gave: the program, the shared libraries it loads, and what build scripts made for it.

#[cfg(target_os = "linux")]
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use rustix::process::Signal;

#[cfg(target_os = "linux")]
use super::edits::world::{namespaces, skip};
use super::support::{DEADLINE, Home, Hotrun, Project, said};

/// A library as cargo builds it for `crate-type`.
fn library(project: &Project, name: &str, kind: &str, dependencies: &str) {
    let text = format!(
        "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [{kind:?}]\n\n\
         [dependencies]\n{dependencies}"
    );
    project.write(&format!("{name}/Cargo.toml"), &text);
}

/// The program of [`Project::caller`] with a version that is found out when it starts.
fn caller(version: &str) -> String {
    let text = Project::caller_text("");
    let at_start = text.replace("const VERSION: &str = \"\";", "").replace("{VERSION}", "{version}");
    assert!(!at_start.contains("VERSION"));
    at_start.replace("fn main() {", &format!("fn main() {{\n    let version = {version};"))
}

fn manifest(dependencies: &str) -> String {
    format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n[workspace]\n"
    )
}

/// A program that says what two of its libraries say: one that it links and one that that links.
fn linked() -> Project {
    let project = Project::empty();
    project.write("Cargo.toml", &manifest("engine = { path = \"engine\" }\n"));
    library(&project, "engine", "dylib", "wheel = { path = \"../wheel\" }\n");
    library(&project, "wheel", "dylib", "");
    project.write("engine/src/lib.rs", "pub fn say(_: u8) -> String { format!(\"e1-{}\", wheel::say()) }\n");
    wheel(&project, "w1");
    project.write("src/main.rs", &caller("engine::say(1)"));
    project
}

fn wheel(project: &Project, version: &str) {
    project.write("wheel/src/lib.rs", &format!("pub fn say() -> &'static str {{ {version:?} }}\n"));
}

#[test]
fn a_library_that_the_program_links_is_published_with_it() {
    let (project, home) = (linked(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &["--on-start-failure", "rollback"]);
    let mut first = home.call_of("e1-w1");
    hotrun.wait_for("ready");

    // Only the library's library differs: the executable is the same byte for byte.
    wheel(&project, "w2");
    first.wait_for_end();
    let mut second = home.call_of("e1-w2");
    hotrun.wait_for("ready");

    // A build that fails replaces one of the libraries in cargo's folder.
    wheel(&project, "w3");
    project.write("engine/src/lib.rs", "pub fn say(_: String) -> String { wheel::say().to_owned() }\n");
    assert_eq!(hotrun.wait_for("build-finished").0["success"], false);
    hotrun.signal(Signal::HUP);
    second.wait_for_end();
    let mut third = home.call_of("e1-w2");
    hotrun.wait_for("ready");

    // A build that cannot start gives way to the one before, with its libraries.
    project.write(
        "engine/src/lib.rs",
        "pub fn say(_: u8) -> String { std::process::exit(9) }\n#[allow(unused)] fn wheels() { wheel::say(); }\n",
    );
    third.wait_for_end();
    hotrun.wait_for("rolled-back");
    home.call_of("e1-w2");
    hotrun.wait_for("ready");

    // Two builds later there is no set but those that can be needed, and the last edit runs.
    for version in ["w4", "w5"] {
        wheel(&project, version);
        project
            .write("engine/src/lib.rs", "pub fn say(_: u8) -> String { format!(\"e2-{}\", wheel::say()) }\n");
        home.call_of(&format!("e2-{version}"));
        hotrun.wait_for("ready");
    }
    let sets = project.join("target/hotrun/live/debug/app.d");
    let deadline = Instant::now() + DEADLINE;
    // Live, previous, failed, and the one that was live before.
    while std::fs::read_dir(&sets).unwrap().count() > 4 {
        assert!(Instant::now() < deadline, "old sets stay");
        std::thread::yield_now();
    }
}

/// What the program's build script makes of `data` for it.
const SCRIPT: &str = r#"
use std::process::Command;

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    std::fs::create_dir_all(format!("{out}/assets")).unwrap();
    std::fs::copy("data/page", format!("{out}/assets/page")).unwrap();
    let library = format!("{out}/libpart.{}", if cfg!(target_os = "macos") { "dylib" } else { "so" });
    let done = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, "data/part.c"]).status();
    assert!(done.unwrap().success());
    println!("cargo::rerun-if-changed=data");
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-lib=dylib=part");
}
"#;

fn part(project: &Project, number: u32) {
    project.write("data/part.c", &format!("int part(void) {{ return {number}; }}\n"));
}

/// A program that says what its build script made: a file it reads, and a library it loads.
fn scripted() -> Project {
    let project = Project::empty();
    project.write("Cargo.toml", &manifest(""));
    project.write("build.rs", SCRIPT);
    project.write("data/page", "p1");
    part(&project, 1);
    let main = caller(
        "format!(\"{}-{}\", std::fs::read_to_string(concat!(env!(\"OUT_DIR\"), \"/assets/page\")).unwrap(), unsafe { part() })",
    );
    let main = format!(
        "unsafe extern \"C\" {{ safe fn part() -> i32; }}\n{}",
        main.replace("unsafe { part() }", "part()")
    );
    project.write("src/main.rs", &main);
    project
}

#[test]
fn what_a_build_script_made_counts_by_its_content() {
    let (project, home) = (scripted(), Home::new());
    let main = std::fs::read_to_string(project.join("src/main.rs")).unwrap();
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    home.call_of("p1-1");
    hotrun.wait_for("ready");
    // A file that is read at the start, and a library that is loaded then.
    project.write("data/page", "p2");
    home.call_of("p2-1");
    hotrun.wait_for("ready");
    part(&project, 2);
    let mut running = home.call_of("p2-2");
    hotrun.wait_for("ready");

    // The script runs again and makes the same.
    project.write("data/unused", "1");
    hotrun.wait_for("unchanged");
    running.ask();

    // The library that a failed build made is not loaded by the build before it.
    part(&project, 3);
    project.break_it();
    assert_eq!(hotrun.wait_for("build-finished").0["success"], false);
    hotrun.signal(Signal::HUP);
    running.wait_for_end();
    home.call_of("p2-2");
    hotrun.wait_for("ready");
    project.write("src/main.rs", &main);
    home.call_of("p2-3");
}

/// Where there is a file `full`, nothing more has room when a build has succeeded: no byte, or no name either.
#[cfg(target_os = "linux")]
const FILLS: &str = r#"#!/bin/sh
"$REAL_CARGO" "$@"
code=$?
if [ "$1" = build ] && [ -e full ]; then
    dd if=/dev/zero of=target/filler bs=64k
    [ "$(cat full)" = bytes ] || while touch "target/filler$((at += 1))"; do :; done
fi 2> /dev/null
exit $code
"#;

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_what_runs_runs_on_and_a_build_with_room_is_published() {
    if !namespaces("-Urm") {
        return skip("a full disk: no mount namespaces here");
    }
    let (project, home) = (scripted(), Home::new());
    project.write("bin/cargo", FILLS);
    std::fs::set_permissions(project.join("bin/cargo"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir(project.join("target")).unwrap();
    let path = format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap());
    let mount = "mount -t tmpfs -o size=64m,nr_inodes=2k none target && exec \"$0\" \"$@\"";
    let mut hotrun = Hotrun::prepare(&project, &home, &[])
        .wrapped(&["unshare", "-Urm", "sh", "-c", mount])
        .env("PATH", &path)
        .env("REAL_CARGO", &std::env::var("CARGO").unwrap())
        .start();
    let mut running = home.call_of("p1-1");
    hotrun.wait_for("ready");
    for (full, number) in [("bytes", 2), ("names", 4)] {
        project.write("full", full);
        part(&project, number);
        let failed = hotrun.wait_for_build("warning", number.into());
        let message = failed.0["message"].as_str().unwrap();
        assert!(
            message.contains("No space left on device") && message.contains("free some disk space"),
            "{message}"
        );
        let wait = said(project.path(), &["wait"]);
        assert!(wait.code == 1 && wait.stdout.contains("No space left on device"), "{wait:?}");
        running.ask();
        // Room again, in hotrun's own view of the disk.
        std::fs::remove_file(project.join("full")).unwrap();
        let target = format!("/proc/{}/root{}", hotrun.pid(), project.join("target").display());
        for filler in std::fs::read_dir(target).unwrap().flatten() {
            if filler.file_name().as_encoded_bytes().starts_with(b"filler") {
                std::fs::remove_file(filler.path()).unwrap();
            }
        }
        hotrun.signal(Signal::HUP);
        running.wait_for_end();
        running = home.call_of(&format!("p1-{number}"));
        hotrun.wait_for("ready");
        let wait = said(project.path(), &["wait"]);
        assert_eq!(wait.code, 0, "{wait:?}");
    }
}
