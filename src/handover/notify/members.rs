//! The processes of an instance: its first process, that one's group and descendants, and processes with its
//! tag.
//!
//! A wrapper (`sh -c`, a runner) or a helper may send messages for the program. Other processes may not, even
//! if they know the socket's path.

use std::collections::BTreeMap;

use crate::sys::{self, ProcessRow};
use crate::words::{Instance, TAG};

/// The cache limit; beyond it, members are looked up again.
const MAX_KNOWN: usize = 256;

#[derive(Debug)]
pub(super) struct Members {
    leader: i32,
    tag: String,
    /// Members found so far with their start times, because a pid may be reused.
    known: BTreeMap<i32, u64>,
}

impl Members {
    pub(super) fn new(run: &str, instance: Instance, leader: i32) -> Self {
        Self { leader, tag: format!("{TAG}={run}.{instance}"), known: BTreeMap::new() }
    }

    /// Whether `pid` is a member. A process that is gone is not, unless it is the first one or a known
    /// member: its pid proves nothing any more.
    pub(super) fn contains(&mut self, pid: i32) -> bool {
        // The first process is a child that is reaped last, so its pid cannot be reused.
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
            if self.known.len() >= MAX_KNOWN {
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
                // A parent is older than its child; otherwise its pid was reused.
                Some(parent) if parent.start <= row.start => row = parent,
                _ => return false,
            }
        }
        false
    }
}
