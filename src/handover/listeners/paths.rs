//! Noticing that the path of a Unix socket is gone or names another file.
//!
//! By looking, a few times a second and only where there is such a socket: it is cheap, the same on every platform, and
//! sees also what becomes of the folders above.

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

/// How long between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// The paths, with what was found at each and at its folder.
type Seen = Vec<(PathBuf, [Option<Inode>; 2])>;

/// Paths that are watched.
#[derive(Debug)]
pub(super) struct Paths {
    seen: Rc<RefCell<Seen>>,
    any: Rc<Notify>,
    task: JoinHandle<()>,
}

impl Drop for Paths {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Paths {
    /// Tells [`HandoverNews::ListenerBroken`] after each change. Needs a `LocalSet`.
    pub(super) fn watch(news: UnboundedSender<HandoverNews>) -> Self {
        let (seen, any) = (Rc::new(RefCell::new(Seen::new())), Rc::new(Notify::new()));
        let task = tokio::task::spawn_local(follow(Rc::clone(&seen), Rc::clone(&any), news));
        Self { seen, any, task }
    }

    /// These paths, as they are now.
    pub(super) fn look_at<'a>(&self, paths: impl Iterator<Item = &'a Path>) {
        self.seen.replace(paths.map(|path| (path.to_owned(), found(path))).collect());
        self.any.notify_one();
    }
}

async fn follow(seen: Rc<RefCell<Seen>>, any: Rc<Notify>, news: UnboundedSender<HandoverNews>) {
    loop {
        if seen.borrow().is_empty() {
            any.notified().await;
            continue;
        }
        sleep(PAUSE).await;
        let mut changed = false;
        for (path, before) in seen.borrow_mut().iter_mut() {
            let now = found(path);
            changed |= std::mem::replace(before, now) != now;
        }
        if changed && news.send(HandoverNews::ListenerBroken).is_err() {
            return;
        }
    }
}

fn found(path: &Path) -> [Option<Inode>; 2] {
    [inode(path), path.parent().and_then(inode)]
}
