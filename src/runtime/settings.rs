//! Applies an edited config: all of it that needs no other start of hotrun, or nothing.
//!
//! The session decides what follows for builds and processes.

use std::path::PathBuf;

use tokio::time::Instant;

use super::Runtime;
use super::outputs::{open_events, open_log};
use crate::config::{Changed, Needs, RunConfig};
use crate::error::Error;
use crate::handover::{ListenError, Listeners};
use crate::report::{self, ErrorText, Extras, ProgramRemark, Remark};
use crate::session::{ConfigChange, Event, Setup};
use crate::site::{DOUBT, Edit};
use crate::terminal::{Keys, Terminal};
use crate::watch;
use crate::words::ServiceId;

/// Edited settings that are not in force.
#[derive(Default)]
pub(super) struct Edits {
    /// What is wrong with them.
    pub(super) fault: Option<String>,
    /// Files that may be in the middle of a save, and when to look again.
    pub(super) doubt: Option<(Vec<PathBuf>, Instant)>,
}

impl Runtime {
    pub(super) fn read_config(&mut self, changed: &[PathBuf]) -> Event {
        let plan = self.site.plan();
        // A change of a file in doubt counts when the doubt is over.
        let mut changed = changed.to_vec();
        changed.extend(self.edits.doubt.take().into_iter().flat_map(|(paths, _)| paths));
        let Some(edit) = self.site.edit(&changed).transpose() else {
            self.edits.doubt = Some((changed, Instant::now() + DOUBT));
            return Event::ConfigRead(None);
        };
        let own = changed.iter().any(|path| self.site.is_own(path));
        let event = match edit.and_then(|edit| self.apply(edit)) {
            Ok(change) => {
                if self.edits.fault.take().is_some() && change.is_none() {
                    self.reporter.remark(&Remark::ConfigValidAgain);
                } else if own && change.is_none() {
                    self.reporter.remark(&Remark::NothingSet);
                }
                Event::ConfigRead(change)
            }
            Err(error) => {
                // cargo complains about a manifest that it cannot read either.
                let text = report::with_causes(&error);
                let said = self.edits.fault.replace(text.clone());
                if own || (said.as_ref() != Some(&text) && !error.is_syntax()) {
                    self.reporter.remark(&self.refusal(&error));
                }
                Event::ConfigRead(None)
            }
        };
        if self.site.plan() != plan {
            self.tell_watch(watch::WatchCommand::Replan(Box::new(self.site.plan())));
        }
        self.tell_watch(watch::WatchCommand::SettingsRead(self.site.seen().to_vec()));
        event
    }

    /// Words a refused config. An address that hotrun or the program holds is free only when both have ended.
    fn refusal(&self, error: &Error) -> Remark {
        let own = |pid| {
            pid == std::process::id().cast_signed()
                || self.processes.living().any(|instance| self.processes.group(instance) == Some(pid))
        };
        match error {
            Error::Listen(ListenError::InUse { holder: Some(holder), .. }) if own(holder.pid) => {
                Remark::ConfigTakesOwn { cause: error.to_string() }
            }
            _ => Remark::ConfigRefused(ErrorText::of(error, error.hint())),
        }
    }

    fn apply(&mut self, edit: Edit) -> Result<Option<ConfigChange>, Error> {
        let config = self.site.with(&edit);
        let changed = |key: &str| edit.changes.iter().any(|changed| changed.key == key);
        // What may fail comes first.
        let events = changed("events").then(|| open_events(&self.site, &config)).transpose()?;
        let log = changed("log").then(|| open_log(&self.site, &config)).transpose()?;
        for service in edit.services(Changed::is_listen) {
            self.listen_elsewhere(service, &config.service(service).run)?;
        }
        if let Some(events) = events {
            self.reporter.set_events(events);
        }
        if let Some(log) = log {
            self.reporter.set_log(log);
        }
        self.reporter.set_extras(Extras { clear: config.ui.clear.value, notify: config.ui.notify.value });
        self.set_keys(config.takes_keys());
        if !edit.held.is_empty() {
            self.reporter.remark(&Remark::SettingsHeld { keys: edit.held.clone() });
        }
        let needs = |needs| edit.changes.iter().any(|changed| changed.needs == needs);
        let mut restart = edit.services(|changed| changed.needs == Needs::Restart);
        restart.extend(&edit.env_files_changed);
        let setup = Setup::from(&config);
        let change = ConfigChange {
            files: edit.files.clone(),
            keys: edit.changes.iter().map(|changed| changed.key.clone()).collect(),
            readiness: edit.services(Changed::is_readiness),
            build: setup.artifacts.iter().copied().filter(|_| needs(Needs::Build)).collect(),
            next_start: needs(Needs::NextStart),
            restart,
            setup,
        };
        for (service, settings) in &change.setup.services {
            self.processes.plan(*service, settings.stop);
        }
        self.site.take_over(edit);
        Ok((!change.keys.is_empty() || !change.restart.is_empty()).then_some(change))
    }

    /// Opens and closes sockets for an edited `listen`. Those still named stay open.
    fn listen_elsewhere(&mut self, service: ServiceId, run: &RunConfig) -> Result<(), Error> {
        let listeners = &mut self.hosts[service].handover.listeners;
        let paths = |listeners: &Listeners| -> Vec<PathBuf> {
            listeners.paths().into_iter().map(ToOwned::to_owned).collect()
        };
        let (addresses, files) = (listeners.describe(), paths(listeners));
        listeners.reconfigure(run)?;
        if let Some(reaper) = self.processes.reaper() {
            let now = paths(listeners);
            files.iter().filter(|path| !now.contains(path)).for_each(|path| reaper.keep(path));
            now.iter().filter(|path| !files.contains(path)).for_each(|path| reaper.unlink_later(path));
        }
        for address in listeners.describe().iter().filter(|address| !addresses.contains(address)) {
            self.reporter.remark_on(service, ProgramRemark::Listening { address: address.clone() });
        }
        Ok(())
    }

    fn set_keys(&mut self, keys: bool) {
        let Some(terminal) = &self.shared.terminal else { return };
        if terminal.set_keys(if keys { Keys::Read } else { Keys::Off }) {
            if let Some(reaper) = self.processes.reaper() {
                reaper.terminal(&terminal.found_modes(), terminal.key_modes().as_ref());
            }
            self.reporter.set_keys(self.shared.terminal.as_ref().and_then(Terminal::key_modes).is_some());
        }
    }
}
