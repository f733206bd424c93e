//! Who belongs to an instance: its first process, its group, what descends from them, and what carries its tag.
//!
//! A wrapper (`sh -c`, a runner) may speak for the program, and so may a helper it started. Others may not, even where
//! they know the path of the socket.

use std::collections::BTreeMap;

use crate::sys::{self, ProcessRow};
use crate::words::{Instance, TAG};

/// More members than this are looked up each time they speak.
const REMEMBERED: usize = 256;

/// The members of one instance.
#[derive(Debug)]
pub(super) struct Members {
    leader: i32,
    tag: String,
    /// Those that were looked up, and when they were started: a pid may be another's later on.
    known: BTreeMap<i32, u64>,
}

impl Members {
    pub(super) fn new(run: &str, instance: Instance, leader: i32) -> Self {
        Self { leader, tag: format!("{TAG}={run}.{instance}"), known: BTreeMap::new() }
    }

    /// Whether `pid` is one. A process that is gone is none, unless it is the first or spoke before: its pid says nothing
    /// any more.
    pub(super) fn contains(&mut self, pid: i32) -> bool {
        // The first is a child that is reaped last, so the pid is its own.
        if pid == self.leader {
            return true;
        }
        let Some(row) = sys::process(pid) else {
            return self.known.contains_key(&pid);
        };
        if self.known.get(&pid) == Some(&row.start) {
            return true;
        }
        let member = row.group == self.leader || sys::carries(pid, &self.tag, true) || self.descends(row);
        if member {
            if self.known.len() >= REMEMBERED {
                self.known.clear();
            }
            self.known.insert(pid, row.start);
        }
        member
    }

    fn descends(&self, mut row: ProcessRow) -> bool {
        while row.parent > 1 {
            if row.parent == self.leader {
                return true;
            }
            match sys::process(row.parent) {
                // A parent is older; anything else is another process with its pid.
                Some(parent) if parent.start <= row.start => row = parent,
                _ => return false,
            }
        }
        false
    }
}
