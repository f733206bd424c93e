//! The main process: a program may name another process of its tree (`MAINPID=`, `sd_notify(3)`), which
//! continues it after the started process has ended.
//!
//! hotrun learns of its end only where orphans become hotrun's children; elsewhere such a process is not
//! followed.

use super::Processes;
use super::shared::{Group, Shared};
use crate::sys::{self, ProcessRow};
use crate::words::{Exit, Instance};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// Orphans become children of another process here.
    #[error("this system does not tell how it ends")]
    Untold,
    #[error("it has ended")]
    Ended,
}

/// The state of the main process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Main {
    Lives,
    /// With its exit status, if it was hotrun's child.
    Ended(Option<Exit>),
}

impl Processes {
    /// Follows the process of the tree that continues the program after the started one ends.
    pub fn follow(&self, instance: Instance, pid: i32) -> Result<(), NotFollowed> {
        // A process that is gone was reported: the notification comes too late.
        let Some(life) = self.lives.get(&instance).filter(|life| life.group.id.get().is_some()) else {
            return Ok(());
        };
        let main = if life.group.id.get() == Some(pid) {
            None
        } else if self.shared.subreaper {
            Some(sys::process(pid).filter(|row| !row.zombie).ok_or(NotFollowed::Ended)?)
        } else {
            return Err(NotFollowed::Untold);
        };
        let mut known = self.shared.known.borrow_mut();
        if let Some(before) = life.group.main.replace(main) {
            known.remove(&before.pid);
        }
        known.extend(main.map(|row| row.pid));
        Ok(())
    }

    /// Returns the pid of the main process: the one it named, else the started one.
    pub fn main_pid(&self, instance: Instance) -> Option<i32> {
        let group = &self.lives.get(&instance)?.group;
        Some(group.main.get().map_or(group.id.get()?, |row| row.pid))
    }
}

impl Group {
    /// Returns the named main process, and its state.
    pub(super) fn main_process(&self) -> Option<(ProcessRow, Main)> {
        let row = self.main.get()?;
        let me = std::process::id().cast_signed();
        let state = match sys::process(row.pid).filter(|now| now.start == row.start) {
            // A process whose first thread has ended looks like a zombie while other threads run; the kernel
            // reports it to the parent after all have ended.
            Some(now) if now.parent == me => {
                sys::peek_exit(row.pid).map_or(Main::Lives, |exit| Main::Ended(Some(exit)))
            }
            Some(now) if !now.zombie => Main::Lives,
            _ => Main::Ended(None),
        };
        Some((row, state))
    }

    /// Stops following the main process, and reaps it.
    pub(super) fn forget_main(&self, shared: &Shared) {
        if let Some(row) = self.main.take() {
            sys::reap(row.pid);
            shared.known.borrow_mut().remove(&row.pid);
        }
    }
}
