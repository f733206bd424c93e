//! Runs rustup, cargo and rustc to learn about the project.
//!
//! These calls block, for as long as rustup takes to install a toolchain. On a thread beside the loop each
//! program gets a process group of its own, which the reaper knows and another thread can end.

use std::io;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sys;

/// How programs are run. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Queries(Option<Arc<Mutex<Groups>>>);

#[derive(Debug, Default)]
struct Groups {
    stopped: bool,
    live: Vec<i32>,
    ended: Vec<i32>,
}

impl Queries {
    /// Runs programs in hotrun's own process group: Ctrl-C ends them with it.
    pub fn attached() -> Self {
        Self::default()
    }

    /// Runs each program in a group of its own.
    pub fn detached() -> Self {
        Self(Some(Arc::default()))
    }

    /// Signals the running programs and refuses new ones.
    pub fn stop(&self, signal: i32) {
        if let Some(mut groups) = self.groups() {
            groups.stopped = true;
            for group in &groups.live {
                // An error means that the group is empty.
                let _ = sys::kill_group(*group, signal);
            }
        }
    }

    /// Returns the groups that have ended, each once, for the reaper.
    pub fn take_ended(&self) -> Vec<i32> {
        self.groups().map(|mut groups| std::mem::take(&mut groups.ended)).unwrap_or_default()
    }

    /// Runs a program whose stdin, stdout and stderr are set, and returns its output.
    pub(super) fn output(&self, command: &mut Command) -> io::Result<Output> {
        let Some(mut groups) = self.groups() else { return command.output() };
        if groups.stopped {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = sys::adopt_group(command).spawn()?;
        let group = child.id().cast_signed();
        groups.live.push(group);
        drop(groups);
        let output = child.wait_with_output();
        if let Some(mut groups) = self.groups() {
            groups.live.retain(|live| *live != group);
            groups.ended.push(group);
            if groups.stopped {
                // Ends members that hold no pipe and so were not waited for.
                let _ = sys::kill_group(group, libc::SIGKILL);
            }
        }
        output
    }

    fn groups(&self) -> Option<MutexGuard<'_, Groups>> {
        Some(self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
