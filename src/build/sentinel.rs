//! Notices that somebody else removed the live binary (`cargo clean`, `rm -r target`).
//!
//! One watch on the live folder, where nothing happens but publishing. Says only that the binary is gone; what that leads
//! to is the session's.

use std::path::{Path, PathBuf};

use notify_debouncer_full::notify::{self, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;

use super::BuildNews;

/// Watches one live path.
#[derive(Debug)]
pub struct Sentinel {
    live: PathBuf,
    news: UnboundedSender<BuildNews>,
    watcher: Option<RecommendedWatcher>,
}

impl Sentinel {
    /// A sentinel that is not on guard yet.
    pub fn new(live: PathBuf, news: UnboundedSender<BuildNews>) -> Self {
        Self { live, news, watcher: None }
    }

    /// Goes on guard, once the live binary is there. A watch that cannot be had (there may be no room for one more) is
    /// done without: the next publish puts the binary back.
    pub fn guard(&mut self) {
        if self.watcher.is_some() {
            return;
        }
        let (live, news) = (self.live.clone(), self.news.clone());
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let removed = event.is_ok_and(|event| matches!(event.kind, EventKind::Remove(_)));
            if removed && !live.exists() {
                // hotrun is ending: nobody wants to know.
                let _ = news.send(BuildNews::LiveRemoved);
            }
        });
        let folder = self.live.parent().unwrap_or(Path::new("/"));
        self.watcher = watcher.ok().and_then(|mut watcher| {
            watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
            Some(watcher)
        });
    }

    /// Watches another live path, from the next [`Sentinel::guard`] on.
    pub fn move_to(&mut self, live: PathBuf) {
        self.live = live;
        self.watcher = None;
    }

    /// Returns whether the live binary is gone. The watch may tell that a moment later.
    pub fn misses_it(&self) -> bool {
        self.watcher.is_some() && !self.live.exists()
    }

    /// The watched folder is gone: [`Sentinel::guard`] has to watch the next one.
    pub fn relieve(&mut self) {
        self.watcher = None;
    }
}
