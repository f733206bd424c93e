//! Scans: chooses the backend, watches folders, and compares the files found with those known.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use crate::config::Poll;
use crate::watch::deferred::DeferReason;
use crate::watch::fingerprint::{self, Content, Depth, Fingerprint, SLACK, Stat};
use crate::watch::ignores::Ignores;
use crate::watch::inputs::Rules;
use crate::watch::inspect::unreliable_folder;
use crate::watch::ledger::{InitialBaseline, Moment};

#[cfg(target_os = "linux")]
use crate::watch::mounts;
use crate::watch::news::RoomMessage;
use crate::watch::polling;
use crate::watch::scan::{Scan, scan};
use crate::watch::warning::{Refused, Warning};
use crate::watch::watcher::{FileEvent, Native};

/// Why a scan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanCause {
    /// A new plan: a file found for the first time is what the next build will start from.
    Plan,
    /// New dep-info: a file found for the first time may have changed since the build began.
    Inputs,
    /// Folders changed, or events were lost.
    Events,
    /// The polling interval has passed.
    Poll,
}

impl Room {
    pub(super) fn choose_backend(&mut self) {
        let interval = match self.plan.poll {
            Poll::Always => Some(polling::INTERVAL),
            Poll::Every(interval) => Some(interval),
            Poll::Auto => unreliable_folder(&self.plan).map(|(folder, name)| {
                self.warn(Warning::Unreliable { folder, file_system: name });
                polling::INTERVAL
            }),
            Poll::Never => None,
        };
        self.detection.poll = interval;
        self.pace.poll_due = None;
        if matches!(self.plan.poll, Poll::Always | Poll::Every(_)) {
            self.detection.native = None;
        } else if self.detection.native.is_none() {
            let events = self.detection.events.clone();
            let tell = move |signal| {
                // The room may be closing.
                let _ = events.send(RoomMessage::Event(signal));
            };
            match Native::new(Arc::clone(&self.detection.filter), tell) {
                Ok(native) => {
                    self.detection.native = Some(native);
                    self.follow_mounts();
                }
                Err(refused) => self.refused(refused),
            }
        }
    }

    /// Scans after each change of the mounts, which finds replaced folders.
    #[cfg(target_os = "linux")]
    fn follow_mounts(&self) {
        let events = self.detection.events.clone();
        mounts::follow(move || events.send(RoomMessage::Event(FileEvent::Overflow)).is_ok());
    }

    #[cfg(not(target_os = "linux"))]
    fn follow_mounts(&self) {}

    /// The platform refused a watch: warns once, with a hint, and polls.
    pub(super) fn refused(&mut self, missing: Refused) {
        self.detection.limit_reached = true;
        if self.plan.poll == Poll::Never {
            self.warn(Warning::Blind { missing });
            return;
        }
        let every = *self.detection.poll.get_or_insert(polling::INTERVAL);
        self.warn(Warning::Polling { missing, every });
    }

    /// Requests a scan soon: at once after a pause, otherwise delayed, so that storms cost little.
    pub(super) fn request_scan(&mut self) {
        let due = Instant::now().max(self.pace.scan_end + self.pace.scan_cost * 4);
        self.pace.scan_due = Some(self.pace.scan_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Scans everything, watches the folders found, and checks every file with another stat.
    pub(super) fn scan_all(&mut self, cause: ScanCause) {
        let (begun, cpu) = (Instant::now(), polling::cpu_time());
        self.pace.scan_due = None;
        self.detection.unwatched = false;
        // The scan reports the current state; later states must differ from it.
        self.detection.busy.poll(begun);
        let found = self.walk(cause, scan);
        if self.detection.native.as_mut().is_some_and(|native| native.settle(&found.folders)) {
            self.pace.scan_due = Some(Instant::now());
        }
        let before = std::mem::replace(&mut self.scan, found);
        self.compare(&before, cause);
        self.apply_scan();
        self.pace.scan_end = Instant::now();
        self.pace.scan_cost = self.pace.scan_end - begun;
        if let Some(interval) = self.detection.poll {
            self.pace.poll_due = Some(
                self.pace.scan_end
                    + polling::pause(interval, polling::cpu_time().saturating_sub(cpu), self.pace.scan_cost),
            );
        }
    }

    /// Runs a scan that watches the folders it reports.
    pub(super) fn walk(
        &mut self,
        cause: ScanCause,
        walk: impl FnOnce(&Rules, &mut Ignores, &mut dyn FnMut(&Path)) -> Scan,
    ) -> Scan {
        self.detection.filter.pass_all();
        let (native, busy, limit_reached) =
            (&mut self.detection.native, &self.detection.busy, self.detection.limit_reached);
        let (mut refusal, mut unwatched) = (None, false);
        let found = walk(&self.rules, &mut self.ignores, &mut |folder| {
            if let (Some(native), None, false, false) =
                (&mut *native, refusal, limit_reached, busy.contains(folder))
            {
                // Changes in a folder that cannot be watched are found only by scans.
                match native.watch(folder) {
                    Ok(()) => {}
                    Err(Refused::Other) => unwatched = true,
                    Err(refused) => refusal = Some(refused),
                }
            }
        });
        self.detection.unwatched |= unwatched;
        if let Some(refused) = refusal {
            self.refused(refused);
            if cause != ScanCause::Plan {
                self.send_watching();
            }
        }
        found
    }

    /// Applies the current scan.
    pub(super) fn apply_scan(&mut self) {
        self.detection.filter.update(&self.scan);
        if self.detection.busy.update(&self.scan, Instant::now()) {
            self.request_scan();
        }
    }

    fn compare(&mut self, before: &Scan, cause: ScanCause) {
        let files = std::mem::take(&mut self.scan.files);
        self.compare_files(&files, before, cause);
        let lost: Vec<PathBuf> =
            self.ledger.paths().filter(|path| !files.contains_key(*path)).map(Path::to_path_buf).collect();
        for path in lost {
            if fingerprint::stat(&path).is_some() {
                // Still there, but no longer followed.
                self.ledger.remove(&path);
            } else if self.deferred.reason(&path).is_none() {
                let now = self.ledger.get(&path).map(|entry| (entry.now.content, entry.baseline));
                match now {
                    Some((Content::Missing, Content::Missing)) => self.ledger.remove(&path),
                    Some((Content::Missing, _)) | None => {}
                    Some(_) => self.deferred.defer(&path, DeferReason::Gone, Instant::now()),
                }
            }
        }
        self.scan.files = files;
        self.judge_differing();
    }

    /// Judges the files that differ from what the latest build attempt started from.
    pub(super) fn judge_differing(&mut self) {
        for path in self.ledger.differing() {
            // Finding a file unchanged must not restart its rest: with polling it would never end. A file in
            // the middle of a save is judged at its deadline.
            if !self.waiting.contains_key(&path) && self.deferred.reason(&path).is_none() {
                self.judge(&path);
            }
        }
    }

    /// Compares the files of a scan with those known.
    pub(super) fn compare_files(
        &mut self,
        files: &HashMap<PathBuf, Option<Stat>>,
        before: &Scan,
        cause: ScanCause,
    ) {
        for (path, stat) in files {
            match self.ledger.get(path).map(|entry| (entry.now, self.deferred.reason(path))) {
                None if stat.is_none() && cause == ScanCause::Inputs && self.was_lost(path) => {
                    self.ledger.add(path, Fingerprint::MISSING, Moment::now(), InitialBaseline::Lost);
                }
                // Found already; its check is deferred.
                None if self.deferred.reason(path).is_some() => {}
                None => self.meet(path, before, cause),
                Some((now, _)) if now.stat == *stat => {
                    if matches!(now.content, Content::Large(_)) && self.rules.is_named_or_below(path) {
                        let whole = fingerprint::fingerprint(path, Depth::Whole);
                        self.ledger.deepen(path, whole);
                    }
                }
                Some((_, Some(_))) => {}
                Some(_) if stat.is_none() => self.deferred.defer(path, DeferReason::Gone, Instant::now()),
                Some(_) => self.check_settled(path),
            }
        }
    }

    /// Whether a missing file that was never checked existed for the latest build.
    pub(super) fn was_lost(&self, path: &Path) -> bool {
        self.rules.was_read(path)
            && (is_rust(path)
                || self.attempted(path).is_some_and(|started| may_have_gone_since(path, started)))
    }

    /// Adds sources that rustc read and that came and went between two checks.
    pub(super) fn add_lost(&mut self, read: &[PathBuf]) {
        for path in read.iter().filter(|path| is_rust(path) && fingerprint::stat(path).is_none()) {
            let missing = self.ledger.get(path).is_some_and(|entry| entry.now.content == Content::Missing);
            if missing
                && self.ledger.unchanged(path)
                && self.attempted(path).is_some_and(|started| may_have_gone_since(path, started))
            {
                self.ledger.add(path, Fingerprint::MISSING, Moment::now(), InitialBaseline::Lost);
            }
        }
    }

    /// Checks a file with another stat; a little later if it was written just now.
    pub(super) fn check_settled(&mut self, path: &Path) {
        let age = fingerprint::stat(path).and_then(|stat| SystemTime::now().duration_since(stat.mtime).ok());
        if age.is_some_and(|age| age < Duration::from_millis(20)) {
            self.deferred.defer(path, DeferReason::Unsure, Instant::now());
        } else {
            self.check(path);
        }
    }

    /// Starts to follow a file.
    pub(super) fn meet(&mut self, path: &Path, before: &Scan, cause: ScanCause) {
        if appeared(path, before) {
            self.deferred.defer(path, DeferReason::Scratch, Instant::now());
            return;
        }
        let settled = cause == ScanCause::Plan && self.building().is_none();
        let started = self.attempted(path).filter(|_| !settled);
        let origin = started.map_or(InitialBaseline::Settled, InitialBaseline::Since);
        let now = self.fingerprint(path);
        // It may be gone since the scan.
        let lost = now.content == Content::Missing && cause == ScanCause::Inputs && self.was_lost(path);
        let origin = if lost { InitialBaseline::Lost } else { origin };
        self.ledger.add(path, now, Moment::now(), origin);
    }
}

/// rustc reads such a file or fails; build scripts may name others that do not exist.
fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Whether a missing file may have been removed since this moment: its folder, or the nearest existing one
/// above, has changed since.
fn may_have_gone_since(path: &Path, moment: SystemTime) -> bool {
    let nearest = path.ancestors().skip(1).find_map(fingerprint::stat);
    nearest.is_some_and(|folder| folder.mtime + SLACK >= moment && folder.mtime <= SystemTime::now())
}

/// Whether a file appeared after the earlier scan: its folder, or one above it, was read then, without the
/// file or the way to it.
fn appeared(path: &Path, before: &Scan) -> bool {
    if before.files.contains_key(path) || before.read.contains(path) {
        return false;
    }
    let mut child = path;
    for folder in path.ancestors().skip(1) {
        if before.read.contains(folder) {
            return !before.pruned.contains(child);
        }
        child = folder;
    }
    false
}
