//! Notices that another process removed the live binary (`cargo clean`, `rm -r target`).
//!
//! A single watch on the live folder, where nothing happens but publishing. The session decides what follows.

use std::path::{Path, PathBuf};

use notify_debouncer_full::notify::{self, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;

use super::BuildNews;
use crate::words::ArtifactId;

/// Watches a live path.
#[derive(Debug)]
pub struct Sentinel {
    artifact: ArtifactId,
    live: PathBuf,
    news: UnboundedSender<BuildNews>,
    watcher: Option<RecommendedWatcher>,
}

impl Sentinel {
    pub fn new(artifact: ArtifactId, live: PathBuf, news: UnboundedSender<BuildNews>) -> Self {
        Self { artifact, live, news, watcher: None }
    }

    /// Starts watching once the live binary exists. Does without a watch if the system refuses one: the next
    /// publish restores the binary.
    pub fn guard(&mut self) {
        if self.watcher.is_some() {
            return;
        }
        let (artifact, live, news) = (self.artifact, self.live.clone(), self.news.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let removed = event.is_ok_and(|event| matches!(event.kind, EventKind::Remove(_)));
            if removed && !live.exists() {
                // The receiver is gone when hotrun ends.
                let _ = news.send(BuildNews::LiveRemoved(artifact));
            }
        });
        let folder = self.live.parent().unwrap_or(Path::new("/"));
        self.watcher = watcher.ok().and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
            Some(watcher)
        });
    }

    /// Watches another live path from the next [`Sentinel::guard`] on.
    pub fn move_to(&mut self, live: PathBuf) {
        self.live = live;
        self.watcher = None;
    }

    /// Returns whether the live binary is gone. The watch may report it a moment later.
    pub fn misses_it(&self) -> bool {
        self.watcher.is_some() && !self.live.exists()
    }

    /// Drops the watch on a removed folder: [`Sentinel::guard`] watches the next one.
    pub fn relieve(&mut self) {
        self.watcher = None;
    }
}
