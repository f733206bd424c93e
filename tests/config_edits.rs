//! The config edited while hotrun runs: applied at once where it can be, refused with its place where it is wrong.

mod env_files;

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::rename;
use serde_json::{Value, json};

use super::support::{EventLine, Home, Hotrun, Person, Project};

/// Says what it was started with, and ends when its test does.
const PROGRAM: &str = r#"
use std::io::{BufRead, BufReader, Write};

fn main() {
    let mut home = std::net::TcpStream::connect(std::env::var("TEST_HOME").unwrap()).unwrap();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    let who = format!(
        "{} {} args={} word={} sockets={} cwd={} built={}{}\n",
        std::process::id(), "one", args.join(","), set("WORD"), set("LISTEN_FDNAMES"),
        std::env::current_dir().unwrap().file_name().unwrap().to_string_lossy(),
        option_env!("BUILD_WORD").unwrap_or_default(), if cfg!(feature = "extra") { "+extra" } else { "" },
    );
    home.write_all(who.as_bytes()).unwrap();
    for _ in BufReader::new(home.try_clone().unwrap()).lines() {
        home.write_all(who.as_bytes()).unwrap();
    }
    loop {
        std::thread::park();
    }
}
"#;

const MANIFEST: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[features]\nextra = []\n\n[workspace]\n";

fn project(config: &str) -> Project {
    let project = Project::empty();
    project.write("Cargo.toml", MANIFEST);
    project.write("src/main.rs", PROGRAM);
    if !config.is_empty() {
        project.write("hotrun.toml", config);
    }
    project
}

/// What is said of an edit: its keys and what follows.
#[track_caller]
fn applied(hotrun: &mut Hotrun) -> (Value, Value) {
    let event = hotrun.wait_for("config-changed");
    (event.0["keys"].clone(), event.0["then"].clone())
}

/// The kinds of events since `from`.
fn kinds(events: &[EventLine], from: usize) -> Vec<String> {
    events[from..].iter().map(|event| event.kind().to_owned()).collect()
}

#[test]
fn a_config_that_is_made_edited_and_deleted_is_applied_at_once() {
    let (project, home) = (project(""), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut call = home.call();
    hotrun.wait_for("ready");
    let say = |text: &str| project.write("hotrun.toml", text);

    // What the program is started with: the same binary, started again.
    say("[run]\nargs = ['a', 'b']\n");
    assert_eq!(applied(&mut hotrun), (json!(["run.args"]), json!("restart")));
    call.wait_for_end();
    call = home.call();
    assert!(call.version.contains(" args=a,b "), "{}", call.version);
    hotrun.wait_said("Applied hotrun.toml: run.args; restarting");
    project.write("settings.env", "WORD=file\n");
    say("[run]\nenv-file = ['settings.env']\ncwd = 'src'\n");
    assert_eq!(applied(&mut hotrun), (json!(["run.args", "run.env-file", "run.cwd"]), json!("restart")));
    call = home.call();
    assert!(call.version.contains(" args= word=file sockets= cwd=src "), "{}", call.version);
    // Its env file is followed from now on.
    project.write("settings.env", "WORD=again\n");
    call = home.call();
    assert!(call.version.contains(" word=again "), "{}", call.version);
    // Back to what it was when the last build began is an edit as well.
    project.write("settings.env", "WORD=file\n");
    call = home.call();
    assert!(call.version.contains(" word=file "), "{}", call.version);

    // What needs nothing: the process runs on.
    let plain = "[run]\nenv-file = ['settings.env']\ncwd = 'src'\n";
    let stop = "stop-signal = 'int'\nstop-timeout = '3s'\non-exit = 'restart'\nupdate = 'restart'\n";
    say(&format!("{plain}{stop}[watch]\ndebounce = '20ms'\npaths = ['page.txt']\n[ui]\nclear = true\n"));
    let keys =
        ["watch.paths", "watch.debounce", "run.on-exit", "run.stop-signal", "run.stop-timeout", "ui.clear"];
    assert_eq!(applied(&mut hotrun), (json!(keys), json!("nothing")));
    hotrun.wait_for("watching");
    call.ask();
    // They are in force: the path counts, and the next stop is by the new signal.
    project.write("page.txt", "one");
    assert_eq!(hotrun.wait_for("stopping").0["signal"], "SIGINT");
    call.wait_for_end();
    call = home.call();

    // What is ignored counts no longer.
    say(&format!("{plain}[watch]\npaths = ['page.txt']\nignore = ['page.txt']\n"));
    applied(&mut hotrun);
    hotrun.wait_for("watching");
    let before = hotrun.seen().len();
    project.write("page.txt", "two");
    say(&format!("{plain}env = {{ WORD = 'own' }}\n"));
    assert_eq!(applied(&mut hotrun).1, "restart");
    assert!(!kinds(hotrun.seen(), before).contains(&"build-started".to_owned()));
    call.wait_for_end();
    call = home.call();
    assert!(call.version.contains(" word=own "), "{}", call.version);

    // The first start with another readiness is the next one.
    say(&format!("{plain}env = {{ WORD = 'own' }}\nready = '10ms'\n"));
    assert_eq!(applied(&mut hotrun), (json!(["run.ready"]), json!("next-start")));
    call.ask();

    // Back to how it began.
    fs::remove_file(project.join("hotrun.toml")).unwrap();
    assert_eq!(
        applied(&mut hotrun),
        (json!(["run.env", "run.env-file", "run.cwd", "run.ready"]), json!("restart"))
    );
    call.wait_for_end();
    call = home.call();
    assert!(call.version.contains(" args= word= "), "{}", call.version);
    let warnings = hotrun.seen().iter().filter(|event| event.kind() == "warning");
    let warnings: Vec<&str> = warnings.filter_map(|event| event.0["message"].as_str()).collect();
    assert!(matches!(warnings[..], [one] if one.contains("`page.txt`")), "{warnings:?}");
}

#[test]
fn what_cargo_is_asked_builds_and_another_program_needs_another_start() {
    let (project, home) = (project(""), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    home.call();
    hotrun.wait_for("ready");

    project.write("hotrun.toml", "[build]\nfeatures = ['extra']\nenv = { BUILD_WORD = 'x' }\n");
    assert_eq!(applied(&mut hotrun), (json!(["build.features", "build.env"]), json!("build")));
    let mut call = home.call();
    assert!(call.version.ends_with("built=x+extra"), "{}", call.version);

    // The config and a source at once: both are in what runs in the end.
    project.write("hotrun.toml", "[run]\nargs = ['a']\n");
    project.write("src/main.rs", &PROGRAM.replace("\"one\"", "\"two\""));
    loop {
        call = home.call();
        if call.version.starts_with("two ") && call.version.contains(" args=a ") {
            break;
        }
    }
    assert!(call.version.ends_with("built="), "{}", call.version);

    // What cannot be applied is said, the rest is.
    project.write("hotrun.toml", "[build]\nprofile = 'release'\n[run]\nargs = ['b']\n");
    let said = hotrun.wait_until("a warning", |event| {
        event.kind() == "warning" && event.0["message"].as_str().unwrap().contains("build.profile")
    });
    assert_eq!(said.0["message"], "the edit of `build.profile` is not in force");
    hotrun.wait_said("start hotrun again to apply it");
    assert_eq!(applied(&mut hotrun), (json!(["run.args"]), json!("restart")));
    call = home.call();
    assert!(call.version.contains(" args=b "), "{}", call.version);
    // Once is enough, and builds go on as they were begun.
    let before = hotrun.seen().len();
    project.write("hotrun.toml", "[build]\nprofile = 'release'\n[run]\nargs = ['c']\n");
    assert_eq!(applied(&mut hotrun).1, "restart");
    assert!(!kinds(hotrun.seen(), before).contains(&"warning".to_owned()));
    home.call();
    project.write("src/main.rs", &PROGRAM.replace("\"one\"", "\"three\""));
    while !home.call().version.starts_with("three ") {}
    assert!(project.live("app").exists());
    assert!(!project.join("target/hotrun/release").exists());
}

#[test]
fn the_manifest_holds_settings_as_well_and_is_a_build_too() {
    let (project, home) = (project(""), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    home.call();
    hotrun.wait_for("ready");
    project.write("Cargo.toml", &format!("{MANIFEST}\n[package.metadata.hotrun.run]\nargs = ['m']\n"));
    assert_eq!(applied(&mut hotrun), (json!(["run.args"]), json!("restart")));
    hotrun.wait_for("build-finished");
    hotrun.wait_said("Applied Cargo.toml: run.args");
    assert!(home.call().version.contains(" args=m "));
    // The file wins over the manifest.
    project.write("hotrun.toml", "[run]\nargs = ['f']\n");
    applied(&mut hotrun);
    assert!(home.call().version.contains(" args=f "));
    // A manifest that is no TOML is for cargo to complain about.
    let before = hotrun.seen().len();
    project.write("Cargo.toml", "[package");
    hotrun.wait_for("build-finished");
    assert!(!kinds(hotrun.seen(), before).contains(&"config-changed".to_owned()));
    assert!(!hotrun.stderr().contains("stay in force"), "{}", hotrun.stderr());
}

#[test]
fn an_invalid_edit_is_reported_with_its_place_and_changes_nothing() {
    let (project, home) = (project("[run]\nargs = ['a']\n"), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut call = home.call();
    hotrun.wait_for("ready");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = [
        (
            "[run]\nargs = ['b']\nlisen = [3000]\n".to_owned(),
            "unknown key `run.lisen` in `hotrun.toml`, line 3",
        ),
        (
            "[run]\nargs = ['b']\nupdate = 'now'\n".to_owned(),
            "invalid value `now` for `run.update` in `hotrun.toml`, line 3",
        ),
        ("[run]\nargs = [\n".to_owned(), "could not read `hotrun.toml`, line"),
        ("[run]\nargs = ['b']\nlisten = [3000]\nready = 'tcp:3000'\n".to_owned(), "hotrun holds the socket"),
        ("[run]\nargs = ['b']\nenv-file = ['no.env']\n".to_owned(), "could not read the env file"),
        (format!("[run]\nargs = ['b']\nlisten = [0, {port}]\n"), "holds it"),
        ("log = 'no/such/folder/log'\n[run]\nargs = ['b']\n".to_owned(), "could not open the log file"),
    ];
    for (text, complaint) in refused {
        let before = hotrun.seen().len();
        project.write("hotrun.toml", &text);
        hotrun.wait_until(complaint, |event| {
            event.kind() == "warning" && event.0["message"].as_str().unwrap().contains(complaint)
        });
        let seen = kinds(hotrun.seen(), before);
        assert!(!seen.iter().any(|kind| kind == "config-changed" || kind == "stopping"), "{seen:?}");
        assert!(call.ask().contains(" args=a "));
    }
    hotrun.wait_said("did you mean `listen`?");
    hotrun.wait_said("note: the settings from before stay in force");
    // As it was, and then mended.
    project.write("hotrun.toml", "[run]\nargs = ['a']\n");
    hotrun.wait_said("note: the config is valid again; no setting has changed");
    assert!(call.ask().contains(" args=a "));
    project.write("hotrun.toml", "[run]\nargs = ['c']\n");
    assert_eq!(applied(&mut hotrun), (json!(["run.args"]), json!("restart")));
    assert!(home.call().version.contains(" args=c "));
}

#[test]
fn what_the_command_line_says_wins_over_an_edit() {
    let (project, home) = (project(""), Home::new());
    let args = ["--debounce", "40ms", "--listen", "0", "-E", "WORD=typed", "--", "typed"];
    let mut hotrun = Hotrun::run(&project, &home, &args);
    let mut call = home.call();
    hotrun.wait_for("ready");
    let before = hotrun.seen().len();
    let overridden =
        "events = 'e'\n[watch]\ndebounce = '1s'\n[run]\nargs = ['x']\nlisten = [1]\nenv = { WORD = 'x' }\n";
    project.write("hotrun.toml", overridden);
    hotrun.wait_for("changed");
    project.write("hotrun.toml", &format!("{overridden}[ui]\nclear = true\n"));
    assert_eq!(applied(&mut hotrun), (json!(["ui.clear"]), json!("nothing")));
    let seen = kinds(hotrun.seen(), before);
    assert_eq!(seen.iter().filter(|kind| *kind != "changed").collect::<Vec<_>>(), ["config-changed"]);
    assert!(call.ask().contains(" args=typed word=typed "));
}

#[test]
fn another_config_file_and_the_workspaces_are_followed_too() {
    let home = Home::new();
    let project = Project::empty();
    project.write("Cargo.toml", "[workspace]\nmembers = ['app']\nresolver = '3'\n");
    project.write("app/Cargo.toml", &MANIFEST.replace("\n[workspace]\n", ""));
    project.write("app/src/main.rs", PROGRAM);
    project.write("mine.toml", "[run]\nargs = ['mine']\n");
    {
        let mut hotrun = Hotrun::run(&project, &home, &[]);
        assert!(home.call().version.contains(" args= "));
        hotrun.wait_for("ready");
        project.write("hotrun.toml", "[run]\nargs = ['workspace']\n");
        applied(&mut hotrun);
        assert!(home.call().version.contains(" args=workspace "));
        project.write("app/hotrun.toml", "[run]\nargs = ['package']\n");
        applied(&mut hotrun);
        assert!(home.call().version.contains(" args=package "));
        fs::remove_file(project.join("app/hotrun.toml")).unwrap();
        applied(&mut hotrun);
        assert!(home.call().version.contains(" args=workspace "));
    }
    let mut hotrun = Hotrun::run(&project, &home, &["--config-file", "mine.toml"]);
    let mut call = home.call();
    assert!(call.version.contains(" args=mine "));
    hotrun.wait_for("ready");
    fs::remove_file(project.join("mine.toml")).unwrap();
    hotrun.wait_said("could not read the config file");
    assert!(call.ask().contains(" args=mine "));
    project.write("mine.toml", "[run]\nargs = ['yours']\n");
    applied(&mut hotrun);
    assert!(home.call().version.contains(" args=yours "));
}

#[test]
fn no_style_of_saving_drops_the_settings_for_a_moment() {
    let (project, home) = (project("[run]\nargs = ['0']\n"), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut call = home.call();
    hotrun.wait_for("ready");
    let file = project.join("hotrun.toml");
    let styles: [fn(&std::path::Path, &str); 5] = [
        |file, text| fs::write(file, text).unwrap(),
        |file, text| {
            let mut open = fs::File::create(file).unwrap();
            let (one, two) = text.split_at(text.len() / 2);
            open.write_all(one.as_bytes()).unwrap();
            open.sync_all().unwrap();
            open.write_all(two.as_bytes()).unwrap();
        },
        |file, text| {
            let temporary = file.with_extension("toml.tmp");
            fs::write(&temporary, text).unwrap();
            rename(temporary, file).unwrap();
        },
        |file, text| {
            rename(file, file.with_extension("toml~")).unwrap();
            fs::write(file, text).unwrap();
        },
        |file, text| {
            fs::remove_file(file).unwrap();
            fs::write(file, text).unwrap();
        },
    ];
    for (number, save) in (1..).zip(styles) {
        save(&file, &format!("# {}\n[run]\nargs = ['{number}']\n", "x".repeat(5000)));
        call.wait_for_end();
        call = home.call();
        assert!(call.version.contains(&format!(" args={number} ")), "{number}: {}", call.version);
    }
    // The last state wins, however many there were, also where the file is empty nearly all the time.
    let at_once: fn() = || ();
    let slowly: fn() = || std::thread::park_timeout(Duration::from_millis(3));
    for (style, pause) in [("many", at_once), ("slow", slowly)] {
        for number in 0..200 {
            let mut open = fs::File::create(&file).unwrap();
            pause();
            open.write_all(format!("[run]\nargs = ['{style}', '{number}']\n").as_bytes()).unwrap();
        }
        while !call.version.contains(&format!(" args={style},199 ")) {
            call = home.call();
            let known = ["many", "slow"].map(|style| format!(" args={style},"));
            assert!(known.iter().any(|args| call.version.contains(args)), "{}", call.version);
        }
    }
    assert!(!hotrun.stderr().contains("error"), "{}", hotrun.stderr());
}

#[test]
fn a_config_is_gone_also_where_its_folder_never_rests() {
    let (project, home) = (project("[run]\nargs = ['a']\n"), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let call = home.call();
    hotrun.wait_for("ready");
    let (done, until) = mpsc::channel::<()>();
    let busy = project.join(".busy");
    let writer = std::thread::spawn(move || {
        while until.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
            fs::write(&busy, "").unwrap();
            fs::remove_file(&busy).unwrap();
        }
    });
    fs::remove_file(project.join("hotrun.toml")).unwrap();
    assert_eq!(applied(&mut hotrun).1, "restart");
    drop((done, call));
    assert!(home.call().version.contains(" args= "));
    writer.join().unwrap();
}

/// The addresses hotrun said that it listens on.
fn listening(said: &str) -> Vec<SocketAddr> {
    let addresses = said.lines().filter_map(|line| line.trim().strip_prefix("Listening http://"));
    addresses.map(|address| address.parse().unwrap()).collect()
}

#[test]
fn sockets_come_and_go_while_those_that_stay_refuse_nobody() {
    let (project, home) = (project("[run]\nlisten = ['a=0']\n"), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let call = home.call();
    assert!(call.version.contains(" sockets=a "), "{}", call.version);
    hotrun.wait_for("ready");
    let kept = listening(&hotrun.wait_said("Listening http://"))[0];
    let (done, until) = mpsc::channel::<()>();
    let client = std::thread::spawn(move || {
        let mut waiting = vec![TcpStream::connect(kept).unwrap()];
        // Nobody accepts, so they are not too many.
        while until.recv_timeout(Duration::from_millis(10)) == Err(mpsc::RecvTimeoutError::Timeout) {
            waiting.push(TcpStream::connect(kept).unwrap());
        }
        waiting.len()
    });
    project.write("hotrun.toml", "[run]\nlisten = ['b=127.0.0.2:0', 'a=0', 'c=unix:c.sock']\n");
    assert_eq!(applied(&mut hotrun), (json!(["run.listen"]), json!("restart")));
    let call = home.call();
    assert!(call.version.contains(" sockets=b:a:c "), "{}", call.version);
    let all = listening(&hotrun.wait_said("Listening http://127.0.0.2:"));
    assert_eq!((all.len(), all[0]), (2, kept), "what is kept is not opened anew");
    TcpStream::connect(all[1]).unwrap();
    assert!(project.join("c.sock").exists());

    // Another name alone is no other socket.
    project.write("hotrun.toml", "[run]\nlisten = ['d=0']\n");
    assert_eq!(applied(&mut hotrun).1, "restart");
    let call = home.call();
    assert!(call.version.contains(" sockets=d "), "{}", call.version);
    // Nobody has the others any more.
    TcpStream::connect(all[1]).unwrap_err();
    assert!(!project.join("c.sock").exists());
    // What cannot be opened beside what is open is refused, with the way out.
    project.write("hotrun.toml", &format!("[run]\nlisten = ['0.0.0.0:{}']\n", kept.port()));
    hotrun.wait_said("hint: start hotrun again to apply it");
    drop(done);
    assert!(client.join().unwrap() > 1);
}

#[test]
fn the_log_is_another_file_from_the_edit_on() {
    let (project, home) = (project("log = 'one.log'\n"), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    home.call();
    hotrun.wait_for("ready");
    project.write("hotrun.toml", "log = 'two.log'\n");
    assert_eq!(applied(&mut hotrun), (json!(["log"]), json!("nothing")));
    hotrun.wait_for("watching");
    project.write("hotrun.toml", "log = 'two.log'\n[run]\nargs = ['a']\n");
    home.call();
    hotrun.wait_said("run.args");
    let (one, two) = (project.join("one.log"), project.join("two.log"));
    assert!(fs::read_to_string(one).unwrap().contains("Started"));
    let two = fs::read_to_string(two).unwrap();
    assert!(two.contains("Applied hotrun.toml: run.args") && !two.contains("Started"), "{two}");
}

#[test]
fn keys_are_turned_off_and_on() {
    let (project, home) = (project(""), Home::new());
    let address = home.address.to_string();
    let command = [env!("CARGO_BIN_EXE_hotrun"), "--offline"];
    let mut person = Person::start_in(project.path(), &command, &[("TEST_HOME", &address)]);
    home.call();
    person.sees("Started");
    person.keys_are_read();
    let reading = person.modes();
    project.write("hotrun.toml", "[ui]\nkeys = false\n");
    person.sees("ui.keys");
    person.waits_for("the modes that were found", |person| person.modes() != reading);
    // Typed now, it is nobody's, also when keys are read again.
    person.types("q");
    project.write("hotrun.toml", "[ui]\nkeys = true\n");
    person.sees("ui.keys");
    person.keys_are_read();
    person.types("h");
    person.sees("show the last errors");
    person.types("q");
    assert_eq!(person.ended().code(), Some(0));
}
