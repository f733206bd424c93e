//! Handles file events: which followed files they concern, and whether a save is complete.
//!
//! Linux reports when a file is closed after writing, so known files are checked then, at once; other checks
//! are deferred.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Room;
use crate::watch::fingerprint::{self, Content, Kind};
use crate::watch::holds::Why;
use crate::watch::inputs::Reason;
use crate::watch::names::is_editor_temporary;
use crate::watch::warning::Warning;
use crate::watch::watcher::{Signal, TELLS_CLOSING};

impl Room {
    pub(super) fn signal(&mut self, signal: Signal) {
        if TELLS_CLOSING {
            self.follow_writers(&signal);
        }
        match signal {
            Signal::Overflow => {
                self.survey_due = Some(Instant::now());
            }
            Signal::Failed(problem) => {
                self.warn(Warning::Lost { problem });
                self.ask_for_survey();
            }
            Signal::Busy(folder) => {
                // Where folders are not watched one by one, unwatching one saves nothing.
                if cfg!(not(target_os = "macos")) && self.glances.begin(&folder, &self.survey) {
                    if let Some(native) = &mut self.native {
                        native.unwatch(&folder);
                    }
                    self.glances.set(&self.survey, Instant::now());
                }
            }
            Signal::Late(paths) => {
                for path in paths {
                    for followed in self.followed(&path) {
                        if self.ledger.get(&followed).is_some() && self.holds.why(&followed).is_none() {
                            self.look(&followed);
                        }
                    }
                }
            }
            Signal::Gone(real) => {
                if self.survey.folders.contains_key(&real) {
                    if let Some(native) = &mut self.native {
                        native.forget(&real);
                    }
                    self.ask_for_survey();
                }
                self.event(&real, Why::Gone);
            }
            Signal::Created(real) => {
                if !self.is_new_folder(&real) {
                    self.event(&real, Why::New);
                }
            }
            Signal::Arrived(real) => {
                if !self.is_new_folder(&real) {
                    self.complete(&real);
                }
            }
            Signal::Written(real) => self.complete(&real),
            Signal::Writing(real) => {
                self.event(&real, if TELLS_CLOSING { Why::Writing } else { Why::Unsure });
            }
            Signal::Metadata(real) => {
                let readable_again =
                    |content: Content| matches!(content, Content::Unreadable | Content::Unknown);
                for path in self.followed(&real) {
                    if self.ledger.get(&path).is_some_and(|entry| readable_again(entry.now.content)) {
                        self.holds.hold(&path, Why::Unsure, Instant::now());
                    }
                }
            }
        }
    }

    fn follow_writers(&mut self, signal: &Signal) {
        match signal {
            Signal::Writing(real) => self.writing.extend(self.followed(real)),
            Signal::Written(real) | Signal::Gone(real) | Signal::Arrived(real)
                if !self.writing.is_empty() =>
            {
                for path in self.followed(real) {
                    self.writing.remove(&path);
                }
            }
            Signal::Overflow => self.writing.clear(),
            _ => {}
        }
    }

    /// Requests a scan for a new folder or link that is followed. Returns whether the path leads to a folder.
    pub(super) fn is_new_folder(&mut self, real: &Path) -> bool {
        if std::fs::symlink_metadata(real).is_ok_and(|metadata| metadata.is_symlink())
            && !self.followed(real).is_empty()
        {
            self.ask_for_survey();
        }
        if fingerprint::stat(real).is_none_or(|stat| stat.kind != Kind::Folder) {
            return false;
        }
        let names = self.followed(real);
        let matters = names.iter().any(|path| {
            self.rules.is_named_or_below(path)
                || (self.rules.prunes(path, false).is_none() && !self.ignores.ignored(path, true))
        });
        if matters || self.survey.turns.contains(real) {
            self.ask_for_survey();
        }
        true
    }

    /// Handles an event that is not the end of a save.
    pub(super) fn event(&mut self, real: &Path, why: Why) {
        self.turn(real);
        for path in self.followed(real) {
            if let Err(reason) = self.concerns(&path) {
                // Where closing is not reported, this may be the end of a save.
                match why {
                    Why::New | Why::Unsure if !TELLS_CLOSING => self.left_out(&path, reason),
                    _ => self.not_counted(&path, reason),
                }
                continue;
            }
            let held = self.holds.why(&path);
            if why == Why::Gone {
                self.disturb(&path);
            }
            match why {
                // A new file will be closed; until then nothing has happened to a file that was not there.
                Why::Writing if held.is_none() && self.ledger.get(&path).is_none() => {}
                Why::Gone
                    if match self.ledger.get(&path) {
                        Some(entry) => entry.now.content == Content::Missing,
                        None => !self.was_lost(&path),
                    } =>
                {
                    self.holds.release(&path);
                }
                why => self.holds.hold(&path, why, Instant::now()),
            }
        }
    }

    /// A file was closed after writing or renamed to its name: a complete save.
    pub(super) fn complete(&mut self, real: &Path) {
        self.turn(real);
        for path in self.followed(real) {
            if let Err(reason) = self.concerns(&path) {
                self.left_out(&path, reason);
                continue;
            }
            self.disturb(&path);
            let known = self.ledger.get(&path).is_some_and(|entry| entry.now.content != Content::Missing);
            if known || self.rules.is_named(&path) {
                self.look(&path);
            } else {
                self.holds.hold(&path, Why::Scratch, Instant::now());
            }
        }
    }

    pub(super) fn disturb(&mut self, path: &Path) {
        if self.building().is_some() {
            *self.disturbed.entry(path.to_path_buf()).or_default() += 1;
        }
    }

    /// Handles a change that may lead the scan elsewhere: of a link on the way to a folder, a missing folder
    /// or an ignore file.
    pub(super) fn turn(&mut self, real: &Path) {
        let ignore_file = real.file_name().is_some_and(|name| name == ".gitignore");
        if ignore_file {
            self.ignores.forget();
        }
        if ignore_file || self.survey.turns.contains(real) {
            self.ask_for_survey();
        }
    }

    /// Returns the names under which the file at `real` is followed, which are those the program knows.
    pub(super) fn followed(&self, real: &Path) -> Vec<PathBuf> {
        let mut names = self.survey.points.get(real).cloned().unwrap_or_default();
        if let (Some(folder), Some(name)) = (real.parent(), real.file_name()) {
            for known in self.survey.folders.get(folder).into_iter().flatten() {
                let path = known.join(name);
                if !names.contains(&path) {
                    names.push(path);
                }
            }
        }
        names
    }

    /// Whether a file is worth a check, or why not.
    fn concerns(&mut self, path: &Path) -> Result<(), Reason> {
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
        Ok(())
    }

    /// Checks a file now, unless it seems to be in the middle of a save.
    pub(super) fn look(&mut self, path: &Path) {
        let now = self.fingerprint(path);
        let was = self.ledger.get(path).map_or(Content::Missing, |entry| entry.now.content);
        let why = match now.content {
            Content::Missing if was != Content::Missing => Why::Gone,
            Content::Hashed(0, _) if !was.is_empty_file() => Why::Emptied,
            _ => {
                self.holds.release(path);
                return self.accept(path, now);
            }
        };
        self.holds.hold(path, why, Instant::now());
    }
}
