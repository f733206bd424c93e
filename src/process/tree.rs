//! Which processes are an instance's: its group, what it started, and what carries its tag.
//!
//! The tag is an environment variable, so it reaches daemons that left group, session and parent behind. Only what
//! cleared or overwrote its environment after leaving all three escapes.

use std::collections::{BTreeMap, BTreeSet};

use super::adopted;
use super::shared::Shared;
use crate::sys::{self, ProcessRow};
pub(super) use crate::words::TAG;

/// The living processes of the instance that `leader` leads, other than `leader`. `found`: those of an earlier look, and when
/// they were started.
///
/// Reaps what died as a child of hotrun's and is nobody else's: a process that forked and ended while the table was
/// read leaves such a zombie, and then the table is read again, since its child may be missing in it.
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
            table.iter().filter(|row| row.zombie && (dead.contains(row) || adopted::is_stranger(row)));
        let reaped = orphans.filter(|row| adopted::reap(shared, row)).count();
        // Without orphans as a sign, a second look has to do.
        if reaped == 0 && changed == Changed::No && (shared.subreaper || looks > 1) {
            return left;
        }
    }
}

/// The living processes of the instance that `leader` leads, `leader` included, at one look.
pub(super) fn now(shared: &Shared, leader: i32, tag: &str) -> Vec<i32> {
    let table = if shared.subreaper { sys::own_descendants() } else { sys::processes() };
    let (members, _) = members(leader, &format!("{TAG}={tag}"), &BTreeMap::new(), &table);
    std::iter::once(leader).chain(members.iter().filter(|row| !row.zombie).map(|row| row.pid)).collect()
}

/// Whether a process ended between the look at the table and the one at its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Yes,
    No,
}

/// The rows that belong to the instance, other than `leader`.
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
            // On its way out an orphan has no tag any more, but perhaps a port, and a child that the table lacks.
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

/// Adds all that descends from these.
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
