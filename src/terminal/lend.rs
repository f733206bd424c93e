//! Lending the terminal to a program that asks for it, and taking it back.
//!
//! A program in a process group of its own is in the background: it stops by SIGTTIN when it reads the terminal and by
//! SIGTTOU when it sets its modes. Then it is made the foreground group and continued, and the call it was stopped in
//! succeeds. Continuing it is the caller's part.

use std::os::fd::AsFd;

use rustix::process::Pid;
use rustix::termios::{QueueSelector, tcflush, tcsetpgrp};

use super::{Keys, Shared, Terminal, guard};
use crate::sys::{self, TERMINAL_RESET, TerminalModes, own_group};

use super::Escapes;

/// Whether a program has the terminal now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Lent {
    /// It has: continue its group.
    Now,
    /// hotrun itself is in the background, or another program has it. It is remembered.
    Later,
}

impl Terminal {
    /// Gives the terminal, in the modes it was found in, to the process group.
    pub fn lend(&self, group: i32) -> Lent {
        let shared = &self.shared;
        let holder = shared.holder();
        let free = shared.lent.get().is_none_or(|lent| lent == group);
        if !free || (holder != Some(own_group()) && holder != Some(group)) {
            let mut wanted = shared.wanted.borrow_mut();
            if !wanted.contains(&group) {
                wanted.push(group);
            }
            return Lent::Later;
        }
        if holder == Some(own_group()) {
            shared.apply(&shared.found.borrow());
            self.give(group);
        }
        shared.wanted.borrow_mut().retain(|wanted| *wanted != group);
        shared.lent.set(Some(group));
        self.look();
        Lent::Now
    }

    /// Makes the terminal ready for a program that gets it from its start. [`Terminal::lend`] follows when it runs.
    pub fn prepare_to_lend(&self) {
        if self.in_foreground() {
            self.shared.apply(&self.shared.found.borrow());
        }
        self.attention.send_replace(super::Attention::End);
    }

    /// To whom the terminal is lent.
    pub fn lent_to(&self) -> Option<i32> {
        self.shared.lent.get()
    }

    /// The process group has ended or is stopped for good: takes the terminal back where it was lent, and sets right
    /// what it may have changed in any case. Gives the next group that waits for the terminal and has it now: continue
    /// it.
    pub fn after(&self, group: i32) -> Option<i32> {
        let shared = &self.shared;
        shared.wanted.borrow_mut().retain(|wanted| *wanted != group);
        let was_lent = shared.lent.get() == Some(group);
        if shared.lent.get().is_some() && !was_lent {
            return None;
        }
        shared.lent.set(None);
        let ours = if was_lent { self.take() } else { shared.in_foreground() };
        if ours {
            shared.reset();
            shared.apply(&shared.found.borrow());
            if was_lent {
                // What was typed for the program must not become hotrun's keys.
                let _ = tcflush(&*shared.terminal, QueueSelector::IFlush);
            }
        }
        self.next()
    }

    /// Reads keys from now on, or no longer. Says whether that is something new.
    pub fn set_keys(&self, keys: Keys) -> bool {
        let shared = &self.shared;
        if !shared.readable.get() || shared.keys.replace(keys) == keys {
            return false;
        }
        if keys == Keys::Read && shared.lent.get().is_none() && shared.in_foreground() {
            // Nor may what was typed while nobody read keys.
            let _ = tcflush(&*shared.terminal, QueueSelector::IFlush);
        }
        self.attention.send_replace(shared.attention());
        shared.set_own_modes();
        true
    }

    /// Takes the terminal back for a while, to stop together with the program (Ctrl-Z). [`Terminal::regain`] gives it
    /// to the program again.
    pub fn put_aside(&self) {
        let shared = &self.shared;
        let lent = shared.lent.take();
        let ours = if lent.is_some() { self.take() } else { shared.in_foreground() };
        if ours {
            shared.apply(&shared.found.borrow());
        }
        if let Some(group) = lent {
            shared.wanted.borrow_mut().insert(0, group);
        }
        self.attention.send_replace(super::Attention::End);
    }

    /// hotrun goes on (SIGCONT): where it is in the foreground it takes note of the modes as they are now, and keys are
    /// read again, or the program that had the terminal has it again. Gives that group: continue it.
    pub fn regain(&self) -> Option<i32> {
        let shared = &self.shared;
        shared.away.set(!shared.in_foreground());
        if shared.lent.get().is_none()
            && shared.in_foreground()
            && let Ok(now) = TerminalModes::of(shared.terminal.as_fd())
            && now.by_line()
        {
            shared.found.replace(now);
            guard::remember_modes(now);
        }
        self.next()
    }

    /// Leaves the terminal as it was found, as hotrun ends.
    pub(super) fn leave(&self) {
        if let Some(group) = self.shared.lent.get() {
            self.after(group);
        }
        if self.in_foreground() {
            self.shared.apply(&self.shared.found.borrow());
        }
    }

    /// Lends to the first that waits, or reads keys again.
    fn next(&self) -> Option<i32> {
        let shared = &self.shared;
        let first = shared.wanted.borrow().first().copied();
        if shared.lent.get().is_none()
            && let Some(group) = first
            && shared.in_foreground()
            && self.lend(group) == Lent::Now
        {
            return Some(group);
        }
        shared.set_own_modes();
        self.look();
        None
    }

    /// Makes hotrun's group the foreground group again, unless the shell has taken the terminal meanwhile.
    fn take(&self) -> bool {
        let Some(holder) = self.shared.holder() else {
            return false;
        };
        if holder == own_group() {
            return true;
        }
        // The holder may be a group that the program made, or one that has ended.
        let from_us = sys::own_descendants().iter().any(|row| row.group == holder);
        // The whole table is read only where somebody else is in it.
        if !from_us && sys::kill_group(holder, 0).is_ok() && !sys::group_members(holder).is_empty() {
            return false;
        }
        self.give(own_group())
    }

    fn give(&self, group: i32) -> bool {
        Pid::from_raw(group).is_some_and(|group| tcsetpgrp(&*self.shared.terminal, group).is_ok())
    }

    fn look(&self) {
        self.attention.send_replace(self.shared.attention());
    }
}

impl Shared {
    /// Undoes a full-screen program's escape sequences.
    fn reset(&self) {
        if self.escapes == Escapes::Understood {
            // A terminal that takes no output now (Ctrl-S) is not waited for.
            let _ = rustix::io::write(&*self.terminal, TERMINAL_RESET);
        }
    }
}
