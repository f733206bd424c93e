//! Times each part of the last build, from the save to the ready process.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::session::Notice;
use crate::words::BuildId;

/// The last build, and how long each part of it took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BuildTimes {
    pub build: u32,
    pub program: String,
    /// The folder of the workspace it was built in.
    pub workspace: PathBuf,
    pub outcome: Outcome,
    /// The parts in order, in milliseconds.
    pub parts: Vec<(Part, f64)>,
}

/// The outcome of a build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
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

/// A part of the time from a save to a ready process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// From the save until hotrun noticed it.
    Seen,
    /// Until cargo started: the rest of a burst, or an earlier build.
    Waited,
    /// cargo.
    Cargo,
    /// Until the live path named the new binary, or turned out to be the same.
    Published,
    /// Until a new process ran: stopping the old one and starting.
    Restarted,
    /// Until it was ready.
    Ready,
}

impl BuildTimes {
    /// The name of its file in the staging target.
    pub const FILE: &str = "last-build.json";

    /// Reads what [`BuildTimes::text`] wrote.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Renders the times for the next `hotrun doctor`.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("plain data")
    }
}

/// The times of the current build.
#[derive(Debug)]
pub(super) struct Timing {
    now: BuildTimes,
    /// When the last part ended.
    since: Option<Duration>,
    /// When the first change was noticed, and how long after its save.
    changed: Option<(Duration, Option<Duration>)>,
}

impl Timing {
    pub(super) fn new(program: String, workspace: PathBuf) -> Self {
        let now = BuildTimes { program, workspace, ..BuildTimes::default() };
        Self { now, since: None, changed: None }
    }

    /// See [`History::notice`](super::History::notice).
    pub(super) fn notice(
        &mut self,
        notice: &Notice,
        at: Duration,
        saved: Option<Duration>,
    ) -> Option<&BuildTimes> {
        let outcome = match notice {
            Notice::Changed(_) => {
                // The first of a burst: the user waits from here on.
                self.changed.get_or_insert((at, saved));
                None
            }
            Notice::BuildStarted { build, .. } => {
                self.begin(*build, at);
                None
            }
            Notice::BuildFinished { build, success, .. } if self.is(*build) => {
                self.part(Part::Cargo, at);
                (!success).then_some(Outcome::Failed)
            }
            Notice::Published { build, .. } if self.is(*build) => {
                self.part(Part::Published, at);
                None
            }
            Notice::Unchanged { build, restarts, .. } if self.is(*build) => {
                self.part(Part::Published, at);
                (!restarts).then_some(Outcome::Unchanged)
            }
            Notice::PublishFailed { build, .. } if self.is(*build) => Some(Outcome::Failed),
            Notice::ProcessStarted { build, .. } if self.is(*build) => {
                self.part(Part::Restarted, at);
                None
            }
            Notice::Ready { build, .. } if self.is(*build) => {
                self.part(Part::Ready, at);
                Some(Outcome::Ready)
            }
            Notice::StartFailed { build, .. } if self.is(*build) => Some(Outcome::NotStarted),
            _ => None,
        }?;
        self.since = None;
        self.now.outcome = outcome;
        Some(&self.now)
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

    /// Whether this build is being timed and has not ended.
    fn is(&self, build: BuildId) -> bool {
        self.since.is_some() && self.now.build == build.0
    }

    fn part(&mut self, part: Part, at: Duration) {
        if let Some(since) = self.since.replace(at) {
            self.now.parts.push((part, millis(at.saturating_sub(since))));
        }
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::session::{BuildSummary, Cause};
    use crate::words::{ArtifactId, Instance, ServiceId};

    #[test]
    fn parts_follow_each_other_and_stale_news_changes_nothing() {
        let mut timing = Timing::new("app".to_owned(), "/p".into());
        let at = Duration::from_millis;
        let (build, instance) = (BuildId(2), Instance { service: ServiceId::MAIN, number: 1 });
        let changed = || Notice::Changed(vec!["/p/src/main.rs".into()]);
        let summary = BuildSummary { errors: 0, warnings: 0, fresh: false, took: at(1) };
        let ready = |build| Notice::Ready { instance, pid: 1, build, after: at(9), assumed: false };
        for (when, notice) in [
            (100, changed()),
            (110, changed()),
            (
                160,
                Notice::BuildStarted {
                    build,
                    artifacts: BTreeSet::new(),
                    cause: Cause::Changed,
                    paths: Vec::new(),
                },
            ),
            (
                1160,
                Notice::BuildFinished {
                    build,
                    success: true,
                    failed: BTreeSet::new(),
                    summary,
                    running: Vec::new(),
                },
            ),
            (1161, Notice::Published { build, artifact: ArtifactId::MAIN, path: "/live".into() }),
            (1165, ready(BuildId(1))),
            (1171, Notice::ProcessStarted { instance, pid: 1, build }),
        ] {
            assert_eq!(timing.notice(&notice, at(when), Some(at(when - 93))), None);
        }
        let last = timing.notice(&ready(build), at(1180), None).unwrap();
        let last = BuildTimes::read(&last.text()).unwrap();
        let expected = vec![
            (Part::Seen, 7.0),
            (Part::Waited, 60.0),
            (Part::Cargo, 1000.0),
            (Part::Published, 1.0),
            (Part::Restarted, 10.0),
            (Part::Ready, 9.0),
        ];
        assert_eq!((last.build, last.outcome, last.parts), (2, Outcome::Ready, expected));
        assert_eq!(last.workspace, Path::new("/p"));
        assert_eq!(timing.notice(&ready(build), at(1190), None), None);
    }
}
