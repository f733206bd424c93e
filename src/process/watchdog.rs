//! Replaces a reaper that ends before hotrun does (killed by hand, or for its memory).

use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::Signal;
use tokio::time::{Instant, sleep};

use super::news::ProcessNews;
use super::shared::Shared;
use crate::sys;

/// A reaper that lived this long is replaced at once, others after a pause that doubles from the first to the
/// last.
const HEALTHY: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_mins(1);

/// Runs as long as hotrun; wakes up only when a child ends.
pub(super) async fn keep_reaper(shared: Rc<Shared>, mut ended: Signal) {
    let Some(reaper) = &shared.reaper else { return };
    let (mut since, mut pause) = (None, FIRST_PAUSE);
    loop {
        let pid = reaper.pid();
        while sys::reap(pid).is_none() {
            if ended.recv().await.is_none() {
                return;
            }
        }
        shared.known.borrow_mut().remove(&pid);
        if since.is_none_or(|since: Instant| since.elapsed() >= HEALTHY) {
            pause = FIRST_PAUSE;
        } else {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        let mut reported = false;
        loop {
            let started = reaper.start_replacement();
            let failed = started.is_err();
            if !std::mem::replace(&mut reported, failed) || !failed {
                // The receiver is dropped when hotrun is about to end.
                let _ = shared.news.send(ProcessNews::ReaperEnded { error: started.err() });
            }
            if !failed {
                break;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        since = Some(Instant::now());
        shared.known.borrow_mut().insert(reaper.pid());
    }
}
