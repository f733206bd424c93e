//! hotrun, whose events tell where the time went.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::Receiver;

use serde_json::Value;

use super::{Answer, Site, Socket, Tool};
use crate::clock::DEADLINE;
use crate::fifo;
use crate::keeper::Kept;
use crate::plan::Plan;
use crate::project::{App, Yard};

/// The step that is hotrun's own share.
pub(crate) const OWN: &str = "all but cargo";

/// Tools of this name are the other build of hotrun.
pub(crate) const BEFORE: &str = "before";

/// The names of the builds of hotrun to measure.
pub(crate) fn builds(plan: &Plan) -> Vec<&'static str> {
    let before = plan.before.is_some().then_some(BEFORE);
    ["hotrun"].into_iter().chain(before).collect()
}

/// The events of a hotrun, as they come.
pub(crate) struct Events {
    lines: Receiver<Value>,
    pub(crate) path: PathBuf,
}

impl Events {
    pub(crate) fn open(yard: &Yard) -> Self {
        let path = yard.folder().join("events");
        let lines = fifo::open(&path, |line| serde_json::from_str(line).expect("an event is JSON"));
        Self { lines, path }
    }

    /// All up to the next of this kind.
    pub(crate) fn until(&self, kind: &str) -> Vec<Value> {
        let mut seen = Vec::new();
        loop {
            let event = self.lines.recv_timeout(DEADLINE);
            let event = event.unwrap_or_else(|_| panic!("hotrun did not say `{kind}` but {seen:?}"));
            assert!(event["event"] != "exiting", "hotrun ended before `{kind}`");
            let found = event["event"] == kind;
            seen.push(event);
            if found {
                return seen;
            }
        }
    }

    /// Waits until the program is ready and everything is watched, in whatever order; gives the latter.
    pub(crate) fn started(&self) -> Value {
        let seen = self.until("ready");
        let watching = seen.into_iter().find(|event| event["event"] == "watching");
        watching.unwrap_or_else(|| self.next("watching"))
    }

    /// The next of this kind.
    pub(crate) fn next(&self, kind: &str) -> Value {
        self.until(kind).pop().expect("the last one is it")
    }
}

/// When an event happened, in milliseconds.
pub(crate) fn time_of(event: &Value) -> f64 {
    event["t_us"].as_f64().expect("an event has a time") / 1e3
}

pub(crate) struct Hotrun {
    name: String,
    site: Site,
    pub(crate) process: Kept,
    pub(crate) events: Events,
}

impl Hotrun {
    /// Starts it with these arguments, and waits until version `none` has answered.
    pub(crate) fn start(yard: &Yard, app: App, socket: Socket, name: &str, arguments: &[&str]) -> Self {
        let site = Site::new(yard, app, socket);
        site.project.stage();
        Self::launch(yard, site, name, arguments).running()
    }

    /// Waits until version `none` has answered.
    pub(crate) fn running(self) -> Self {
        self.site.answered("none");
        self.events.next("ready");
        self
    }

    /// Ends it, and gives its project back.
    pub(crate) fn end(self) -> Site {
        let Self { site, process, .. } = self;
        drop(process);
        site
    }

    /// Starts it and waits for nothing.
    pub(crate) fn launch(yard: &Yard, site: Site, name: &str, arguments: &[&str]) -> Self {
        Self::launch_by(yard, site, name, &[], arguments)
    }

    /// The same by another program (`strace …`).
    pub(crate) fn launch_by(yard: &Yard, site: Site, name: &str, by: &[&str], arguments: &[&str]) -> Self {
        let events = Events::open(yard);
        let binary = match &yard.plan.before {
            Some(before) if name.starts_with(BEFORE) => before,
            _ => Path::new(env!("CARGO_BIN_EXE_hotrun")),
        };
        let words: Vec<&OsStr> = by.iter().map(OsStr::new).chain([binary.as_os_str()]).collect();
        let mut command = Command::new(words[0]);
        site.prepare(&mut command).args(&words[1..]).args(["--offline", "--events"]).arg(&events.path);
        if site.socket == Socket::Held {
            command.args(["--listen", "0"]);
        }
        let process = Kept::spawn(command.args(arguments), &site.mark);
        Self { name: name.to_owned(), site, process, events }
    }
}

impl Tool for Hotrun {
    fn name(&self) -> &str {
        &self.name
    }

    fn site(&self) -> &Site {
        &self.site
    }

    fn follow(&mut self, version: &str, saved: f64) -> Answer {
        let answered = self.site.answered(version);
        let mut steps = Vec::new();
        let mut before = (saved, "save".to_owned());
        let mut own = answered - saved;
        for event in self.events.until("ready") {
            let kind = event["event"].as_str().unwrap_or_default();
            steps.push((format!("{} -> {kind}", before.1), time_of(&event) - before.0));
            before = (time_of(&event), kind.to_owned());
            if let Some(ms) = event["ms"].as_f64().filter(|_| kind == "build-finished") {
                steps.push(("cargo ran".to_owned(), ms));
                own -= ms;
            }
        }
        steps.push((format!("{} -> answered", before.1), answered - before.0));
        steps.push((OWN.to_owned(), own));
        Answer { ms: answered - saved, steps }
    }
}
