//! Judges a checked file: whether it changed, whether the change counts, and whether to report it now.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::Room;
use super::parts::Wait;
use crate::watch::echoes::{EchoRuling, Weight};
use crate::watch::fingerprint::{self, Content, Depth, EntryKind, Fingerprint, SLACK, Stat};
use crate::watch::inputs::{PathFacts, Reason, Roles, Verdict, is_built, is_source};
use crate::watch::ledger::{InitialBaseline, Moment};
use crate::watch::loops::{self, LoopRuling};
use crate::watch::news::WatchNews;
use crate::watch::warning::Warning;
use crate::words::{ArtifactId, Change, ChangeKind};

impl Room {
    pub(super) fn fingerprint(&self, path: &Path) -> Fingerprint {
        if let Some(stat) = fingerprint::stat(path).filter(|stat| self.plan.outputs.contains(&stat.id)) {
            return Fingerprint { stat: Some(stat), content: Content::Other };
        }
        let depth = if self.rules.is_named_or_below(path) { Depth::Whole } else { Depth::Guessed };
        fingerprint::fingerprint(path, depth)
    }

    /// Accepts the current state of a file.
    pub(super) fn accept(&mut self, path: &Path, now: Fingerprint) {
        let known = self.ledger.get(path).is_some();
        // A deferred check found it gone, and the compiler has read it meanwhile.
        if !known && now.content == Content::Missing && self.was_lost(path) {
            self.ledger.add(path, now, Moment::now(), InitialBaseline::Lost);
            self.judge(path);
            return;
        }
        let changed = self.ledger.record(path, now, Moment::now());
        if changed
            && self.building().is_none()
            && self.waiting.contains_key(path)
            && self.writers.echoes.was_followed()
        {
            self.report_waiting(path);
            return;
        }
        if !known && now.content == Content::Missing {
            self.ledger.remove(path);
            return;
        }
        if !changed && known && self.plan.verbose && self.verdict(path).counts() {
            self.note_not_counted(path, Reason::SameContent);
        }
        if let Some(reason) = self.judge(path).filter(|_| changed) {
            self.note_not_counted(path, reason);
        }
        self.report_touched(path);
    }

    pub(super) fn verdict(&self, path: &Path) -> Verdict {
        let new = self.ledger.is_new(path);
        // A followed file that is not named was found by a scan, which skips what git ignores.
        self.rules.verdict(path, PathFacts { git_ignored: false, new })
    }

    /// Reports the change of a file, if there is one and it counts; otherwise returns the reason.
    pub(super) fn judge(&mut self, path: &Path) -> Option<Reason> {
        let roles = match self.verdict(path) {
            Verdict::Counts(roles) => roles,
            Verdict::Not(reason) => return Some(reason),
        };
        let now = self.ledger.get(path).and_then(|entry| entry.now.stat);
        if now.is_some_and(|stat| self.plan.outputs.contains(&stat.id)) {
            return Some(Reason::Never);
        }
        if is_source(&roles)
            && self.ledger.is_new(path)
            && !self.rules.is_named(path)
            && self.is_in_new_package(path)
        {
            return Some(Reason::OtherPackage);
        }
        if !self.is_unreported(path) || self.waiting.contains_key(path) && self.restart_wait(path) {
            return None;
        }
        if self.may_be_generated(path) && roles.values().all(|leads_to| !leads_to.builds.is_empty()) {
            self.since_start.maybe_generated.insert(path.to_path_buf());
            return None;
        }
        if self.is_being_written(path) {
            return Some(Reason::Open);
        }
        if *path == self.plan.workspace.lock_file && self.building().is_some() {
            // cargo itself writes it at the start of a build.
            self.wait(path, Duration::ZERO);
            return None;
        }
        let weight = self.weight(path, &roles);
        let in_build =
            (weight == Weight::Code).then(|| self.attempts.latest.zip(self.ledger.get(path))).flatten();
        let in_build = in_build.and_then(|(attempt, entry)| attempt.offset(entry.now.changed_at()));
        // A file that a person saved may be one that the script had read: one round is no evidence.
        if in_build.is_some()
            && is_source(&roles)
            && self.by_script(path)
            && let Some(attempt) = self.attempts.latest
            && self.writers.loops.script_wrote(path, attempt.build)
        {
            self.settle_scripted(path, true);
            return None;
        }
        match self.writers.loops.changed(path, in_build) {
            LoopRuling::Report if in_build.is_some() => {
                self.writers.echoes.break_chain();
                self.writers.rebuild_requested = false;
                self.report(path, &roles);
                return None;
            }
            LoopRuling::Report => {}
            LoopRuling::Later => {
                self.wait(path, loops::REST);
                return None;
            }
            LoopRuling::Loop => {
                self.ledger.mark_reported(path);
                self.warn(Warning::Loop { path: path.to_path_buf() });
                return None;
            }
            LoopRuling::Ignore => {
                self.ledger.mark_reported(path);
                return Some(Reason::Loop);
            }
        }
        match self.writers.echoes.changed(path, weight, self.offset(path, weight)) {
            EchoRuling::Later(rest) => self.wait(path, rest),
            EchoRuling::Ignore => {
                self.acknowledge(path, &roles);
                return Some(Reason::Echo);
            }
            ruling => {
                self.writers.rebuild_requested = false;
                self.report(path, &roles);
                if ruling == EchoRuling::Warn {
                    self.warn(Warning::Repeats { path: path.to_path_buf() });
                } else if ruling == EchoRuling::Echo {
                    let (path, silenced) = (path.to_path_buf(), self.writers.echoes.is_silenced(path));
                    self.warn(if silenced { Warning::Restless { path } } else { Warning::Echo { path } });
                } else if roles.contains_key(&ChangeKind::Config) {
                    self.writers.echoes.reset();
                }
            }
        }
        None
    }

    fn weight(&self, path: &Path, roles: &Roles) -> Weight {
        let settings = |kind: &ChangeKind| matches!(kind, ChangeKind::Manifest | ChangeKind::Config);
        if roles.keys().any(settings) || path.extension().is_some_and(|extension| extension == "rs") {
            Weight::Code
        } else if is_source(roles) && !self.rules.is_named_or_below(path) {
            Weight::Guessed
        } else {
            Weight::Data
        }
    }

    /// Whether a file that is not named explicitly was written and not closed: editors close saved files,
    /// programs keep their logs open.
    fn is_being_written(&self, path: &Path) -> bool {
        let code = path.extension().is_some_and(|extension| extension == "rs");
        self.writers.open.contains(path) && !code && !self.rules.is_named(path)
    }

    /// Reports the change when no build runs and the file has been at rest for this time.
    fn wait(&mut self, path: &Path, rest: Duration) {
        self.waiting.insert(path.to_path_buf(), Wait::new(rest));
    }

    /// Returns how long after the latest build or start of the program the file changed. A program that has
    /// not been started since the build does not write code.
    fn offset(&self, path: &Path, weight: Weight) -> Option<Duration> {
        let entry = self.ledger.get(path)?;
        let changed = entry.now.changed_at();
        let begun = [self.attempts.latest.map(|attempt| attempt.started), self.writers.program_started];
        let latest = begun.into_iter().flatten().filter(|at| *at <= changed + SLACK).max()?;
        if weight == Weight::Code && self.writers.program_started != Some(latest) {
            return None;
        }
        Some(changed.duration_since(latest).unwrap_or_default())
    }

    /// Returns the files with a deferred check or unreported change that a build of these `artifacts`, started at `moment`,
    /// does not settle by reading them: others are built from them as well, or they also require a restart, or reading
    /// the settings or the project again, or cargo would overlook them. The value tells whether the build may read
    /// the file in a passing state.
    pub(super) fn unsettled(
        &self,
        moment: SystemTime,
        artifacts: &BTreeSet<ArtifactId>,
    ) -> HashMap<PathBuf, bool> {
        let of_all = self.rules.artifacts().is_subset(artifacts);
        // What the build before tells may show that others read the file.
        let settles = |roles: &Roles| {
            let of_these = roles.values().all(|leads_to| leads_to.builds.is_subset(artifacts));
            is_source(roles) && (of_all || of_these && !self.attempts.any_open())
        };
        let waiting = self.waiting.keys().chain(&self.since_start.maybe_generated).map(PathBuf::as_path);
        let differing = self.ledger.differing();
        let differing = differing.iter().map(PathBuf::as_path).filter(|path| self.is_unreported(path));
        let mut found = HashMap::new();
        for path in self.deferred.paths().chain(waiting).chain(differing) {
            let roles = match self.verdict(path) {
                Verdict::Counts(roles) => roles,
                Verdict::Not(_) if of_all => continue,
                Verdict::Not(_) => Roles::new(),
            };
            let now = self.fingerprint(path);
            if !settles(&roles) || self.hidden(&now) {
                let entry = self.ledger.get(path);
                let differs = entry.is_some_and(|entry| !entry.now.content.same(&now.content));
                let after = now.changed_after(moment, SystemTime::now()).unwrap_or(true);
                let held = self.deferred.reason(path).is_some();
                // It may be what it was before when it is judged, and the build has read this.
                let passing = if held { differs || after } else { !self.ledger.unchanged(path) };
                found.insert(path.to_path_buf(), passing && (roles.is_empty() || is_built(&roles)));
            }
        }
        found
    }

    /// Whether a new file lies in a new package that no scan has found yet, because its folder was found
    /// before its manifest.
    fn is_in_new_package(&self, path: &Path) -> bool {
        let is_root = |folder: &Path| self.rules.package_roots().any(|root| folder == root);
        let within = |folder: &&Path| {
            !is_root(folder) && self.rules.package_roots().any(|root| folder.starts_with(root))
        };
        path.ancestors().skip(1).take_while(within).any(|folder| folder.join("Cargo.toml").exists())
    }

    /// Whether a build script may have written the file: it is new, its package has a build script, and a
    /// build runs. If so, it is no change. If not, nothing refers to it before another file is saved, and its
    /// change is reported when the build ends. The same applies to a file that builds were found to write.
    fn may_be_generated(&self, path: &Path) -> bool {
        self.building().is_some()
            && (self.ledger.is_new(path) || self.writers.loops.is_generated(path))
            && self
                .plan
                .packages
                .iter()
                .any(|package| package.build_script && path.starts_with(&package.root))
    }

    /// A change that waits for rest was seen again: the wait starts over.
    pub(super) fn restart_wait(&mut self, path: &Path) -> bool {
        let seen = Instant::now();
        if let Some(wait) = self.waiting.get_mut(path) {
            wait.since = seen;
        }
        true
    }

    /// Whether there is a change to report, or a reported one that cargo would now overlook: the same content
    /// saved again with an older time.
    pub(super) fn is_unreported(&self, path: &Path) -> bool {
        let Some(now) = self.ledger.get(path).map(|entry| entry.now) else { return false };
        let older = |than: Fingerprint| {
            now.stat.is_some_and(|stat| than.stat.is_none_or(|than| stat.mtime < than.mtime))
        };
        let before_build = |reported: Fingerprint| older(reported) && self.hidden(&now);
        let in_build = |built: Fingerprint| {
            let (Some(stat), Some(attempt)) = (now.stat, self.attempts.latest) else { return false };
            older(built)
                && stat.mtime + SLACK < attempt.started
                && (attempt.may_miss(&stat)
                    || !self.built_from(path).iter().all(|artifact| self.attempts.latest_is_of(*artifact)))
        };
        // A command was started again for what was reported, even if no build has.
        let restarted =
            |reported: Fingerprint| !reported.content.same(&now.content) && self.rules.is_of_command(path);
        self.ledger.is_unreported(path)
            || self.ledger.reported(path).is_some_and(restarted)
            || self.ledger.reported(path).is_some_and(before_build)
            || self.ledger.built(path).is_some_and(in_build)
    }

    /// Marks the current content as in force.
    fn acknowledge(&mut self, path: &Path, roles: &Roles) {
        // Files followed without a build: the current content becomes the baseline, so that going back is a
        // change as well.
        if is_built(roles) {
            self.ledger.mark_reported(path);
        } else {
            self.ledger.set_baseline(path);
        }
    }

    pub(super) fn report(&mut self, path: &Path, roles: &Roles) {
        self.waiting.remove(path);
        let hidden = self.ledger.get(path).is_some_and(|entry| self.hidden(&entry.now));
        self.acknowledge(path, roles);
        for leads_to in roles.values() {
            let (path, leads_to) = (path.to_path_buf(), leads_to.clone());
            self.outgoing.changes.push(Change { path, leads_to, hidden });
        }
    }

    /// Reports files that were saved at least `saves` times while the build ran: it started from them, but
    /// may have read them half-written or in an intermediate state. Once, until something really changes.
    pub(super) fn report_saves_during_build(&mut self, saves: u32) {
        if self.writers.rebuild_requested {
            return;
        }
        let often = self.since_start.saves.iter().filter(|(_, count)| **count >= saves);
        let disturbed: Vec<PathBuf> =
            often.map(|(path, _)| path.clone()).filter(|path| !self.by_script(path)).collect();
        for path in disturbed {
            let Verdict::Counts(roles) = self.verdict(&path) else { continue };
            if self.was_in_build(&roles) && self.ledger.unchanged(&path) {
                self.report(&path, &roles);
                self.writers.rebuild_requested = true;
            }
        }
    }

    /// Whether the latest build attempt is of an artifact that such a file leads to a build of.
    fn was_in_build(&self, roles: &Roles) -> bool {
        roles
            .values()
            .flat_map(|leads_to| &leads_to.builds)
            .any(|artifact| self.attempts.latest_is_of(*artifact))
    }

    /// Reports the project's files changed since the reading began, whatever they are now: two checks around
    /// an intermediate state find no change, but cargo may have read it.
    pub(super) fn project_read(&mut self, began: SystemTime) {
        for path in self.ledger.paths().map(Path::to_path_buf).collect::<Vec<_>>() {
            let Verdict::Counts(roles) = self.verdict(&path) else { continue };
            if !roles.contains_key(&ChangeKind::Manifest) || path == self.plan.workspace.lock_file {
                continue;
            }
            if let Some(stat) = fingerprint::stat(&path)
                && stat.kind == EntryKind::File
                && (began..SystemTime::now()).contains(&stat.ctime)
            {
                self.report(&path, &roles);
            }
        }
    }

    /// Records a file touched since the start of the latest build attempt, which may have read an intermediate
    /// state: half of a save, if it failed, or with polling a save between two looks, if it came during the build.
    pub(super) fn note_touched(&mut self, path: &Path, stat: Option<Stat>) {
        let polls = self.detection.poll.is_some();
        let Some(attempt) = self.attempts.latest.filter(|attempt| attempt.failed || polls) else { return };
        let touched = match stat {
            Some(stat) => {
                stat.kind == EntryKind::File
                    && attempt.started < stat.ctime
                    && stat.ctime <= SystemTime::now()
                    && (attempt.failed || attempt.ended.is_none_or(|ended| stat.ctime <= ended))
            }
            None => self.ledger.get(path).is_some_and(|entry| entry.now.stat.is_some()),
        };
        if touched && *path != self.plan.workspace.lock_file {
            self.since_start.touched.insert(path.to_path_buf());
        }
    }

    /// Reports a touched file if it is again what the build attempt started from. Once, until
    /// something really changes.
    pub(super) fn report_touched(&mut self, path: &Path) {
        if !self.since_start.touched.remove(path) || self.writers.rebuild_requested || self.by_script(path) {
            return;
        }
        let Verdict::Counts(roles) = self.verdict(path) else { return };
        let built = self.was_in_build(&roles) && self.weight(path, &roles) != Weight::Guessed;
        if built && self.ledger.unchanged(path) {
            self.report(path, &roles);
            self.writers.rebuild_requested = true;
        }
    }

    /// Whether cargo may overlook the change.
    pub(super) fn hidden(&self, now: &Fingerprint) -> bool {
        now.stat.zip(self.attempts.latest).is_some_and(|(stat, attempt)| attempt.hides(&stat))
    }

    pub(super) fn note_not_counted(&mut self, path: &Path, reason: Reason) {
        let known = self.ledger.get(path).is_some_and(|entry| entry.baseline != Content::Missing);
        let unread = matches!(reason, Reason::NotRead | Reason::NotIncluded | Reason::OtherTarget);
        self.note(path, reason, known && unread);
    }

    /// A complete save of a file that is not followed.
    pub(super) fn note_left_out(&mut self, path: &Path, reason: Reason) {
        // A file created while a build runs is most likely created by it.
        let saved =
            reason == Reason::GitIgnored && self.building().is_none() && self.rules.is_saved_in_package(path);
        self.note(path, reason, saved);
    }

    fn note(&mut self, path: &Path, reason: Reason, worth_a_note: bool) {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        // A deleted file was not saved.
        let first_in_folder =
            worth_a_note && path.symlink_metadata().is_ok() && self.speaker.noted.insert(folder);
        if first_in_folder || self.plan.verbose {
            self.speaker.say(WatchNews::NotCounted { path: path.to_path_buf(), reason, first_in_folder });
        }
    }
}
