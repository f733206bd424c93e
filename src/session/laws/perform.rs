//! What the small world does when it is told to, and what comes of that.

use std::path::PathBuf;

use super::super::*;
use super::world::{Content, Host, Made, Planned, Running, World};
use crate::config::Update;
use crate::words::{Exit, Instance};

impl World {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::ReadProject { build, .. } => {
                self.assert_idle();
                self.cargo.reading = Some((build, self.made[&ArtifactId::MAIN].content));
                self.cargo.cancelling = false;
                self.plan(self.times.read, Planned::Read(build));
            }
            Effect::StartBuild { build, artifacts, .. } => self.start_build(build, &artifacts),
            Effect::CancelBuild(build) => {
                let building = self.cargo.building.as_ref().map(|(building, _)| *building);
                let reading = self.cargo.reading.map(|(reading, _)| reading);
                assert_eq!(building.or(reading), Some(build));
                self.cargo.cancelling = true;
                self.plan(self.times.cancel, Planned::Cancelled(build));
            }
            Effect::WarmUp => {
                self.assert_idle();
                self.cargo.warming = true;
                self.tally.warm_ups += 1;
                self.plan(self.times.build * 3, Planned::WarmedUp);
            }
            Effect::CancelWarmUp => {
                assert!(self.cargo.warming, "there is nothing to cancel");
                self.plan(self.times.cancel, Planned::WarmedUp);
            }
            Effect::Publish { build, artifact } => self.publish(build, artifact),
            Effect::StartProcess { instance, build, .. } => self.start(instance, build),
            Effect::Reload(instance) => self.reload(instance),
            Effect::StopProcess { instance, .. } => {
                let leaving = self.session.quitting.is_some();
                let gone = self.made_for(instance.service).is_some_and(|made| made.gone);
                let may_stop = !gone || self.failing || leaving || !self.host(instance.service).up;
                assert!(may_stop, "stopped with nothing to start instead");
                if leaving {
                    self.assert_unneeded(instance);
                }
                let failed = |event: &Event| matches!(event, Event::SpawnFailed { instance: it, .. } if *it == instance);
                if self.answers.iter().any(failed) {
                    return;
                }
                let process = self.process(instance).expect("there is something to stop");
                assert!(!std::mem::replace(&mut process.stopping, true), "stopped twice");
                self.plan(self.times.stop, Planned::Stopped(instance));
            }
            Effect::KillProcess(instance) => self.plan(0, Planned::Stopped(instance)),
            Effect::RollBack { service, to, .. } => {
                let made = self.made_for(service).expect("there is no going back from a command");
                let before = made.before.take();
                assert!(before.is_some() || made.cleaned, "rolled back to nothing");
                let error = before.is_none().then(|| "it is gone".to_owned());
                if let Some(before) = before {
                    made.live = Some((to, before));
                    (made.live_good, made.gone) = (true, false);
                }
                self.answers.push_back(Event::RolledBack { service, error });
            }
            Effect::StartTimer(timer, after) => {
                let order = self.order;
                self.timers.insert(timer, order);
                self.plan(u64::try_from(after.as_millis()).unwrap(), Planned::Fires(timer, order));
            }
            Effect::CancelTimer(timer) => {
                self.timers.remove(&timer);
            }
            Effect::Exit(_) => {
                self.assert_idle();
                let ended = self.hosts.values().all(|host| host.processes.is_empty());
                assert!(ended, "L5: left something running");
                self.exited = true;
            }
            Effect::Keep(service, build) => {
                let made = self.made_for(service).expect("a command is not kept");
                assert_eq!(made.live.map(|(live, _)| live), Some(build), "kept is not what is live");
                made.live_good = true;
            }
            Effect::Condemn(service, build) => {
                let made = self.made_for(service).expect("a command is not condemned");
                assert_eq!(made.live.map(|(live, _)| live), Some(build), "condemned is not what is live");
                made.live_good = false;
            }
            Effect::Report(notice) => self.hear(&notice),
            Effect::ReadConfig(_) => {
                let change = self.edited.take();
                // What `manual` left to a request is due where the program has ended, and may be owed to a build that fails.
                let manual = |host: &Host| host.settings.update == Update::Manual;
                self.tally.asked |= change.is_some() && self.hosts.values().any(manual);
                for id in change.iter().flat_map(|change| &change.restart) {
                    self.host(*id).launch += 1;
                    // A restart may be owed to a build that fails.
                    self.tally.asked = true;
                }
                self.answers.push_back(Event::ConfigRead(change));
            }
            Effect::ExtendStop { .. } | Effect::AllReady => {}
        }
    }

    fn hear(&mut self, notice: &Notice) {
        if let Notice::Ready { instance, .. } = notice
            && let Some(process) = self.process(*instance)
        {
            process.counted = true;
        }
        let live = |made: Option<&mut Made>| made.and_then(|made| made.live).map(|(live, _)| live);
        match notice {
            Notice::Ready { instance, build, .. }
                if live(self.made_for(instance.service)).is_none_or(|live| live == *build) =>
            {
                self.host(instance.service).not_again = false;
            }
            Notice::StartFailed { instance, proven: true, instead: Instead::StillRunning(_), .. } => {
                self.host(instance.service).not_again = true;
            }
            _ => {}
        }
    }

    fn assert_idle(&self) {
        let idle = self.cargo.building.is_none() && self.cargo.reading.is_none() && !self.cargo.warming;
        assert!(idle, "L4: a build, a reading or a warm-up beside another, or left behind");
    }

    fn start_build(&mut self, build: BuildId, artifacts: &BTreeSet<ArtifactId>) {
        self.assert_idle();
        assert!(self.tally.settled_builds.iter().all(|earlier| *earlier < build), "a number was used twice");
        let project = self.cargo.project;
        let content = |artifact: &ArtifactId| Content { project, ..self.made[artifact].content };
        let contents = artifacts.iter().map(|artifact| (*artifact, content(artifact))).collect();
        self.cargo.building = Some((build, contents));
        self.cargo.cancelling = false;
        self.tally.started_since_last_save += 1;
        self.plan(self.times.build, Planned::BuildEnds(build));
    }

    fn publish(&mut self, build: BuildId, artifact: ArtifactId) {
        let (staged, contents) = self.cargo.staged.as_ref().expect("what is published was built");
        assert_eq!(*staged, build, "L2: only the build that just ended is published");
        let content = contents[&artifact];
        let full = self.cargo.full;
        let service =
            self.hosts.iter().find(|(_, host)| host.settings.runs == Some(artifact)).map(|(id, _)| *id);
        let made = self.made(artifact);
        let same = made.live.is_some_and(|(_, live)| live == content);
        let outcome = if full && (!same || made.gone) {
            PublishOutcome::Failed { error: "no room".to_owned() }
        } else if same {
            let host = service.map(|id| self.host(id).clone());
            let launch_changed =
                host.is_some_and(|host| host.processes.iter().any(|process| process.launch != host.launch));
            PublishOutcome::Unchanged { launch_changed }
        } else {
            let replaced = made.live.replace((build, content)).map(|(_, content)| content);
            if std::mem::take(&mut made.live_good) {
                made.before = replaced;
            }
            PublishOutcome::Published { path: PathBuf::from("/live") }
        };
        if !matches!(outcome, PublishOutcome::Failed { .. }) {
            let made = self.made(artifact);
            made.gone = false;
            made.newest = made.live.map(|(live, _)| live);
            if let Some(id) = service {
                self.host(id).not_again = false;
            }
        }
        self.answers.push_back(Event::Published { build, artifact, outcome });
    }

    fn start(&mut self, instance: Instance, build: BuildId) {
        let id = instance.service;
        self.assert_may_start(id);
        let (live, content) = self
            .made_for(id)
            .map_or((BuildId(0), Content::FIRST), |made| made.live.expect("what is started is live"));
        assert_eq!(live, build, "what is started is not what is live");
        let host = self.host(id);
        host.first = false;
        let room = if host.settings.update == Update::Overlap { 2 } else { 1 };
        assert!(host.processes.len() < room, "L4: too many processes at once");
        let way = (content.number * 7 + instance.number) % 6;
        host.end = None;
        if self.made_for(id).is_some_and(|made| made.gone) || self.failing && way == 5 {
            let error = "exec format error".to_owned();
            self.answers.push_back(Event::SpawnFailed { instance, error });
            return;
        }
        let host = self.host(id);
        let (launch, data, says) = (host.launch, host.data, !host.settings.ready_at_spawn);
        let task = host.settings.task;
        let (stopping, ready, counted) = (false, false, false);
        let process = Running { instance, content, build, launch, data, stopping, ready, counted };
        host.processes.push(process);
        self.answers.push_back(Event::ProcessStarted { instance, pid: 100 + instance.number });
        // Some never become ready, some are ended by their own mistake before.
        match way {
            _ if task => self.plan(self.times.stop + 1, Planned::TaskEnds(instance)),
            0 if self.failing => self.plan(self.times.stop + 1, Planned::Dies(instance)),
            1 if self.failing => {}
            _ if says => self.plan(self.times.stop, Planned::Ready(instance)),
            _ => {}
        }
    }

    /// A program takes the live binary up, or does not, in one of many ways.
    fn reload(&mut self, instance: Instance) {
        let made = self.made_for(instance.service).expect("a command takes nothing up");
        let (build, live) = made.live.expect("what is taken up is live");
        let way = (live.number * 7 + instance.number) % 6;
        if way > 2 {
            let data = self.host(instance.service).data;
            let process = self.process(instance).expect("who is told runs");
            (process.content, process.build, process.data, process.ready) = (live, build, data, false);
        }
        match way {
            0 => self.answers.push_back(Event::ReloadFailed { instance, reason: NotReloaded::NoHandler }),
            1 => self.plan(self.times.stop, Planned::Dies(instance)),
            2 => {}
            3 => self.plan(self.times.stop, Planned::TakesUpAndDies(instance)),
            _ => self.plan(self.times.stop, Planned::Ready(instance)),
        }
    }

    pub(super) fn happen(&mut self, planned: Planned) {
        match planned {
            Planned::Read(build) => {
                if self.cargo.cancelling {
                    return;
                }
                let reading = self.cargo.reading.take_if(|(current, _)| *current == build);
                let Some((_, content)) = reading else { return };
                let outcome = if content.readable {
                    self.cargo.project = content.project;
                    ReadOutcome::Read
                } else {
                    self.settled(build);
                    self.tally.started_since_last_save += 1;
                    ReadOutcome::Failed(BuildSummary::default())
                };
                self.tell(Event::ProjectRead { build, outcome });
            }
            Planned::BuildEnds(build) => {
                if self.cargo.cancelling {
                    return;
                }
                let building = self.cargo.building.take_if(|(current, _)| *current == build);
                let Some((_, contents)) = building else { return };
                self.settled(build);
                let (made, failed): (BTreeMap<_, _>, BTreeMap<_, _>) =
                    contents.into_iter().partition(|(_, content)| content.is_good());
                let summary = BuildSummary { fresh: build.0 == 1, ..BuildSummary::default() };
                let outcome = if failed.is_empty() {
                    BuildOutcome::Succeeded(summary)
                } else {
                    BuildOutcome::Failed { summary, made: made.keys().copied().collect() }
                };
                self.cargo.staged = Some((build, made));
                self.tell(Event::BuildEnded { build, outcome });
            }
            Planned::Cancelled(build) => self.cancelled(build),
            Planned::WarmedUp => {
                if std::mem::take(&mut self.cargo.warming) {
                    self.tell(Event::WarmedUp);
                }
            }
            Planned::Fires(timer, order) => {
                if self.timers.get(&timer) == Some(&order) {
                    self.timers.remove(&timer);
                    self.tell(Event::TimerFired(timer));
                }
            }
            Planned::Stopped(instance) => self.program_ends(instance, Exit::Signal(15)),
            Planned::Dies(instance) => {
                if self.process(instance).is_some_and(|process| !process.stopping) {
                    self.program_ends(instance, Exit::Code(1));
                }
            }
            Planned::TaskEnds(instance) => {
                if self.process(instance).is_some_and(|process| !process.stopping) {
                    let code = i32::from(!self.host(instance.service).works);
                    self.program_ends(instance, Exit::Code(code));
                }
            }
            Planned::TakesUpAndDies(instance) => {
                if self.process(instance).is_some_and(|process| !process.stopping) {
                    self.tell(Event::TookUp { instance });
                    self.program_ends(instance, Exit::Signal(11));
                }
            }
            Planned::Ready(instance) => {
                if let Some(process) = self.process(instance) {
                    process.ready = true;
                    self.tell(Event::ProcessReady { instance });
                }
            }
        }
    }

    fn settled(&mut self, build: BuildId) {
        self.tally.settled_builds.push(build);
        self.tally.cancelled_in_a_row = 0;
    }

    fn cancelled(&mut self, build: BuildId) {
        let reading = self.cargo.reading.take_if(|(current, _)| *current == build).is_some();
        let building = self.cargo.building.take_if(|(current, _)| *current == build).is_some();
        if !reading && !building {
            return;
        }
        let tally = &mut self.tally;
        tally.cancelled_in_a_row += 1;
        tally.most_cancelled_in_a_row = tally.most_cancelled_in_a_row.max(tally.cancelled_in_a_row);
        if reading {
            self.tell(Event::ProjectRead { build, outcome: ReadOutcome::Cancelled });
        } else {
            tally.settled_builds.push(build);
            self.tell(Event::BuildEnded { build, outcome: BuildOutcome::Cancelled });
        }
    }
}
