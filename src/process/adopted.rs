//! Reaps processes that became hotrun's children because their parent ended.
//!
//! Must never take the exit status of a child that another room waits for. Such children are in hotrun's
//! group, or lead a group in hotrun's session; a zombie that looks like one is left alone far longer than its
//! room would leave it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions};
use tokio::signal::unix::Signal;
use tokio::time::{Instant, sleep};

use super::shared::Shared;
use crate::sys::{self, ProcessRow};

/// How long after a child's end to read the process table: by then the room that waits for it has reaped it,
/// and a restart is not delayed.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// How long to leave a zombie alone that may be another room's.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs as long as hotrun; wakes up only when a child ends.
pub(super) async fn reap_adopted(shared: Rc<Shared>, mut ended: Signal) {
    let me = std::process::id().cast_signed();
    let mut suspects: BTreeMap<i32, (u64, Instant)> = BTreeMap::new();
    while ended.recv().await.is_some() {
        sleep(SETTLE_TIME).await;
        if !any_zombie() {
            suspects.clear();
            continue;
        }
        let zombies: Vec<ProcessRow> = sys::own_descendants()
            .into_iter()
            .filter(|row| row.zombie && row.parent == me && !shared.known.borrow().contains(&row.pid))
            .collect();
        suspects.retain(|pid, _| zombies.iter().any(|row| row.pid == *pid));
        for zombie in zombies {
            let (start, since) = *suspects.entry(zombie.pid).or_insert((zombie.start, Instant::now()));
            if is_foreign(&zombie) || (start == zombie.start && since.elapsed() > CLAIM_TIMEOUT) {
                suspects.remove(&zombie.pid);
                reap(&shared, &zombie);
            }
        }
    }
}

/// Whether a child of hotrun's cannot have been started by hotrun.
pub(super) fn is_foreign(row: &ProcessRow) -> bool {
    let (group, session) = (sys::own_group(), sys::own_session());
    // Zero if the platform does not tell the session.
    row.session != 0 && (row.session != session || (row.group != group && row.group != row.pid))
}

/// Whether a process became hotrun's child because its parent ended.
pub(super) fn is_orphan(row: &ProcessRow) -> bool {
    row.parent == std::process::id().cast_signed() && is_foreign(row)
}

/// Reaps a zombie if it is hotrun's child and no task of this room waits for it. Returns whether it did.
pub(super) fn reap(shared: &Shared, row: &ProcessRow) -> bool {
    row.parent == std::process::id().cast_signed()
        && !shared.known.borrow().contains(&row.pid)
        && sys::reap(row.pid).is_some()
}

/// Asks the kernel whether any child is a zombie, without reaping it.
fn any_zombie() -> bool {
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(rustix::process::waitid(WaitId::All, peek), Ok(Some(_)))
}
