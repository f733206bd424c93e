//! Seeding: a new staging target begins as a copy of the project's own target, so that a project already
//! built is not compiled again.
//!
//! After that the copy is warmed up for the first edit.
//!
//! Copies whole profile folders under the locks cargo takes into a temporary folder that then takes their
//! place; cargo judges what of them is fresh. Reads only the project's own target and writes only to the
//! staging target. Knows of a profile folder what cargo documents
//! (<https://doc.rust-lang.org/cargo/reference/build-cache.html>).

mod locks;
mod news;
mod place;
mod plan;
#[cfg(test)]
mod tests;
mod tree;
mod warm;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use self::locks::try_locks;
pub use self::news::{SeedError, SeedNews, WarmUpNews, size};
use self::place::{WaitPoint, rename_new};
pub use self::plan::SeedPlan;
use self::plan::in_thread;
pub use self::warm::WarmUpOrder;
pub(super) use self::warm::{is_due, make_room, warm_up};
use self::work::{copy_loose_files, seed};
use super::news::BuildNews;

#[derive(Debug)]
enum SeedState {
    /// Nothing is known yet, or another cargo holds the source.
    Begun,
    /// The copy runs; once these are installed, a cargo waits for it.
    Copies(Vec<WaitPoint>),
    /// Done; `true` if the staging target has been seeded.
    Ended(bool),
}

#[derive(Debug)]
pub(super) struct Seeding {
    plan: SeedPlan,
    stop: Arc<AtomicBool>,
    state: watch::Receiver<SeedState>,
}

impl Drop for Seeding {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Seeding {
    pub(super) fn begin(plan: SeedPlan, news: mpsc::UnboundedSender<BuildNews>) -> Self {
        let (sender, state) = watch::channel(SeedState::Begun);
        let stop = Arc::new(AtomicBool::new(false));
        let (own_plan, own_stop, own_news) = (plan.clone(), Arc::clone(&stop), news.clone());
        let begun = in_thread(move || {
            // The receiver is gone when hotrun ends.
            let report = |news| drop(own_news.send(BuildNews::Seed(news)));
            let copies = |wait_points| drop(sender.send(SeedState::Copies(wait_points)));
            let seeded = seed(&own_plan, &own_stop, &report, &copies).unwrap_or_else(|error| {
                report(SeedNews::Declined(error));
                false
            });
            let _ = sender.send(SeedState::Ended(seeded));
        });
        if let Err(source) = begun {
            // Without a thread there is no copy: the sender is gone, so the seeding has ended.
            let declined = SeedError::Io { folder: plan.from().to_owned(), source };
            let _ = news.send(BuildNews::Seed(SeedNews::Declined(declined)));
        }
        Self { plan, stop, state }
    }

    /// Waits until a cargo can be started: it does most of its preparation while the copy is made, and then
    /// waits for the lock of its folder.
    pub(super) async fn ready(&self) {
        let mut state = self.state.clone();
        // A thread that panicked has copied nothing.
        let Ok(installed) = state.wait_for(|state| !matches!(state, SeedState::Begun)).await.map(|state| {
            copy_loose_files(&self.plan.build, &self.plan.staging);
            match &*state {
                SeedState::Copies(wait_points) => wait_points.iter().all(WaitPoint::install),
                SeedState::Begun | SeedState::Ended(_) => true,
            }
        }) else {
            return;
        };
        if !installed {
            let _ = state.wait_for(|state| matches!(state, SeedState::Ended(_))).await;
        }
    }

    /// Returns whether the staging target was seeded; `None` until that is known.
    pub(super) fn ended(&self) -> Option<bool> {
        match *self.state.borrow() {
            SeedState::Ended(seeded) => Some(seeded),
            SeedState::Begun | SeedState::Copies(_) if self.state.has_changed().is_err() => Some(false),
            SeedState::Begun | SeedState::Copies(_) => None,
        }
    }

    /// Removes the copy unless another cargo builds with it. Returns its source.
    pub(super) fn discard(&self) -> Option<PathBuf> {
        let plan = &self.plan;
        let folders: Vec<&Path> = plan.folders.iter().map(|(_, to)| to.as_path()).collect();
        let _locks = try_locks(&folders).ok()??;
        let trash = plan.temporary();
        fs::create_dir_all(&trash).ok()?;
        for (index, folder) in folders.iter().enumerate().rev().filter(|(_, folder)| folder.exists()) {
            rename_new(folder, &trash.join(index.to_string())).ok()?;
        }
        // The next hotrun removes leftovers.
        let _ = in_thread(move || drop(fs::remove_dir_all(trash)));
        Some(plan.from().to_owned())
    }
}
