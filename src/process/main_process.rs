//! A program that names another process of its tree as the main one (`MAINPID=`, `sd_notify(3)`): when the process that
//! was started ends, the program lives on in that one.
//!
//! Its end is hotrun's to learn because orphans become hotrun's children; where they do not, nobody is followed.

use super::Processes;
use super::shared::{Group, Shared};
use crate::sys::{self, ProcessRow};
use crate::words::{Exit, Instance};

/// Why a process is not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// Orphans become somebody else's children here.
    #[error("this system does not tell how it ends")]
    Untold,
    /// It is gone.
    #[error("it has ended")]
    Ended,
}

/// What became of the main process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Main {
    Lives,
    /// How, where it was hotrun's child by then.
    Ended(Option<Exit>),
}

impl Processes {
    /// The program lives on in this process of its tree when the one that was started ends.
    ///
    /// # Errors
    /// Where it cannot be followed.
    pub fn follow(&self, instance: Instance, pid: i32) -> Result<(), NotFollowed> {
        // One that is gone has said so: the word came too late.
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

    /// The process that is the program: the one that was started, or the one it named.
    pub fn main_pid(&self, instance: Instance) -> Option<i32> {
        let group = &self.lives.get(&instance)?.group;
        Some(group.main.get().map_or(group.id.get()?, |row| row.pid))
    }
}

impl Group {
    /// The process that was named the main one, and what became of it.
    pub(super) fn main_process(&self) -> Option<(ProcessRow, Main)> {
        let row = self.main.get()?;
        let me = std::process::id().cast_signed();
        let state = match sys::process(row.pid).filter(|now| now.start == row.start) {
            // One whose first thread has ended is shown as a zombie while its others still end; the kernel tells a
            // parent when all have.
            Some(now) if now.parent == me => {
                sys::peek_exit(row.pid).map_or(Main::Lives, |exit| Main::Ended(Some(exit)))
            }
            Some(now) if !now.zombie => Main::Lives,
            _ => Main::Ended(None),
        };
        Some((row, state))
    }

    /// Nobody waits for the main process any more.
    pub(super) fn forget_main(&self, shared: &Shared) {
        if let Some(row) = self.main.take() {
            sys::reap(row.pid);
            shared.known.borrow_mut().remove(&row.pid);
        }
    }
}
