//! One hotrun at a terminal that lives through a history, and the programs that called home meanwhile.

use std::fmt::Write as _;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use hotrun::sys;

use super::acts::{Act, History};
use super::disk::{Disk, Meaning, rest};
use crate::programs::program;
use crate::support::{Call, Home, Person, Said, answering, finish};

const HOTRUN: &str = env!("CARGO_BIN_EXE_hotrun");

/// So long after the last event of a kind that no answer tells it is over: SIGHUP counts half a second later, a removed
/// target directory a little after that.
const ECHO: Duration = Duration::from_millis(1200);

/// How long anything that must happen may take.
const PATIENCE: Duration = Duration::from_secs(15);

const HELP: &str = "show the last errors";
const PAUSED: &str = "\"event\":\"paused\"";
const RESUMED: &str = "\"event\":\"resumed\"";

pub(crate) struct Stage {
    disk: Disk,
    home: Home,
    calls: Vec<Call>,
    person: Person,
    leader: i32,
    folder: tempfile::TempDir,
    rolls_back: bool,
    echo: bool,
    killed: bool,
    asked: Vec<Child>,
}

/// What is wrong at rest.
pub(crate) type Verdict = Result<(), String>;

impl Stage {
    pub(crate) fn new(args: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("hotrun-test-").tempdir().unwrap();
        let hasty = program("hasty");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(&hasty, bin.join("cargo")).unwrap();
        let disk = Disk::new(folder.path().join("project"));
        let home = Home::new();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let [events, log] = ["events", "log"].map(|name| folder.path().join(name).display().to_string());
        let words = [HOTRUN, "--offline", "--events", &events, "--log", &log];
        let command: Vec<&str> = words.iter().chain(args).copied().collect();
        let person = Person::start_in(
            disk.root(),
            &command,
            &[
                ("PATH", &path),
                ("REAL_CARGO", &std::env::var("CARGO").expect("cargo runs the tests")),
                ("HASTY", hasty.to_str().unwrap()),
                ("TEST_HOME", &home.address.to_string()),
            ],
        );
        let mut stage = Self {
            disk,
            calls: vec![home.call()],
            home,
            leader: person.leader(),
            person,
            folder,
            rolls_back: args.contains(&"rollback"),
            echo: false,
            killed: false,
            asked: Vec::new(),
        };
        stage.person.sees("Started");
        stage.person.keys_are_read();
        stage
    }

    /// Lives through it, and checks what there is at rest.
    pub(crate) fn live(&mut self, history: &History) -> Verdict {
        for (act, pause) in history {
            match act {
                Act::Save { file, text, style } => self.disk.save(file, text, *style),
                Act::Touch(file) => self.disk.touch(file),
                Act::Remove(file) => self.disk.remove(file),
                Act::Key(key) => self.key(*key),
                Act::HangUp => self.signal(libc::SIGHUP),
                Act::Freeze => self.signal(libc::SIGSTOP),
                Act::Thaw => self.signal(libc::SIGCONT),
                Act::Kill(signal) => self.kill(*signal),
                Act::CargoClean => {
                    self.disk.clean();
                    self.echo = true;
                }
                Act::Ask(command) => self.ask(command),
                Act::Rest => self.check()?,
            }
            rest(*pause);
        }
        self.check()
    }

    fn key(&mut self, key: char) {
        self.person.types(&key.to_string());
    }

    fn signal(&mut self, signal: i32) {
        sys::kill_process(self.leader, signal).unwrap();
        self.echo |= signal == libc::SIGHUP;
    }

    /// The newest program.
    fn kill(&mut self, signal: i32) {
        self.hear();
        if let Some(call) = self.calls.last_mut()
            && !call.has_ended()
        {
            let _ = sys::kill_process(call.pid.cast_signed(), signal);
            self.killed = true;
        }
    }

    fn ask(&mut self, command: &str) {
        let words = if command == "wait" { vec!["wait", "--timeout", "20s"] } else { vec![command] };
        let mut command = answering(self.disk.root(), &words);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        self.asked.push(command.spawn().unwrap());
    }

    /// Takes note of who has called.
    fn hear(&mut self) {
        while let Some(call) = self.home.called() {
            self.calls.push(call);
        }
    }

    /// How often hotrun wrote this into its log or its events.
    fn said(&self, file: &str, words: &str) -> usize {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default().matches(words).count()
    }

    fn until(&mut self, what: &str, mut there: impl FnMut(&mut Self) -> bool) -> Verdict {
        let deadline = Instant::now() + PATIENCE;
        while !there(self) {
            if Instant::now() > deadline {
                return Err(format!("never {what}"));
            }
            crate::support::pause();
        }
        Ok(())
    }

    /// Everything that was ordered has arrived, and edits are followed: keys come one after the other, and what is asked
    /// is answered.
    fn settle(&mut self) -> Verdict {
        for mut child in std::mem::take(&mut self.asked) {
            self.until("answered", |_| child.try_wait().unwrap().is_some())?;
        }
        let helped = self.said("log", HELP);
        self.key('h');
        self.until("helped", |stage| stage.said("log", HELP) > helped)?;
        if std::mem::take(&mut self.echo) {
            rest(ECHO);
        }
        if self.said("events", PAUSED) > self.said("events", RESUMED) {
            self.key('p');
            self.until("resumed", |stage| stage.said("events", PAUSED) == stage.said("events", RESUMED))?;
        }
        Ok(())
    }

    /// At rest: what runs is what is on disk, and `wait` says so.
    fn check(&mut self) -> Verdict {
        self.settle()?;
        let mut said = self.wait();
        let reason = |said: &Said| said.json()["reason"].as_str().unwrap_or_default().to_owned();
        if std::mem::take(&mut self.killed) && reason(&said).contains("died of") {
            // Whoever kills a program has it started again.
            self.ask("restart");
            self.settle()?;
            said = self.wait();
        }
        let Meaning { made, started } = self.disk.meaning();
        let answer = said.json();
        let (state, ok) = (answer["state"].as_str().unwrap_or_default(), answer["ok"] == true);
        let fail = |what: &str| {
            Err(format!("{what}; on disk: {made:?} {started:?}; `wait`: {} {answer}", said.code))
        };
        let kind = made.as_deref().and_then(|made| made.split(|letter: char| !letter.is_alphabetic()).next());
        let (expected, why) = match kind {
            None => ("failed", " failed"),
            Some("crash") if started.is_ok() => ("failed", "exited with code 3"),
            Some("crash") => ("failed", ""),
            Some(_) if started.is_err() => ("failed", ""),
            Some("end") => ("exited", ""),
            Some(_) => ("running", ""),
        };
        if state != expected || ok != (expected != "failed") || said.code != i32::from(!ok) {
            return fail(&format!("expected {expected}"));
        }
        if !reason(&said).contains(why) {
            return fail(&format!("expected the reason {why:?}"));
        }
        // What runs where the program cannot be built or started is what ran before, or nothing.
        let rolled_back = self.rolls_back && kind == Some("crash");
        let (Some(made), Ok(started), false) = (&made, &started, rolled_back) else {
            self.hear();
            let alive = self.alive();
            return if alive.len() > 1 { fail(&format!("more than one runs: {alive:?}")) } else { Ok(()) };
        };
        let words = format!("{made} {started}");
        let number = usize::from(expected == "running");
        let right = |stage: &mut Self| {
            stage.hear();
            let last = stage.calls.last().map(|call| call.version.clone());
            stage.alive().len() == number && last.as_ref() == Some(&words)
        };
        // It may not have come to say a word yet.
        if self.until("right", right).is_err() {
            let alive = self.alive();
            let last = self.calls.last().map(|call| call.version.clone());
            return fail(&format!(
                "expected {number} × {words:?}, but {alive:?} run, the last of all was {last:?}"
            ));
        }
        Ok(())
    }

    fn alive(&mut self) -> Vec<String> {
        self.calls.iter_mut().filter_map(|call| (!call.has_ended()).then(|| call.version.clone())).collect()
    }

    fn wait(&self) -> Said {
        finish(answering(self.disk.root(), &["wait", "--json", "--timeout", "50s"]))
    }

    /// Ends hotrun, and checks that the program has ended with it.
    pub(crate) fn end(mut self) -> Verdict {
        self.key('q');
        let mut status = None;
        self.until("ended", |stage| {
            status = stage.person.child.try_wait().unwrap();
            status.is_some()
        })?;
        let code = status.and_then(|status| status.code());
        self.hear();
        let left = self.alive();
        if code != Some(0) || !left.is_empty() {
            return Err(format!("after `q`: {code:?}, and {left:?} run on"));
        }
        Ok(())
    }

    /// What was said, for a failure.
    pub(crate) fn story(&self) -> String {
        let mut story = String::new();
        for name in ["log", "events"] {
            let text = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
            let _ = write!(story, "\n--- {name}:\n{text}");
        }
        story
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.person.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = sys::kill_process(self.leader, libc::SIGKILL);
            let _ = self.person.child.wait();
        }
    }
}
