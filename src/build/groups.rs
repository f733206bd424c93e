//! The groups of a build: one cargo after the other, and what came of all of them.

use std::fs;
use std::io;
use std::path::Path;

use super::attempt::{CargoRun, run_cargo};
use super::error::BuildError;
use super::files::place;
use super::order::{Group, Job};
use super::result::BuildResult;
use super::told::Told;
use crate::session::{BuildOutcome, BuildSummary};

/// Builds the groups until all have ended or the build is cancelled. With `held`, hotrun itself has the lock that cargo
/// may wait for.
pub(super) async fn build_groups(job: &mut Job, held: bool) -> CargoRun {
    let groups = job.order.groups.len();
    let mut told = Told::by(groups);
    let nothing = BuildOutcome::Succeeded(BuildSummary { fresh: true, ..BuildSummary::default() });
    let mut whole = CargoRun::without_result(nothing, None);
    for group in 0..groups {
        told.begin(group);
        let mut run = run_cargo(job, group, held && group == 0, &mut told).await;
        if run.outcome == BuildOutcome::Cancelled {
            return run;
        }
        run.put_aside(&job.order.groups[group]);
        whole = whole.and(run);
    }
    whole
}

impl CargoRun {
    /// Puts what was built aside where another group builds in its place.
    fn put_aside(&mut self, group: &Group) {
        for (artifact, program) in &group.programs {
            let Some(path) = &program.aside else { continue };
            let Some(result) = self.results.get_mut(artifact) else { continue };
            if let Err(source) = keep(result, path) {
                self.results.remove(artifact);
                self.error.get_or_insert(BuildError::NotKept { path: path.clone(), source });
            }
        }
        if self.error.is_some()
            && let BuildOutcome::Succeeded(summary) = self.outcome
        {
            self.outcome = BuildOutcome::Failed { summary, made: self.results.keys().copied().collect() };
        }
    }

    fn and(mut self, next: Self) -> Self {
        self.results.extend(next.results);
        self.error = self.error.or(next.error);
        self.unloadable |= next.unloadable;
        self.named.join(next.named);
        self.outcome = match (self.outcome, next.outcome) {
            (BuildOutcome::Succeeded(one), BuildOutcome::Succeeded(other)) => {
                BuildOutcome::Succeeded(sum(one, other))
            }
            (
                BuildOutcome::Succeeded(one) | BuildOutcome::Failed { summary: one, .. },
                BuildOutcome::Succeeded(other) | BuildOutcome::Failed { summary: other, .. },
            ) => BuildOutcome::Failed {
                summary: sum(one, other),
                made: self.results.keys().copied().collect(),
            },
            (BuildOutcome::Cancelled, _) | (_, BuildOutcome::Cancelled) => BuildOutcome::Cancelled,
        };
        self
    }
}

fn sum(one: BuildSummary, other: BuildSummary) -> BuildSummary {
    BuildSummary {
        errors: one.errors + other.errors,
        warnings: one.warnings + other.warnings,
        fresh: one.fresh && other.fresh,
        took: one.took + other.took,
    }
}

/// Keeps an executable and its dep-info here. cargo unlinks an executable before it links it anew, and writes dep-info in
/// place.
fn keep(result: &mut BuildResult, aside: &Path) -> io::Result<()> {
    if let Some(folder) = aside.parent() {
        fs::create_dir_all(folder)?;
    }
    place(&result.executable, aside)?;
    if let Some(listed) = &mut result.dep_info {
        let kept = aside.with_extension("d");
        fs::copy(&*listed, &kept)?;
        *listed = kept;
    }
    result.aside = Some(aside.to_owned());
    Ok(())
}
