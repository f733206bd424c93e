//! The example that the README's first command runs: a real service, edited, broken and mended while it is asked over HTTP.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use rustix::event::{PollFd, Timespec, poll};

use super::support::{DEADLINE, EventLine, Home, Hotrun, Project};

/// Copies a folder without what was built in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if !path.is_dir() {
            fs::copy(path, target).unwrap();
        } else if entry.file_name() != "target" {
            copy(&path, &target);
        }
    }
}

/// What the service depends on has to be here before it is built without the network.
fn fetch(project: &Project) {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let about = String::from_utf8(rustc.stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let fetched = Command::new("cargo")
        .args(["fetch", "--quiet", "--locked", "--target", host])
        .current_dir(project.path())
        .status()
        .unwrap();
    assert!(fetched.success(), "what the example depends on could not be had");
}

/// The body of an answer, if anybody answers.
fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// Asks until the answer has these words.
#[track_caller]
fn answers(port: u16, path: &str, words: &str) {
    let deadline = Instant::now() + DEADLINE;
    let mut last = None;
    while Instant::now() < deadline {
        last = get(port, path);
        if last.as_ref().is_some_and(|body| body.contains(words)) {
            return;
        }
        let pause = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };
        let _ = poll(&mut [] as &mut [PollFd<'_>], Some(&pause));
    }
    panic!("no {words:?} at {path} but {last:?}");
}

fn edit(project: &Project, file: &str, old: &str, new: &str) {
    let text = fs::read_to_string(project.join(file)).unwrap();
    assert!(text.contains(old), "{file} has no {old:?}");
    project.write(file, &text.replace(old, new));
}

#[test]
fn the_example_follows_its_handler_its_library_and_its_page() {
    let project = Project::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/web"), project.path());
    fetch(&project);
    // Kept between runs of this test, so that only the first one compiles the service's dependencies.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("example-web");
    let home = Home::new();
    let mut hotrun =
        Hotrun::run(&project, &home, &["--target-dir", target.to_str().unwrap(), "--listen", "0"]);
    let said = hotrun.wait_said("Listening http://127.0.0.1:");
    let (_, port) = said.lines().find_map(|line| line.split_once("Listening http://127.0.0.1:")).unwrap();
    let port: u16 = port.trim().parse().unwrap();
    // The first build compiles all that the service depends on, which may take longer than anything else waited for.
    let built = (0..5).any(|_| {
        let deadline = Instant::now() + DEADLINE;
        while Instant::now() < deadline {
            if hotrun.seen().iter().any(|event| event.kind() == "process-started") {
                return true;
            }
            let pause = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
            let _ = poll(&mut [] as &mut [PollFd<'_>], Some(&pause));
        }
        false
    });
    assert!(built, "the first build does not end:\n{}", hotrun.stderr());
    answers(port, "/hello/Ann", "Hello, Ann!\n");
    answers(port, "/", "It follows your edits");

    edit(&project, "src/main.rs", "greeting::greet(&visitor)", "greeting::greet(&visitor).to_uppercase()");
    answers(port, "/hello/Ann", "HELLO, ANN!\n");
    edit(&project, "greeting/src/lib.rs", "Hello", "Good morning");
    answers(port, "/hello/Ann", "GOOD MORNING, ANN!\n");
    edit(&project, "src/page.html", "It follows your edits", "It does follow them");
    answers(port, "/", "It does follow them");

    // Three edits, each served before the next.
    let pid = hotrun
        .wait_until("the process of build 4", |event| event.kind() == "ready" && event.build() >= 4)
        .pid();
    edit(&project, "greeting/src/lib.rs", "-> String", "-> u32");
    hotrun.wait_until("a failed build", |event| event.0["success"] == false);
    answers(port, "/hello/Ann", "GOOD MORNING, ANN!\n");
    let newest = hotrun.seen().iter().rfind(|event| event.kind() == "process-started").unwrap().pid();
    assert_eq!(newest, pid, "the old process goes on");
    hotrun.wait_said("; still running build ");
    edit(&project, "greeting/src/lib.rs", "-> u32", "-> String");
    edit(&project, "greeting/src/lib.rs", "Good morning", "Good evening");
    answers(port, "/hello/Ann", "GOOD EVENING, ANN!\n");
}

/// The latest process of a service.
fn pid(hotrun: &mut Hotrun, service: &str) -> u64 {
    let seen = hotrun.seen();
    let starts = |event: &&EventLine| event.kind() == "process-started" && event.0["service"] == service;
    seen.iter().rfind(starts).and_then(|event| event.0["pid"].as_u64()).unwrap()
}

#[test]
fn the_shop_replaces_the_services_that_an_edit_is_part_of() {
    let project = Project::empty();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop"), project.path());
    edit(&project, "hotrun.toml", "\"3001\"", "\"0\"");
    fetch(&project);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("example-shop");
    let home = Home::new();
    let mut hotrun = Hotrun::run(&project, &home, &["--target-dir", target.to_str().unwrap()]);
    let said = hotrun.wait_said("Listening api: http://127.0.0.1:");
    let (_, port) =
        said.lines().find_map(|line| line.split_once("Listening api: http://127.0.0.1:")).unwrap();
    let port: u16 = port.trim().parse().unwrap();
    for service in ["api", "worker"] {
        hotrun.wait_until("its start", |event| event.kind() == "ready" && event.0["service"] == service);
    }
    answers(port, "/", "apples 3 EUR");
    let (api, worker) = (pid(&mut hotrun, "api"), pid(&mut hotrun, "worker"));

    // The API's own source.
    edit(&project, "api/src/main.rs", "Welcome", "Hello");
    answers(port, "/", "Hello to the shop");
    assert_ne!(pid(&mut hotrun, "api"), api);
    assert_eq!(pid(&mut hotrun, "worker"), worker);

    // The shared crate: one build.
    edit(&project, "catalog/src/lib.rs", "\"EUR\"", "\"USD\"");
    answers(port, "/", "apples 3 USD");
    hotrun.wait_until("the worker's next start", |event| {
        event.kind() == "ready" && event.0["service"] == "worker" && event.build() == 3
    });

    // What the task reads.
    edit(&project, "seed/items.txt", "apples 3", "apples 4");
    answers(port, "/", "apples 4 USD");
    assert_eq!(hotrun.seen().iter().filter(|event| event.kind() == "build-started").count(), 3);
}
