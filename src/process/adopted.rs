//! Reaping processes that became hotrun's children because their parent ended.
//!
//! Must never take the exit of a child that another room waits for. Those have hotrun's own group or lead one in
//! hotrun's session; whatever looks like that is left alone until it has been a zombie for far longer than anybody who
//! waits for it would leave it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions};
use tokio::signal::unix::Signal;
use tokio::time::{Instant, sleep};

use super::shared::Shared;
use crate::sys::{self, ProcessRow};

/// How long after a child's end the table is looked at: by then whoever waits for it has reaped it, and a restart is
/// not held up by the look.
const QUIET: Duration = Duration::from_secs(1);

/// How long a zombie that may be another room's is left alone.
const CLAIMED: Duration = Duration::from_secs(10);

/// Runs for as long as hotrun does; wakes only when a child ends.
pub(super) async fn reap_strangers(shared: Rc<Shared>, mut ended: Signal) {
    let me = std::process::id().cast_signed();
    let mut doubtful: BTreeMap<i32, (u64, Instant)> = BTreeMap::new();
    while ended.recv().await.is_some() {
        sleep(QUIET).await;
        if !any_zombie() {
            doubtful.clear();
            continue;
        }
        let zombies: Vec<ProcessRow> = sys::own_descendants()
            .into_iter()
            .filter(|row| row.zombie && row.parent == me && !shared.known.borrow().contains(&row.pid))
            .collect();
        doubtful.retain(|pid, _| zombies.iter().any(|row| row.pid == *pid));
        for zombie in zombies {
            let (start, since) = *doubtful.entry(zombie.pid).or_insert((zombie.start, Instant::now()));
            if is_stranger(&zombie) || (start == zombie.start && since.elapsed() > CLAIMED) {
                doubtful.remove(&zombie.pid);
                reap(&shared, &zombie);
            }
        }
    }
}

/// Whether a child of hotrun's cannot be one that hotrun started.
pub(super) fn is_stranger(row: &ProcessRow) -> bool {
    let (group, session) = (sys::own_group(), sys::own_session());
    // Zero where the platform does not tell the session.
    row.session != 0 && (row.session != session || (row.group != group && row.group != row.pid))
}

/// Whether a process came to hotrun because its parent ended.
pub(super) fn is_orphan(row: &ProcessRow) -> bool {
    row.parent == std::process::id().cast_signed() && is_stranger(row)
}

/// Takes a zombie off the table, if it is hotrun's child and nobody in this room waits for it.
pub(super) fn reap(shared: &Shared, row: &ProcessRow) -> bool {
    row.parent == std::process::id().cast_signed()
        && !shared.known.borrow().contains(&row.pid)
        && sys::reap(row.pid).is_some()
}

/// Asks the kernel whether any child is a zombie, without taking it.
fn any_zombie() -> bool {
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(rustix::process::waitid(WaitId::All, peek), Ok(Some(_)))
}
