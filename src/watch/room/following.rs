//! After a build: updates the followed inputs, at a cost proportional to what is new, and checks all other
//! files.
//!
//! Where events are reliable, a scan would only find changes without events: writes through a memory map or
//! another name of the file. Checking each file's stat, a few at a time, finds them without delaying a save.

use std::path::Path;
use std::time::Instant;

use super::Room;
use super::walking::ScanCause;
use crate::watch::deferred::DeferReason;
use crate::watch::fingerprint;
use crate::watch::inputs::InputsChange;
use crate::watch::scan::scan_more;

/// Files checked before the queue is read again.
const SLICE: usize = 64;

impl Room {
    /// Whether events report everything that a scan would find.
    pub(super) fn events_suffice(&self) -> bool {
        self.detection.native.is_some()
            && self.detection.poll.is_none()
            && !self.detection.limit_reached
            && !self.detection.unwatched
            && self.pace.scan_due.is_none()
    }

    /// Follows what a build read in addition to the files followed before.
    pub(super) fn update_inputs(&mut self, change: InputsChange) {
        match change {
            InputsChange::Same if self.events_suffice() => {}
            // Not where folders are watched in one batch, which a new folder restarts.
            InputsChange::More(paths) if self.events_suffice() && cfg!(not(target_os = "macos")) => {
                let found = self.walk(ScanCause::Inputs, |rules, ignores, watch| {
                    scan_more(&paths, rules, ignores, watch)
                });
                let before = std::mem::take(&mut self.scan);
                self.compare_files(&found.files, &before, ScanCause::Inputs);
                self.scan = before;
                self.scan.join(found);
                self.apply_scan();
            }
            _ => return self.scan_all(ScanCause::Inputs),
        }
        self.judge_differing();
        self.pace.unchecked = self.ledger.paths().map(Path::to_path_buf).collect();
    }

    /// Checks some of the files not yet checked since the end of the last build.
    pub(super) fn check_some(&mut self) {
        let rest = self.pace.unchecked.len().saturating_sub(SLICE);
        for path in self.pace.unchecked.split_off(rest) {
            let Some(known) = self.ledger.get(&path).map(|entry| entry.now.stat) else { continue };
            let stat = fingerprint::stat(&path);
            self.note_touched(&path, stat);
            if self.deferred.reason(&path).is_some() {
                continue;
            }
            if stat == known {
                self.report_touched(&path);
                continue;
            }
            if stat.is_none() {
                self.deferred.defer(&path, DeferReason::Gone, Instant::now());
            } else {
                self.check_settled(&path);
            }
        }
    }
}
