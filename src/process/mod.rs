//! Starts the program's processes, watches them, and stops them with their whole process trees.
//!
//! Owns the stop ladder and the reaper. Events are reported as [`ProcessNews`]; the session decides when to
//! start and stop. Needs a current-thread tokio runtime with a `LocalSet`; one local task per process.
//! Invariant: after [`ProcessNews::Gone`] with an empty `left`, no process of that instance is alive, so its
//! ports and files are free for the next one.

mod adopted;
pub mod background;
mod diagnose;
mod error;
mod life;
mod main_process;
mod news;
pub mod reaper;
mod run;
mod shared;
mod spawn;
mod tree;
mod watchdog;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::sys;
use crate::words::{Instance, ServiceId, StopPlan};

pub use error::SpawnError;
use life::Life;
pub use main_process::NotFollowed;
pub use news::{ProcessNews, StopStep};
pub use reaper::{Reaper, ReaperError};
pub use run::RunId;
use shared::{Group, Order, Shared};
pub use spawn::{PassedFd, Spawn, StdinSource, check, stdin_from_start};

/// The recipient of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalTarget {
    /// The started process, or the one it named as the main one.
    Leader,
    Group,
}

#[derive(Debug)]
pub struct Processes {
    shared: Rc<Shared>,
    lives: BTreeMap<Instance, LifeHandle>,
}

impl Processes {
    /// To be called inside the `LocalSet`, before the first start. `ignore_hangup`: SIGHUP was ignored when
    /// hotrun started ([`sys::is_ignored`]), and stays ignored for its programs.
    pub fn new(
        run: RunId,
        news: UnboundedSender<ProcessNews>,
        reaper: Option<Reaper>,
        ignore_hangup: bool,
    ) -> io::Result<Self> {
        sys::reserve_for_table();
        let subreaper = sys::become_subreaper();
        let shared = Rc::new(Shared {
            run,
            news,
            known: RefCell::new(reaper.iter().map(Reaper::pid).collect()),
            reaper,
            subreaper,
            reports_leaving: Cell::new(false),
            ignore_hangup,
        });
        if subreaper || std::process::id() == 1 {
            tokio::task::spawn_local(adopted::reap_adopted(Rc::clone(&shared), signal(SignalKind::child())?));
        }
        if shared.reaper.is_some() {
            tokio::task::spawn_local(watchdog::keep_reaper(Rc::clone(&shared), signal(SignalKind::child())?));
        }
        Ok(Self { shared, lives: BTreeMap::new() })
    }

    pub fn reaper(&self) -> Option<&Reaper> {
        self.shared.reaper.as_ref()
    }

    /// Dismisses the reaper: hotrun has stopped everything and restored the terminal. Nothing may be started
    /// after this.
    pub fn dismiss_reaper(&self) {
        if let Some(reaper) = self.reaper() {
            reaper.dismiss();
        }
    }

    /// Sends [`ProcessNews::Leaving`] from now on, so that a process's last notifications
    /// ([`Processes::follow`]) are handled before its remains are swept.
    pub fn report_leaving(&self) {
        self.shared.reports_leaving.set(true);
    }

    /// To be called when the last notifications of a process were handled.
    pub fn finish_leaving(&self, instance: Instance) {
        self.order(instance, Order::FinishLeaving);
    }

    /// Starts a program: [`ProcessNews::Started`] or [`ProcessNews::SpawnFailed`] follows.
    pub fn spawn(&mut self, spawn: Spawn) {
        let (sender, orders) = unbounded_channel();
        let group = Rc::new(Group::default());
        self.lives.retain(|_, life| !life.orders.is_closed());
        self.lives.insert(spawn.instance, LifeHandle { orders: sender, group: Rc::clone(&group) });
        tokio::task::spawn_local(Life::start(Rc::clone(&self.shared), spawn, group, orders));
    }

    /// Starts the stop ladder: stop signal to the group, timeout, SIGKILL to the group and the rest of the
    /// tree. If it runs already, the signal is sent at once, and the earlier deadline counts.
    pub fn stop(&self, instance: Instance, plan: StopPlan) {
        self.order(instance, Order::Stop(plan));
    }

    /// Sets the stop plan of a service for the case that hotrun is killed, or the program ends by itself.
    pub fn plan(&self, service: ServiceId, plan: StopPlan) {
        for (_, life) in self.lives.iter().filter(|(instance, _)| instance.service == service) {
            let _ = life.orders.send(Order::Plan(plan));
            if let (Some(reaper), Some(group)) = (self.reaper(), life.group.id.get()) {
                reaper.program(group, plan);
            }
        }
    }

    /// Returns the processes that may still have members.
    pub fn living(&self) -> impl Iterator<Item = Instance> + '_ {
        self.lives.iter().filter(|(_, life)| !life.orders.is_closed()).map(|(&instance, _)| instance)
    }

    /// Grants a process that is being stopped at least this time from now.
    pub fn extend_stop(&self, instance: Instance, time: Duration) {
        self.order(instance, Order::Extend(time));
    }

    /// Sends SIGKILL to the group and the tree at once, even during a stop.
    pub fn kill(&self, instance: Instance) {
        self.order(instance, Order::Kill);
    }

    pub fn signal(&self, instance: Instance, signal: i32, target: SignalTarget) {
        // A process that is gone was reported: the signal comes too late.
        let Some(group) = self.group(instance) else {
            return;
        };
        let _ = match target {
            SignalTarget::Leader => sys::kill_process(self.main_pid(instance).unwrap_or(group), signal),
            SignalTarget::Group => sys::kill_group(group, signal),
        };
    }

    /// Suspends the group as Ctrl-Z does. The signal is sent on return, because hotrun itself is about to
    /// stop. Not reported as a stop.
    pub fn suspend(&self, instance: Instance) {
        self.set_suspended(instance, true);
        self.signal(instance, libc::SIGTSTP, SignalTarget::Group);
    }

    /// Continues a suspended group.
    pub fn resume(&self, instance: Instance) {
        self.set_suspended(instance, false);
        self.signal(instance, libc::SIGCONT, SignalTarget::Group);
    }

    /// Returns the process group of a program, from its start until it is gone.
    pub fn group(&self, instance: Instance) -> Option<i32> {
        self.lives.get(&instance)?.group.id.get()
    }

    /// Returns the living processes of the program, as far as they can be found.
    pub fn members(&self, instance: Instance) -> Vec<i32> {
        let Some(leader) = self.group(instance) else { return Vec::new() };
        tree::now(&self.shared, leader, &self.shared.run.tag(instance))
    }

    /// Whether the instance may still have members.
    pub fn is_alive(&self, instance: Instance) -> bool {
        self.lives.get(&instance).is_some_and(|life| !life.orders.is_closed())
    }

    fn set_suspended(&self, instance: Instance, suspended: bool) {
        if let Some(life) = self.lives.get(&instance) {
            life.group.suspended.set(suspended);
        }
    }

    fn order(&self, instance: Instance, order: Order) {
        // A process that is gone was reported: the order comes too late.
        if let Some(life) = self.lives.get(&instance) {
            let _ = life.orders.send(order);
        }
    }
}

/// The outside of a [`Life`].
#[derive(Debug)]
struct LifeHandle {
    orders: UnboundedSender<Order>,
    group: Rc<Group>,
}
