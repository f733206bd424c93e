//! Scans: chooses the backend, watches folders, and compares the files found with those known.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use crate::config::Poll;
use crate::watch::fingerprint::{self, Content, Depth, Fingerprint, SLACK, Stat};
use crate::watch::holds::Why;
use crate::watch::ignores::Ignores;
use crate::watch::inputs::Rules;
use crate::watch::ledger::{Moment, Origin};
use crate::watch::look::unreliable_folder;

#[cfg(target_os = "linux")]
use crate::watch::mounts;
use crate::watch::news::Message;
use crate::watch::polling;
use crate::watch::survey::{Survey, survey};
use crate::watch::warning::{Refused, Warning};
use crate::watch::watcher::{Native, Signal};

/// Why a scan is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
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
        self.poll = interval;
        self.poll_due = None;
        if matches!(self.plan.poll, Poll::Always | Poll::Every(_)) {
            self.native = None;
        } else if self.native.is_none() {
            let events = self.events.clone();
            let tell = move |signal| {
                // The room may be closing.
                let _ = events.send(Message::Signal(signal));
            };
            match Native::new(Arc::clone(&self.sieve), tell) {
                Ok(native) => {
                    self.native = Some(native);
                    self.follow_mounts();
                }
                Err(refused) => self.refused(refused),
            }
        }
    }

    /// Scans after each change of the mounts, which finds replaced folders.
    #[cfg(target_os = "linux")]
    fn follow_mounts(&self) {
        let events = self.events.clone();
        mounts::follow(move || events.send(Message::Signal(Signal::Overflow)).is_ok());
    }

    #[cfg(not(target_os = "linux"))]
    fn follow_mounts(&self) {}

    /// The platform refused a watch: warns once, with a hint, and polls.
    pub(super) fn refused(&mut self, missing: Refused) {
        self.limit_reached = true;
        if self.plan.poll == Poll::Never {
            self.warn(Warning::Blind { missing });
            return;
        }
        let every = *self.poll.get_or_insert(polling::INTERVAL);
        self.warn(Warning::Polling { missing, every });
    }

    /// Requests a scan soon: at once after a pause, otherwise delayed, so that storms cost little.
    pub(super) fn ask_for_survey(&mut self) {
        let due = Instant::now().max(self.survey_end + self.survey_cost * 4);
        self.survey_due = Some(self.survey_due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Scans everything, watches the folders found, and checks every file with another stat.
    pub(super) fn take_survey(&mut self, cause: Cause) {
        let (begun, cpu) = (Instant::now(), polling::cpu_time());
        self.survey_due = None;
        self.stock.clear();
        self.unwatched = false;
        // The scan reports the current state; later states must differ from it.
        self.glances.glance(begun);
        let found = self.walk(cause, survey);
        if self.native.as_mut().is_some_and(|native| native.settle(&found.folders)) {
            self.survey_due = Some(Instant::now());
        }
        let before = std::mem::replace(&mut self.survey, found);
        self.compare(&before, cause);
        self.surveyed();
        self.survey_end = Instant::now();
        self.survey_cost = self.survey_end - begun;
        if let Some(interval) = self.poll {
            self.poll_due = Some(
                self.survey_end
                    + polling::pause(interval, polling::cpu_time().saturating_sub(cpu), self.survey_cost),
            );
        }
    }

    /// Runs a scan that watches the folders it reports.
    pub(super) fn walk(
        &mut self,
        cause: Cause,
        walk: impl FnOnce(&Rules, &mut Ignores, &mut dyn FnMut(&Path)) -> Survey,
    ) -> Survey {
        self.sieve.open();
        let (native, glances, limit_reached) = (&mut self.native, &self.glances, self.limit_reached);
        let (mut refusal, mut unwatched) = (None, false);
        let found = walk(&self.rules, &mut self.ignores, &mut |folder| {
            if let (Some(native), None, false, false) =
                (&mut *native, refusal, limit_reached, glances.at(folder))
            {
                // Changes in a folder that cannot be watched are found only by scans.
                match native.watch(folder) {
                    Ok(()) => {}
                    Err(Refused::Other) => unwatched = true,
                    Err(refused) => refusal = Some(refused),
                }
            }
        });
        self.unwatched |= unwatched;
        if let Some(refused) = refusal {
            self.refused(refused);
            if cause != Cause::Plan {
                self.watching();
            }
        }
        found
    }

    /// Applies the current scan.
    pub(super) fn surveyed(&mut self) {
        self.sieve.set(&self.survey);
        if self.glances.set(&self.survey, Instant::now()) {
            self.ask_for_survey();
        }
    }

    fn compare(&mut self, before: &Survey, cause: Cause) {
        let files = std::mem::take(&mut self.survey.files);
        self.compare_files(&files, before, cause);
        let lost: Vec<PathBuf> =
            self.ledger.paths().filter(|path| !files.contains_key(*path)).map(Path::to_path_buf).collect();
        for path in lost {
            if fingerprint::stat(&path).is_some() {
                // Still there, but no longer followed.
                self.ledger.drop(&path);
            } else if self.holds.why(&path).is_none() {
                let now = self.ledger.get(&path).map(|entry| (entry.now.content, entry.baseline));
                match now {
                    Some((Content::Missing, Content::Missing)) => self.ledger.drop(&path),
                    Some((Content::Missing, _)) | None => {}
                    Some(_) => self.holds.hold(&path, Why::Gone, Instant::now()),
                }
            }
        }
        self.survey.files = files;
        self.judge_differing();
    }

    /// Judges the files that differ from what the latest build attempt started from.
    pub(super) fn judge_differing(&mut self) {
        for path in self.ledger.differing() {
            // Finding a file unchanged must not restart its rest: with polling it would never end. A file in
            // the middle of a save is judged at its deadline.
            if !self.patient.contains_key(&path) && self.holds.why(&path).is_none() {
                self.judge(&path);
            }
        }
    }

    /// Compares the files of a scan with those known.
    pub(super) fn compare_files(
        &mut self,
        files: &HashMap<PathBuf, Option<Stat>>,
        before: &Survey,
        cause: Cause,
    ) {
        for (path, stat) in files {
            match self.ledger.get(path).map(|entry| (entry.now, self.holds.why(path))) {
                None if stat.is_none() && cause == Cause::Inputs && self.was_lost(path) => {
                    self.ledger.meet(path, Fingerprint::MISSING, Moment::now(), Origin::Lost);
                }
                // Found already; its check is deferred.
                None if self.holds.why(path).is_some() => {}
                None => self.meet(path, before, cause),
                Some((now, _)) if now.stat == *stat => {
                    if matches!(now.content, Content::Large(_)) && self.rules.is_named_or_below(path) {
                        let whole = fingerprint::fingerprint(path, Depth::Whole);
                        self.ledger.deepen(path, whole);
                    }
                }
                Some((_, Some(_))) => {}
                Some(_) if stat.is_none() => self.holds.hold(path, Why::Gone, Instant::now()),
                Some(_) => self.look_settled(path),
            }
        }
    }

    /// Whether a missing file that was never checked existed for the latest build.
    pub(super) fn was_lost(&self, path: &Path) -> bool {
        self.rules.was_read(path)
            && (is_rust(path)
                || self.attempt.is_some_and(|attempt| may_have_gone_since(path, attempt.started)))
    }

    /// Adds sources that rustc read and that came and went between two checks.
    pub(super) fn meet_lost(&mut self, read: &[PathBuf]) {
        let Some(attempt) = self.attempt else { return };
        for path in read.iter().filter(|path| is_rust(path) && fingerprint::stat(path).is_none()) {
            let missing = self.ledger.get(path).is_some_and(|entry| entry.now.content == Content::Missing);
            if missing && self.ledger.unchanged(path) && may_have_gone_since(path, attempt.started) {
                self.ledger.meet(path, Fingerprint::MISSING, Moment::now(), Origin::Lost);
            }
        }
    }

    /// Checks a file with another stat; a little later if it was written just now.
    pub(super) fn look_settled(&mut self, path: &Path) {
        let age = fingerprint::stat(path).and_then(|stat| SystemTime::now().duration_since(stat.mtime).ok());
        if age.is_some_and(|age| age < Duration::from_millis(20)) {
            self.holds.hold(path, Why::Unsure, Instant::now());
        } else {
            self.look(path);
        }
    }

    /// Starts to follow a file.
    pub(super) fn meet(&mut self, path: &Path, before: &Survey, cause: Cause) {
        let origin = match (cause, self.attempt) {
            _ if appeared(path, before) => {
                self.holds.hold(path, Why::Scratch, Instant::now());
                return;
            }
            (Cause::Plan, Some(attempt)) if attempt.ended.is_none() => Origin::Since(attempt.started),
            (Cause::Plan, _) | (_, None) => Origin::Settled,
            (_, Some(attempt)) => Origin::Since(attempt.started),
        };
        let now = self.fingerprint(path);
        // It may be gone since the scan.
        let lost = now.content == Content::Missing && cause == Cause::Inputs && self.was_lost(path);
        let origin = if lost { Origin::Lost } else { origin };
        self.ledger.meet(path, now, Moment::now(), origin);
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
fn appeared(path: &Path, before: &Survey) -> bool {
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
