//! After a build: updates the followed inputs, at a cost proportional to what is new, and checks all other
//! files.
//!
//! Where events are reliable, a scan would only find changes without events: writes through a memory map or
//! another name of the file. Checking each file's stat, a few at a time, finds them without delaying a save.

use std::path::Path;
use std::time::Instant;

use super::Room;
use super::walking::Cause;
use crate::watch::fingerprint;
use crate::watch::holds::Why;
use crate::watch::inputs::Read;
use crate::watch::survey::survey_more;

/// Files checked before the queue is read again.
const SLICE: usize = 64;

impl Room {
    /// Whether events report everything that a scan would find.
    pub(super) fn events_tell(&self) -> bool {
        self.native.is_some()
            && self.poll.is_none()
            && !self.limit_reached
            && !self.unwatched
            && self.survey_due.is_none()
    }

    /// Follows what a build read in addition to the files followed before.
    pub(super) fn follow(&mut self, read: Read) {
        match read {
            Read::Same if self.events_tell() => {}
            // Not where folders are watched in one batch, which a new folder restarts.
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

    /// Checks some of the files not yet checked since the end of the last build.
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
