//! The state in which a program starts, and the errors when it cannot.

use std::fs::{self, File, Permissions};
use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use hotrun::process::{ProcessNews, SpawnError, StdinSource};
use hotrun::words::Exit;

use super::{FIRST, House, run};
use crate::programs::program;

/// A file with this text and mode.
fn file(folder: &tempfile::TempDir, name: &str, text: &[u8], mode: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

async fn failure(argv0: impl Into<std::ffi::OsString>) -> SpawnError {
    let mut house = House::new();
    let mut spawn = house.app(&[]);
    spawn.argv = vec![argv0.into()];
    house.processes.spawn(spawn);
    match house.next().await {
        ProcessNews::SpawnFailed { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_finds_a_clean_state() {
    run(|| async {
        let mut house = House::new();
        // Every child inherits these unless the spawn prevents it.
        let stray = rustix::io::dup(house.write_end.as_ref().unwrap()).unwrap();
        rustix::io::fcntl_setfd(&stray, rustix::io::FdFlags::empty()).unwrap();
        let mut spawn = house.app(&["state"]);
        spawn.fds.push(hotrun::process::PassedFd {
            name: "second".to_owned(),
            fd: File::open("/dev/null").unwrap().into(),
        });
        spawn.env.push(("LISTEN_PID".into(), "1".into()));
        spawn.env.push(("HOTRUN_ID".into(), "another.0.1".into()));
        house.processes.spawn(spawn);
        drop(stray);
        let ProcessNews::Started { pid, .. } = house.next().await else { panic!() };
        let report = house.report().await;
        let tag = format!("{}.0.1", house.run);
        assert_eq!(
            report,
            format!(
                // Only SIGPIPE, which every Rust program ignores from its start.
                "fds=0,1,2,3,4 ignored=0000000000001000 blocked=0000000000000000 group={pid} listen-pid={pid} \
                 listen-fds=2 names=report:second tag={tag} {pid}"
            )
        );
        assert_eq!(house.exit().await.0, Exit::Code(0));
        house.gone().await;
    });
}

#[test]
fn stdin_from_a_file_is_read_from_its_offset() {
    run(|| async {
        let mut house = House::new();
        let mut input = tempfile::tempfile().unwrap();
        input.write_all(b"hello").unwrap();
        input.rewind().unwrap();
        let mut spawn = house.app(&["stdin"]);
        spawn.stdin = StdinSource::File(input.into());
        house.processes.spawn(spawn);
        house.exit().await;
        assert!(house.report().await.starts_with("stdin=hello "));
        house.gone().await;
    });
}

#[test]
fn programs_that_cannot_start_are_explained() {
    run(|| async {
        let folder = tempfile::tempdir().unwrap();
        let error = failure("no-such-program-anywhere").await;
        assert_eq!(error.to_string(), "no program `no-such-program-anywhere` found on `PATH`");

        let missing = folder.path().join("missing");
        assert!(matches!(failure(&missing).await, SpawnError::Missing(path) if path == missing));

        let plain = file(&folder, "plain", b"#!/bin/sh\n", 0o644);
        let error = failure(&plain).await;
        assert!(
            matches!(error, SpawnError::NotExecutable(_))
                && error.hint().is_some_and(|hint| hint.contains("chmod"))
        );

        let script = file(&folder, "script", b"#!/no/such/shell -e\n", 0o755);
        let error = failure(&script).await;
        assert!(
            matches!(&error, SpawnError::MissingInterpreter { interpreter, .. } if interpreter == "/no/such/shell"),
            "{error:?}"
        );

        let text = file(&folder, "text", b"hello\n", 0o755);
        assert!(matches!(failure(&text).await, SpawnError::NotAProgram(_)));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_for_another_machine_needs_a_runner() {
    run(|| async {
        let folder = tempfile::tempdir().unwrap();
        let mut program = fs::read(program("app")).unwrap();
        // The machine of an ELF header, little-endian: 22 is s390x, where this test does not run.
        program[18..20].copy_from_slice(&[22, 0]);
        let foreign = file(&folder, "foreign", &program, 0o755);
        let error = failure(&foreign).await;
        assert!(matches!(&error, SpawnError::NotAProgram(_)), "{error:?}");
        assert!(error.hint().unwrap().contains("`runner`"));
    });
}

#[test]
fn a_missing_folder_is_named() {
    run(|| async {
        let mut house = House::new();
        let mut spawn = house.app(&["plain"]);
        spawn.cwd = "/no/such/folder".into();
        house.processes.spawn(spawn);
        let ProcessNews::SpawnFailed { error, instance: FIRST } = house.next().await else { panic!() };
        assert!(matches!(error, SpawnError::Folder { .. }) && error.to_string().contains("/no/such/folder"));
        assert!(!house.processes.is_alive(FIRST));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_busy_program_is_tried_again() {
    run(|| async {
        let folder = tempfile::tempdir().unwrap();
        let busy = file(&folder, "busy", &fs::read(program("app")).unwrap(), 0o755);
        let writer = File::options().append(true).open(&busy).unwrap();
        assert!(matches!(failure(&busy).await, SpawnError::Busy(_)));

        let mut house = House::new();
        let mut spawn = house.app(&["plain"]);
        spawn.argv[0] = busy.into();
        house.processes.spawn(spawn);
        tokio::time::sleep(Duration::from_millis(30)).await;
        drop(writer);
        assert!(matches!(house.next().await, ProcessNews::Started { .. }));
        house.report().await;
        house.processes.kill(FIRST);
        house.gone().await;
    });
}
