//! Handles file events: which followed files they concern, and whether a save is complete.
//!
//! Linux reports when a file is closed after writing, so known files are checked then, at once; other checks
//! are deferred.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Room;
use crate::watch::deferred::DeferReason;
use crate::watch::fingerprint::{self, Content, EntryKind};
use crate::watch::inputs::{Reason, Verdict};
use crate::watch::names::is_editor_temporary;
use crate::watch::warning::Warning;
use crate::watch::watcher::{FileEvent, REPORTS_CLOSE};

impl Room {
    pub(super) fn handle_event(&mut self, signal: FileEvent) {
        if REPORTS_CLOSE {
            self.track_writers(&signal);
        }
        match signal {
            FileEvent::Overflow => {
                self.pace.scan_due = Some(Instant::now());
            }
            FileEvent::Failed(problem) => {
                self.warn(Warning::Lost { problem });
                self.request_scan();
            }
            FileEvent::Busy(folder) => {
                // Where folders are not watched one by one, unwatching one saves nothing.
                if cfg!(not(target_os = "macos")) && self.detection.busy.add(&folder, &self.scan) {
                    if let Some(native) = &mut self.detection.native {
                        native.unwatch(&folder);
                    }
                    self.detection.busy.update(&self.scan, Instant::now());
                }
            }
            FileEvent::Late(paths) => {
                for path in paths {
                    for followed in self.names_of(&path) {
                        if self.ledger.get(&followed).is_some() && self.deferred.reason(&followed).is_none() {
                            self.check(&followed);
                        }
                    }
                }
            }
            FileEvent::Gone(real) => {
                if self.scan.folders.contains_key(&real) {
                    if let Some(native) = &mut self.detection.native {
                        native.forget(&real);
                    }
                    self.request_scan();
                }
                self.event(&real, DeferReason::Gone);
            }
            FileEvent::Created(real) => {
                if !self.is_new_folder(&real) {
                    self.event(&real, DeferReason::New);
                }
            }
            FileEvent::Arrived(real) => {
                if !self.is_new_folder(&real) {
                    self.complete(&real);
                }
            }
            FileEvent::Written(real) => self.complete(&real),
            FileEvent::Writing(real) => {
                self.event(&real, if REPORTS_CLOSE { DeferReason::Writing } else { DeferReason::Unsure });
            }
            FileEvent::Metadata(real) => {
                let readable_again =
                    |content: Content| matches!(content, Content::Unreadable | Content::Unknown);
                for path in self.names_of(&real) {
                    if self.ledger.get(&path).is_some_and(|entry| readable_again(entry.now.content)) {
                        self.deferred.defer(&path, DeferReason::Unsure, Instant::now());
                    }
                }
            }
        }
    }

    fn track_writers(&mut self, signal: &FileEvent) {
        match signal {
            FileEvent::Writing(real) => self.writers.open.extend(self.names_of(real)),
            FileEvent::Written(real) | FileEvent::Gone(real) | FileEvent::Arrived(real)
                if !self.writers.open.is_empty() =>
            {
                for path in self.names_of(real) {
                    self.writers.open.remove(&path);
                }
            }
            FileEvent::Overflow => self.writers.open.clear(),
            _ => {}
        }
    }

    /// Requests a scan for a new folder or link that is followed. Returns whether the path leads to a folder.
    pub(super) fn is_new_folder(&mut self, real: &Path) -> bool {
        if std::fs::symlink_metadata(real).is_ok_and(|metadata| metadata.is_symlink())
            && !self.names_of(real).is_empty()
        {
            self.request_scan();
        }
        if fingerprint::stat(real).is_none_or(|stat| stat.kind != EntryKind::Folder) {
            return false;
        }
        let names = self.names_of(real);
        let matters = names.iter().any(|path| {
            self.rules.is_named_or_below(path)
                || (self.rules.prunes(path, false).is_none() && !self.ignores.ignored(path, true))
        });
        if matters || self.scan.triggers.contains(real) {
            self.request_scan();
        }
        true
    }

    /// Handles an event that is not the end of a save.
    pub(super) fn event(&mut self, real: &Path, why: DeferReason) {
        self.handle_trigger(real);
        for path in self.names_of(real) {
            if let Err(reason) = self.is_relevant(&path) {
                // Where closing is not reported, this may be the end of a save.
                match why {
                    DeferReason::New | DeferReason::Unsure if !REPORTS_CLOSE => {
                        self.note_left_out(&path, reason);
                    }
                    _ => self.note_not_counted(&path, reason),
                }
                continue;
            }
            let held = self.deferred.reason(&path);
            if why == DeferReason::Gone {
                self.count_save(&path);
            }
            match why {
                // A new file will be closed; until then nothing has happened to a file that was not there.
                DeferReason::Writing if held.is_none() && self.ledger.get(&path).is_none() => {}
                DeferReason::Gone
                    if match self.ledger.get(&path) {
                        Some(entry) => entry.now.content == Content::Missing,
                        None => !self.was_lost(&path),
                    } =>
                {
                    self.deferred.remove(&path);
                    // It may have been found gone in the meantime, and left to the deferred check.
                    self.judge(&path);
                }
                why => self.deferred.defer(&path, why, Instant::now()),
            }
        }
    }

    /// A file was closed after writing or renamed to its name: a complete save.
    pub(super) fn complete(&mut self, real: &Path) {
        self.handle_trigger(real);
        for path in self.names_of(real) {
            if let Err(reason) = self.is_relevant(&path) {
                self.note_left_out(&path, reason);
                continue;
            }
            self.count_save(&path);
            let known = self.ledger.get(&path).is_some_and(|entry| entry.now.content != Content::Missing);
            if known || self.rules.is_named(&path) {
                self.check(&path);
            } else {
                self.deferred.defer(&path, DeferReason::Scratch, Instant::now());
            }
        }
    }

    /// Counts a save that came while a build ran. Its event may come later.
    pub(super) fn count_save(&mut self, path: &Path) {
        let Some(attempt) = self.attempts.latest else { return };
        let within = |ended| {
            fingerprint::stat(path).is_some_and(|stat| attempt.started < stat.ctime && stat.ctime <= ended)
        };
        if attempt.ended.is_none_or(within) {
            *self.since_start.saves.entry(path.to_path_buf()).or_default() += 1;
        }
        if attempt.complete {
            self.report_saves_during_build(2);
        }
    }

    /// Handles a change that may lead the scan elsewhere: of a link on the way to a folder, a missing folder
    /// or an ignore file.
    pub(super) fn handle_trigger(&mut self, real: &Path) {
        let ignore_file = real.file_name().is_some_and(|name| name == ".gitignore");
        if ignore_file {
            self.ignores.forget();
        }
        if ignore_file || self.scan.triggers.contains(real) {
            self.request_scan();
        }
    }

    /// Returns the names under which the file at `real` is followed, which are those the program knows.
    pub(super) fn names_of(&self, real: &Path) -> Vec<PathBuf> {
        let mut names = self.scan.points.get(real).cloned().unwrap_or_default();
        if let (Some(folder), Some(name)) = (real.parent(), real.file_name()) {
            for known in self.scan.folders.get(folder).into_iter().flatten() {
                let path = known.join(name);
                if !names.contains(&path) {
                    names.push(path);
                }
            }
        }
        names
    }

    /// Whether a file is worth a check, or why not.
    fn is_relevant(&mut self, path: &Path) -> Result<(), Reason> {
        if self.rules.is_named(path) || self.ledger.get(path).is_some() {
            return Ok(());
        }
        if is_editor_temporary(path) {
            return Err(Reason::EditorTemporary);
        }
        if let Some(reason) = self.rules.prunes(path, true) {
            return Err(reason);
        }
        if self.ignores.ignored(path, false) && !self.rules.is_named_or_below(path) {
            return Err(Reason::GitIgnored);
        }
        match self.verdict(path) {
            Verdict::Not(reason @ (Reason::Outside | Reason::OtherPackage)) => Err(reason),
            _ => Ok(()),
        }
    }

    /// Checks a file now, unless it seems to be in the middle of a save.
    pub(super) fn check(&mut self, path: &Path) {
        let now = self.fingerprint(path);
        let was = self.ledger.get(path).map_or(Content::Missing, |entry| entry.now.content);
        let why = match now.content {
            Content::Missing if was != Content::Missing => DeferReason::Gone,
            Content::Hashed(0, _) if !was.is_empty_file() => DeferReason::Emptied,
            _ => {
                self.deferred.remove(path);
                return self.accept(path, now);
            }
        };
        self.deferred.defer(path, why, Instant::now());
    }
}
