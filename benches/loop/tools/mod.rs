//! Those who follow a project: hotrun, the floor and, where they are there, other tools.

mod floor;
mod hotrun;
mod peers;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) use floor::Floor;
pub(crate) use hotrun::{BEFORE, Hotrun, OWN, builds, time_of};
pub(crate) use peers::found;

use crate::clock::now;
use crate::home::Home;
use crate::keeper::Mark;
use crate::project::{App, Project, Yard, as_from_a_shell};

/// Who follows a project.
pub(crate) trait Tool {
    fn name(&self) -> &str;

    fn site(&self) -> &Site;

    /// Told that this version was saved at that time; returns once it has answered.
    fn follow(&mut self, version: &str, saved: f64) -> Answer {
        Answer { ms: self.site().answered(version) - saved, steps: Vec::new() }
    }
}

/// How long from a save until the new version answered, in milliseconds, and on what the time went, where that is known.
pub(crate) struct Answer {
    pub(crate) ms: f64,
    pub(crate) steps: Vec<(String, f64)>,
}

impl Answer {
    /// The time of a step.
    pub(crate) fn step(&self, name: &str) -> Option<f64> {
        self.steps.iter().find(|(step, _)| step == name).map(|(_, ms)| *ms)
    }
}

/// Saves a version and waits until it has answered.
pub(crate) fn edit(tool: &mut dyn Tool, version: &str) -> Answer {
    let saved = now();
    tool.site().project.save(version);
    tool.follow(version, saved)
}

/// Where the program's socket comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Socket {
    /// The program binds any port.
    Any,
    /// The program binds the same port each time.
    Port,
    /// Whoever follows it holds it and hands it over.
    Held,
}

/// A project of a tool's own, and where its program calls and listens.
pub(crate) struct Site {
    pub(crate) project: Project,
    pub(crate) home: Home,
    pub(crate) mark: Mark,
    pub(crate) socket: Socket,
    port: u16,
    serves: std::cell::Cell<Option<SocketAddr>>,
    shim: Option<std::ffi::OsString>,
}

impl Site {
    pub(crate) fn new(yard: &Yard, app: App, socket: Socket) -> Self {
        let port = if socket == Socket::Port { quiet_port() } else { 0 };
        Self {
            project: yard.project(app),
            home: Home::open(),
            mark: yard.mark(),
            socket,
            port,
            serves: None.into(),
            shim: None,
        }
    }

    /// With the programs of this folder before those of the PATH.
    pub(crate) fn equipped(self, folder: &Path) -> Self {
        let path = std::env::var_os("PATH").expect("cargo was found on it");
        let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
        Self { shim: Some(std::env::join_paths(folders).expect("no folder has a colon in its name")), ..self }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Waits until this version has answered; gives the time.
    pub(crate) fn answered(&self, version: &str) -> f64 {
        let (at, serves) = self.home.answered(version);
        self.serves.set(Some(serves));
        at
    }

    /// Where the latest version that answered listens.
    pub(crate) fn serves(&self) -> SocketAddr {
        self.serves.get().expect("a version has answered")
    }

    /// Gives a command the project's folder, what its program has to know, and nothing to read or to say.
    pub(crate) fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        as_from_a_shell(command);
        if let Some(path) = &self.shim {
            command.env("PATH", path);
        }
        command
            .current_dir(&self.project.folder)
            .env("BENCH_HOME", self.home.address().to_string())
            .env("BENCH_ADDRESS", self.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
    }
}

/// A free port that the kernel gives nobody by itself: while nobody listens on one it may give, a client that tries to
/// reach it may be given that very port and meet itself.
fn quiet_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = range.split_whitespace().next().and_then(|port| port.parse().ok()).unwrap_or(32768_u16);
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let start = first.saturating_sub(1 + u16::try_from(std::process::id() % 1000).unwrap_or(0) * 8);
    (1024..start).rev().find(free).expect("a free port")
}
