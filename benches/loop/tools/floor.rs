//! The floor: a loop that is told of the save. It runs a bare `cargo build` through whatever `cargo` is on the PATH, stops
//! the old program with SIGTERM and starts the new one. Nobody who runs cargo can be faster than that by much.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::Command;

use hotrun::sys::{self, Announce, Foreground, Leader, SpawnOrder};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::{Answer, Site, Socket, Tool};
use crate::clock::now;
use crate::project::{App, Yard};

pub(crate) struct Floor {
    name: String,
    site: Site,
    held: Option<TcpListener>,
    program: Pid,
}

impl Floor {
    pub(crate) fn start(yard: &Yard, app: App, socket: Socket) -> Self {
        Self::start_at(Site::new(yard, app, socket))
    }

    pub(crate) fn start_at(site: Site) -> Self {
        let held = (site.socket == Socket::Held).then(|| TcpListener::bind(site.address()).expect("a port"));
        let name = if held.is_some() { "floor, socket held" } else { "floor" };
        site.project.build();
        let program = run(&site, held.as_ref());
        site.answered("none");
        Self { name: name.to_owned(), site, held, program }
    }

    fn stop(&self) {
        let _ = kill_process(self.program, Signal::TERM);
        let _ = waitpid(Some(self.program), WaitOptions::empty());
    }
}

impl Tool for Floor {
    fn name(&self) -> &str {
        &self.name
    }

    fn site(&self) -> &Site {
        &self.site
    }

    fn follow(&mut self, version: &str, saved: f64) -> Answer {
        let mut cargo = Command::new("cargo");
        let cargo = self.site.prepare(&mut cargo).args(["build", "--offline", "--quiet"]);
        assert!(cargo.status().expect("cargo is on the PATH").success(), "the floor's build failed");
        let built = now();
        self.stop();
        let stopped = now();
        self.program = run(&self.site, self.held.as_ref());
        let answered = self.site.answered(version);
        let step = |name: &str, ms| (name.to_owned(), ms);
        let steps = vec![
            step("cargo ran", built - saved),
            step("old process stopped", stopped - built),
            step("new process started and answered", answered - stopped),
        ];
        Answer { ms: answered - saved, steps }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(site: &Site, held: Option<&TcpListener>) -> Pid {
    let mut described = Command::new(site.project.program());
    let (name, value) = site.mark.variable();
    site.prepare(&mut described).env(name, value);
    let mut env: Vec<(OsString, OsString)> = std::env::vars_os()
        .filter(|(name, _)| !described.get_envs().any(|(other, _)| other == name))
        .chain(described.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))))
        .collect();
    if held.is_some() {
        env.push(("LISTEN_FDS".into(), "1".into()));
    }
    let null = std::fs::File::open("/dev/null").expect("it is there");
    let fds: Vec<_> = held.map(AsFd::as_fd).into_iter().collect();
    let pid = sys::spawn(&SpawnOrder {
        program: &site.project.program(),
        argv: &[site.project.program().into_os_string()],
        env: &env,
        listen_pid: held.is_some(),
        cwd: &site.project.folder,
        stdio: [Some(null.as_fd()), None, None],
        fds: &fds,
        leader: Leader::Group,
        foreground: Foreground::No,
        ignore_hangup: false,
        announce: Announce::No,
    });
    Pid::from_raw(pid.expect("it was built")).expect("a child has a pid")
}
