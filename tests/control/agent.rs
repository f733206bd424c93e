//! The loop of a coding agent: edit, `hotrun wait --json`, read the errors or ask the program. No answer is ever stale.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::{ask, wait};
use crate::support::{DEADLINE, Home, Hotrun, Project, manifest};

/// A server on the socket it is given, which says when it is ready.
const SERVER: &str = r#"mod version;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixDatagram;

fn main() {
    let listener = unsafe { std::net::TcpListener::from_raw_fd(3) };
    let socket = std::env::var("NOTIFY_SOCKET").unwrap();
    UnixDatagram::unbound().unwrap().send_to(b"READY=1", socket).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let body = version::VERSION;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = stream.write_all((head + body).as_bytes());
    }
}
"#;

fn version(number: u32) -> String {
    format!("// Of the same length in every round.\npub const VERSION: &str = \"v{number:04}\";\n")
}

fn broken(number: u32) -> String {
    format!("// Does not compile.\n\npub const VERSION: &str = {number};\n")
}

fn get(address: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text.rsplit("\r\n").next().unwrap().to_owned()
}

/// Saves as editors and agents do, in turn.
fn save(project: &Project, round: u32, text: &str) {
    let file = project.join("src/version.rs");
    match round % 3 {
        0 => fs::write(&file, text).unwrap(),
        1 => {
            let temporary = project.join("src/.version.rs.tmp");
            fs::write(&temporary, text).unwrap();
            let status = std::process::Command::new("mv").arg(&temporary).arg(&file).status().unwrap();
            assert!(status.success());
        }
        _ => {
            fs::remove_file(&file).unwrap();
            fs::write(&file, text).unwrap();
        }
    }
}

fn server() -> (Project, Hotrun) {
    let project = Project::empty();
    project.write("Cargo.toml", &manifest("app"));
    project.write("src/main.rs", SERVER);
    project.write("src/version.rs", &version(0));
    let arguments = ["--listen", "127.0.0.1:0", "--ready", "notify"];
    let mut hotrun = Hotrun::run(&project, &Home::new(), &arguments);
    // From here on a command finds it.
    hotrun.wait_for("build-started");
    (project, hotrun)
}

#[track_caller]
fn running(answer: &(i32, Value), what: &str) {
    let (code, answer) = answer;
    assert_eq!(
        (*code, &answer["ok"], &answer["state"]),
        (0, &true.into(), &"running".into()),
        "{what}: {answer}"
    );
}

#[test]
fn twenty_rounds_without_a_stale_answer() {
    let (project, mut hotrun) = server();
    let first = wait(&project);
    running(&first, "the first build");
    let address = first.1["listening"][0].as_str().unwrap().to_owned();
    assert_eq!(get(&address), "v0000");
    for round in 1..=20 {
        let before = version(round - 1);
        if round % 4 == 0 {
            save(&project, round, &broken(round));
            let (code, answer) = wait(&project);
            assert_eq!(code, 1, "round {round}: {answer}");
            assert_eq!((&answer["ok"], &answer["state"]), (&false.into(), &"failed".into()), "{answer}");
            let error = &answer["diagnostics"][0];
            assert_eq!((&error["level"], &error["code"]), (&"error".into(), &"E0308".into()), "{answer}");
            assert_eq!((&error["file"], &error["line"]), (&"src/version.rs".into(), &3.into()), "{answer}");
            assert!(
                error["column"].is_u64() && error["rendered"].as_str().unwrap().contains(&round.to_string())
            );
            assert!(before.contains(&get(&address)), "what ran goes on running");
        }
        if round % 5 == 0 {
            // Saved again while the build of the first save runs, or is about to.
            save(&project, round, &version(round + 5000));
        }
        if round % 6 == 0 {
            save(&project, round, &version(round + 6000));
            hotrun.wait_for("build-started");
        }
        save(&project, round, &version(round));
        running(&wait(&project), &format!("round {round}"));
        assert_eq!(get(&address), format!("v{round:04}"));
    }
    // Nothing was saved: the answer is the same, at once.
    running(&wait(&project), "nothing saved");
    // A change that is taken back is no change.
    save(&project, 0, &version(7777));
    save(&project, 0, &version(20));
    running(&wait(&project), "taken back");
    assert_eq!(get(&address), "v0020");
}

#[test]
fn new_files_manifests_and_what_cargo_itself_says() {
    let (project, _hotrun) = server();
    running(&wait(&project), "the first build");
    // A module that is used before it is there: the file that is missing is new when it comes.
    project.write("src/version.rs", "mod inner;\npub use inner::VERSION;\n");
    let (code, answer) = wait(&project);
    assert_eq!((code, &answer["diagnostics"][0]["code"]), (1, &"E0583".into()), "{answer}");
    project.write("src/version/inner.rs", &version(1));
    let answer = wait(&project);
    running(&answer, "the module");
    let address = answer.1["listening"][0].as_str().unwrap();
    assert_eq!(get(address), "v0001");

    project.write("Cargo.toml", "[package]\nname = 5\n");
    let said = ask(&project, &["wait", "--timeout", "1m"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("Cargo.toml") && said.stdout.contains("error: build "), "{said:?}");
    let (_, answer) = wait(&project);
    assert!(answer["output"].as_str().unwrap().contains("Cargo.toml"), "{answer}");
    project.write("Cargo.toml", &manifest("app"));
    running(&wait(&project), "the manifest is mended");
}

#[test]
fn a_failed_build_script_is_an_error_with_its_words_and_its_mending_is_said_with_quiet() {
    let project = Project::empty();
    project.write("Cargo.toml", &manifest("app").replace("[package]\n", "[package]\nfoo = 1\n"));
    project.write("src/main.rs", "fn main() {\n    loop {\n        std::thread::park();\n    }\n}\n");
    let script = r#"fn main() {
    for number in 0..40 {
        println!("cargo:rerun-if-env-changed=V{number}");
    }
    eprintln!("bad.c:1:8: error: expected a declaration");
    std::process::exit(3);
}
"#;
    project.write("build.rs", script);
    let mut hotrun = Hotrun::run(&project, &Home::new(), &["-q"]);
    hotrun.wait_for("build-finished");
    let (code, answer) = wait(&project);
    assert_eq!((code, &answer["last-build"]["errors"]), (1, &1.into()), "{answer}");
    let error = &answer["diagnostics"][0];
    assert_eq!(error["level"], "error", "{answer}");
    for text in [&error["message"], &error["rendered"], &answer["output"]] {
        let text = text.as_str().unwrap();
        assert!(text.contains("bad.c:1:8: error: expected a declaration"), "{answer}");
        assert!(!text.contains("cargo:rerun"), "{answer}");
    }
    let said = ask(&project, &["wait", "--timeout", "1m"]);
    assert_eq!(said.stdout.matches("bad.c:1:8").count(), 1, "{said:?}");

    project.write("build.rs", "fn main() {}\n");
    running(&wait(&project), "mended");
    project.write(
        "src/main.rs",
        "fn main() {\n    std::thread::park();\n    loop {\n        std::thread::park();\n    }\n}\n",
    );
    running(&wait(&project), "again");
    hotrun.signal(rustix::process::Signal::TERM);
    let (_, said) = hotrun.wait();
    assert!(said.contains("bad.c:1:8") && !said.contains("cargo:rerun"), "{said}");
    assert_eq!(said.matches(" Started build 2 ").count(), 1, "{said}");
    // At each of the three builds cargo warns of it.
    assert_eq!(said.matches("unused manifest key: package.foo").count(), 1, "{said}");
    assert!(!said.contains("Restart"), "{said}");
}
