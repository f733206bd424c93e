//! An edited config or env file: what follows from it, together with the changes that came with it.
//!
//! Reading it and bringing it into force is the runtime's part, and done when this is told.

use std::time::Duration;

use super::events::{ConfigChange, Effect};
use super::notices::{AfterConfig, Notice};
use super::{Session, Update};
use crate::words::{Change, ChangeKind};

impl Session {
    pub(super) fn config_read(&mut self, now: Duration, change: Option<ConfigChange>, out: &mut Vec<Effect>) {
        let mut changes = std::mem::take(&mut self.edited);
        let mut launch = false;
        if let Some(change) = change {
            let manual = self.settings.update == Update::Manual;
            self.settings = change.settings;
            self.builds.set_debounce(change.settings.debounce);
            if change.keys.iter().any(|key| key.starts_with("run.ready") || *key == "run.update") {
                self.service.wait_for_readiness();
            }
            // What `manual` left to a request is due where that is over.
            let wanted = change.restart || manual && (self.held || self.service.behind());
            launch = wanted && !self.leaves_to_requests();
            self.held |= wanted && !launch;
            let then = if (launch || change.build) && self.builds.paused() {
                AfterConfig::Resume
            } else if change.build {
                AfterConfig::Build
            } else if launch {
                AfterConfig::Restart
            } else if change.restart || change.next_start {
                AfterConfig::NextStart
            } else {
                AfterConfig::Nothing
            };
            if change.build {
                let path = change.files.first().cloned().unwrap_or_default();
                changes.push(Change { path, kind: ChangeKind::Manifest, hidden: false });
            }
            let ConfigChange { files, keys, .. } = change;
            // An env file sets no key.
            if !keys.is_empty() {
                out.push(Effect::Report(Notice::ConfigChanged { files, keys, then }));
            }
        }
        if self.quitting.is_none() && (launch || !changes.is_empty()) {
            self.follow(now, changes, launch, out);
        }
    }
}
