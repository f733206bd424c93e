//! Whatever the program does and however hotrun ends, nothing is left: no process, no bound port, no changed terminal.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hotrun::sys;
use rustix::process::Signal;

use super::edits::world::skip;
use super::programs::program;
use super::support::{DEADLINE, Home, Hotrun, Person, Project, Reports, Workshop, free_address, pause};

const HOTRUN: &str = env!("CARGO_BIN_EXE_hotrun");

/// How a program behaves, and how many of its processes report.
const BEHAVIOURS: [(&str, usize); 7] = [
    ("plain", 1),
    ("slow", 1),
    ("stubborn", 1),
    ("family", 3),
    ("own-session", 2),
    ("daemon", 2),
    ("stopped", 1),
];

/// A program that runs under hotrun on a terminal, with everything it started.
struct Running {
    person: Person,
    pids: Vec<i32>,
    address: SocketAddr,
    events: std::path::PathBuf,
    behaviour: &'static str,
}

/// The last word of the events about hotrun's run.
fn session(events: &Path) -> String {
    let text = fs::read_to_string(events).unwrap();
    let started = text.lines().rfind(|line| line.contains(r#""event":"started""#)).unwrap();
    let event: serde_json::Value = serde_json::from_str(started).unwrap();
    event["session"].as_str().unwrap().to_owned()
}

/// The living processes that carry the tag of this run.
fn tagged(session: &str) -> Vec<i32> {
    let entry = format!("HOTRUN_ID={session}.");
    let mut pids: Vec<i32> =
        sys::processes().into_iter().filter(|row| !row.zombie).map(|row| row.pid).collect();
    pids.retain(|&pid| sys::carries(pid, &entry, false));
    pids
}

pub(super) fn alive(pid: i32) -> bool {
    sys::process(pid).is_some_and(|row| !row.zombie)
}

impl Running {
    fn start(project: &Project, behaviour: &'static str, processes: usize, stop_timeout: &str) -> Self {
        let (reports, address) = (Reports::new(), free_address());
        let events = project.join("target/events");
        let mode = if behaviour == "stopped" { "plain" } else { behaviour };
        let person = Person::start_in(
            project.path(),
            &[
                HOTRUN,
                "--offline",
                "--events",
                events.to_str().unwrap(),
                "--stop-timeout",
                stop_timeout,
                "--",
                mode,
                "50",
            ],
            &[("TEST_REPORT", reports.path()), ("TEST_ADDRESS", &address.to_string())],
        );
        let pids = (0..processes).map(|_| reports.next().1).collect();
        let mut running = Self { person, pids, address, events, behaviour };
        running.person.sees("Started");
        running.person.keys_are_read();
        if behaviour == "stopped" {
            sys::kill_process(running.pids[0], libc::SIGSTOP).unwrap();
        }
        running
    }

    /// hotrun has ended: nothing may be left, at once or (where it was killed) soon.
    #[track_caller]
    fn left_nothing(&self, at_once: bool) {
        let session = session(&self.events);
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut left = tagged(&session);
            left.extend(self.pids.iter().filter(|&&pid| alive(pid)));
            if left.is_empty() {
                break;
            }
            assert!(!at_once && Instant::now() < deadline, "{}: {left:?} left", self.behaviour);
            pause();
        }
        TcpListener::bind(self.address).unwrap_or_else(|error| panic!("{}: {error}", self.behaviour));
    }

    /// Waits for hotrun's end and looks at the terminal and at what is left.
    #[track_caller]
    fn ended(mut self, at_once: bool) -> ExitStatus {
        let status = self.person.child.wait().unwrap();
        self.left_nothing(at_once);
        self.person.ended();
        status
    }
}

/// Every behaviour, ended in one way.
#[track_caller]
fn each(end: impl Fn(Running)) {
    let project = Project::fixture();
    fs::create_dir_all(project.join("target")).unwrap();
    for (behaviour, processes) in BEHAVIOURS {
        end(Running::start(&project, behaviour, processes, "300ms"));
    }
}

#[test]
fn the_key_q() {
    each(|mut running| {
        running.person.types("q");
        assert_eq!(running.ended(true).code(), Some(0));
    });
}

#[test]
fn ctrl_c() {
    each(|mut running| {
        running.person.types("\x03");
        assert_eq!(running.ended(true).signal(), Some(libc::SIGINT));
    });
}

#[test]
fn a_second_ctrl_c_kills_at_once() {
    let project = Project::fixture();
    fs::create_dir_all(project.join("target")).unwrap();
    for (behaviour, processes) in BEHAVIOURS {
        let mut running = Running::start(&project, behaviour, processes, "10m");
        running.person.types("\x03");
        if !matches!(behaviour, "plain" | "stopped" | "slow" | "own-session") {
            running.person.sees("SIGINT sent 1 s ago, SIGKILL in 599 s; Ctrl-C kills it now");
            running.person.types("\x03");
        }
        assert_eq!(running.ended(true).signal(), Some(libc::SIGINT));
    }
}

#[test]
fn sigterm() {
    each(|running| {
        sys::kill_process(running.person.leader(), libc::SIGTERM).unwrap();
        assert_eq!(running.ended(true).signal(), Some(libc::SIGTERM));
    });
}

#[test]
fn a_closed_terminal() {
    each(|running| {
        let Running { person, pids, address, events, behaviour } = running;
        let mut child = person.hang_up();
        child.wait().unwrap();
        // The stand-in for a shell may have died of the hang-up before hotrun had cleaned up.
        let stand_in = Person::start(&["true"], &[]);
        Running { person: stand_in, pids, address, events, behaviour }.left_nothing(false);
    });
}

#[test]
fn sigkill_of_hotrun() {
    each(|running| {
        sys::kill_process(running.person.leader(), libc::SIGKILL).unwrap();
        assert_eq!(running.ended(false).signal(), Some(libc::SIGKILL));
    });
}

#[test]
fn sighup_restarts_and_the_old_tree_is_gone_before_the_new_one_starts() {
    each(|running| {
        let old = running.pids.clone();
        let mut running = running;
        sys::kill_process(running.person.leader(), libc::SIGHUP).unwrap();
        running.person.sees("Restarted");
        assert!(old.iter().all(|&pid| !alive(pid)), "{}", running.behaviour);
        running.person.types("q");
        assert_eq!(running.ended(true).code(), Some(0));
    });
}

/// A project whose build takes as long as its build script lives.
fn long_build() -> (Project, Reports) {
    let (project, reports) = (Project::caller(), Reports::new());
    project.write(
        "build.rs",
        r#"
use std::io::Write;
fn main() {
    println!("cargo::rerun-if-changed=nothing");
    if std::path::Path::new("quick").exists() { return }
    let mut fifo = std::fs::File::options().write(true).open(std::env::var("TEST_REPORT").unwrap()).unwrap();
    writeln!(fifo, "building {}", std::process::id()).unwrap();
    loop { std::thread::park() }
}
"#,
    );
    (project, reports)
}

/// Everybody in the process group.
fn group_of(pid: i32) -> Vec<i32> {
    let group = sys::process(pid).unwrap().group;
    sys::group_members(group)
}

#[test]
fn sigkill_during_a_build_leaves_no_cargo_and_the_next_start_builds() {
    let (project, reports) = long_build();
    let home = Home::new();
    let mut hotrun = Hotrun::prepare(&project, &home, &[]).env("TEST_REPORT", reports.path()).start();
    let script = reports.wait_for("building");
    let group = group_of(script);
    assert!(group.len() > 1, "{group:?}");
    hotrun.signal(Signal::KILL);
    hotrun.wait_for_end();
    let deadline = Instant::now() + DEADLINE;
    while group.iter().any(|&pid| alive(pid)) {
        assert!(Instant::now() < deadline, "{group:?} lives on");
        pause();
    }
    project.write("quick", "");
    let _hotrun = Hotrun::run(&project, &home, &[]);
    home.call_of("one");
}

#[test]
fn a_signal_during_a_build_ends_it_as_well() {
    let (project, reports) = long_build();
    let home = Home::new();
    let mut hotrun = Hotrun::prepare(&project, &home, &[]).env("TEST_REPORT", reports.path()).start();
    let group = group_of(reports.wait_for("building"));
    hotrun.signal(Signal::TERM);
    assert_eq!(hotrun.wait().0.signal(), Some(libc::SIGTERM));
    assert!(group.iter().all(|&pid| !alive(pid)));
}

#[test]
fn a_daemon_that_cargo_started_for_others_survives() {
    let (project, home, reports) = (Project::caller(), Home::new(), Reports::new());
    project.write("daemon.rs", include_str!("fixtures/app.rs"));
    project.write(
        "build.rs",
        r#"
fn main() {
    let out = std::env::var("OUT_DIR").unwrap() + "/daemon";
    let done = std::process::Command::new("rustc").args(["--edition=2024", "-Cpanic=abort", "-o", &out, "daemon.rs"]).status();
    assert!(done.unwrap().success());
    use std::process::Stdio;
    let mut daemon = std::process::Command::new(&out);
    daemon.arg("session-leader").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    daemon.spawn().unwrap();
    println!("cargo::rerun-if-changed=build.rs");
}
"#,
    );
    for signal in [Signal::TERM, Signal::KILL] {
        project.write(
            "build.rs",
            &format!("{}\n// {signal:?}\n", fs::read_to_string(project.join("build.rs")).unwrap()),
        );
        let mut hotrun = Hotrun::prepare(&project, &home, &[]).env("TEST_REPORT", reports.path()).start();
        let daemon = reports.wait_for("session-leader");
        let mut one = home.call_of("one");
        hotrun.signal(signal);
        hotrun.wait_for_end();
        one.wait_for_end();
        assert!(alive(daemon), "{signal:?}");
        sys::kill_process(daemon, libc::SIGKILL).unwrap();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_build_script_leaves_in_cargos_group_ends_with_hotrun() {
    for signal in [Signal::TERM, Signal::KILL] {
        let (home, reports) = (Home::new(), Reports::new());
        let workshop = Workshop::new(&program("app"));
        let stub = fs::read_to_string(workshop.project.join("bin/cargo")).unwrap();
        let leaving = "\"$LEFT\" stubborn <&- >&- 2>&- &\ncat <<END";
        workshop.project.write("bin/cargo", &stub.replacen("cat <<END", leaving, 1));
        let mut start = Hotrun::prepare(&workshop.project, &home, &["--", "quiet"]);
        workshop.equip(start.command());
        let left = program("app");
        let mut hotrun = start.env("TEST_REPORT", reports.path()).env("LEFT", left.to_str().unwrap()).start();
        let first = reports.wait_for("ready");
        hotrun.wait_for("ready");
        workshop.project.write("src/main.rs", &format!("// use: {}\n", left.display()));
        let second = reports.wait_for("ready");
        hotrun.wait_for("unchanged");
        assert!(alive(first) && alive(second));
        hotrun.signal(signal);
        hotrun.wait_for_end();
        let deadline = Instant::now() + DEADLINE;
        while alive(first) || alive(second) {
            assert!(signal == Signal::KILL && Instant::now() < deadline, "{first} or {second} lives on");
            pause();
        }
    }
}

/// How many descriptors a process has open, and how much memory it holds, in KiB.
fn holdings(pid: u32) -> (usize, usize) {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    (open, memory.trim().trim_end_matches(" kB").parse().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn a_hundred_restarts_find_the_port_free_and_cost_nothing() {
    let (project, home, reports) = (Project::fixture(), Home::new(), Reports::new());
    let address = free_address();
    let mut hotrun = Hotrun::prepare(&project, &home, &["--", "plain"])
        .env("TEST_REPORT", reports.path())
        .env("TEST_ADDRESS", &address.to_string())
        .start();
    assert_eq!(reports.next().0, "ready");
    hotrun.wait_for("ready");
    let mut before = (0, 0);
    for n in 0..100 {
        hotrun.signal(Signal::HUP);
        assert_eq!(reports.next().0, "ready", "restart {n}");
        hotrun.wait_for("ready");
        if n == 9 {
            before = holdings(hotrun.pid());
        }
    }
    let after = holdings(hotrun.pid());
    assert!(after.0 <= before.0 + 1, "{before:?} {after:?}");
    assert!(after.1 < before.1 + 2048, "{before:?} {after:?}");
    hotrun.signal(Signal::TERM);
    hotrun.wait();
    TcpListener::bind(address).unwrap();
    assert!(reports.silent_for(Duration::ZERO));
}

#[test]
fn stdin_from_a_file_is_read_from_its_start_and_a_pipe_only_once() {
    let (project, home, reports) = (Project::fixture(), Home::new(), Reports::new());
    project.write("input", "from the file");
    let file = fs::File::open(project.join("input")).unwrap();
    let mut hotrun = Hotrun::prepare(&project, &home, &["--", "stdin"])
        .env("TEST_REPORT", reports.path())
        .stdin(file.into())
        .start();
    for _ in 0..2 {
        assert_eq!(reports.next().0, "stdin=from the file");
        hotrun.wait_for("process-exited");
        hotrun.signal(Signal::HUP);
    }
    drop(hotrun);

    let (read, mut write) = std::io::pipe().unwrap();
    let mut hotrun = Hotrun::prepare(&project, &home, &["--", "stdin"])
        .env("TEST_REPORT", reports.path())
        .stdin(read.into())
        .start();
    std::io::Write::write_all(&mut write, b"from the pipe").unwrap();
    drop(write);
    while reports.next().0 != "stdin=from the pipe" {}
    hotrun.wait_for("process-exited");
    hotrun.signal(Signal::HUP);
    assert_eq!(reports.next().0, "stdin=");
    hotrun.wait_said("stdin is a pipe, which the first process was given");
}

#[test]
fn on_exit_restart_backs_off_and_gives_up_after_five_failures() {
    let (project, home) = (Project::fixture(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &["--on-exit", "restart", "--", "exit", "7"]);
    for _ in 0..5 {
        let exited = hotrun.wait_for("process-exited");
        assert_eq!(exited.0["code"], 7);
    }
    let said = hotrun.wait_said("too many failures in a row");
    for wait in ["0.1 s", "0.2 s", "0.4 s", "0.8 s"] {
        assert!(
            said.contains("code 7 after ") && said.contains(&format!("starting again in {wait}")),
            "{said}"
        );
    }
    project.edit_fixture("two");
    hotrun.wait_for("published");
    hotrun.wait_for("process-exited");
}

#[test]
fn on_exit_exit_gives_the_programs_code_or_signal() {
    let (project, home, reports) = (Project::fixture(), Home::new(), Reports::new());
    let mut hotrun = Hotrun::run(&project, &home, &["--on-exit", "exit", "--", "exit", "7"]);
    assert_eq!(hotrun.wait().0.code(), Some(7));
    let mut hotrun = Hotrun::prepare(&project, &home, &["--on-exit", "exit", "--", "plain"])
        .env("TEST_REPORT", reports.path())
        .start();
    sys::kill_process(reports.wait_for("ready"), libc::SIGUSR1).unwrap();
    let (status, said) = hotrun.wait();
    assert_eq!(status.code(), Some(128 + libc::SIGUSR1));
    assert!(said.contains(" was killed by SIGUSR1 after "), "{said}");
    assert!(!said.contains('\x1b'), "coloured into a pipe: {said:?}");
}

#[test]
fn manual_updates_wait_for_a_request() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &["--update", "manual"]);
    let mut one = home.call_of("one");
    hotrun.wait_for("ready");
    project.set_version("two");
    hotrun.wait_for_build("published", 2);
    assert_eq!(one.ask(), format!("{} one", one.pid));
    hotrun.signal(Signal::HUP);
    home.call_of("two");
    one.wait_for_end();
}

#[test]
fn under_nohup_neither_sighup_nor_the_end_of_the_terminal_ends_hotrun() {
    let (project, home) = (Project::caller(), Home::new());
    let address = home.address.to_string();
    let mut person = Person::shell_in(project.path(), "sh -i", &[("TEST_HOME", &address)]);
    person.types(&format!("nohup {HOTRUN} --offline >/dev/null 2>&1 & echo p''id=$!.\n"));
    person.sees("pid=");
    let hotrun = person.sees_number(".");
    let mut one = home.call_of("one");
    sys::kill_process(hotrun, libc::SIGHUP).unwrap();
    drop(person.hang_up());
    project.set_version("two");
    let mut two = home.call_of("two");
    one.wait_for_end();
    sys::kill_process(hotrun, libc::SIGTERM).unwrap();
    two.wait_for_end();
}

#[test]
#[cfg(target_os = "linux")]
fn as_process_1_hotrun_gives_an_exit_code_and_reaps_strangers() {
    let allowed =
        Command::new("unshare").args(["-pf", "--mount-proc", "true"]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return skip("hotrun as process 1: no PID namespaces here");
    }
    let (project, home) = (Project::caller(), Home::new());
    project.write(
        "src/main.rs",
        &Project::caller_text("one").replace(
            "fn main() {",
            "fn main() { std::process::Command::new(\"sh\").args([\"-c\", \"setsid sleep 0.01 & exit\"]).status().unwrap();",
        ),
    );
    let mut unshared = Command::new("unshare")
        .args(["-pf", "--mount-proc", "--kill-child", HOTRUN, "--offline"])
        .current_dir(project.path())
        .env("TEST_HOME", home.address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut one = home.call_of("one");
    assert_ne!(one.pid, 1);
    let parent = unshared.id().cast_signed();
    let hotrun = sys::processes().into_iter().find(|row| row.parent == parent).unwrap().pid;
    let deadline = Instant::now() + DEADLINE;
    while sys::processes().iter().any(|row| row.parent == hotrun && row.zombie) {
        assert!(Instant::now() < deadline, "a stranger's zombie is left");
        pause();
    }
    sys::kill_process(hotrun, libc::SIGTERM).unwrap();
    assert_eq!(unshared.wait().unwrap().code(), Some(128 + libc::SIGTERM));
    one.wait_for_end();
}

#[test]
#[cfg(target_os = "linux")]
fn a_program_of_another_user_gets_a_clear_message_and_no_endless_ladder() {
    // root without the right to signal other users' processes, as a plain user is towards `sudo`.
    let by = ["setpriv", "--bounding-set", "-kill"];
    let allowed = Command::new(by[0]).args(&by[1..]).arg("true").stderr(Stdio::null()).status();
    if !rustix::process::geteuid().is_root() || !allowed.is_ok_and(|status| status.success()) {
        return skip("another user's program: needs root and setpriv");
    }
    let (project, home, reports) = (Project::fixture(), Home::new(), Reports::new());
    let mut hotrun = Hotrun::prepare_by(&by, &project, &home, &["--", "nobody"])
        .env("TEST_REPORT", reports.path())
        .start();
    let pid = reports.wait_for("ready");
    hotrun.wait_for("ready");
    hotrun.signal(Signal::HUP);
    hotrun.wait_said(&format!("hotrun may not stop pid {pid}: another user's"));
    // Nothing is started beside it, and what is next starts when it has ended.
    sys::kill_process(pid, libc::SIGKILL).unwrap();
    let next = reports.wait_for("ready");
    hotrun.wait_for("ready");
    hotrun.signal(Signal::TERM);
    assert_eq!(hotrun.wait_for_end().signal(), Some(libc::SIGTERM));
    assert!(alive(next));
    sys::kill_process(next, libc::SIGKILL).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn signals_that_were_blocked_or_ignored_before_hotrun_are_heard() {
    let workshop = Workshop::new(&program("app"));
    for by in ["--block-signal=CHLD,TERM", "--ignore-signal=CHLD,TERM"] {
        let (home, reports) = (Home::new(), Reports::new());
        let args = ["--on-exit", "restart", "--", "plain"];
        let mut start = Hotrun::prepare_by(&["env", by], &workshop.project, &home, &args);
        workshop.equip(start.command());
        let mut hotrun = start.env("TEST_REPORT", reports.path()).start();
        sys::kill_process(reports.wait_for("ready"), libc::SIGKILL).unwrap();
        reports.wait_for("ready");
        hotrun.signal(Signal::TERM);
        assert_eq!(hotrun.wait().0.signal(), Some(libc::SIGTERM), "{by}");
    }
}

#[test]
fn both_processes_of_an_overlap_hear_of_the_terminal_and_have_their_own_stop() {
    let (project, home, reports) = (Project::fixture(), Home::new(), Reports::new());
    let args = ["--update", "overlap", "--ready", "20ms", "--stop-timeout", "1s", "--", "stubborn-sizes"];
    let mut hotrun = Hotrun::prepare(&project, &home, &args).env("TEST_REPORT", reports.path()).start();
    let first = reports.wait_for("ready");
    hotrun.wait_for("ready");
    project.edit_fixture("two");
    let second = reports.wait_for("ready");
    hotrun.wait_for("stopping");
    hotrun.signal(Signal::WINCH);
    let mut resized = [reports.wait_for("resized"), reports.wait_for("resized")];
    resized.sort_unstable();
    let mut both = [first, second];
    both.sort_unstable();
    assert_eq!(resized, both);
    hotrun.signal(Signal::TERM);
    let (_, said) = hotrun.wait();
    assert_eq!(said.matches("the program did not end within").count(), 2, "{said}");
}

#[test]
fn a_program_that_has_become_another_user_says_that_it_is_ready() {
    if !rustix::process::geteuid().is_root() {
        return skip("a change of the user: needs root");
    }
    let (workshop, home, reports) = (Workshop::new(&program("app")), Home::new(), Reports::new());
    let mut start =
        Hotrun::prepare(&workshop.project, &home, &["--ready", "notify", "--", "ready-as-nobody"]);
    workshop.equip(start.command());
    let mut hotrun = start.env("TEST_REPORT", reports.path()).start();
    assert_eq!(reports.next().0, "sent");
    hotrun.wait_for("ready");
}
