//! State shared by the parts of this room: the terminal, and its holder.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetpgrp;

use crate::sys::{TerminalModes, own_group};

/// Whether keys are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// While hotrun has the terminal.
    Read,
    /// Never; the terminal keeps the modes it was found in.
    Off,
}

/// Whether escape sequences may be written to the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    Understood,
    /// `TERM=dumb`: it would print them.
    Shown,
}

/// The events hotrun waits for on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attention {
    /// Keys, and a hangup.
    Keys,
    /// Only a hangup: another process reads the terminal.
    End,
}

#[derive(Debug)]
pub(super) struct TerminalState {
    /// A file description of hotrun's own, so that its flags do not change the shell's stdin.
    pub(super) terminal: Rc<OwnedFd>,
    pub(super) keys: Cell<Keys>,
    /// Whether the terminal is stdin.
    pub(super) readable: Cell<bool>,
    pub(super) escapes: Escapes,
    pub(super) found: RefCell<TerminalModes>,
    pub(super) lent: Cell<Option<i32>>,
    /// hotrun was in the background at the last check.
    pub(super) in_background: Cell<bool>,
    /// Process groups that asked for the terminal while it was taken.
    pub(super) waiting: RefCell<Vec<i32>>,
}

impl TerminalState {
    pub(super) fn attention(&self) -> Attention {
        if self.keys.get() == Keys::Read && self.lent.get().is_none() {
            Attention::Keys
        } else {
            Attention::End
        }
    }

    pub(super) fn holder(&self) -> Option<i32> {
        tcgetpgrp(&*self.terminal).ok().map(|group| group.as_raw_nonzero().get())
    }

    pub(super) fn in_foreground(&self) -> bool {
        self.holder() == Some(own_group())
    }

    pub(super) fn is_hung_up(&self) -> bool {
        let mut asked = [PollFd::new(&*self.terminal, PollFlags::empty())];
        let now = Timespec::default();
        poll(&mut asked, Some(&now)).is_ok() && asked.iter().any(|fd| fd.revents().contains(PollFlags::HUP))
    }

    /// Sets the modes for reading keys, or those found if keys are not read; only while hotrun has the
    /// terminal.
    pub(super) fn set_own_modes(&self) {
        if self.lent.get().is_some() || !self.in_foreground() {
            return;
        }
        let found = *self.found.borrow();
        let modes = if self.keys.get() == Keys::Read { found.for_keys() } else { found };
        self.apply(&modes);
    }

    /// Changes the modes. Only for the terminal's holder: SIGTTOU is blocked, so nothing would protect the
    /// shell's modes.
    pub(super) fn apply(&self, modes: &TerminalModes) {
        let terminal = self.terminal.as_fd();
        if TerminalModes::of(terminal).is_ok_and(|now| now != *modes) {
            // A terminal that is gone has no modes to restore.
            let _ = modes.apply(terminal);
        }
    }
}
