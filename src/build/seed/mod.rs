//! The first start: a staging target that does not exist yet begins as a copy of what the project's own target holds, so
//! that a project that is built already is not compiled again because hotrun builds elsewhere.
//!
//! Copies whole profile folders, under the locks cargo takes, into a temporary folder that then takes their place; what of it
//! is fresh is for cargo to judge. Reads the project's own target and writes to the staging target only. Of the inside
//! of a profile folder it knows what cargo documents (<https://doc.rust-lang.org/cargo/reference/build-cache.html>).

mod locks;
mod news;
mod place;
mod plan;
#[cfg(test)]
mod tests;
mod tree;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use self::locks::try_locks;
pub use self::news::{SeedError, SeedNews, size};
use self::place::{Opening, rename_new};
pub use self::plan::SeedPlan;
use self::plan::in_thread;
use self::work::{copy_loose_files, seed};
use super::news::BuildNews;

/// How far a seeding is.
#[derive(Debug)]
enum Stage {
    /// What is to be copied is not known yet, or another cargo holds it.
    Begun,
    /// It is being copied; a cargo can be made to wait for it where these are opened.
    Copies(Vec<Opening>),
    /// It is done; says whether the staging target has begun as a copy.
    Ended(bool),
}

/// A seeding that was begun.
#[derive(Debug)]
pub(super) struct Seeding {
    plan: SeedPlan,
    stop: Arc<AtomicBool>,
    stage: watch::Receiver<Stage>,
}

impl Drop for Seeding {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Seeding {
    /// Begins in a thread of its own, as it may take a while.
    pub(super) fn begin(plan: SeedPlan, news: mpsc::UnboundedSender<BuildNews>) -> Self {
        let (sender, stage) = watch::channel(Stage::Begun);
        let stop = Arc::new(AtomicBool::new(false));
        let (own_plan, own_stop, own_news) = (plan.clone(), Arc::clone(&stop), news.clone());
        let begun = in_thread(move || {
            // Nobody listens any more when hotrun ends.
            let tell = |said| drop(own_news.send(BuildNews::Seed(said)));
            let copies = |openings| drop(sender.send(Stage::Copies(openings)));
            let seeded = seed(&own_plan, &own_stop, &tell, &copies).unwrap_or_else(|error| {
                tell(SeedNews::Declined(error));
                false
            });
            let _ = sender.send(Stage::Ended(seeded));
        });
        if let Err(source) = begun {
            // Without a thread there is no copy: the sender is gone, so the seeding has ended.
            let declined = SeedError::Io { folder: plan.from().to_owned(), source };
            let _ = news.send(BuildNews::Seed(SeedNews::Declined(declined)));
        }
        Self { plan, stop, stage }
    }

    /// Waits until a cargo can be started: most of what one has to do before it looks at what is built it does while the
    /// copy is made, and then it waits for the lock of its folder.
    pub(super) async fn ready(&self) {
        let mut stage = self.stage.clone();
        // A thread that panicked has made nothing.
        let Ok(opened) = stage.wait_for(|stage| !matches!(stage, Stage::Begun)).await.map(|stage| {
            copy_loose_files(&self.plan.build, &self.plan.staging);
            match &*stage {
                Stage::Copies(openings) => openings.iter().all(Opening::open),
                Stage::Begun | Stage::Ended(_) => true,
            }
        }) else {
            return;
        };
        if !opened {
            let _ = stage.wait_for(|stage| matches!(stage, Stage::Ended(_))).await;
        }
    }

    /// Whether the staging target has begun as a copy; nothing while it is not known yet.
    pub(super) fn ended(&self) -> Option<bool> {
        match *self.stage.borrow() {
            Stage::Ended(seeded) => Some(seeded),
            Stage::Begun | Stage::Copies(_) if self.stage.has_changed().is_err() => Some(false),
            Stage::Begun | Stage::Copies(_) => None,
        }
    }

    /// Takes the copy away, unless another cargo builds with it; gives where it was from.
    pub(super) fn discard(&self) -> Option<PathBuf> {
        let plan = &self.plan;
        let folders: Vec<&Path> = plan.folders.iter().map(|(_, to)| to.as_path()).collect();
        let _locks = try_locks(&folders).ok()??;
        let trash = plan.temporary();
        fs::create_dir_all(&trash).ok()?;
        for (index, folder) in folders.iter().enumerate().rev().filter(|(_, folder)| folder.exists()) {
            rename_new(folder, &trash.join(index.to_string())).ok()?;
        }
        // What is left is cleared away by the next one.
        let _ = in_thread(move || drop(fs::remove_dir_all(trash)));
        Some(plan.from().to_owned())
    }
}
