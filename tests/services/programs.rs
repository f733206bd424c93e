//! Programs of one workspace, built together and replaced one by one.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use super::super::support::{Home, Hotrun, Project};
use super::{calls, count, set_shared, set_version, wait_for, workspace};

const TWO: &str = "[service.a]\npackage = \"a\"\n\n[service.b]\npackage = \"b\"\n";

#[test]
fn an_edit_replaces_the_program_it_is_of_and_a_shared_crate_all() {
    let (project, home) = (workspace(TWO), Home::new());
    // Counts the builds.
    let (stub, log) = (project.join("bin/cargo"), project.join("target/builds"));
    fs::create_dir_all(project.join("target")).unwrap();
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = build ] && echo build >> '{}'\nexec \"$REAL_CARGO\" \"$@\"\n",
        log.display()
    );
    project.write("bin/cargo", &script);
    fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", project.join("bin").display(), std::env::var("PATH").unwrap());
    let cargo = std::env::var("CARGO").expect("cargo runs the tests");
    let start = Hotrun::prepare(&project, &home, &[]).env("PATH", &path).env("REAL_CARGO", &cargo);
    let mut hotrun = start.start();
    let builds = || fs::read_to_string(&log).unwrap().lines().count();

    let [mut a, mut b] = calls(&home, ["a1-1", "b1-1"]);
    assert_eq!(builds(), 1);

    set_version(&project, "b", "2");
    let mut next = home.call_of("b2-1");
    b.wait_for_end();
    assert_eq!(a.ask(), format!("{} a1-1", a.pid));
    assert_eq!(count(&mut hotrun, "a", "process-started"), 1);

    let before = builds();
    set_shared(&project, "2");
    let [mut third, mut other] = calls(&home, ["a1-2", "b2-2"]);
    a.wait_for_end();
    next.wait_for_end();
    assert_eq!(builds(), before + 1, "one cargo");

    hotrun.signal(Signal::TERM);
    third.wait_for_end();
    other.wait_for_end();
    hotrun.wait();
}

#[test]
fn an_error_in_one_program_holds_no_other_back() {
    let (project, home) = (workspace(TWO), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let [mut a, mut b] = calls(&home, ["a1-1", "b1-1"]);

    project.write("b/src/main.rs", "fn main() { let broken: u32 = \"broken\"; }\n");
    set_version(&project, "a", "2");
    let mut a = {
        let next = home.call_of("a2-1");
        a.wait_for_end();
        next
    };
    assert_eq!(b.ask(), format!("{} b1-1", b.pid));

    set_version(&project, "b", "2");
    home.call_of("b2-1");
    b.wait_for_end();
    assert_eq!(a.ask(), format!("{} a2-1", a.pid));
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}

#[test]
fn together_nothing_is_updated_unless_all_was_built() {
    let (project, home) = (workspace(&format!("[build]\ntogether = true\n{TWO}")), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let [mut a, mut b] = calls(&home, ["a1-1", "b1-1"]);

    project.write("b/src/main.rs", "fn main() { let broken: u32 = \"broken\"; }\n");
    hotrun.wait_until("a failed build", |event| event.0["success"] == false);
    set_version(&project, "a", "2");
    hotrun.wait_until("a failed build", |event| event.0["success"] == false);
    assert_eq!((a.ask(), b.ask()), (format!("{} a1-1", a.pid), format!("{} b1-1", b.pid)));

    set_version(&project, "b", "2");
    calls(&home, ["a2-1", "b2-1"]);
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}

#[test]
fn programs_with_one_name_are_each_their_own() {
    let (project, home) = (Project::empty(), Home::new());
    project.write("Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"a\", \"b\"]\n");
    for name in ["a", "b"] {
        let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        project.write(
            &format!("{name}/Cargo.toml"),
            &format!("{package}\n[[bin]]\nname = \"app\"\npath = \"src/main.rs\"\n"),
        );
        project.write(&format!("{name}/src/main.rs"), &Project::caller_text(name));
    }
    project.write("hotrun.toml", TWO);
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let [mut a, mut b] = calls(&home, ["a", "b"]);

    project.write("b/src/main.rs", &Project::caller_text("b2"));
    home.call_of("b2");
    b.wait_for_end();
    assert_eq!(a.ask(), format!("{} a", a.pid));
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}

#[test]
fn the_crash_of_one_leaves_the_others() {
    let (project, home) = (workspace(TWO), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let [mut a, mut b] = calls(&home, ["a1-1", "b1-1"]);
    b.tell("exit 3");
    let exited = wait_for(&mut hotrun, "b", "process-exited");
    assert_eq!(exited.0["code"], 3);
    assert_eq!(a.ask(), format!("{} a1-1", a.pid));
    set_version(&project, "b", "2");
    home.call_of("b2-1");
    assert_eq!(a.ask(), format!("{} a1-1", a.pid));
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}

#[test]
fn only_what_is_chosen_and_needed_runs() {
    let services = "[service.a]\npackage = \"a\"\nafter = [\"wait\"]\n[service.b]\npackage = \"b\"\n\
                    [service.wait]\ncommand = \"true\"\ntask = true\n";
    let (project, home) = (workspace(services), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &["-s", "a"]);
    let call = home.call();
    assert_eq!(call.version, "a1-1");
    wait_for(&mut hotrun, "a", "ready");
    assert_eq!(count(&mut hotrun, "wait", "process-started"), 1);
    assert_eq!(count(&mut hotrun, "b", "process-started"), 0);
    assert!(!project.live("b").exists(), "it is not built either");
    hotrun.signal(Signal::TERM);
    hotrun.wait();
}
