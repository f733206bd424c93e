//! The socket: who may use it, what nonsense on it does, and what is left of it.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::runtime_folders;
use crate::support::{DEADLINE, Home, Hotrun, Project, answering, finish};

/// A hotrun whose runtime folder is in a folder of its own.
struct Scene {
    base: tempfile::TempDir,
    project: Project,
    hotrun: Hotrun,
    home: Home,
}

impl Scene {
    fn new() -> Self {
        let base = tempfile::Builder::new().prefix("hr-").tempdir_in("/tmp").unwrap();
        let (project, home) = (Project::caller(), Home::new());
        let start = Hotrun::prepare(&project, &home, &[]);
        let mut hotrun = start.env("XDG_RUNTIME_DIR", base.path().to_str().unwrap()).start();
        hotrun.wait_for("ready");
        Self { base, project, hotrun, home }
    }

    fn folder(&self) -> PathBuf {
        let mut folders = runtime_folders(self.base.path());
        assert_eq!(folders.len(), 1);
        folders.remove(0)
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.folder().join("control")).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    fn code(&self, words: &[&str]) -> i32 {
        code(&self.project, self.base.path(), words)
    }
}

fn code(project: &Project, base: &Path, words: &[&str]) -> i32 {
    let mut command = answering(project.path(), words);
    command.env("XDG_RUNTIME_DIR", base);
    finish(command).code
}

#[test]
fn only_this_user_may_enter_and_nothing_is_left() {
    let mut scene = Scene::new();
    let folder = scene.folder();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // Programs that root started may become another user and have the notify socket still.
    assert_eq!(mode(&folder), if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 });
    for file in ["control", "about.json"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    assert_eq!(scene.code(&["stop"]), 0);
    assert!(!folder.exists());
    assert!(scene.hotrun.wait_for_end().success());
}

#[test]
fn nonsense_and_rude_clients_harm_nobody() {
    let mut scene = Scene::new();
    let silent: Vec<UnixStream> = (0..40).map(|_| scene.connect()).collect();
    for nonsense in [
        &b"\n"[..],
        b"hello\n",
        b"{}\n",
        b"{\"request\":\"explode\"}\n",
        b"[1,2,3]\n",
        b"\xff\xfe\x00\n",
        &[b'x'; 5000],
    ] {
        let mut stream = scene.connect();
        // hotrun may have heard enough before it has heard all.
        let _ = stream.write_all(nonsense);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.contains("\"ok\":false"), "{nonsense:?}: {answer}");
    }
    // Some go away without waiting for their answer.
    for request in ["status", "wait", "restart"] {
        scene.connect().write_all(format!("{{\"request\":\"{request}\"}}\n").as_bytes()).unwrap();
    }
    // Half a request, and then the rest.
    let mut slow = scene.connect();
    slow.write_all(b"{\"request\":").unwrap();
    slow.flush().unwrap();
    assert_eq!(scene.code(&["wait", "--timeout", "1m"]), 0);
    slow.write_all(b"\"status\"}\nand more").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"program\":\"app\""), "{answer}");
    drop(silent);

    scene.project.set_version("two");
    assert_eq!(scene.code(&["wait", "--timeout", "1m"]), 0);
    scene.home.call_of("two");
    assert_eq!(scene.code(&["stop"]), 0);
    assert!(scene.hotrun.wait_for_end().success());
}

#[test]
fn many_who_wait_are_all_answered() {
    let scene = Scene::new();
    scene.project.set_version("two");
    let mut waiting: Vec<UnixStream> = (0..60).map(|_| scene.connect()).collect();
    for stream in &mut waiting {
        stream.write_all(b"{\"request\":\"wait\"}\n").unwrap();
    }
    for mut stream in waiting {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("\"ok\":true") && answer.contains("\"build\":2"), "{answer}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_waits_without_end_for_a_hotrun_that_is_stopped() {
    let mut scene = Scene::new();
    let folder = scene.folder();
    scene.hotrun.signal(Signal::STOP);
    // Until there is no room for another.
    let address = socket2::SockAddr::unix(folder.join("control")).unwrap();
    loop {
        let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        match client.connect(&address) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    std::thread::scope(|scope| {
        let (project, base) = (&scene.project, scene.base.path());
        let asked = ["status", "stop"].map(|name| scope.spawn(move || code(project, base, &[name])));
        assert_eq!(asked.map(|code| code.join().unwrap()), [1, 1]);
    });
    assert!(folder.exists());
    scene.hotrun.signal(Signal::CONT);
    assert_eq!(scene.code(&["wait", "--timeout", "1m"]), 0);
    assert_eq!(scene.code(&["stop"]), 0);
    assert!(scene.hotrun.wait_for_end().success());
}

#[test]
#[cfg(target_os = "linux")]
fn the_reaper_leaves_nothing_of_a_killed_hotrun() {
    use std::os::fd::OwnedFd;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    let mut scene = Scene::new();
    let folder = scene.folder();
    let parent = scene.hotrun.pid().cast_signed();
    let children: Vec<OwnedFd> = hotrun::sys::processes()
        .into_iter()
        .filter(|row| row.parent == parent)
        .map(|row| pidfd_open(Pid::from_raw(row.pid).unwrap(), PidfdFlags::empty()).unwrap())
        .collect();
    assert_eq!(children.len(), 2, "the program and the reaper");
    scene.hotrun.signal(Signal::KILL);
    scene.hotrun.wait_for_end();
    for child in children {
        let deadline = Timespec { tv_sec: 60, tv_nsec: 0 };
        assert_eq!(poll(&mut [PollFd::new(&child, PollFlags::IN)], Some(&deadline)).unwrap(), 1);
    }
    assert!(!folder.exists(), "{:?}", fs::read_dir(&folder).unwrap().collect::<Vec<_>>());
}

/// What a hotrun leaves that was killed together with its reaper.
fn leave_stale(folder: &Path, about: &[u8]) {
    fs::create_dir(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    drop(UnixListener::bind(folder.join("control")).unwrap());
    fs::write(folder.join("about.json"), about).unwrap();
}

#[test]
fn a_killed_hotrun_is_not_asked() {
    let mut scene = Scene::new();
    let about = fs::read(scene.folder().join("about.json")).unwrap();
    let stale = scene.base.path().join("hotrun-stale");
    leave_stale(&stale, &about);
    // What is left of another is no second one.
    assert_eq!(scene.code(&["status"]), 0);
    assert!(!stale.exists(), "it is cleared away");

    let folder = scene.folder();
    scene.hotrun.signal(Signal::KILL);
    scene.hotrun.wait_for_end();
    // Whether or not its reaper is done.
    assert_eq!(scene.code(&["wait"]), 3);
    assert!(!folder.exists());
    leave_stale(&stale, &about);
    for name in ["wait", "status", "restart", "stop"] {
        assert_eq!(scene.code(&[name]), 3);
    }
    assert!(!stale.exists());

    // Neither what is open to others nor what is no description is believed.
    leave_stale(&stale, &about);
    fs::set_permissions(&stale, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(scene.code(&["status"]), 3);
    assert!(stale.exists(), "nor touched");
    fs::remove_dir_all(&stale).unwrap();
    leave_stale(&stale, b"{\"pid\":");
    assert_eq!(scene.code(&["status"]), 3);
}

#[test]
fn it_is_found_where_the_runtime_folder_is_another_or_too_long() {
    let base = tempfile::Builder::new().prefix("hr-").tempdir_in("/tmp").unwrap();
    let long = base.path().join("x".repeat(100));
    fs::create_dir(&long).unwrap();
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun =
        Hotrun::prepare(&project, &home, &[]).env("XDG_RUNTIME_DIR", long.to_str().unwrap()).start();
    hotrun.wait_for("ready");
    assert_eq!(runtime_folders(&long), Vec::<PathBuf>::new());
    let mut command = answering(project.path(), &["stop"]);
    command.env_remove("XDG_RUNTIME_DIR");
    assert_eq!(finish(command).code, 0);
    assert!(hotrun.wait_for_end().success());
}
