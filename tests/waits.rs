//! hotrun waits for nobody inside its loop: whoever does not read, does not write or does not end what it began, every question
//! is answered and every order carried out.

use std::fs;
use std::io::{PipeReader, PipeWriter, Write, pipe};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::support::{DEADLINE, Home, Hotrun, Person, Said, Workshop, answering, finish, pause, said};

/// A workshop whose programs are scripts.
struct Scripts {
    workshop: Workshop,
}

impl Scripts {
    fn new() -> Self {
        let scripts = Self { workshop: Workshop::new("bin/one".as_ref()) };
        scripts.write("one", "");
        scripts.write("two", "");
        scripts
    }

    /// A program that does this and goes on until it is stopped.
    fn write(&self, name: &str, does: &str) {
        let file = self.script(name);
        fs::write(&file, format!("#!/bin/sh\n# {name}\n{does}\nexec sleep 600\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn script(&self, name: &str) -> PathBuf {
        self.workshop.project.join("bin").join(name)
    }

    /// cargo does this first when it builds.
    fn first(&self, does: &str) {
        let (cargo, stub) = (self.script("cargo"), self.script("stub"));
        fs::copy(&cargo, &stub).unwrap();
        let text =
            format!("#!/bin/sh\n[ \"$1\" != build ] || {{ {does}\n}}\nexec {} \"$@\"\n", stub.display());
        fs::write(&cargo, text).unwrap();
    }

    /// A build of `// flood` never stops to talk.
    fn flooded(&self) {
        let message = r#"{"reason":"compiler-message","package_id":"path+file:///p#app@0.1.0","manifest_path":"/p/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/p/src/main.rs","edition":"2021","doc":true,"doctest":false,"test":true},"message":{"rendered":"error: wrong %d\n","$message_type":"diagnostic","children":[],"level":"error","message":"wrong %d","spans":[{"byte_end":9,"byte_start":1,"column_end":5,"column_start":3,"expansion":null,"file_name":"src/main.rs","is_primary":true,"label":null,"line_end":%d,"line_start":%d,"suggested_replacement":null,"suggestion_applicability":null,"text":[]}],"code":null}}"#;
        let message = message.replace('\\', "\\\\").replace('"', "\\\"");
        let awk = format!("BEGIN {{ while (1) {{ n++; printf \"{message}\\n\", n, n, n, n }} }}");
        self.first(&format!("if grep -q flood src/main.rs; then exec awk '{awk}'; fi"));
    }

    /// An edit: the next build gives this script.
    fn edit(&self, name: &str) {
        self.workshop.build_gives(&self.script(name));
    }

    fn hotrun(&self, args: &[&str], stderr: PipeWriter) -> Hotrun {
        let mut start = Hotrun::prepare(&self.workshop.project, &Home::new(), args);
        self.workshop.equip(start.command());
        start.command().stderr(stderr);
        start.start()
    }

    /// `hotrun status` answers, in less than its own patience.
    #[track_caller]
    fn answers(&self) -> Said {
        let began = Instant::now();
        let status = said(self.workshop.project.path(), &["status"]);
        assert_eq!(status.code, 0, "{status:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        status
    }
}

/// A process that ends with its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Its reaper clears up what it leaves.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A pipe that takes no byte until something is read.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, writer) = pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, b"x").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

#[test]
fn a_stderr_that_nobody_reads() {
    let scripts = Scripts::new();
    for signals in [1, 2] {
        let (_reader, writer) = full_pipe();
        scripts.edit("one");
        let mut hotrun = scripts.hotrun(&["-v"], writer);
        let one = hotrun.wait_for("ready").pid();
        scripts.answers();
        scripts.edit("two");
        assert_ne!(hotrun.wait_for("ready").pid(), one);
        scripts.workshop.build_fails();
        hotrun.wait_until("a failure", |event| event.0["success"] == false);
        scripts.answers();
        (0..signals).for_each(|_| hotrun.signal(Signal::TERM));
        assert_eq!(hotrun.wait().0.signal(), Some(libc::SIGTERM));
    }
}

#[test]
fn a_terminal_that_is_stopped_by_ctrl_s() {
    let scripts = Scripts::new();
    scripts.edit("one");
    let mut command = std::process::Command::new("env");
    scripts.workshop.equip(&mut command);
    let env: Vec<(String, String)> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
        .collect();
    let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (&**name, &**value)).collect();
    let command = [env!("CARGO_BIN_EXE_hotrun"), "--offline"];
    let mut person = Person::start_in(scripts.workshop.project.path(), &command, &env);
    person.sees("Started");
    person.keys_are_read();
    person.types("\x13");
    let build = |number: u32| {
        let last = move |said: &Said| said.json()["last-build"]["build"] == number;
        let wait = ["wait", "--json", "--timeout", "1m"];
        let said = said(scripts.workshop.project.path(), &wait);
        assert!(last(&said), "{said:?}");
        said
    };
    scripts.edit("two");
    assert_eq!(build(2).code, 0);
    scripts.answers();
    scripts.workshop.build_fails();
    assert_eq!(build(3).code, 1);
    // What was said meanwhile is there when the terminal goes on.
    person.types("\x11");
    person.sees("Restarted");
    person.sees("failed");
    person.types("\x13");
    scripts.edit("one");
    assert_eq!(build(4).code, 0);
    hotrun::sys::kill_process(person.leader(), libc::SIGTERM).unwrap();
    assert_eq!(person.ended().signal(), Some(libc::SIGTERM));
}

/// The events file is at the limit of its size, and no longer: each line is whole, and hotrun lives.
#[test]
#[cfg(target_os = "linux")]
fn an_events_file_that_takes_half_a_line() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let scripts = Scripts::new();
    scripts.edit("one");
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    let mut command = answering(scripts.workshop.project.path(), &["--offline", "--events"]);
    command.arg(&events).stdout(Stdio::null()).stderr(Stdio::null());
    scripts.workshop.equip(&mut command);
    let hotrun = Ended(command.spawn().unwrap());
    let text = || fs::read_to_string(&events).unwrap_or_default();
    let until = |what: &str| {
        let deadline = Instant::now() + DEADLINE;
        while !text().contains(what) {
            assert!(Instant::now() < deadline, "no {what} in {}", text());
            pause();
        }
    };
    let wait = |build: u32| {
        let said = said(scripts.workshop.project.path(), &["wait", "--json", "--timeout", "1m"]);
        assert_eq!((said.code, &said.json()["running"]["build"]), (0, &build.into()), "{said:?}");
    };
    until("\"ready\"");
    let limit = |bytes: Option<u64>| {
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(Some(Pid::from_child(&hotrun.0)), Resource::Fsize, limit).unwrap();
    };
    limit(Some(text().len() as u64 + 20));
    scripts.edit("two");
    wait(2);
    assert!(!text().ends_with('\n'), "half a line: {}", text());
    limit(None);
    scripts.edit("one");
    wait(3);
    until("\"build\":3,\"pid\":");
    for line in text().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

fn make_fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// What can be read only once is read once, by the time hotrun starts, and is there for each process.
#[test]
fn settings_that_can_be_read_only_once() {
    let scripts = Scripts::new();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for fifo in ["env", "config", "more", "log"] {
        make_fifo(path(fifo).as_ref());
    }
    let write = |fifo: &str, text: &str| {
        let (fifo, text) = (path(fifo), text.to_owned());
        std::thread::spawn(move || fs::write(fifo, text).unwrap())
    };
    let marks = || fs::read_to_string(path("marks")).unwrap_or_default();
    // Ready is not yet done with that.
    let marked = |line: &str| {
        let deadline = Instant::now() + DEADLINE;
        while !marks().ends_with(line) {
            assert!(Instant::now() < deadline, "no {line:?} at the end of {}", marks());
            pause();
        }
    };
    let echo = format!("echo \"$0 $PIPE $FIFO $MORE $SET\" >> {}", path("marks"));
    for name in ["one", "two", "three"] {
        scripts.write(name, &echo.replace("$0", name));
    }
    scripts.edit("one");
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(b"PIPE=a").unwrap();
    drop(writer);
    let writing = [
        write("env", "FIFO=b\n"),
        write("config", &format!("[run]\nenv-file = ['{}']\nenv = {{ SET = \"d\" }}\n", path("file"))),
    ];
    fs::write(path("file"), "MORE=c").unwrap();
    let args = ["--env-file", "/dev/stdin", "--env-file", &path("env"), "--config-file", &path("config")];
    let more = ["--log", &path("log")];
    let mut start = Hotrun::prepare(&scripts.workshop.project, &Home::new(), &[&args[..], &more].concat());
    scripts.workshop.equip(start.command());
    let mut hotrun = start.stdin(reader.into()).start();
    hotrun.wait_for("ready");
    for writing in writing {
        writing.join().unwrap();
    }
    marked("one a b c d\n");
    scripts.edit("two");
    let two = hotrun.wait_for("ready").pid();
    marked("two a b c d\n");
    // A file that can be read again is.
    fs::write(path("file"), "MORE=e").unwrap();
    assert_ne!(hotrun.wait_for("ready").pid(), two);
    marked("two a b e d\n");
    // One that has become a FIFO, to which nobody writes.
    fs::remove_file(path("file")).unwrap();
    make_fifo(path("file").as_ref());
    scripts.edit("three");
    hotrun.wait_for_build("ready", 3);
    scripts.answers();
    marked("three a b e d\n");
}

/// An edit names a FIFO as env file: what runs runs on until somebody has written to it.
#[test]
fn an_env_file_that_comes_later() {
    let scripts = Scripts::new();
    scripts.edit("one");
    let mut hotrun = scripts.hotrun(&[], full_pipe().1);
    let one = hotrun.wait_for("ready").pid();
    let fifo = scripts.workshop.project.join("target/later.env");
    make_fifo(&fifo);
    scripts.workshop.project.write("hotrun.toml", "[run]\nenv-file = ['target/later.env']\n");
    // Opened as soon as hotrun reads it.
    let mut writer = fs::File::options().write(true).open(&fifo).unwrap();
    scripts.answers();
    assert!(hotrun::sys::process(one.cast_signed()).is_some_and(|row| !row.zombie));
    writer.write_all(b"K=v\n").unwrap();
    drop(writer);
    assert_ne!(hotrun.wait_for("ready").pid(), one);
}

#[test]
fn settings_that_cannot_be_read_are_said_before_anything_runs() {
    let scripts = Scripts::new();
    scripts.edit("one");
    let fifo = scripts.workshop.project.join("bin/fifo");
    make_fifo(&fifo);
    for (option, file, reason) in [
        ("--env-file", fifo.to_str().unwrap(), "no process writes to this FIFO"),
        ("--env-file", "/dev/zero", "it is longer than 16 MiB"),
        ("--env-file", "src", "s a directory"),
        ("--config-file", "/dev/zero", "it is longer than 16 MiB"),
    ] {
        let mut command = answering(scripts.workshop.project.path(), &["--offline", option, file]);
        scripts.workshop.equip(&mut command);
        let said = finish(command);
        assert!(said.code == 2 && said.stderr.contains(reason), "{said:?}");
    }
}

/// While the compiler never stops to talk and others wait or leave their requests unfinished, every question is answered.
#[test]
fn a_flood_of_messages_and_of_clients() {
    let scripts = Scripts::new();
    scripts.flooded();
    scripts.edit("one");
    let base = tempfile::Builder::new().prefix("hr-").tempdir_in("/tmp").unwrap();
    let mut start = Hotrun::prepare(&scripts.workshop.project, &Home::new(), &["--ready", "notify"]);
    scripts.workshop.equip(start.command());
    let base_path = base.path().to_str().unwrap();
    let mut hotrun = start.env("XDG_RUNTIME_DIR", base_path).start();
    hotrun.wait_for("process-started");
    scripts.workshop.project.write("src/main.rs", "// flood\n");
    let talks = |hotrun: &mut Hotrun, count: u64| {
        hotrun.wait_until("a message", |event| {
            event.kind() == "diagnostic" && event.0["line"].as_u64().is_some_and(|line| line >= count)
        });
    };
    talks(&mut hotrun, 10_000);
    let folder = fs::read_dir(base.path()).unwrap().next().unwrap().unwrap().path();
    let ask = |request: &str| {
        let mut stream = UnixStream::connect(folder.join("control")).unwrap();
        // hotrun may have let it go.
        let _ = stream.write_all(request.as_bytes());
        stream
    };
    let answers = || {
        let began = Instant::now();
        let mut command = answering(scripts.workshop.project.path(), &["status", "--json"]);
        let said = finish({
            command.env("XDG_RUNTIME_DIR", base.path());
            command
        });
        assert_eq!((said.code, &said.json()["state"]), (0, &"building".into()), "{}", said.stderr);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    };
    answers();
    let waiting: Vec<UnixStream> = (0..200).map(|_| ask("{\"request\":\"wait\"}\n")).collect();
    answers();
    let half: Vec<UnixStream> = (0..400).map(|_| ask("{\"request\":")).collect();
    answers();
    talks(&mut hotrun, 12_000);
    drop((waiting, half));
    hotrun.signal(Signal::TERM);
    assert_eq!(hotrun.wait_for_end().signal(), Some(libc::SIGTERM));
}

/// What a procedural macro prints on stdout, and a line of stderr that has no end.
#[test]
fn lines_that_are_no_messages() {
    let scripts = Scripts::new();
    scripts.edit("one");
    scripts.first("echo PRINTED; printf '%0200000d\\n' 7 >&2");
    let mut start = Hotrun::prepare(&scripts.workshop.project, &Home::new(), &[]);
    scripts.workshop.equip(start.command());
    let mut hotrun = start.start();
    hotrun.wait_for("ready");
    let said = hotrun.wait_said("PRINTED\n");
    assert_eq!(hotrun.wait_said("7\n").matches('0').count() / 100_000, 2, "{said}");
}
