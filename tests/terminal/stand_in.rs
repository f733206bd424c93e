//! Plays hotrun on a terminal: the rooms for processes and for the terminal, wired in the plainest way.
//!
//! The test binary is started again as [`stand_in`]. It says on stderr what happens.

use std::path::Path;
use std::time::Duration;

use hotrun::process::{ProcessNews, Processes, Reaper, RunId, Spawn, StdinSource};
use hotrun::sys;
use hotrun::terminal::{
    Device, Escapes, KeyCommand, Keys, Lent, Signals, SuspendScope, Terminal, TerminalNews,
    install_panic_hook, suspend,
};
use hotrun::words::{Exit, Instance, ServiceId, StopPlan};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::programs::program;

/// What the app is to do; the test is no test without it.
pub(super) const BEHAVIOUR: &str = "ON_TERMINAL_BEHAVIOUR";

/// The app has the terminal from its start.
pub(super) const FOREGROUND: &str = "ON_TERMINAL_FOREGROUND";

const PLAN: StopPlan = StopPlan { signal: libc::SIGTERM, timeout: Duration::from_millis(300) };

fn say(what: &str) {
    // A line of its own, whatever the program wrote before.
    let _ = rustix::io::write(rustix::stdio::stderr(), format!("\r\n[{what}]\r\n").as_bytes());
}

struct StandIn {
    terminal: Terminal,
    processes: Processes,
    behaviour: String,
    number: u32,
    group: i32,
    again: bool,
}

#[test]
fn stand_in() {
    let Ok(behaviour) = std::env::var(BEHAVIOUR) else {
        return;
    };
    sys::block_terminal_stops();
    install_panic_hook();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signal = tokio::task::LocalSet::new().block_on(&runtime, async move {
        let (sender, news) = unbounded_channel();
        let signals = Signals::listen(&sender).unwrap();
        let device = Device::find().unwrap();
        let run = RunId::fresh();
        let reaper = Reaper::start_as(
            &run,
            Some(device.as_fd()),
            Path::new(env!("CARGO_BIN_EXE_hotrun")),
            &["hr-reaper".into(), hotrun::process::reaper::ENTRY.into()],
            &[],
        )
        .unwrap();
        let terminal = Terminal::open(device, Keys::Read, Escapes::Understood, sender).unwrap();
        reaper.terminal(&terminal.found_modes(), terminal.key_modes().as_ref());
        let (sender, process_news) = unbounded_channel();
        let processes = Processes::new(run, sender, Some(reaper), signals.hangup_ignored()).unwrap();
        let mut stand_in = StandIn { terminal, processes, behaviour, number: 0, group: 0, again: false };
        stand_in.start();
        stand_in.run(news, process_news).await
    });
    if let Some(signal) = signal {
        sys::die_of(signal);
    }
}

impl StandIn {
    fn instance(&self) -> Instance {
        Instance { service: ServiceId::MAIN, number: self.number }
    }

    fn start(&mut self) {
        self.number += 1;
        let foreground = std::env::var_os(FOREGROUND).is_some();
        if foreground {
            self.terminal.prepare_to_lend();
        }
        self.processes.spawn(Spawn {
            instance: self.instance(),
            argv: vec![program("app").into(), self.behaviour.clone().into()],
            env: std::env::vars_os().collect(),
            cwd: "/".into(),
            stdin: StdinSource::Inherit,
            stdout: None,
            stderr: None,
            fds: Vec::new(),
            foreground,
            stop: PLAN,
        });
    }

    /// Until the program is gone for good; gives the signal to die of.
    async fn run(
        &mut self,
        mut news: UnboundedReceiver<TerminalNews>,
        mut process_news: UnboundedReceiver<ProcessNews>,
    ) -> Option<i32> {
        let mut die_of = None;
        loop {
            tokio::select! {
                Some(news) = news.recv() => match news {
                    TerminalNews::Key(KeyCommand::Quit) => self.processes.stop(self.instance(), PLAN),
                    TerminalNews::Key(KeyCommand::Restart) => {
                        self.again = true;
                        self.processes.stop(self.instance(), PLAN);
                    }
                    TerminalNews::Key(KeyCommand::Errors) => panic!("as asked"),
                    TerminalNews::Key(key) => say(&format!("key {key:?}")),
                    TerminalNews::HungUp => self.processes.kill(self.instance()),
                    TerminalNews::Signal(libc::SIGTSTP) => {
                        self.processes.suspend(self.instance());
                        self.terminal.put_aside();
                        suspend(SuspendScope::Own);
                        self.go_on();
                    }
                    TerminalNews::Signal(libc::SIGCONT) | TerminalNews::Foreground => self.go_on(),
                    TerminalNews::Signal(signal @ (libc::SIGINT | libc::SIGTERM)) => {
                        die_of = Some(signal);
                        self.processes.stop(self.instance(), PLAN);
                    }
                    TerminalNews::Signal(_) => {}
                },
                Some(news) = process_news.recv() => match news {
                    ProcessNews::Started { pid, .. } => {
                        self.group = pid;
                        if std::env::var_os(FOREGROUND).is_some() {
                            assert_eq!(self.terminal.lend(pid), Lent::Now);
                        }
                        say(&format!("started {pid}"));
                    }
                    ProcessNews::Stopped { signal: libc::SIGTTIN | libc::SIGTTOU, instance } => {
                        self.lend(instance);
                    }
                    ProcessNews::Stopped { signal: libc::SIGTSTP, .. } if self.terminal.lent_to().is_some() => {
                        self.terminal.put_aside();
                        suspend(SuspendScope::Whole);
                        self.go_on();
                    }
                    ProcessNews::Exited { exit, .. } => {
                        let lent = self.terminal.lent_to().is_some();
                        self.terminal.reclaim(self.group);
                        say(&format!("exited {exit:?} lent {lent}"));
                        if lent && exit == Exit::Signal(libc::SIGINT) {
                            die_of = Some(libc::SIGINT);
                        }
                    }
                    ProcessNews::Gone { .. } => {
                        if !std::mem::take(&mut self.again) {
                            return die_of;
                        }
                        self.start();
                    }
                    _ => {}
                },
            }
        }
    }

    fn lend(&self, instance: Instance) {
        if self.terminal.lend(self.group) == Lent::Now {
            self.processes.reaper().unwrap().terminal_lent();
            say("lent");
            self.processes.resume(instance);
        }
    }

    fn go_on(&mut self) {
        if let Some(group) = self.terminal.regain() {
            assert_eq!(group, self.group);
            say("lent again");
        }
        self.processes.resume(self.instance());
    }
}
