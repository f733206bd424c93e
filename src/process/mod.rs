//! The program's processes: started, watched, stopped with everything that is theirs.
//!
//! Owns the stop ladder and the reaper. Decides nothing about when to start or stop, and prints nothing: what happens is
//! told as [`ProcessNews`]. Needs the current-thread engine with a `LocalSet`; one local task per process.
//! Invariant: when [`ProcessNews::Gone`] with nothing left is told, no living process of that instance remains, so its
//! ports and files are free for the next one.

mod adopted;
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
use crate::words::{Instance, StopPlan};

pub use error::SpawnError;
use life::{Life, Order};
pub use main_process::NotFollowed;
pub use news::{ProcessNews, Step};
pub use reaper::{Reaper, ReaperError};
pub use run::RunId;
use shared::{Group, Shared};
pub use spawn::{PassedFd, Spawn, StdinSource, check, stdin_from_start};

/// Whom a signal is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The process hotrun started, or the one that this named as the main one.
    Leader,
    /// Every member of its process group.
    Group,
}

/// The processes hotrun runs.
#[derive(Debug)]
pub struct Processes {
    shared: Rc<Shared>,
    lives: BTreeMap<Instance, Handle>,
}

impl Processes {
    /// To be made inside the `LocalSet`, before anything is started. `ignore_hangup`: SIGHUP was ignored when hotrun
    /// was started ([`sys::is_ignored`]), and stays so for its programs.
    ///
    /// # Errors
    /// Where signals cannot be listened for.
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
            asks: Cell::new(false),
            ignore_hangup,
        });
        if subreaper || std::process::id() == 1 {
            tokio::task::spawn_local(adopted::reap_strangers(
                Rc::clone(&shared),
                signal(SignalKind::child())?,
            ));
        }
        if shared.reaper.is_some() {
            tokio::task::spawn_local(watchdog::keep_reaper(Rc::clone(&shared), signal(SignalKind::child())?));
        }
        Ok(Self { shared, lives: BTreeMap::new() })
    }

    /// The reaper, to tell it about cargo, the terminal and files.
    pub fn reaper(&self) -> Option<&Reaper> {
        self.shared.reaper.as_ref()
    }

    /// hotrun has stopped all it started and set the terminal right: the reaper ends without doing anything. Nothing may
    /// be started after this.
    pub fn farewell(&self) {
        if let Some(reaper) = self.reaper() {
            reaper.farewell();
        }
    }

    /// From now on [`ProcessNews::Leaving`] is told, so that what a process said last ([`Processes::follow`]) counts before
    /// what it leaves behind is swept.
    pub fn listen_to_last_words(&self) {
        self.shared.asks.set(true);
    }

    /// What the process said last was taken in.
    pub fn go_on(&self, instance: Instance) {
        self.order(instance, Order::GoOn);
    }

    /// Starts a program: [`ProcessNews::Started`] or [`ProcessNews::SpawnFailed`] follows.
    pub fn spawn(&mut self, spawn: Spawn) {
        let (sender, orders) = unbounded_channel();
        let group = Rc::new(Group::default());
        self.lives.retain(|_, life| !life.orders.is_closed());
        self.lives.insert(spawn.instance, Handle { orders: sender, group: Rc::clone(&group) });
        tokio::task::spawn_local(Life::start(Rc::clone(&self.shared), spawn, group, orders));
    }

    /// Goes down the ladder: stop signal to the group, timeout, SIGKILL, and what is left of the tree. During a ladder
    /// another signal is sent at once, and the earlier of both ends of the timeout counts.
    pub fn stop(&self, instance: Instance, plan: StopPlan) {
        self.order(instance, Order::Stop(plan));
    }

    /// What runs is to be stopped like this when hotrun is killed or it ends by itself.
    pub fn plan(&self, plan: StopPlan) {
        for life in self.lives.values() {
            let _ = life.orders.send(Order::Plan(plan));
            if let (Some(reaper), Some(group)) = (self.reaper(), life.group.id.get()) {
                reaper.program(group, plan);
            }
        }
    }

    /// The processes of which anything may be there.
    pub fn living(&self) -> impl Iterator<Item = Instance> + '_ {
        self.lives.iter().filter(|(_, life)| !life.orders.is_closed()).map(|(&instance, _)| instance)
    }

    /// The process gets at least this time from now, if it is being stopped.
    pub fn extend_stop(&self, instance: Instance, time: Duration) {
        self.order(instance, Order::Extend(time));
    }

    /// SIGKILL to the group and the tree, at once, also in the middle of a ladder.
    pub fn kill(&self, instance: Instance) {
        self.order(instance, Order::Kill);
    }

    /// Sends any signal.
    pub fn signal(&self, instance: Instance, signal: i32, whom: Whom) {
        // One that is gone has said so: the signal came too late.
        let Some(group) = self.group(instance) else {
            return;
        };
        let _ = match whom {
            Whom::Leader => sys::kill_process(self.main_pid(instance).unwrap_or(group), signal),
            Whom::Group => sys::kill_group(group, signal),
        };
    }

    /// Stops the group for a while, as Ctrl-Z does: it has the signal when this returns, since hotrun is about to stop
    /// as well. This stop is no news.
    pub fn suspend(&self, instance: Instance) {
        self.set_suspended(instance, true);
        self.signal(instance, libc::SIGTSTP, Whom::Group);
    }

    /// Lets the group go on.
    pub fn resume(&self, instance: Instance) {
        self.set_suspended(instance, false);
        self.signal(instance, libc::SIGCONT, Whom::Group);
    }

    /// The process group of a program, from its start until nothing of it is left.
    pub fn group(&self, instance: Instance) -> Option<i32> {
        self.lives.get(&instance)?.group.id.get()
    }

    /// The processes of the program that live, as far as can be seen now.
    pub fn members(&self, instance: Instance) -> Vec<i32> {
        let Some(leader) = self.group(instance) else { return Vec::new() };
        tree::now(&self.shared, leader, &self.shared.run.tag(instance))
    }

    /// Whether anything of the instance may be there.
    pub fn is_alive(&self, instance: Instance) -> bool {
        self.lives.get(&instance).is_some_and(|life| !life.orders.is_closed())
    }

    fn set_suspended(&self, instance: Instance, suspended: bool) {
        if let Some(life) = self.lives.get(&instance) {
            life.group.suspended.set(suspended);
        }
    }

    fn order(&self, instance: Instance, order: Order) {
        // One that is gone has said so: the order came too late.
        if let Some(life) = self.lives.get(&instance) {
            let _ = life.orders.send(order);
        }
    }
}

/// A life, seen from outside.
#[derive(Debug)]
struct Handle {
    orders: UnboundedSender<Order>,
    group: Rc<Group>,
}
