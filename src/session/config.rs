//! An edited config or env file: what follows from it, together with the changes that came with it.
//!
//! Reading it and bringing it into force is the runtime's part, and done when this is told.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Session;
use super::events::{ConfigChange, Effect};
use super::notices::{AfterConfig, Notice};
use crate::words::{Change, Consequence};

impl Session {
    pub(super) fn config_read(&mut self, now: Duration, change: Option<ConfigChange>, out: &mut Vec<Effect>) {
        let mut changes = std::mem::take(&mut self.edited);
        let mut launch = BTreeSet::new();
        if let Some(change) = change {
            self.builds.set(change.setup.debounce, change.setup.together);
            for (id, settings) in change.setup.services {
                let Some(service) = self.services.get_mut(&id) else { continue };
                // What `manual` left to a request is due where that is over.
                let was_manual = service.is_manual();
                service.set(settings, change.readiness.contains(&id));
                if service.reconfigured(change.restart.contains(&id), was_manual) && service.is_up() {
                    launch.insert(id);
                }
            }
            let builds = !change.build.is_empty();
            let then = if (builds || !launch.is_empty()) && self.builds.paused() {
                AfterConfig::Resume
            } else if builds {
                AfterConfig::Build
            } else if !launch.is_empty() {
                AfterConfig::Restart
            } else if change.next_start || !change.restart.is_empty() {
                AfterConfig::NextStart
            } else {
                AfterConfig::Nothing
            };
            if builds {
                let path = change.files.first().cloned().unwrap_or_default();
                let leads_to = Consequence { project: true, builds: change.build, ..Consequence::default() };
                changes.push(Change { path, leads_to, hidden: false });
            }
            let (files, keys) = (change.files, change.keys);
            // An env file sets no key.
            if !keys.is_empty() {
                out.push(Effect::Report(Notice::ConfigChanged { files, keys, then }));
            }
        }
        if self.quitting.is_none() && !(launch.is_empty() && changes.is_empty()) {
            self.follow(now, changes, launch, out);
        }
    }
}
