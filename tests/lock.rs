//! One hotrun keeps a program running, also where its lock is gone or there are no locks.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use super::support::{Home, Hotrun, Project, Workshop, served};

/// This hotrun ends at its start, and names the one that runs the program.
#[track_caller]
fn refused(command: &mut Command, holder: u32) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("hotrun is already running this program (pid {holder})")), "{said}");
}

#[test]
fn a_second_hotrun_is_refused_while_the_first_ones_target_directory_is_gone() {
    let (project, home) = (Project::caller(), Home::new());
    let mut first = Hotrun::run(&project, &home, &[]);
    home.call_of("one");
    first.wait_for("ready");
    // Until it has built again it has no lock that another one would find. A stopped one has none for as long as it takes.
    first.signal(Signal::STOP);
    fs::remove_dir_all(project.join("target")).unwrap();
    refused(Hotrun::prepare(&project, &home, &[]).command(), first.pid());
    first.signal(Signal::CONT);
    first.wait_for("unchanged");
    // It has its lock again.
    refused(Hotrun::prepare(&project, &home, &[]).command(), first.pid());
}

/// What stands in for a file system without locks.
const SHIM: &str = "#include <errno.h>\n#include <stdlib.h>\n\
    int flock(int fd, int how) { (void)fd; (void)how; errno = atoi(getenv(\"TEST_ERRNO\")); return -1; }\n";

#[test]
#[cfg(target_os = "linux")]
fn a_file_system_without_locks_is_done_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let (source, shim) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
    fs::write(&source, SHIM).unwrap();
    let done = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&shim, &source]).status();
    assert!(done.unwrap().success());
    for number in [libc::ENOTSUP, libc::ENOSYS, libc::ENOLCK] {
        // The real cargo has rules of its own; here a stub builds.
        let (workshop, home) = (Workshop::new(&served("a", "")), Home::new());
        let start = || {
            let mut start =
                Hotrun::prepare(&workshop.project, &home, &["--listen", "0", "--ready", "notify"])
                    .env("LD_PRELOAD", shim.to_str().unwrap())
                    .env("TEST_ERRNO", &number.to_string());
            workshop.equip(start.command());
            start
        };
        let mut first = start().start();
        first.wait_for("ready");
        let said = first.wait_said("has no file locks");
        assert_eq!(said.matches("file locks").count(), 1, "{said}");
        refused(start().command(), first.pid());
        workshop.build_gives(&served("b", ""));
        first.wait_for("published");
        first.wait_for("ready");
    }
}
