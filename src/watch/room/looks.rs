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
use super::walking::Cause;
use crate::watch::inputs::Verdict;
use crate::watch::news::News;

/// The deadline of an answer: longer than any editor leaves a file half saved.
const PATIENCE: Duration = Duration::from_millis(600);

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct Look {
    tokens: Vec<u64>,
    /// Files that were deferred at that time.
    held: HashSet<PathBuf>,
    due: Instant,
}

impl Room {
    /// Starts the requested check, one for all pending requests.
    pub(super) fn take_look(&mut self) {
        if self.wanted.is_empty() {
            return;
        }
        let tokens = std::mem::take(&mut self.wanted);
        self.take_survey(Cause::Events);
        for path in self.ledger.racy() {
            if self.holds.why(&path).is_some() {
                continue;
            }
            let now = self.fingerprint(&path);
            if self.ledger.get(&path).is_some_and(|entry| entry.now.content.same(&now.content)) {
                self.ledger.read_again(&path, now, SystemTime::now());
            } else {
                self.look(&path);
            }
        }
        let held = self.holds.paths().map(Path::to_path_buf).collect();
        self.looks.push(Look { tokens, held, due: Instant::now() + PATIENCE });
    }

    /// Answers the requests after which everything was reported.
    pub(super) fn answer_looks(&mut self) {
        if self.git.is_some() {
            return;
        }
        // While a build runs, other changes may be reported at its end; the client asks again then.
        let at_rest = self.building().is_some() || self.patient.is_empty();
        let mut looks = std::mem::take(&mut self.looks);
        looks.retain(|look| {
            let open = !at_rest || look.held.iter().any(|path| self.holds.why(path).is_some());
            if !open {
                for token in &look.tokens {
                    (self.sink)(News::Looked(*token));
                }
            }
            open
        });
        self.looks = looks;
    }

    pub(super) fn look_due(&self) -> Option<Instant> {
        self.looks.iter().filter(|_| self.git.is_none()).map(|look| look.due).min()
    }

    /// Accepts files that were deferred for too long as they are.
    pub(super) fn end_patience(&mut self, now: Instant) {
        let overdue: Vec<PathBuf> = self
            .looks
            .iter()
            .filter(|look| look.due <= now)
            .flat_map(|look| look.held.iter().cloned())
            .filter(|path| self.holds.why(path).is_some())
            .collect();
        for path in overdue {
            self.holds.release(&path);
            let now = self.fingerprint(&path);
            self.accept(&path, now);
        }
        if self.building().is_none() && self.looks.iter().any(|look| look.due <= now) {
            for (path, _) in std::mem::take(&mut self.patient) {
                self.report_patient(&path);
            }
        }
    }

    /// Reports a change that had to come to rest.
    pub(super) fn report_patient(&mut self, path: &Path) {
        if let (Verdict::Counts(kinds), true) = (self.verdict(path), self.untold(path)) {
            self.report(path, &kinds);
        }
    }
}
