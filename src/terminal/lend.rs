//! Lends the terminal to a program that asks for it, and takes it back.
//!
//! A program in a process group of its own is in the background: SIGTTIN stops it when it reads the terminal,
//! SIGTTOU when it sets the modes. Once its group is in the foreground and continued, the interrupted call
//! succeeds. The caller continues it.

use std::os::fd::AsFd;

use rustix::process::Pid;
use rustix::termios::{QueueSelector, tcflush, tcsetpgrp};

use super::shared::{Attention, Escapes, Keys, TerminalState};
use super::{Terminal, guard};
use crate::sys::{self, TERMINAL_RESET, TerminalModes, own_group};

/// Whether a program got the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Lent {
    /// Yes: continue its group.
    Now,
    /// Not yet: hotrun is in the background, or another program has it. The request is remembered.
    Later,
}

impl Terminal {
    /// Gives the terminal to the process group, in the modes it was found in.
    pub fn lend(&self, group: i32) -> Lent {
        let shared = &self.shared;
        let holder = shared.holder();
        let free = shared.lent.get().is_none_or(|lent| lent == group);
        if !free || (holder != Some(own_group()) && holder != Some(group)) {
            let mut waiting = shared.waiting.borrow_mut();
            if !waiting.contains(&group) {
                waiting.push(group);
            }
            return Lent::Later;
        }
        if holder == Some(own_group()) {
            shared.apply(&shared.found.borrow());
            self.give(group);
        }
        shared.waiting.borrow_mut().retain(|waiting| *waiting != group);
        shared.lent.set(Some(group));
        self.update_attention();
        Lent::Now
    }

    /// Prepares the terminal for a program that has it from its start. [`Terminal::lend`] follows once it
    /// runs.
    pub fn prepare_to_lend(&self) {
        if self.in_foreground() {
            self.shared.apply(&self.shared.found.borrow());
        }
        self.attention.send_replace(Attention::End);
    }

    /// Returns the process group that has the terminal.
    pub fn lent_to(&self) -> Option<i32> {
        self.shared.lent.get()
    }

    /// To be called when the process group has ended, or has stopped for good. Takes the terminal back if it
    /// was lent to the group, and undoes what the group may have changed in any case. Returns the next group
    /// that gets the terminal: continue it.
    pub fn reclaim(&self, group: i32) -> Option<i32> {
        let shared = &self.shared;
        shared.waiting.borrow_mut().retain(|waiting| *waiting != group);
        let was_lent = shared.lent.get() == Some(group);
        if shared.lent.get().is_some() && !was_lent {
            return None;
        }
        shared.lent.set(None);
        let ours = if was_lent { self.take_back() } else { shared.in_foreground() };
        if ours {
            shared.reset();
            shared.apply(&shared.found.borrow());
            if was_lent {
                // Input meant for the program must not become hotrun's keys.
                let _ = tcflush(&*shared.terminal, QueueSelector::IFlush);
            }
        }
        self.lend_next()
    }

    /// Starts or stops reading keys. Returns whether that is a change.
    pub fn set_keys(&self, keys: Keys) -> bool {
        let shared = &self.shared;
        if !shared.readable.get() || shared.keys.replace(keys) == keys {
            return false;
        }
        if keys == Keys::Read && shared.lent.get().is_none() && shared.in_foreground() {
            // Neither must input from the time keys were not read.
            let _ = tcflush(&*shared.terminal, QueueSelector::IFlush);
        }
        self.attention.send_replace(shared.attention());
        shared.set_own_modes();
        true
    }

    /// Takes the terminal back for as long as hotrun is stopped with the program (Ctrl-Z).
    /// [`Terminal::regain`] returns it.
    pub fn put_aside(&self) {
        let shared = &self.shared;
        let lent = shared.lent.take();
        let ours = if lent.is_some() { self.take_back() } else { shared.in_foreground() };
        if ours {
            shared.apply(&shared.found.borrow());
        }
        if let Some(group) = lent {
            shared.waiting.borrow_mut().insert(0, group);
        }
        self.attention.send_replace(Attention::End);
    }

    /// To be called when hotrun was continued (SIGCONT). In the foreground it saves the current modes, and
    /// reads keys again or returns the terminal to the program that had it. Returns that group: continue it.
    pub fn regain(&self) -> Option<i32> {
        let shared = &self.shared;
        shared.in_background.set(!shared.in_foreground());
        if shared.lent.get().is_none()
            && shared.in_foreground()
            && let Ok(now) = TerminalModes::of(shared.terminal.as_fd())
            && now.by_line()
        {
            shared.found.replace(now);
            guard::remember_modes(now);
        }
        self.lend_next()
    }

    /// Leaves the terminal as it was found.
    pub(super) fn leave(&self) {
        if let Some(group) = self.shared.lent.get() {
            self.reclaim(group);
        }
        if self.in_foreground() {
            self.shared.apply(&self.shared.found.borrow());
        }
    }

    /// Lends to the first group that waits, or reads keys again.
    fn lend_next(&self) -> Option<i32> {
        let shared = &self.shared;
        let first = shared.waiting.borrow().first().copied();
        if shared.lent.get().is_none()
            && let Some(group) = first
            && shared.in_foreground()
            && self.lend(group) == Lent::Now
        {
            return Some(group);
        }
        shared.set_own_modes();
        self.update_attention();
        None
    }

    /// Puts hotrun's group into the foreground again, unless the shell has taken the terminal meanwhile.
    fn take_back(&self) -> bool {
        let Some(holder) = self.shared.holder() else {
            return false;
        };
        if holder == own_group() {
            return true;
        }
        // The holder may be a group that the program created, or one that has ended.
        let from_us = sys::own_descendants().iter().any(|row| row.group == holder);
        // Reads the whole process table only if another group has the terminal.
        if !from_us && sys::kill_group(holder, 0).is_ok() && !sys::group_members(holder).is_empty() {
            return false;
        }
        self.give(own_group())
    }

    fn give(&self, group: i32) -> bool {
        Pid::from_raw(group).is_some_and(|group| tcsetpgrp(&*self.shared.terminal, group).is_ok())
    }

    fn update_attention(&self) {
        self.attention.send_replace(self.shared.attention());
    }
}

impl TerminalState {
    /// Undoes a full-screen program's escape sequences.
    fn reset(&self) {
        if self.escapes == Escapes::Understood {
            // Does not wait for a terminal that takes no output now (Ctrl-S).
            let _ = rustix::io::write(&*self.terminal, TERMINAL_RESET);
        }
    }
}
