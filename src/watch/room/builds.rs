//! The start and the end of build attempts: what they were built from, and what they leave to be built.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Room;
use crate::watch::attempt::BuildAttempt;
use crate::watch::ignores::Ignores;
use crate::watch::inputs::{BuildInputs, InputsChange, Verdict};
use crate::watch::ledger::Moment;
use crate::watch::units::{self, Unit};
use crate::watch::{dep_info, fingerprint};
use crate::words::{ArtifactId, BuildId};

impl Room {
    pub(super) fn build_started(&mut self, sent: Moment, build: BuildId, artifacts: BTreeSet<ArtifactId>) {
        self.writers.loops.build_started();
        self.writers.echoes.started(true);
        let unsettled = self.unsettled(sent.wall, &artifacts);
        // The build has these; changes after its start are reported below.
        self.outgoing.changes.retain(|change| {
            let leads_to = &change.leads_to;
            !leads_to.only_builds() || change.hidden || !leads_to.builds.is_subset(&artifacts)
        });
        self.attempts.start(build, artifacts, sent.wall);
        self.since_start.saves.clear();
        self.since_start.touched.clear();
        self.since_start.scripts.clear();
        let generated = std::mem::take(&mut self.since_start.maybe_generated);
        let held: Vec<PathBuf> = self.deferred.paths().map(Path::to_path_buf).collect();
        for path in held.iter().filter(|path| !unsettled.contains_key(*path)) {
            let now = self.fingerprint(path);
            self.ledger.record_deferred(path, now, Moment::now());
        }
        let doubtful = self.ledger.build_started(sent, &unsettled);
        for path in &doubtful {
            // What was reported started the commands again, whatever the build reads.
            if self.rules.is_of_command(path) && self.built_from(path).is_empty() {
                self.ledger.set_baseline(path);
            }
        }
        for path in doubtful.iter().chain(generated.iter().filter(|path| unsettled.contains_key(*path))) {
            self.judge(path);
        }
    }

    pub(super) fn build_succeeded(
        &mut self,
        build: BuildId,
        ended: SystemTime,
        dep_info: BTreeMap<ArtifactId, Vec<PathBuf>>,
        rerun_everything: Vec<PathBuf>,
    ) {
        self.build_ended(build, ended);
        if let Some(attempt) = self.latest(build) {
            attempt.complete = true;
        }
        let inputs = BuildInputs { read: read(dep_info), rerun_everything, ..BuildInputs::default() };
        let change = self.take_inputs(build, inputs);
        self.update_inputs(change);
        self.report_saves_during_build(2);
        if self.detection.poll.is_some() {
            self.pace.unchecked = self.ledger.paths().map(Path::to_path_buf).collect();
        }
    }

    pub(super) fn build_failed(
        &mut self,
        build: BuildId,
        ended: SystemTime,
        made: &BTreeSet<ArtifactId>,
        dep_info: BTreeMap<ArtifactId, Vec<PathBuf>>,
        rerun_everything: Vec<PathBuf>,
        named: Vec<PathBuf>,
    ) {
        let mut failed = self.build_ended(build, ended);
        failed.retain(|artifact| !made.contains(artifact));
        let plan = &self.plan;
        let units = units::read(&plan.build_directory, &plan.workspace.root, &plan.packages);
        let mut read = read(dep_info);
        for artifact in made {
            read.entry(*artifact).or_insert_with(|| self.read_beside_failure(*artifact, &units, &named));
        }
        // What may fix the build: the paths its errors named, and the files rustc was compiling.
        let compiling = self.files_of(&failed, &units).cloned();
        let wanted = named.into_iter().chain(compiling);
        let inputs = BuildInputs { read, rerun_everything, failed, wanted: wanted.map(tidy).collect() };
        let change = self.take_inputs(build, inputs);
        if change == InputsChange::Fewer {
            self.ignores = Ignores::of(&self.plan, &self.rules);
        }
        self.update_inputs(change);
        self.report_saves_during_build(1);
        if let Some(attempt) = self.latest(build) {
            attempt.failed = true;
            self.pace.unchecked = self.ledger.paths().map(Path::to_path_buf).collect();
        }
    }

    /// Returns the inputs of an artifact that was built in a build that failed, where cargo does not list them: those of its
    /// last success, those of its crates according to rustc, and what build scripts named.
    fn read_beside_failure(
        &self,
        artifact: ArtifactId,
        units: &[Unit],
        named: &[PathBuf],
    ) -> HashSet<PathBuf> {
        let own = self.files_of(&BTreeSet::from([artifact]), units);
        let told = own.chain(named).cloned().map(tidy);
        self.rules.sources_of(artifact).cloned().chain(told).collect()
    }

    /// Returns what rustc read of the packages of these.
    fn files_of<'a>(
        &self,
        artifacts: &BTreeSet<ArtifactId>,
        units: &'a [Unit],
    ) -> impl Iterator<Item = &'a PathBuf> + use<'a> {
        let packages = self.plan.packages.iter().filter(|package| !package.artifacts.is_disjoint(artifacts));
        let roots: HashSet<PathBuf> = packages.map(|package| package.root.clone()).collect();
        units.iter().filter(move |unit| roots.contains(&unit.root)).flat_map(|unit| &unit.files)
    }

    pub(super) fn build_cancelled(&mut self, build: BuildId, ended: SystemTime) {
        self.build_ended(build, ended);
        if self.events_suffice() {
            self.update_inputs(InputsChange::Same);
        } else {
            self.request_scan();
        }
    }

    /// Returns what the attempt was of.
    fn build_ended(&mut self, build: BuildId, at: SystemTime) -> BTreeSet<ArtifactId> {
        if let Some(attempt) = self.latest(build) {
            attempt.end(at);
        }
        self.settle_what_scripts_wrote();
        self.attempts.end(build)
    }

    /// Takes over what a build told of its inputs. An artifact that now turns out to read a file may have been built
    /// before a change of it that was reported for others only: the change is reported again.
    fn take_inputs(&mut self, build: BuildId, inputs: BuildInputs) -> InputsChange {
        let is_latest = self.latest(build).is_some();
        let told = self.ledger.told(!is_latest);
        let told: Vec<_> = told.into_iter().map(|path| (self.built_from(&path), path)).collect();
        let sources: Vec<PathBuf> = inputs.read.values().flatten().cloned().collect();
        self.add_lost(&sources);
        let change = self.rules.build_ended(inputs);
        for (of, path) in told {
            if !self.built_from(&path).is_subset(&of) {
                self.ledger.doubt(&path);
            }
        }
        change
    }

    /// Returns the artifacts that a change of this path leads to a build of.
    pub(super) fn built_from(&self, path: &Path) -> BTreeSet<ArtifactId> {
        match self.verdict(path) {
            Verdict::Counts(roles) => roles.into_values().flat_map(|leads_to| leads_to.builds).collect(),
            Verdict::Not(_) => BTreeSet::new(),
        }
    }

    /// Returns when the artifacts that are built from this path were attempted last, the earliest of these times. A path
    /// that does not count may turn out to count for any.
    pub(super) fn attempted(&self, path: &Path) -> Option<SystemTime> {
        self.attempts.latest?;
        let of = self.built_from(path);
        self.attempts.since(if of.is_empty() { self.rules.artifacts() } else { &of })
    }

    /// cargo writes `Cargo.lock` itself before it compiles anything, while it holds the lock of the build
    /// directory: this content is what the attempt is built from.
    pub(super) fn lock_file_written(&mut self, build: BuildId) {
        if self.building().is_none_or(|attempt| attempt.build != build) {
            return;
        }
        let lock_file = self.plan.workspace.lock_file.clone();
        let now = self.fingerprint(&lock_file);
        self.ledger.record(&lock_file, now, Moment::now());
        self.ledger.set_baseline(&lock_file);
        self.deferred.remove(&lock_file);
        self.waiting.remove(&lock_file);
        self.since_start.saves.remove(&lock_file);
    }

    /// Returns this attempt, if it is the latest.
    fn latest(&mut self, build: BuildId) -> Option<&mut BuildAttempt> {
        self.attempts.latest.as_mut().filter(|attempt| attempt.build == build)
    }

    pub(super) fn building(&self) -> Option<BuildAttempt> {
        self.attempts.latest.filter(|attempt| attempt.ended.is_none())
    }
}

fn read(dep_info: BTreeMap<ArtifactId, Vec<PathBuf>>) -> BTreeMap<ArtifactId, HashSet<PathBuf>> {
    dep_info.into_iter().map(|(artifact, paths)| (artifact, paths.into_iter().map(tidy).collect())).collect()
}

/// Folds `..` in a path if the result is the same file.
fn tidy(path: PathBuf) -> PathBuf {
    let folded = dep_info::fold(&path);
    let id = |path: &Path| fingerprint::stat(path).map(|stat| stat.id);
    if folded == path || id(&folded) == id(&path) { folded } else { path }
}
