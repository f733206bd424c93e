//! The end of a build: following what it read, at a cost that hangs on what is new, and taking stock of all files.
//!
//! Where events can be relied on, a walk would find nothing but what they do not tell: writes through a memory map or another
//! name of the file. Those are found by looking at each file's stat, a few at a time, so that no save waits for it.

use std::path::Path;
use std::time::Instant;

use super::Room;
use super::walking::Cause;
use crate::watch::fingerprint;
use crate::watch::holds::Why;
use crate::watch::inputs::Read;
use crate::watch::survey::survey_more;

/// So many files are looked at before the queue is.
const SLICE: usize = 64;

impl Room {
    /// Whether events tell of all that a walk would find.
    pub(super) fn events_tell(&self) -> bool {
        self.native.is_some()
            && self.poll.is_none()
            && !self.limit_reached
            && !self.unwatched
            && self.survey_due.is_none()
    }

    /// A build ended, and this is what it read beside what was followed before.
    pub(super) fn follow(&mut self, read: Read) {
        match read {
            Read::Same if self.events_tell() => {}
            // Not where folders are watched in one batch, which a new one makes start anew.
            Read::More(paths) if self.events_tell() && cfg!(not(target_os = "macos")) => {
                let found = self
                    .walk(Cause::Inputs, |rules, ignores, watch| survey_more(&paths, rules, ignores, watch));
                let before = std::mem::take(&mut self.survey);
                self.compare_files(&found.files, &before, Cause::Inputs);
                self.survey = before;
                self.survey.join(found);
                self.surveyed();
            }
            _ => return self.take_survey(Cause::Inputs),
        }
        self.judge_differing();
        self.stock = self.ledger.paths().map(Path::to_path_buf).collect();
    }

    /// Looks at some of the files of which no stock was taken since the end of the last build.
    pub(super) fn take_stock(&mut self) {
        let rest = self.stock.len().saturating_sub(SLICE);
        for path in self.stock.split_off(rest) {
            let Some(known) = self.ledger.get(&path).map(|entry| entry.now.stat) else { continue };
            let stat = fingerprint::stat(&path);
            self.suspect(&path, stat);
            if self.holds.why(&path).is_some() {
                continue;
            }
            if stat == known {
                self.tell_suspect(&path);
                continue;
            }
            if stat.is_none() {
                self.holds.hold(&path, Why::Gone, Instant::now());
            } else {
                self.look_settled(&path);
            }
        }
    }
}
