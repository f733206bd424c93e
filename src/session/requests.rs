//! What a person, a script or a signal asks for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::events::{Effect, Request, Whom};
use super::notices::{Cause, ExitReason, Notice, StopCause};
use super::service::Service;
use super::{Session, is_built};
use crate::words::{ArtifactId, ServiceId};

impl Session {
    pub(super) fn asked(&mut self, now: Duration, request: Request, out: &mut Vec<Effect>) {
        match request {
            Request::Quit(reason) if self.quitting.is_none() => {
                self.leave(now, ExitReason::Quit(reason), out);
            }
            Request::Quit(reason) | Request::QuitNow(reason) => {
                self.quitting.get_or_insert(ExitReason::Quit(reason));
                self.builds.stop(out);
                self.services.values_mut().for_each(|service| service.kill(out));
            }
            _ if self.quitting.is_some() => {}
            Request::Restart(Whom::All) => {
                let stale = self.builds.stale();
                self.restart(now, &self.up(), stale, out);
            }
            Request::Restart(Whom::Only(named)) => self.run(now, &named, named.clone(), out),
            Request::Start(Whom::All) => {
                let named = self.services.keys().copied().collect();
                self.run(now, &named, self.idle(&named), out);
            }
            Request::Start(Whom::Only(named)) => {
                let down = |id: &&ServiceId| self.services.get(id).is_some_and(Service::down);
                let down = named.iter().filter(down).copied().collect();
                self.run(now, &named, down, out);
            }
            Request::Stop(whom) => {
                let named = |id: &ServiceId| match &whom {
                    Whom::All => true,
                    Whom::Only(named) => named.contains(id),
                };
                let stopped = self.services.iter_mut().filter(|(id, _)| named(id));
                stopped.for_each(|(_, service)| service.stop_for_good(now, out));
            }
            Request::Pause if self.builds.paused() => self.unpause(now, out),
            Request::Pause => {
                self.builds.pause();
                out.push(Effect::Report(Notice::Paused));
            }
        }
    }

    /// Starts these of the `named` again, and of what those need what is down.
    fn run(
        &mut self,
        now: Duration,
        named: &BTreeSet<ServiceId>,
        mut services: BTreeSet<ServiceId>,
        out: &mut Vec<Effect>,
    ) {
        self.need(named);
        services.append(&mut self.idle(&self.needed_by(named)));
        let runs = services.iter().filter_map(|id| self.services.get(id)?.runs()).collect();
        let stale = &self.builds.stale() & &runs;
        self.restart(now, &services, stale, out);
    }

    /// Returns those that are down and have nothing to show for it.
    fn idle(&self, services: &BTreeSet<ServiceId>) -> BTreeSet<ServiceId> {
        let idle = |id: &&ServiceId| {
            self.services.get(id).is_some_and(|service| service.down() && service.there().is_none())
        };
        services.iter().filter(idle).copied().collect()
    }

    /// Builds what is not built of what was saved (`stale`), and starts these again: after its build, where one runs or is
    /// due.
    fn restart(
        &mut self,
        now: Duration,
        services: &BTreeSet<ServiceId>,
        stale: BTreeSet<ArtifactId>,
        out: &mut Vec<Effect>,
    ) {
        let (mut due, mut held_back) = (Vec::new(), false);
        for id in services {
            let Some(service) = self.services.get_mut(id) else { continue };
            let stale_too = service.runs().is_some_and(|artifact| stale.contains(&artifact));
            if stale_too || is_built(service, &self.builds, &self.removed) {
                service.owe(StopCause::Asked);
            } else {
                // It stands for one that a pause held back.
                held_back |= service.pay().is_some();
                due.push(*id);
            }
        }
        let wanted = !stale.is_empty();
        if held_back || wanted {
            self.unpause(now, out);
        }
        let stale = &self.builds.stale() & &stale;
        if !stale.is_empty() {
            self.builds.want(now, Cause::Asked, &stale, out);
        }
        for id in due {
            if let Some(service) = self.services.get_mut(&id) {
                service.restart(now, StopCause::Asked, out);
            }
        }
    }
}
