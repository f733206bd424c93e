//! Detects files that every build writes with different content, which would cause an endless loop of builds.
//!
//! Pure. The evidence is a file that a build script wrote, or else one that changes once in each of several
//! builds in a row, each time about as long after the build's start, and never outside of builds. A person who
//! saves during builds does not do this for long; to tell the two apart without losing an edit, later rounds
//! wait for the end of the build and a pause.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::words::BuildId;

/// After this many rounds the file is no longer followed.
const ROUNDS: usize = 5;
/// From this round on a change is reported only when the build has ended and the file is at rest.
const WAIT_ROUNDS: usize = 3;

/// How long a suspect must be at rest before its change is reported.
pub(super) const REST: Duration = Duration::from_millis(500);

/// What to do with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopRuling {
    Report,
    /// Report it when the build has ended and the file has been at rest for [`REST`].
    Later,
    /// Do not report it, and warn: it is a loop.
    Loop,
    /// Do not report it.
    Ignore,
}

#[derive(Debug, Default)]
struct Suspect {
    /// How long after the start of its build each change came, in consecutive builds.
    offsets: Vec<Duration>,
    /// Changed during the latest build.
    fresh: bool,
}

#[derive(Debug, Default)]
pub(super) struct LoopDetector {
    suspects: HashMap<PathBuf, Suspect>,
    silenced: HashSet<PathBuf>,
    warned: HashSet<PathBuf>,
    /// Files that a build script wrote and nothing changed between builds, with the build that showed it first.
    scripted: HashMap<PathBuf, BuildId>,
}

impl LoopDetector {
    /// To be called when a build attempt starts. A file that the last build did not write is no longer a
    /// suspect.
    pub(super) fn build_started(&mut self) {
        self.suspects.retain(|_, suspect| std::mem::take(&mut suspect.fresh));
    }

    /// Whether `path` was found to be written by builds.
    pub(super) fn is_generated(&self, path: &Path) -> bool {
        self.warned.contains(path) || self.scripted.contains_key(path)
    }

    /// The files that changed during the latest build.
    pub(super) fn fresh(&self) -> Vec<PathBuf> {
        let fresh = self.suspects.iter().filter(|(_, suspect)| suspect.fresh);
        fresh.map(|(path, _)| path.clone()).collect()
    }

    /// Notes that a build script wrote `path` in this build. Returns whether one did so in an earlier build.
    pub(super) fn script_wrote(&mut self, path: &Path, build: BuildId) -> bool {
        *self.scripted.entry(path.to_path_buf()).or_insert(build) != build
    }

    /// Judges a change of `path`, `offset` after the start of the running build, if one runs.
    pub(super) fn changed(&mut self, path: &Path, offset: Option<Duration>) -> LoopRuling {
        let Some(offset) = offset else {
            self.suspects.remove(path);
            self.scripted.remove(path);
            self.silenced.clear();
            return LoopRuling::Report;
        };
        if self.silenced.contains(path) {
            return LoopRuling::Ignore;
        }
        let suspect = self.suspects.entry(path.to_path_buf()).or_default();
        let as_before = suspect.offsets.last().is_some_and(|last| alike(*last, offset));
        if !as_before {
            suspect.offsets.clear();
        }
        // Written in several steps, it is still one round.
        if !(suspect.fresh && as_before) {
            suspect.offsets.push(offset);
        }
        suspect.fresh = true;
        let rounds = suspect.offsets.len();
        if rounds < ROUNDS {
            // Another file changed: the silenced files get another chance.
            if rounds == 1 {
                self.silenced.clear();
            }
            return if rounds < WAIT_ROUNDS { LoopRuling::Report } else { LoopRuling::Later };
        }
        self.suspects.remove(path);
        self.silenced.insert(path.to_path_buf());
        if self.warned.insert(path.to_path_buf()) { LoopRuling::Loop } else { LoopRuling::Ignore }
    }
}

fn alike(one: Duration, other: Duration) -> bool {
    one.abs_diff(other) <= Duration::from_millis(250) + one.max(other) / 5
}

#[cfg(test)]
mod tests {
    use super::LoopRuling::{Ignore, Later, Loop, Report};
    use super::*;

    const GENERATED: &str = "/p/src/generated.rs";

    fn round(detector: &mut LoopDetector, path: &str, offset: u64) -> LoopRuling {
        detector.build_started();
        detector.changed(Path::new(path), Some(Duration::from_millis(offset)))
    }

    #[test]
    fn five_similar_rounds_are_a_loop_and_warned_of_once() {
        let mut detector = LoopDetector::default();
        let rulings: Vec<LoopRuling> =
            (0..6).map(|at| round(&mut detector, GENERATED, 900 + at * 10)).collect();
        assert_eq!(rulings, [Report, Report, Later, Later, Loop, Ignore]);
        assert_eq!(detector.changed(Path::new("/p/src/main.rs"), None), Report);
        let rulings: Vec<LoopRuling> =
            (0..6).map(|at| round(&mut detector, GENERATED, 900 + at * 10)).collect();
        assert_eq!(rulings, [Report, Report, Later, Later, Ignore, Ignore]);
    }

    #[test]
    fn a_person_who_saves_while_building_is_followed() {
        let mut detector = LoopDetector::default();
        for offset in [100, 9_000, 4_000, 15_000, 700, 6_000, 12_000, 3_000] {
            assert_eq!(round(&mut detector, GENERATED, offset), LoopRuling::Report);
        }
        for _ in 0..20 {
            round(&mut detector, GENERATED, 900);
            assert_eq!(detector.changed(Path::new(GENERATED), None), LoopRuling::Report);
        }
    }

    #[test]
    fn a_build_without_a_change_clears_the_suspect() {
        let mut detector = LoopDetector::default();
        for _ in 0..8 {
            for _ in 0..2 {
                assert_eq!(round(&mut detector, GENERATED, 900), LoopRuling::Report);
            }
            detector.build_started();
        }
    }
}
