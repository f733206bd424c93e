//! Many changes at once, changes without end, and changes that nobody tells of: the last content is served all the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;

use super::world::{git, module, namespaces, rename, skip};
use crate::support::{Home, Hotrun, Project, said};

/// The program with a module `name`, whose value is its version.
fn with_module(name: &str) -> Project {
    let project = Project::caller();
    let text = Project::caller_text("one")
        .replace("const VERSION: &str = \"one\";", &format!("mod {name};\nuse {name}::VALUE as VERSION;"));
    project.write("src/main.rs", &text);
    project
}

fn count(hotrun: &mut Hotrun, kind: &str) -> usize {
    hotrun.seen().iter().filter(|event| event.kind() == kind).count()
}

/// A repository with everything in it but the target directory.
fn committed(project: &Project) {
    project.write(".gitignore", "/target\n");
    for words in [["init", "--quiet", "."], ["add", "--all", "."], ["commit", "--quiet", "-mbase"]] {
        git(project.path(), &words);
    }
}

const GENERATOR: &str = r#"
fn main() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    std::fs::write("src/generated.rs", format!("pub const GENERATED: u128 = {now};\n")).unwrap();
}
"#;

#[test]
fn a_source_that_a_build_script_makes_first_is_no_change() {
    let project = with_module("part");
    project.write(
        "src/part.rs",
        &(module("one") + "#[path = \"generated.rs\"] mod generated;\npub use generated::GENERATED;\n"),
    );
    project.write(
        "build.rs",
        &GENERATOR
            .replace("{now}", "7")
            .replace("let now", "let _now")
            .replace("fn main() {", "fn main() {\n println!(\"cargo::rerun-if-changed=build.rs\");"),
    );
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("one");
    hotrun.wait_for("ready");
    let text = fs::read_to_string(project.join("src/part.rs")).unwrap();
    project.write("src/part.rs", &text.replace("\"one\"", "\"two\""));
    home.call_of("two");
    hotrun.wait_for_build("ready", 2);
    assert_eq!(count(&mut hotrun, "build-started"), 2, "{}", hotrun.stderr());
}

#[test]
fn a_generator_that_never_writes_the_same_is_warned_of_and_not_followed_for_ever() {
    let project = with_module("part");
    project.write("src/generated.rs", "pub const GENERATED: u128 = 0;\n");
    project.write(
        "src/part.rs",
        &(module("one") + "#[path = \"generated.rs\"] mod generated;\npub use generated::GENERATED;\n"),
    );
    // It names nothing, so cargo runs it again for its own output.
    project.write("build.rs", GENERATOR);
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("one");
    hotrun.wait_for("ready");
    said(project.path(), &["wait"]);
    let builds = count(&mut hotrun, "build-started");
    // Three that are cancelled, one that shows who wrote it, and one more for what was told meanwhile.
    assert!(builds <= 5, "{builds} builds before an edit\n{}", hotrun.stderr());
    // What is saved by hand is served, with one build.
    let text = fs::read_to_string(project.join("src/part.rs")).unwrap();
    for version in ["two", "three"] {
        project.write("src/part.rs", &text.replace("\"one\"", &format!("{version:?}")));
        home.call_of(version);
        said(project.path(), &["wait"]);
    }
    let more = count(&mut hotrun, "build-started") - builds;
    assert_eq!(more, 2, "two edits\n{}", hotrun.stderr());
    let said_of = hotrun.wait_said("hint: let the build script write it only when its content differs");
    assert!(said_of.contains("warning: `src/generated.rs` is written anew by every build"), "{said_of}");
}

/// The builds that ended by themselves since `before`, none of them more than needed.
fn assert_few_builds(hotrun: &mut Hotrun, before: usize, what: &str) {
    let finished = count(hotrun, "build-finished") - before;
    assert!((1..=2).contains(&finished), "{finished} builds for {what}:\n{}", hotrun.stderr());
}

/// Does something that hotrun sees all of at once. How long git takes is not hotrun's doing: on a busy machine it stalls for
/// longer than a burst of edits may last, and what comes after that is a burst of its own.
fn at_once(hotrun: &Hotrun, act: impl FnOnce()) {
    hotrun.signal(Signal::STOP);
    act();
    hotrun.signal(Signal::CONT);
}

#[test]
fn a_checkout_of_a_thousand_files_is_one_build_or_two() {
    let project = with_module("many");
    let mut many = vec!["pub use m999::VALUE;".to_owned()];
    for at in 0..1000 {
        many.push(format!("#[allow(dead_code)]\nmod m{at};"));
        project.write(&format!("src/many/m{at}.rs"), &module("one"));
    }
    project.write("src/many/mod.rs", &many.join("\n"));
    committed(&project);
    git(project.path(), &["checkout", "--quiet", "-b", "two"]);
    for at in 0..1000 {
        project.write(&format!("src/many/m{at}.rs"), &module("two"));
    }
    git(project.path(), &["commit", "--quiet", "-amtwo"]);

    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("two");
    hotrun.wait_for("ready");
    for (branch, version) in [("main", "one"), ("two", "two")] {
        let before = count(&mut hotrun, "build-finished");
        at_once(&hotrun, || git(project.path(), &["checkout", "--quiet", branch]));
        home.call_of(version);
        hotrun.wait_for("ready");
        assert_few_builds(&mut hotrun, before, branch);
    }
    for at in 0..1000 {
        project.write(&format!("src/many/m{at}.rs"), &module("three"));
    }
    home.call_of("three");
    hotrun.wait_for("ready");
    for (words, version) in [(["stash", "push", "--quiet"], "two"), (["stash", "pop", "--quiet"], "three")] {
        let before = count(&mut hotrun, "build-finished");
        at_once(&hotrun, || git(project.path(), &words));
        home.call_of(version);
        hotrun.wait_for("ready");
        assert_few_builds(&mut hotrun, before, words[1]);
    }
}

#[test]
fn a_checkout_and_a_stash_are_one_build_each() {
    let project = with_module("part");
    let caller = fs::read_to_string(project.join("src/main.rs")).unwrap();
    for (branch, version, here) in [("main", "one", "old"), ("topic", "two", "new")] {
        if branch == "main" {
            committed(&project);
        } else {
            git(project.path(), &["checkout", "--quiet", "-b", branch]);
            fs::remove_file(project.join("src/part/old.rs")).unwrap();
        }
        project.write("src/part.rs", &format!("mod {here};\npub use {here}::VALUE;\n"));
        project.write(&format!("src/part/{here}.rs"), &module(version));
        project.write("src/main.rs", &format!("{caller}// {version}\n"));
        git(project.path(), &["add", "--all"]);
        git(project.path(), &["commit", "--quiet", "-mpart"]);
    }
    git(project.path(), &["checkout", "--quiet", "main"]);
    project.write("src/part/old.rs", &module("three"));
    project.write("src/main.rs", &format!("{caller}// three\n"));
    git(project.path(), &["stash", "push", "--quiet"]);
    git(project.path(), &["checkout", "--quiet", "topic"]);
    for poll in ["--poll=never", "--poll=300ms"] {
        let home = Home::new();
        let mut hotrun = Hotrun::run(&project, &home, &[poll]);
        home.call_of("two");
        hotrun.wait_for("ready");
        let mut git_makes = |words: &[&str], version: &str| {
            let before = count(&mut hotrun, "build-started");
            let begun = Instant::now();
            git(project.path(), words);
            // A stash locks the index twice. Where git stalls in between, the first half may be built.
            let stalls = usize::from(words[0] == "stash" && begun.elapsed() > Duration::from_millis(80));
            home.call_of(version);
            hotrun.wait_for("ready");
            let builds = count(&mut hotrun, "build-started") - before;
            assert!((1..=1 + stalls).contains(&builds), "{poll} {words:?}: {builds}\n{}", hotrun.stderr());
        };
        git_makes(&["checkout", "--quiet", "main"], "one");
        git_makes(&["stash", "pop", "--quiet"], "three");
        git_makes(&["stash", "push", "--quiet"], "one");
        git_makes(&["checkout", "--quiet", "topic"], "two");
    }
}

#[test]
fn a_rebase_of_twenty_commits_is_one_build_or_two() {
    let project = with_module("part");
    project.write("src/part.rs", &module("base"));
    project.write("src/more.rs", "// base\n");
    committed(&project);
    git(project.path(), &["checkout", "--quiet", "-b", "topic"]);
    for at in 0..=20 {
        project.write("src/part.rs", &module(&format!("commit {at}")));
        git(project.path(), &["commit", "--quiet", "-am", &format!("commit {at}")]);
    }
    git(project.path(), &["checkout", "--quiet", "main"]);
    project.write("README.md", "# More\n");
    git(project.path(), &["add", "--all"]);
    git(project.path(), &["commit", "--quiet", "-mmore"]);

    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("base");
    hotrun.wait_for("ready");
    git(project.path(), &["checkout", "--quiet", "topic"]);
    home.call_of("commit 20");
    hotrun.wait_for("ready");
    // The last commit is left out, so that the rebase ends with another content than it began with.
    let before = count(&mut hotrun, "build-finished");
    let drop_last = "sequence.editor=sed -i '/commit 20$/d'";
    let begun = Instant::now();
    git(project.path(), &["-c", drop_last, "rebase", "--quiet", "--interactive", "main"]);
    // Where git stalls between two commits, the first of them may be built.
    let stalls = usize::try_from(begun.elapsed().as_secs()).unwrap();
    home.call_of("commit 19");
    let finished = count(&mut hotrun, "build-finished") - before;
    assert!((1..=2 + stalls).contains(&finished), "{finished} builds in {stalls} s:\n{}", hotrun.stderr());
}

#[test]
fn more_events_than_the_kernel_keeps_lose_nothing() {
    let project = with_module("part");
    project.write("src/part.rs", &module("one"));
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("one");
    hotrun.wait_for("ready");
    let limit: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(16_384);
    hotrun.signal(Signal::STOP);
    // Made and deleted: two events each at least, so the queue is full before what matters happens.
    for at in 0..limit / 2 + 1000 {
        let path = project.join(&format!("src/flood{}", at % 7));
        fs::write(&path, "").unwrap();
        fs::remove_file(&path).unwrap();
    }
    project.write("src/part.rs", &module("two"));
    project.write("src/deep/new/leaf.rs", &module("three"));
    hotrun.signal(Signal::CONT);
    home.call_of("two");
    // A folder made meanwhile is watched now.
    let text = fs::read_to_string(project.join("src/main.rs")).unwrap();
    project.write("src/deep/mod.rs", "pub mod new;\n");
    project.write("src/deep/new/mod.rs", "mod leaf;\npub use leaf::VALUE;\n");
    project.write("src/main.rs", &text.replace("mod part;\nuse part::", "mod deep;\nuse deep::new::"));
    home.call_of("three");
    project.write("src/deep/new/leaf.rs", &module("four"));
    home.call_of("four");
}

/// hotrun where the kernel grants only so many watches or instances.
fn limited(limit: &str, value: u32, expect: &str) {
    if !namespaces("-Ur") {
        return skip("limits of inotify: no user namespaces here");
    }
    let project = with_module("part");
    project.write("src/part.rs", &module("one"));
    project.write("src/deep/deeper/unused.rs", "");
    let home = Home::new();
    let script = format!("echo {value} > /proc/sys/user/{limit} && exec \"$0\" \"$@\"");
    let mut hotrun =
        Hotrun::prepare(&project, &home, &[]).wrapped(&["unshare", "-Ur", "sh", "-c", &script]).start();
    let warning = hotrun.wait_for("warning").0["message"].as_str().unwrap().to_owned();
    assert!(warning.contains(expect) && warning.contains("polling"), "{warning}");
    hotrun.wait_said("hint: raise the limit with `sudo sysctl fs.inotify.");
    home.call_of("one");
    for version in ["two", "three"] {
        project.write("src/part.rs", &module(version));
        home.call_of(version);
    }
    assert_eq!(count(&mut hotrun, "warning"), 1, "{}", hotrun.stderr());
}

#[test]
fn without_room_for_watches_it_says_so_and_polls() {
    limited("max_inotify_watches", 2, "no inotify watches are left");
}

#[test]
fn without_inotify_at_all_it_says_so_and_polls() {
    limited("max_inotify_instances", 0, "no inotify instances are left");
}

#[test]
fn a_file_system_mounted_over_a_folder_is_followed() {
    if !namespaces("-Urm") {
        return skip("mounting over a folder: no mount namespaces here");
    }
    let project = with_module("part");
    project.write("src/part.rs", "mod deep;\npub use deep::VALUE;\n");
    project.write("src/part/deep.rs", &module("one"));
    project.write("elsewhere/deep.rs", &module("two"));
    let home = Home::new();
    let mut hotrun =
        Hotrun::prepare(&project, &home, &["--poll=never"]).wrapped(&["unshare", "-Urm"]).start();
    home.call_of("one");
    hotrun.wait_for("ready");
    let inside = |words: &[&str]| {
        let output = Command::new("nsenter")
            .args(["-t", &hotrun.pid().to_string(), "-U", "-m", "--preserve-credentials"])
            .args(words)
            .current_dir(project.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let (from, to) = (project.join("elsewhere"), project.join("src/part"));
    inside(&["mount", "--bind", from.to_str().unwrap(), to.to_str().unwrap()]);
    home.call_of("two");
    project.write("elsewhere/deep.rs", &module("three"));
    home.call_of("three");
    inside(&["umount", to.to_str().unwrap()]);
    home.call_of("one");
    project.write("src/part/deep.rs", &module("four"));
    home.call_of("four");
}

/// The modification times of every source.
fn modified(project: &Project) -> Vec<(PathBuf, SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![project.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::metadata(&path).unwrap();
            if metadata.is_dir() {
                folders.push(path);
            } else {
                found.push((path, metadata.modified().unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn set_modified(file: &Path, time: SystemTime) {
    fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
}

#[test]
fn mtimes_that_go_backwards_end_with_the_right_version_and_no_source_is_touched() {
    let project = with_module("part");
    let part = project.join("src/part.rs");
    let home = Home::new();
    let old = SystemTime::now() - Duration::from_hours(1000);
    project.write("src/part.rs", &module("one"));
    project.write("kept/old.rs", &module("old"));
    project.write("kept/older.rs", &module("older"));
    set_modified(&project.join("kept/old.rs"), old);
    set_modified(&project.join("kept/older.rs"), old - Duration::from_hours(1000));
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("one");
    hotrun.wait_for("ready");
    let copy = |name: &str| {
        let status = Command::new("cp").arg("-p").arg(project.join(name)).arg(&part).status().unwrap();
        assert!(status.success());
    };
    for (name, version) in [("kept/old.rs", "old"), ("kept/older.rs", "older"), ("kept/old.rs", "old")] {
        copy(name);
        let before = modified(&project);
        home.call_of(version);
        hotrun.wait_for("ready");
        assert_eq!(modified(&project), before, "{version}");
    }
    // While a build runs.
    let text = fs::read_to_string(project.join("src/main.rs")).unwrap();
    project.write("src/main.rs", &(text + "// again\n"));
    hotrun.wait_for("build-started");
    copy("kept/older.rs");
    home.call_of("older");
    // The right version also after a plain save.
    project.write("src/part.rs", &module("new"));
    home.call_of("new");
}

#[test]
fn mtimes_in_the_future_are_one_build_for_each_save() {
    let project = with_module("part");
    project.write("src/part.rs", &module("one"));
    project.write("outside/read.txt", "read\n");
    let text = fs::read_to_string(project.join("src/main.rs")).unwrap();
    let read = "\n#[used]\nstatic READ: &str = include_str!(\"../outside/read.txt\");\n";
    project.write("src/main.rs", &(text + read));
    project.write(".gitignore", "/outside\n");
    let future = SystemTime::now() + Duration::from_hours(1000);
    for file in ["src/main.rs", "src/part.rs", "outside/read.txt", "Cargo.toml", ".gitignore"] {
        set_modified(&project.join(file), future);
    }
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--poll=never"]);
    home.call_of("one");
    let mut builds = 1;
    let mut expect = |hotrun: &mut Hotrun, what: &str| {
        // Whatever there is to tell is told before it is answered.
        let wait = said(project.path(), &["wait"]);
        assert_eq!(count(hotrun, "build-started"), builds, "{what}: {wait:?}\n{}", hotrun.stderr());
        builds += 1;
        wait.code
    };
    assert_eq!(expect(&mut hotrun, "the start"), 0);
    for version in ["two", "three"] {
        let new = project.join("new.rs");
        fs::write(&new, module(version)).unwrap();
        set_modified(&new, future);
        rename(&new, &project.join("src/part.rs"));
        home.call_of(version);
        assert_eq!(expect(&mut hotrun, version), 0);
    }
    project.write("src/part.rs", "pub const VALUE: &str = 4;\n");
    hotrun.wait_for_build("build-finished", 4);
    assert_eq!(expect(&mut hotrun, "a broken save"), 1);
    assert_eq!(count(&mut hotrun, "warning"), 0, "{}", hotrun.stderr());
}

/// A clock that hotrun reads and files are not stamped by: it is behind by as many seconds as a file says.
#[cfg(target_os = "linux")]
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(id, now);
    FILE *file = id == CLOCK_REALTIME ? fopen(getenv("TEST_CLOCK"), "r") : NULL;
    long behind = 0;
    if (file && fscanf(file, "%ld", &behind) == 1) now->tv_sec -= behind;
    if (file) fclose(file);
    return done;
}
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_clock_set_back_is_one_build_for_each_save() {
    let (project, home) = (with_module("part"), Home::new());
    project.write("src/part.rs", &module("one"));
    let folder = tempfile::tempdir().unwrap();
    let [source, shim, clock] = ["clock.c", "clock.so", "behind"].map(|name| folder.path().join(name));
    fs::write(&source, CLOCK).unwrap();
    let done =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).arg("-ldl").status();
    assert!(done.unwrap().success());
    let mut hotrun = Hotrun::prepare(&project, &home, &["--poll=never"])
        .env("LD_PRELOAD", shim.to_str().unwrap())
        .env("TEST_CLOCK", clock.to_str().unwrap())
        .start();
    home.call_of("one");
    for (at, version) in ["two", "three", "four"].into_iter().enumerate() {
        let wait = said(project.path(), &["wait"]);
        assert_eq!((wait.code, count(&mut hotrun, "build-started")), (0, at + 1), "{}", hotrun.stderr());
        // An hour back before the first of them: all files are of a time to come.
        fs::write(&clock, "3600").unwrap();
        project.write("src/part.rs", &module(version));
        home.call_of(version);
    }
    said(project.path(), &["wait"]);
    assert_eq!(
        (count(&mut hotrun, "build-started"), count(&mut hotrun, "warning")),
        (4, 0),
        "{}",
        hotrun.stderr()
    );
}
