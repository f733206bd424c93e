//! Finds the processes of an instance: its group, its descendants, and processes with its tag.
//!
//! The tag is an environment variable, so it identifies even daemons that left group, session and parent.
//! Only a process that also cleared or overwrote its environment escapes.

use std::collections::{BTreeMap, BTreeSet};

use super::adopted;
use super::shared::Shared;
use crate::sys::{self, ProcessRow};
pub(super) use crate::words::TAG;

/// Returns the living processes of the instance led by `leader`, without `leader`. `found`: processes found
/// before, with their start times.
///
/// Reaps children of hotrun's that no task waits for: a process that forked and ended while the table was
/// read leaves such a zombie. The table is then read again, because the new child may be missing.
pub(super) fn remnants(
    shared: &Shared,
    leader: i32,
    tag: &str,
    found: &BTreeMap<i32, u64>,
) -> Vec<ProcessRow> {
    let entry = format!("{TAG}={tag}");
    let mut looks = 0;
    loop {
        looks += 1;
        let table = if shared.subreaper { sys::own_descendants() } else { sys::processes() };
        let (members, changed) = members(leader, &entry, found, &table);
        let (dead, left): (Vec<ProcessRow>, Vec<ProcessRow>) =
            members.into_iter().partition(|row| row.zombie);
        if !left.is_empty() {
            return left;
        }
        let orphans =
            table.iter().filter(|row| row.zombie && (dead.contains(row) || adopted::is_foreign(row)));
        let reaped = orphans.filter(|row| adopted::reap(shared, row)).count();
        // Without orphans as evidence, a second read must do.
        if reaped == 0 && changed == Changed::No && (shared.subreaper || looks > 1) {
            return left;
        }
    }
}

/// Returns the living processes of the instance led by `leader`, with `leader`, from a single read of the
/// table.
pub(super) fn now(shared: &Shared, leader: i32, tag: &str) -> Vec<i32> {
    let table = if shared.subreaper { sys::own_descendants() } else { sys::processes() };
    let (members, _) = members(leader, &format!("{TAG}={tag}"), &BTreeMap::new(), &table);
    std::iter::once(leader).chain(members.iter().filter(|row| !row.zombie).map(|row| row.pid)).collect()
}

/// Whether a process ended after the table was read and before its environment was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

/// Returns the rows of the instance, without `leader`.
fn members(
    leader: i32,
    entry: &str,
    found: &BTreeMap<i32, u64>,
    table: &[ProcessRow],
) -> (Vec<ProcessRow>, Changed) {
    let known = |row: &&ProcessRow| row.group == leader || found.get(&row.pid) == Some(&row.start);
    let mut ours: BTreeSet<i32> = table.iter().filter(known).map(|row| row.pid).collect();
    ours.insert(leader);
    add_descendants(&mut ours, table);
    let mut changed = Changed::No;
    let others: Vec<&ProcessRow> =
        table.iter().filter(|row| !row.zombie && !ours.contains(&row.pid)).collect();
    for row in others {
        if sys::carries(row.pid, entry, true) {
            ours.insert(row.pid);
            continue;
        }
        match sys::process(row.pid) {
            // A dying orphan has no tag any more, but perhaps a port, and a child that the table lacks.
            Some(now) if now.ending && !now.zombie && adopted::is_orphan(&now) => {
                ours.insert(row.pid);
            }
            Some(now) if !now.zombie => {}
            _ => changed = Changed::Yes,
        }
    }
    add_descendants(&mut ours, table);
    let members = table.iter().filter(|row| row.pid != leader && ours.contains(&row.pid));
    (members.copied().collect(), changed)
}

/// Adds all descendants.
pub(super) fn add_descendants(ours: &mut BTreeSet<i32>, table: &[ProcessRow]) {
    loop {
        let before = ours.len();
        for row in table {
            if ours.contains(&row.parent) {
                ours.insert(row.pid);
            }
        }
        if ours.len() == before {
            return;
        }
    }
}
