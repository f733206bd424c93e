//! What build scripts write: a package is compiled after its script has ended, so a file that was last changed
//! while the script ran needs no other build.

use std::path::Path;

use super::Room;
use crate::watch::inputs::{Verdict, is_source};
use crate::watch::warning::Warning;

impl Room {
    /// To be called when a build has ended.
    pub(super) fn settle_what_scripts_wrote(&mut self) {
        let new = std::mem::take(&mut self.since_start.maybe_generated);
        let Some(build) = self.attempts.latest.map(|attempt| attempt.build) else { return };
        for path in new {
            if self.by_script(&path) {
                let again = self.writers.loops.script_wrote(&path, build);
                self.settle_scripted(&path, again);
            }
        }
        for path in self.writers.loops.fresh() {
            // Build scripts do not write manifests and settings.
            let is_source = matches!(self.verdict(&path), Verdict::Counts(roles) if is_source(&roles));
            if is_source && self.by_script(&path) {
                let again = self.writers.loops.script_wrote(&path, build);
                // The others were reported, and a build follows.
                if again && self.waiting.remove(&path).is_some() {
                    self.settle_scripted(&path, true);
                }
            }
        }
    }

    /// A build script wrote this file, and its package was compiled from this content.
    pub(super) fn settle_scripted(&mut self, path: &Path, again: bool) {
        self.ledger.set_baseline(path);
        if again {
            self.warn(Warning::Loop { path: path.to_path_buf() });
        }
    }

    /// Whether the file was last changed while the build script of its package ran in the latest attempt. The
    /// package was compiled after that, from this content. A package within the folder of another is compiled
    /// without regard to the other's script.
    pub(super) fn by_script(&self, path: &Path) -> bool {
        let (Some(attempt), Some(entry)) = (self.attempts.latest, self.ledger.get(path)) else {
            return false;
        };
        let roots = self.plan.packages.iter().map(|package| &package.root);
        let package = roots.filter(|root| path.starts_with(root)).max_by_key(|root| root.as_os_str().len());
        let changed = entry.now.changed_at();
        package
            .and_then(|root| self.since_start.scripts.get(root))
            .is_some_and(|ended| attempt.started <= changed && changed <= *ended)
    }
}
