//! Where the time of the last build went, written beside the staged build for `hotrun doctor -v`.
//!
//! Takes down moments as they are reported anyway, and writes one small file when the build's process is ready or there will
//! be none: nothing of it stands between a save and the new process.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::session::Notice;
use crate::site::Site;
use crate::words::BuildId;

const FILE: &str = "last-build.json";

/// The last build, and how long each part of it took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastBuild {
    /// Its number.
    pub(crate) build: u32,
    /// The program.
    pub(crate) program: String,
    /// The folder of the workspace it was built in.
    pub(crate) workspace: PathBuf,
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// The parts, one after the other: a name and milliseconds.
    pub(crate) parts: Vec<(Part, f64)>,
}

/// What came of a build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// cargo failed, or the binary could not be published.
    #[default]
    Failed,
    /// The same binary again.
    Unchanged,
    /// Its process could not start.
    NotStarted,
    /// Its process was ready.
    Ready,
}

/// A part of the way from a save to a process that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Part {
    /// From the save until hotrun told of it.
    Seen,
    /// From there until cargo was started: the rest of a burst, or an earlier build.
    Waited,
    /// cargo.
    Cargo,
    /// From cargo's end until the live path named the new binary, or was found to hold the same.
    Published,
    /// From there until there was a new process: the stop of the old one and the start.
    Restarted,
    /// From there until it was ready.
    Ready,
}

impl LastBuild {
    /// What was written down in this staging target, and when.
    pub(crate) fn read(staging: &Path) -> Option<(Self, SystemTime)> {
        let path = staging.join(FILE);
        let text = std::fs::read_to_string(&path).ok()?;
        Some((serde_json::from_str(&text).ok()?, path.metadata().ok()?.modified().ok()?))
    }
}

/// Takes down what happens to the build at hand.
#[derive(Debug)]
pub(super) struct Timing {
    staging: PathBuf,
    now: LastBuild,
    /// When the last part ended.
    since: Option<Duration>,
    /// A change was told at this moment, so long after its save.
    changed: Option<(Duration, Option<Duration>)>,
}

impl Timing {
    /// The measuring of builds in the staging target of `site`.
    pub(super) fn of(site: &Site) -> Self {
        let project = &site.project;
        Self::new(site.staging(), project.workspace_root.clone(), project.target.name.clone())
    }

    fn new(staging: PathBuf, workspace: PathBuf, program: String) -> Self {
        let now = LastBuild { program, workspace, ..LastBuild::default() };
        Self { staging, now, since: None, changed: None }
    }

    /// Something is reported, `at` so long after hotrun's start.
    pub(super) fn notice(&mut self, notice: &Notice, at: Duration) {
        match notice {
            Notice::Changed(paths) => {
                // The first of a burst: from there on somebody waits.
                self.changed.get_or_insert_with(|| (at, paths.first().and_then(|path| age(path))));
            }
            Notice::BuildStarted { build, .. } => self.begin(*build, at),
            Notice::BuildFinished { build, success, .. } if self.is(*build) => {
                self.part(Part::Cargo, at);
                if !success {
                    self.end(Outcome::Failed);
                }
            }
            Notice::Published { build, .. } if self.is(*build) => self.part(Part::Published, at),
            Notice::Unchanged { build, restarts } if self.is(*build) => {
                self.part(Part::Published, at);
                if !restarts {
                    self.end(Outcome::Unchanged);
                }
            }
            Notice::PublishFailed { build, .. } if self.is(*build) => self.end(Outcome::Failed),
            Notice::ProcessStarted { build, .. } if self.is(*build) => self.part(Part::Restarted, at),
            Notice::Ready { build, .. } if self.is(*build) => {
                self.part(Part::Ready, at);
                self.end(Outcome::Ready);
            }
            Notice::StartFailed { build, .. } if self.is(*build) => self.end(Outcome::NotStarted),
            _ => {}
        }
    }

    fn begin(&mut self, build: BuildId, at: Duration) {
        self.now.build = build.0;
        self.now.parts.clear();
        if let Some((told, seen)) = self.changed.take() {
            self.now.parts.extend(seen.map(|seen| (Part::Seen, millis(seen))));
            self.now.parts.push((Part::Waited, millis(at.saturating_sub(told))));
        }
        self.since = Some(at);
    }

    /// Whether this is the build that is being taken down, and it has not come to its end.
    fn is(&self, build: BuildId) -> bool {
        self.since.is_some() && self.now.build == build.0
    }

    fn part(&mut self, part: Part, at: Duration) {
        if let Some(since) = self.since.replace(at) {
            self.now.parts.push((part, millis(at.saturating_sub(since))));
        }
    }

    fn end(&mut self, outcome: Outcome) {
        self.since = None;
        self.now.outcome = outcome;
        let text = serde_json::to_string(&self.now).expect("plain data");
        // Only `doctor -v` misses it.
        let _ = std::fs::write(self.staging.join(FILE), text);
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

/// How long ago a file was saved; nothing for a time that cannot be that of a save just now.
fn age(path: &Path) -> Option<Duration> {
    let modified = path.metadata().ok()?.modified().ok()?;
    SystemTime::now().duration_since(modified).ok().filter(|age| *age < Duration::from_secs(5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{BuildSummary, Cause};
    use crate::words::{Instance, ServiceId};

    #[test]
    fn parts_follow_each_other_and_stale_news_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut timing = Timing::new(folder.path().to_owned(), "/p".into(), "app".to_owned());
        let at = Duration::from_millis;
        let (build, instance) = (BuildId(2), Instance { service: ServiceId::MAIN, number: 1 });
        timing.notice(&Notice::Changed(vec!["/p/missing".into()]), at(100));
        timing.notice(&Notice::Changed(vec!["/p/missing".into()]), at(110));
        timing.notice(&Notice::BuildStarted { build, cause: Cause::Changed, paths: Vec::new() }, at(160));
        let summary = BuildSummary { errors: 0, warnings: 0, fresh: false, took: at(1) };
        timing.notice(&Notice::BuildFinished { build, success: true, summary, running: None }, at(1160));
        timing.notice(&Notice::Published { build, path: "/live".into() }, at(1161));
        timing.notice(
            &Notice::Ready { instance, pid: 1, build: BuildId(1), after: at(1), assumed: false },
            at(1165),
        );
        let started = Notice::ProcessStarted { instance, pid: 1, build };
        timing.notice(&started, at(1171));
        timing.notice(&Notice::Ready { instance, pid: 1, build, after: at(9), assumed: false }, at(1180));
        let (last, _) = LastBuild::read(folder.path()).unwrap();
        let expected = vec![
            (Part::Waited, 60.0),
            (Part::Cargo, 1000.0),
            (Part::Published, 1.0),
            (Part::Restarted, 10.0),
            (Part::Ready, 9.0),
        ];
        assert_eq!((last.build, last.outcome, last.parts), (2, Outcome::Ready, expected));
        assert_eq!(last.workspace, Path::new("/p"));
    }
}
