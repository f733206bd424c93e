//! Notices that the path of a Unix socket is gone or names another file.
//!
//! Polls a few times a second, and only if there is such a socket: it is cheap, the same on every platform,
//! and notices changes of the folders above as well.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::bind::{Inode, inode};
use crate::handover::news::HandoverNews;
use crate::words::ServiceId;

const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The paths, with the file found at each and its folder.
type Files = Vec<(PathBuf, [Option<Inode>; 2])>;

#[derive(Debug)]
pub(super) struct Paths {
    files: Rc<RefCell<Files>>,
    any: Rc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Paths {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Paths {
    /// Sends [`HandoverNews::ListenerBroken`] after each change. Needs a `LocalSet`.
    pub(super) fn watch(service: ServiceId, news: UnboundedSender<HandoverNews>) -> Self {
        let (files, any) = (Rc::new(RefCell::new(Files::new())), Rc::new(Notify::new()));
        let task = tokio::task::spawn_local(poll(Rc::clone(&files), Rc::clone(&any), service, news));
        Self { files, any, task }
    }

    /// Watches these paths, compared with what they name now.
    pub(super) fn snapshot<'a>(&self, paths: impl Iterator<Item = &'a Path>) {
        self.files.replace(paths.map(|path| (path.to_owned(), found(path))).collect());
        self.any.notify_one();
    }
}

async fn poll(
    files: Rc<RefCell<Files>>,
    any: Rc<Notify>,
    service: ServiceId,
    news: UnboundedSender<HandoverNews>,
) {
    loop {
        if files.borrow().is_empty() {
            any.notified().await;
            continue;
        }
        sleep(POLL_INTERVAL).await;
        let mut changed = false;
        for (path, before) in files.borrow_mut().iter_mut() {
            let now = found(path);
            changed |= std::mem::replace(before, now) != now;
        }
        if changed && news.send(HandoverNews::ListenerBroken(service)).is_err() {
            return;
        }
    }
}

fn found(path: &Path) -> [Option<Inode>; 2] {
    [inode(path), path.parent().and_then(inode)]
}
