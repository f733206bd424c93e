//! The laws of services that come after one another: five of them, some of which run commands or tasks, in any order.
//! What must never happen is checked where the world starts and stops processes.

use proptest::prelude::*;

use super::super::*;
use super::steps::{Step, gap, times};
use super::world::{World, settings};
use crate::config::{OnExit, Update};
use crate::words::{Exit, Instance};

const SERVICES: u16 = 5;

/// A service of any kind, after any of those before it in `order` (by their places there).
fn service() -> impl Strategy<Value = (Settings, u8, u8)> {
    let kind = (prop::bool::weighted(0.6), prop::bool::weighted(0.3), prop::bool::weighted(0.8));
    let ways = (any::<bool>(), any::<bool>(), any::<bool>());
    (kind, ways, any::<u8>(), any::<u8>()).prop_map(
        |((built, task, autostart), (overlap, declared, restart), after, with)| {
            let overlap = overlap && built && !task;
            let settings = Settings {
                runs: built.then_some(ArtifactId::MAIN),
                task,
                autostart,
                update: if overlap { Update::Overlap } else { Update::Restart },
                on_exit: if restart && !task { OnExit::Restart } else { OnExit::Wait },
                ready_at_spawn: task || !overlap && !declared,
                ready_declared: declared && !task,
                ..settings()
            };
            // Few enough that chains are long.
            (settings, after & (after >> 4), with & (with >> 3) & (with >> 5))
        },
    )
}

/// Services in any order, which come after one another without a circle.
fn setups() -> impl Strategy<Value = Setup> {
    let order = Just((0..SERVICES).collect::<Vec<u16>>()).prop_shuffle();
    let services = prop::collection::vec(service(), usize::from(SERVICES));
    (order, services).prop_map(|(order, services)| {
        let services: BTreeMap<ServiceId, Settings> = services
            .into_iter()
            .enumerate()
            .map(|(place, (settings, after, with))| {
                let earlier = |bits: u8| -> BTreeSet<ServiceId> {
                    let chosen = (0..place).filter(|other| bits >> other & 1 == 1);
                    chosen.map(|other| ServiceId(order[other])).collect()
                };
                let (after, restart_with) = (earlier(after), earlier(with));
                let id = order[place];
                let runs = settings.runs.map(|_| ArtifactId(id));
                (ServiceId(id), Settings { runs, after, restart_with, ..settings })
            })
            .collect();
        Setup {
            debounce: Duration::from_millis(50),
            once: false,
            together: false,
            artifacts: services.values().filter_map(|settings| settings.runs).collect(),
            services,
        }
    })
}

fn orders() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let service = || 0..SERVICES;
    let some = || prop::option::weighted(0.8, 0..SERVICES);
    let step = prop_oneof![
        6 => (some(), prop::bool::weighted(0.8)).prop_map(|(of, compiles)| Step::Save { of, compiles }),
        3 => service().prop_map(Step::Inputs),
        2 => (service(), any::<bool>()).prop_map(|(of, works)| Step::Works(of, works)),
        2 => some().prop_map(Step::RestartOnly),
        3 => some().prop_map(Step::Start),
        3 => some().prop_map(Step::Stop),
        1 => Just(Step::Restart),
        1 => Just(Step::Pause),
        3 => (service(), 0..3).prop_map(|(service, code)| Step::ProgramEnds(service, code)),
    ];
    prop::collection::vec((gap(), step), 1..40)
}

/// The last of `steps` makes everything compile and all tasks succeed, and starts everything.
fn mended(world: &mut World) {
    let works = (0..SERVICES).map(|service| Step::Works(service, true));
    let rest = [Step::Save { of: None, compiles: true }, Step::RestartOnly(None)];
    world.play(&works.chain(rest).map(|step| (0, step)).collect::<Vec<_>>());
}

proptest! {
    /// Nothing starts before what it comes after, or once it was stopped; a task that failed starts nothing. At rest all is
    /// called well exactly if what is to run runs as it was saved.
    #[test]
    fn services_start_in_order_and_stay_down_when_stopped(
        setup in setups(),
        steps in orders(),
        times in times(),
        failing in any::<bool>(),
    ) {
        let mut world = World::of(setup, times);
        (world.failing, world.tally.asked) = (failing, true);
        world.play(&steps);
        world.come_to_rest();
        let standing = world.standing();
        prop_assert!(standing.state.rests(), "{:?} in the end", standing);
        prop_assert_eq!(standing.state.good(), world.good(), "{:?} with {:?}", standing, world.hosts);
        for (id, host) in &world.hosts {
            let waits = !standing.services[id].waits_for.is_empty();
            prop_assert!(!waits || host.up && host.processes.is_empty());
        }
    }

    /// Whatever happened before: where nothing fails, what was asked for runs as it was saved, and every task has run.
    #[test]
    fn everything_runs_that_was_asked_for(setup in setups(), steps in orders(), times in times()) {
        let mut world = World::of(setup, times);
        (world.failing, world.tally.asked) = (false, true);
        world.play(&steps);
        mended(&mut world);
        world.come_to_rest();
        prop_assert!(world.hosts.values().all(|host| host.up));
        prop_assert!(world.good() && world.standing().state.good(), "{:?} with {:?}", world.standing(), world.hosts);
    }

    /// However it is left, hotrun ends (L5), and stops nothing that others came after and still run.
    #[test]
    fn leaving_stops_in_the_opposite_order(
        setup in setups(),
        steps in orders(),
        times in times(),
        failing in any::<bool>(),
        twice in any::<bool>(),
    ) {
        let mut world = World::of(setup, times);
        (world.failing, world.tally.asked) = (failing, true);
        world.play(&steps);
        world.tell(Event::Asked(Request::Quit(QuitReason::Asked)));
        if twice {
            world.run(world.now + 20);
            world.tell(Event::Asked(Request::Quit(QuitReason::Signal(2))));
        }
        world.quiet();
        prop_assert!(world.exited);
    }

    /// `--once` ends where a task fails, and else with the last that is to end.
    #[test]
    fn once_ends(setup in setups(), times in times(), fails in prop::option::of(0..SERVICES)) {
        let mut setup = Setup { once: true, ..setup };
        for settings in setup.services.values_mut() {
            (settings.on_exit, settings.autostart) = (OnExit::Exit, true);
        }
        let mut world = World::of(setup, times);
        (world.failing, world.tally.asked) = (false, true);
        world.play(&fails.map(|service| (0, Step::Works(service, false))).into_iter().collect::<Vec<_>>());
        for _ in 0..SERVICES {
            world.quiet();
            world.play(&(0..SERVICES).map(|service| (0, Step::ProgramEnds(service, 0))).collect::<Vec<_>>());
        }
        world.quiet();
        prop_assert!(world.exited, "{:?}", world.standing());
    }
}

impl World {
    pub(super) fn named(&self, of: Option<u16>) -> BTreeSet<ServiceId> {
        let named = |id: &&ServiceId| of.is_none_or(|of| id.0 == of);
        self.hosts.keys().filter(named).copied().collect()
    }

    /// These are to run, and what they come after.
    pub(super) fn need(&mut self, services: &BTreeSet<ServiceId>) {
        for id in services {
            self.host(*id).up = true;
            let after = self.hosts[id].settings.after.clone();
            self.need(&after);
        }
    }

    pub(super) fn stop(&mut self, of: Option<u16>) {
        let named = self.named(of);
        for id in &named {
            let host = self.host(*id);
            host.first |= std::mem::take(&mut host.up);
            host.end = None;
        }
        self.tally.asked = true;
        self.tell(Event::Asked(Request::Stop(of.map_or(Whom::All, |_| Whom::Only(named)))));
    }

    pub(super) fn inputs(&mut self, service: u16) {
        let id = ServiceId(service);
        self.host(id).data += 1;
        self.tally.asked = true;
        let leads_to = Consequence { restarts: BTreeSet::from([id]), ..Consequence::default() };
        let change = Change { path: format!("/{service}/migrations").into(), leads_to, hidden: false };
        self.tell(Event::FilesChanged(vec![change]));
    }

    pub(super) fn assert_may_start(&self, id: ServiceId) {
        let host = &self.hosts[&id];
        assert!(host.up, "{id:?} was started, and is not to run");
        for other in host.settings.after.iter().filter(|_| host.first) {
            assert!(self.is_ready(*other), "{id:?} was started before {other:?} was ready: {:?}", self.hosts);
        }
    }

    fn is_ready(&self, id: ServiceId) -> bool {
        let host = &self.hosts[&id];
        if host.settings.task {
            return host.processes.is_empty() && matches!(host.end, Some((.., Exit::Code(0))));
        }
        host.processes.iter().any(|process| {
            let ready = if host.settings.ready_declared { process.ready } else { process.counted };
            ready && !process.stopping
        })
    }

    /// Nothing runs that came after what is stopped now, and is the last of its service.
    pub(super) fn assert_unneeded(&self, instance: Instance) {
        let host = &self.hosts[&instance.service];
        if host.processes.iter().any(|other| other.instance != instance && !other.stopping) {
            return;
        }
        for (id, other) in &self.hosts {
            let before = !other.processes.is_empty() && self.comes_after(*id, instance.service);
            assert!(!before, "{instance} was stopped before {id:?}: {:?}", self.hosts);
        }
    }

    fn comes_after(&self, id: ServiceId, earlier: ServiceId) -> bool {
        let after = &self.hosts[&id].settings.after;
        after.iter().any(|other| *other == earlier || self.comes_after(*other, earlier))
    }
}
