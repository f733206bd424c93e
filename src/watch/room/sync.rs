//! Checks that a client waits for: everything saved before the request is reported before the answer, whether
//! or not its event was read by then.
//!
//! A scan finds files with another stat. A file written within the same tick of the file system's clock as it
//! was read keeps its stat, so such files are read again. A file in the middle of a save gets its time, but
//! not for ever.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use super::walking::ScanCause;
use crate::watch::inputs::Verdict;
use crate::watch::news::WatchNews;

/// The deadline of an answer: longer than any editor leaves a file half saved.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(600);

/// A request that is not answered yet.
#[derive(Debug)]
struct PendingSync {
    tokens: Vec<u64>,
    /// Files that were deferred at that time.
    held: HashSet<PathBuf>,
    due: Instant,
}

/// The requests for a check.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    /// Not started.
    pub(super) requests: Vec<u64>,
    pending: Vec<PendingSync>,
}

impl Room {
    /// Starts the requested check, one for all pending requests.
    pub(super) fn start_sync(&mut self) {
        if self.syncs.requests.is_empty() {
            return;
        }
        let tokens = std::mem::take(&mut self.syncs.requests);
        self.scan_all(ScanCause::Events);
        for path in self.ledger.racy() {
            if self.deferred.reason(&path).is_some() {
                continue;
            }
            let now = self.fingerprint(&path);
            if self.ledger.get(&path).is_some_and(|entry| entry.now.content.same(&now.content)) {
                self.ledger.read_again(&path, now, SystemTime::now());
            } else {
                self.check(&path);
            }
        }
        let held = self.deferred.paths().map(Path::to_path_buf).collect();
        self.syncs.pending.push(PendingSync { tokens, held, due: Instant::now() + ANSWER_TIMEOUT });
    }

    /// Answers the requests after which everything was reported.
    pub(super) fn answer_syncs(&mut self) {
        if self.outgoing.waits() {
            return;
        }
        // While a build runs, other changes may be reported at its end; the client asks again then.
        let at_rest = self.building().is_some() || self.waiting.is_empty();
        let mut syncs = std::mem::take(&mut self.syncs.pending);
        syncs.retain(|sync| {
            let open = !at_rest || sync.held.iter().any(|path| self.deferred.reason(path).is_some());
            if !open {
                for token in &sync.tokens {
                    self.speaker.say(WatchNews::Synced(*token));
                }
            }
            open
        });
        self.syncs.pending = syncs;
    }

    pub(super) fn sync_due(&self) -> Option<Instant> {
        self.syncs.pending.iter().filter(|_| !self.outgoing.waits()).map(|sync| sync.due).min()
    }

    /// Accepts files that were deferred for too long as they are.
    pub(super) fn expire_syncs(&mut self, now: Instant) {
        let overdue: Vec<PathBuf> = self
            .syncs
            .pending
            .iter()
            .filter(|sync| sync.due <= now)
            .flat_map(|sync| sync.held.iter().cloned())
            .filter(|path| self.deferred.reason(path).is_some())
            .collect();
        for path in overdue {
            self.deferred.remove(&path);
            let now = self.fingerprint(&path);
            self.accept(&path, now);
        }
        if self.building().is_none() && self.syncs.pending.iter().any(|sync| sync.due <= now) {
            for (path, _) in std::mem::take(&mut self.waiting) {
                self.report_waiting(&path);
            }
        }
    }

    /// Reports a change that had to come to rest.
    pub(super) fn report_waiting(&mut self, path: &Path) {
        if let (Verdict::Counts(roles), true) = (self.verdict(path), self.is_unreported(path)) {
            self.report(path, &roles);
        }
    }
}
