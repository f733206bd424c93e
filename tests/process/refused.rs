//! A program that runs as another user, as under a `sudo` runner: hotrun may not signal it, and says so.
//!
//! Only root can set this up: the part of hotrun is played by this test binary, started again as nobody.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use hotrun::process::{ProcessNews, StopStep};
use hotrun::sys;

use super::{FIRST, House, PATIENT, run};
use crate::edits::world::skip;
use crate::programs::program;

/// The set-uid program. Without it the test does nothing.
const PROGRAM: &str = "REFUSED_PROGRAM";

/// A user that owns nothing.
const NOBODY: u32 = 65534;

#[test]
fn stand_in() {
    let Some(program) = std::env::var_os(PROGRAM) else {
        return;
    };
    run(|| async move {
        let mut house = House::new();
        let mut spawn = house.app(&["another-user"]);
        spawn.argv[0] = program;
        house.processes.spawn(spawn);
        let ProcessNews::Started { pid, .. } = house.next().await else { panic!() };
        if !house.report().await.starts_with("ready") {
            return;
        }
        house.processes.stop(FIRST, PATIENT);
        assert!(matches!(house.next().await, ProcessNews::Stopping { step: StopStep::Signal(_), .. }));
        let ProcessNews::Stopping { step, .. } = house.next().await else { panic!() };
        assert_eq!(step, StopStep::NotPermitted(vec![pid]));
        let ProcessNews::Gone { left, .. } = house.next().await else { panic!() };
        assert_eq!(left, [pid]);
        // It may still end by itself, and is reaped.
        println!("\nkill {pid}");
        house.exit().await;
    });
}

#[test]
fn a_program_of_another_user_ends_the_ladder_at_once() {
    if !rustix::process::getuid().is_root() {
        return skip("another user's program: needs root");
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("app");
    std::fs::copy(program("app"), &file).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let mut stand_in = Command::new(std::env::current_exe().unwrap())
        .args(["process::refused::stand_in", "--exact", "--nocapture"])
        .env(PROGRAM, &file)
        .uid(NOBODY)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(stand_in.stdout.take().unwrap()));
    for line in lines.map_while(Result::ok) {
        if let Some(pid) = line.strip_prefix("kill ") {
            sys::kill_process(pid.parse().unwrap(), libc::SIGKILL).unwrap();
        }
    }
    assert!(stand_in.wait().unwrap().success());
}
