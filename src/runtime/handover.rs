//! The part of the runtime that speaks with the program as systemd would: sockets, readiness, stored descriptors.

use super::Runtime;
use super::host::Program;
use crate::config::Ready;
use crate::handover::{HandoverNews, Notification, Probe, Repair, Unready};
use crate::process::{PassedFd, SignalTarget};
use crate::report::{self, ProgramRemark};
use crate::session::{Event, ExitReason, NotReloaded, Timer, Unmet};
use crate::sys;
use crate::words::{Instance, ServiceId};

impl Runtime {
    pub(super) fn handover_news(&mut self, news: HandoverNews) -> Option<ExitReason> {
        match news {
            HandoverNews::Notified { instance, notification } => {
                return self.notified(instance, notification);
            }
            HandoverNews::Probed { instance } => return self.tell(Event::ProcessReady { instance }),
            HandoverNews::StoredHungUp { service, name } => {
                self.reporter.remark_on(service, ProgramRemark::StoredHungUp { name });
                return self.tell_stored(service);
            }
            // Closing its end tells the program that everything said before was read.
            HandoverNews::Barrier { barrier } => drop(barrier),
            HandoverNews::ListenerBroken(service) => self.look_after_sockets(service),
        }
        None
    }

    fn notified(&mut self, instance: Instance, notification: Notification) -> Option<ExitReason> {
        let service = instance.service;
        match notification {
            Notification::Ready { .. } => return self.said_ready(instance),
            Notification::ExtendTimeout(time) => return self.tell(Event::MoreTime { instance, time }),
            Notification::Stored { .. } | Notification::Removed { .. } => {
                return self.tell_stored(service);
            }
            Notification::Status(text) if !text.is_empty() => self.reporter.program_status(service, &text),
            Notification::StoreFull { name, dropped } => {
                self.reporter.remark_on(service, ProgramRemark::StoreFull { name, dropped });
            }
            Notification::MainPid(pid) => match self.processes.follow(instance, pid) {
                Ok(()) => return self.tell(Event::MainProcess { instance, pid: pid.cast_unsigned() }),
                Err(error) => {
                    let cause = Some(error.to_string());
                    self.reporter.remark_on(service, ProgramRemark::NotFollowed { pid, cause });
                }
            },
            Notification::NotMain { pid } => {
                self.reporter.remark_on(service, ProgramRemark::NotFollowed { pid, cause: None });
            }
            Notification::Stranger { pid } => {
                self.reporter.remark_on(service, ProgramRemark::Stranger { pid });
            }
            Notification::Malformed(problem) => {
                self.reporter.remark_on(service, ProgramRemark::Malformed { cause: problem.to_string() });
            }
            Notification::Reloading(_) => self.said_reloading(instance),
            Notification::Status(_)
            | Notification::Stopping
            | Notification::Errno(_)
            | Notification::ExitStatus(_) => {}
        }
        None
    }

    /// READY=1 counts where readiness is declared by it: not where an address is probed.
    fn said_ready(&mut self, instance: Instance) -> Option<ExitReason> {
        let host = &mut self.hosts[instance.service];
        if host.reloading.take_if(|(reloading, _)| *reloading == instance).is_some() {
            // If that is unknown, its word counts.
            if self.runs_live(instance) == Some(false) {
                let reason = NotReloaded::OldBinary;
                return self.tell(Event::ReloadFailed { instance, reason });
            }
        } else if Probe::of(&host.awaits.ready.value).is_some() {
            return None;
        }
        self.tell(Event::ProcessReady { instance })
    }

    fn tell_stored(&mut self, service: ServiceId) -> Option<ExitReason> {
        let stored = !self.hosts[service].handover.store.is_empty();
        self.tell(Event::Stored { service, stored })
    }

    /// Tells the program to run the live binary itself: SIGHUP, where it has a handler (systemd.service(5),
    /// `Type=notify-reload`). Without one the signal would end it.
    pub(super) fn reload(&mut self, instance: Instance) -> Option<Event> {
        let pid = self.processes.main_pid(instance)?;
        if !sys::catches(pid, libc::SIGHUP) {
            let reason = NotReloaded::NoHandler;
            return Some(Event::ReloadFailed { instance, reason });
        }
        let host = &mut self.hosts[instance.service];
        let differs = |program: &Program| program.libraries.as_deref() != program.publisher.libraries();
        if host.program.as_ref().is_some_and(differs) {
            let reason = NotReloaded::OldLibraries;
            return Some(Event::ReloadFailed { instance, reason });
        }
        host.reloading = Some((instance, false));
        self.remember_stored(instance.service);
        self.processes.signal(instance, libc::SIGHUP, SignalTarget::Leader);
        None
    }

    /// Snapshots the store as the program begins to run the live binary: what it leaves is stored by now.
    fn said_reloading(&mut self, instance: Instance) {
        if let Some((reloading, said)) = &mut self.hosts[instance.service].reloading
            && *reloading == instance
            && !std::mem::replace(said, true)
        {
            self.remember_stored(instance.service);
        }
    }

    /// The process has ended. One that said it begins to run the live binary has most likely done so; which of the two it
    /// was that ended, the system does not tell any more.
    pub(super) fn ended_reloading(&mut self, instance: Instance) -> Option<ExitReason> {
        let reloading = &mut self.hosts[instance.service].reloading;
        let (_, said) = reloading.take_if(|(reloading, _)| *reloading == instance)?;
        if said { self.tell(Event::TookUp { instance }) } else { None }
    }

    pub(super) fn handover_timer(&mut self, timer: Timer) -> Option<ExitReason> {
        if let Timer::Settled(instance) = timer {
            // There is no going back any more, and its duplicates would hold connections that the program let go of.
            self.hosts[instance.service].snapshot = None;
        }
        // The time to be ready again is over: for the program that should have made way, or for the one that came.
        let Timer::Ready(instance) = timer else { return None };
        let reloading = &mut self.hosts[instance.service].reloading;
        reloading.take_if(|(reloading, _)| *reloading == instance)?;
        let came = self.runs_live(instance) == Some(true);
        if came { self.tell(Event::TookUp { instance }) } else { None }
    }

    /// Returns the event of a timer that ran out.
    pub(super) fn ran_out(&self, timer: Timer) -> Event {
        let Timer::Ready(instance) = timer else { return Event::TimerFired(timer) };
        let host = &self.hosts[instance.service];
        let probing = host.probing.as_ref().filter(|(probed, _)| *probed == instance);
        let answer = probing.map(|(_, probing)| probing.answer());
        let members = self.processes.members(instance);
        let unready = Unready::new(&host.awaits, &self.site.cwd, answer, &members);
        let unmet = Some(Unmet { reason: unready.to_string(), hint: unready.hint() });
        Event::NotReady { instance, unmet }
    }

    /// Whether the process executes the live binary; `None` if unknown.
    fn runs_live(&self, instance: Instance) -> Option<bool> {
        use std::os::unix::fs::MetadataExt;
        let pid = self.processes.main_pid(instance)?;
        let id = |path: &std::path::Path| std::fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
        let executed = id(&std::path::Path::new("/proc").join(pid.to_string()).join("exe"))?;
        let program = self.hosts[instance.service].program.as_ref()?;
        Some(Some(executed) == id(program.publisher.live()))
    }

    /// Returns the descriptors of a new process from 3 on, and sets the variables that name them.
    pub(super) fn pass_on(
        &mut self,
        instance: Instance,
        env: &mut Vec<(std::ffi::OsString, std::ffi::OsString)>,
    ) -> Vec<PassedFd> {
        let service = instance.service;
        self.look_after_sockets(service);
        if self.alone(instance) {
            self.hosts[service].handover.listeners.reset();
            self.remember_stored(service);
        } else {
            // The store is that of the process that runs on.
            self.hosts[service].snapshot = None;
        }
        match self.hosts[service].handover.prepare(instance) {
            Ok(passed) => {
                env.retain(|(name, _)| passed.env.iter().all(|(set, _)| set != name));
                env.extend(passed.env);
                passed.fds.into_iter().map(|(name, fd)| PassedFd { name, fd }).collect()
            }
            Err(error) => {
                self.reporter.remark_on(service, ProgramRemark::NothingPassed { cause: error.to_string() });
                Vec::new()
            }
        }
    }

    /// Snapshots the store for a rollback, also if it is empty.
    fn remember_stored(&mut self, service: ServiceId) {
        let host = &mut self.hosts[service];
        host.snapshot = match host.handover.store.snapshot() {
            Ok(snapshot) => Some(snapshot),
            Err(error) => {
                self.reporter.remark_on(service, ProgramRemark::NoSnapshot { cause: error.to_string() });
                None
            }
        };
    }

    /// Whether no other process of the program runs.
    fn alone(&self, instance: Instance) -> bool {
        (1..instance.number).all(|number| !self.processes.is_alive(Instance { number, ..instance }))
    }

    /// Listens to a process that runs, and probes it if that tells its readiness.
    pub(super) fn listen_to(&mut self, instance: Instance, pid: i32) {
        let host = &mut self.hosts[instance.service];
        host.handover.started(instance, pid);
        // A later edit of the config is for the processes that follow.
        host.awaits = self.site.config.service(instance.service).run.clone();
        let probe = Probe::of(&host.awaits.ready.value);
        host.probing = probe.map(|probe| (instance, host.handover.probe(instance, probe)));
    }

    /// Takes in what a process said so far.
    pub(super) fn listen_up(&mut self, instance: Instance) -> Option<ExitReason> {
        self.hosts[instance.service].handover.drain(instance);
        while let Ok(news) = self.sources.handover.try_recv() {
            let reason = self.handover_news(news);
            if reason.is_some() {
                return reason;
            }
        }
        None
    }

    /// Takes in what a process said last, before its end.
    pub(super) fn hear_out(&mut self, instance: Instance) -> Option<ExitReason> {
        let reason = self.listen_up(instance);
        if reason.is_some() {
            return reason;
        }
        self.hosts[instance.service].probing.take_if(|(probed, _)| *probed == instance);
        self.look_after_sockets(instance.service);
        None
    }

    /// Opens sockets again that the program broke, where possible (L7).
    fn look_after_sockets(&mut self, service: ServiceId) {
        for repair in self.hosts[service].handover.listeners.check() {
            let remark = match repair {
                Repair::Revived { address } => ProgramRemark::SocketRevived { address },
                Repair::Replaced { address } => ProgramRemark::SocketReplaced { address },
                Repair::Lost { address, error } => ProgramRemark::SocketLost {
                    address,
                    cause: report::in_a_line(&error, None),
                    hint: error.hint(),
                },
            };
            self.reporter.remark_on(service, remark);
        }
    }

    /// Hints at the sockets that hotrun holds, which a program that cannot start may be trying to bind.
    pub(super) fn hint_at_sockets(&mut self, service: ServiceId) {
        let held = self.hosts[service].handover.listeners.describe();
        if !held.is_empty() && self.site.config.service(service).run.ready.value != Ready::Spawn {
            self.reporter.remark_on(service, ProgramRemark::HoldsSockets { addresses: held });
        }
    }
}
