//! The terminal's part of the runtime: keys, signals, and lending the terminal to programs.

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Runtime;
use crate::config::Stdin;
use crate::output::Output;
use crate::process::{SignalTarget, StdinSource};
use crate::report::{Remark, TerminalHolder};
use crate::session::{Event, ExitReason, QuitReason, Request};
use crate::sys;
use crate::terminal::{KeyCommand, Lent, SuspendScope, Terminal, TerminalNews, suspend};
use crate::words::{Exit, Instance, ServiceId};

impl Runtime {
    pub(super) fn terminal_news(&mut self, news: TerminalNews) -> Option<ExitReason> {
        match news {
            TerminalNews::Key(key) => self.key(key),
            TerminalNews::HungUp if self.shared.hangup_ignored => {
                self.shared.terminal = None;
                self.hold_output();
                None
            }
            TerminalNews::HungUp => self.tell(Event::Asked(Request::Quit(QuitReason::Hangup))),
            TerminalNews::Foreground | TerminalNews::Signal(libc::SIGCONT) => {
                self.go_on();
                None
            }
            TerminalNews::Signal(libc::SIGTSTP) => {
                self.stop_for_a_while(SuspendScope::Own);
                None
            }
            TerminalNews::Signal(libc::SIGWINCH) => {
                self.shared.output.resize();
                // A program without the terminal is not in its foreground group, which is all the kernel tells.
                let lent = self.shared.terminal.as_ref().and_then(Terminal::lent_to);
                for instance in self.processes.living() {
                    if lent.is_none() || self.processes.group(instance) != lent {
                        self.processes.signal(instance, libc::SIGWINCH, SignalTarget::Group);
                    }
                }
                None
            }
            TerminalNews::Signal(libc::SIGHUP) => {
                if self.shared.terminal.as_ref().is_some_and(Terminal::is_hung_up) {
                    return self.tell(Event::Asked(Request::Quit(QuitReason::Hangup)));
                }
                self.tell(Event::HangupSignal { terminal: self.shared.terminal.is_some() })
            }
            TerminalNews::Signal(signal) => {
                self.tell(Event::Asked(Request::Quit(QuitReason::Signal(signal))))
            }
        }
    }

    fn key(&mut self, key: KeyCommand) -> Option<ExitReason> {
        match key {
            KeyCommand::Restart => return self.tell(Event::Asked(Request::Restart(self.shown()))),
            KeyCommand::Show(number) => self.show(number),
            KeyCommand::StopOrStart => return self.stop_or_start(),
            KeyCommand::Pause => return self.tell(Event::Asked(Request::Pause)),
            KeyCommand::Quit => return self.tell(Event::Asked(Request::Quit(QuitReason::Asked))),
            KeyCommand::Errors => self.reporter.repeat(&self.history),
            KeyCommand::Clear => self.reporter.clear(),
            KeyCommand::Enter => self.reporter.empty_line(),
            KeyCommand::Help => self.reporter.help(),
        }
        None
    }

    /// Stops everything of this job until the shell continues it (Ctrl-Z).
    fn stop_for_a_while(&mut self, job: SuspendScope) {
        self.processes.living().for_each(|instance| self.processes.suspend(instance));
        if let Some(group) = self.groups.current {
            // cargo may have ended just now.
            let _ = sys::kill_group(group, libc::SIGTSTP);
        }
        if let Some(terminal) = &self.shared.terminal {
            terminal.put_aside();
        }
        suspend(job);
        self.go_on();
    }

    fn go_on(&mut self) {
        self.regain_terminal();
        if let Some(group) = self.groups.current {
            let _ = sys::kill_group(group, libc::SIGCONT);
        }
        self.processes.living().for_each(|instance| self.processes.resume(instance));
    }

    /// Notes the modes of the terminal, and reads keys or lends it again.
    pub(super) fn regain_terminal(&mut self) {
        if let Some(terminal) = &self.shared.terminal {
            let lent = terminal.regain();
            if let Some(reaper) = self.processes.reaper() {
                reaper.terminal(&terminal.found_modes(), terminal.key_modes().as_ref());
                if lent.is_some() {
                    reaper.terminal_lent();
                }
            }
        }
        self.hold_output();
    }

    /// Handles a program stopped by a signal that hotrun did not send.
    pub(super) fn program_stopped(&mut self, instance: Instance, signal: i32) {
        match signal {
            libc::SIGTTIN | libc::SIGTTOU => {
                let Some(group) = self.processes.group(instance) else { return };
                if self.lend(group) {
                    self.processes.resume(instance);
                }
            }
            libc::SIGTSTP if self.is_lent_to(instance) => self.stop_for_a_while(SuspendScope::Whole),
            _ => {}
        }
    }

    /// Lends the terminal to cargo or a process of it, for a password.
    pub(super) fn cargo_stopped(&mut self, group: i32, signal: i32) {
        if matches!(signal, libc::SIGTTIN | libc::SIGTTOU) && self.lend(group) {
            let _ = sys::kill_group(group, libc::SIGCONT);
        }
    }

    fn lend(&mut self, group: i32) -> bool {
        let Some(terminal) = &self.shared.terminal else { return false };
        let lent = terminal.lend(group) == Lent::Now;
        if lent && let Some(reaper) = self.processes.reaper() {
            reaper.terminal_lent();
        }
        self.hold_output();
        lent
    }

    fn is_lent_to(&self, instance: Instance) -> bool {
        let lent = self.shared.terminal.as_ref().and_then(Terminal::lent_to);
        lent.is_some() && lent == self.processes.group(instance)
    }

    /// hotrun prints nothing into a full-screen program that has the terminal.
    fn hold_output(&mut self) {
        self.reporter.set_holder(match self.shared.terminal.as_ref().and_then(Terminal::lent_to) {
            None => TerminalHolder::Own,
            lent if lent == self.groups.current => TerminalHolder::Cargo,
            Some(_) => TerminalHolder::Program,
        });
    }

    /// Lends the terminal to a program that has it from its start.
    pub(super) fn program_started(&mut self, instance: Instance) {
        if self.has_terminal(instance.service)
            && let Some(group) = self.processes.group(instance)
        {
            self.lend(group);
        }
    }

    /// Takes the terminal back from a group that has ended. Where it had it and Ctrl-C ended it, that was meant for
    /// hotrun as well.
    pub(super) fn take_terminal_back(&mut self, group: i32, exit: Option<Exit>) -> Option<Request> {
        let terminal = self.shared.terminal.as_ref()?;
        let had_it = terminal.lent_to() == Some(group);
        let next = terminal.reclaim(group);
        self.hold_output();
        if let Some(next) = next {
            let _ = sys::kill_group(next, libc::SIGCONT);
        }
        let interrupted = matches!(exit, Some(Exit::Signal(libc::SIGINT) | Exit::Code(130)));
        (had_it && interrupted).then_some(Request::Quit(QuitReason::Signal(libc::SIGINT)))
    }

    /// Whether the processes of a service have the terminal from their start.
    pub(super) fn has_terminal(&self, service: ServiceId) -> bool {
        let config = &self.site.config;
        config.service(service).run.stdin.value == Stdin::Inherit && config.services.len() == 1
    }

    /// Returns the stdin of a process: the terminal on demand, a file from its start, a pipe only once.
    pub(super) fn stdin(&mut self, instance: Instance) -> StdinSource {
        if self.site.config.service(instance.service).run.stdin.value == Stdin::Null {
            return StdinSource::Null;
        }
        if rustix::termios::isatty(std::io::stdin()) {
            return StdinSource::Inherit;
        }
        let kind =
            rustix::fs::fstat(std::io::stdin()).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
        match kind {
            Ok(rustix::fs::FileType::RegularFile) => {
                crate::process::stdin_from_start().map_or(StdinSource::Inherit, StdinSource::File)
            }
            Ok(rustix::fs::FileType::CharacterDevice) => StdinSource::Inherit,
            _ if self.shared.pipe == Pipe::Fresh => {
                self.shared.pipe = Pipe::Given;
                StdinSource::Inherit
            }
            _ => {
                // A pipe without a writer (an editor's, an agent's) is not missed.
                if self.shared.pipe == Pipe::Given && is_used() {
                    self.shared.pipe = Pipe::Told;
                    self.reporter.remark(&Remark::StdinSpent);
                }
                StdinSource::Null
            }
        }
    }
}

/// What hotrun shares with the programs: the terminal, stdin, stdout and stderr.
pub(super) struct Shared {
    pub(super) terminal: Option<Terminal>,
    pub(super) output: Output,
    /// SIGHUP was ignored when hotrun was started (nohup): the end of the terminal is not hotrun's.
    pub(super) hangup_ignored: bool,
    pub(super) pipe: Pipe,
}

/// The state of a pipe on stdin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pipe {
    #[default]
    Fresh,
    /// The first process has it.
    Given,
    /// And a remark said that others do not.
    Told,
}

/// Whether the pipe on stdin has data or was closed.
fn is_used() -> bool {
    let stdin = std::io::stdin();
    let mut asked = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut asked, Some(&Timespec::default())).is_ok_and(|count| count > 0)
}
