//! The session's laws under any order of events: a small world with a virtual clock plays everything around it, and counts
//! what must never happen. Two services run there, and three artifacts are built; in the worlds of `order` there are five
//! services that come after one another.

mod order;
mod perform;
mod steps;
mod world;

use proptest::prelude::*;

use self::steps::{Step, ends, steps, times};
use self::world::{World, settings, setup};
use super::*;
use crate::config::{OnExit, Update};

fn updates() -> impl Strategy<Value = Update> {
    prop_oneof![Just(Update::Restart), Just(Update::Overlap), Just(Update::Reexec), Just(Update::Manual)]
}

/// The settings of a service, whatever they are.
fn any_settings() -> impl Strategy<Value = Settings> {
    let on_exit = prop_oneof![Just(OnExit::Wait), Just(OnExit::Restart)];
    (updates(), on_exit, any::<bool>(), any::<bool>()).prop_map(|(update, on_exit, waits, rollback)| {
        let notifies = matches!(update, Update::Overlap | Update::Reexec);
        Settings {
            update,
            on_exit,
            rollback,
            ready_at_spawn: !waits && !notifies,
            ready_declared: waits,
            ..settings()
        }
    })
}

/// The last of `steps` makes everything compile, be read and be published.
fn mended(world: &mut World) {
    let mends =
        [Step::Room(true), Step::Manifest { readable: true }, Step::Save { of: None, compiles: true }];
    world.play(&mends.map(|step| (0, step)));
}

proptest! {
    /// L2, L3, L4 under saves alone.
    #[test]
    fn the_last_edit_wins_and_nothing_starves_it(steps in steps(true), times in times()) {
        let mut world = World::new(settings(), times);
        world.play(&steps);
        world.quiet();
        let idle = world.cargo.building.is_none() && world.cargo.reading.is_none() && !world.cargo.warming;
        prop_assert!(idle, "a build never ended");
        prop_assert!(world.tally.warm_ups <= 1, "warmed up twice");
        prop_assert!(world.tally.most_cancelled_in_a_row <= CANCELLATIONS_IN_A_ROW, "L3: starved");
        prop_assert!(world.tally.started_since_last_save <= 2, "more than two builds after the last save");
        let state = world.standing().state;
        prop_assert!(state.rests() && state.good() == world.compiles(), "{:?} in the end", state);
        prop_assert!(world.good_runs(), "L3: the last edit that compiles is not live, or does not run");
    }

    /// The same with a person who presses keys, a disk that is full and programs that end.
    #[test]
    fn keys_and_mortal_programs_change_nothing_about_it(steps in steps(false), times in times()) {
        let mut world = World::new(settings(), times);
        world.play(&steps);
        mended(&mut world);
        world.come_to_rest();
        prop_assert!(world.cargo.building.is_none() && world.cargo.reading.is_none());
        prop_assert!(world.tally.most_cancelled_in_a_row <= CANCELLATIONS_IN_A_ROW);
        prop_assert!(world.all_live(), "L3: live is not the last edit");
        for host in world.hosts.values() {
            for process in &host.processes {
                prop_assert_eq!(process.launch, host.launch, "started by an earlier config");
                prop_assert_eq!(process.data, host.data, "read an earlier file");
                prop_assert_eq!(process.content, world.saved_for(host));
            }
        }
    }

    /// A warm-up changes nothing of what is built: a save is built as soon as the warm-up has been cancelled, and all that
    /// was saved runs in the end.
    #[test]
    fn an_edit_is_built_when_the_warm_up_is_cancelled(after in 0..2000_u64, times in times()) {
        let mut world = World::new(settings(), times);
        world.run(after);
        let warming = world.cargo.warming;
        world.play(&[(0, Step::Save { of: Some(0), compiles: true })]);
        world.run(world.now + world.times.cancel);
        prop_assert!(!world.cargo.warming);
        prop_assert!(!warming || world.cargo.building.is_some() || world.all_live());
        world.quiet();
        prop_assert!(world.good() && world.tally.started_since_last_save <= 2);
    }

    /// An edit of what one service is made of touches no process of the other.
    #[test]
    fn a_service_is_left_alone_by_edits_of_others(steps in steps(true), times in times()) {
        let mut world = World::new(settings(), times);
        world.quiet();
        let before: Vec<_> = world.hosts[&ServiceId(1)].processes.iter().map(|it| it.instance).collect();
        let others = steps.into_iter().filter(|(_, step)| {
            matches!(step, Step::Save { of: Some(0 | 2), .. })
        });
        world.play(&others.collect::<Vec<_>>());
        world.quiet();
        let after: Vec<_> = world.hosts[&ServiceId(1)].processes.iter().map(|it| it.instance).collect();
        prop_assert_eq!(before.len(), 1);
        prop_assert_eq!(before, after);
    }

    /// L2 and L4 where updates overlap, or programs take the new build up themselves or do not, and processes fail to
    /// start: one process of each service in the end, which runs what is live.
    #[test]
    fn an_update_ends_with_one_process_that_runs_what_is_live(
        steps in steps(false),
        times in times(),
        updates in [updates(), updates()],
    ) {
        let settings = updates
            .map(|update| Settings { update, ready_at_spawn: false, rollback: true, ..settings() })
            .map(|settings| match settings.update {
                Update::Manual => Settings { update: Update::Restart, ..settings },
                _ => settings,
            });
        let mut world = World::of(setup(settings), times);
        world.play(&steps);
        world.come_to_rest();
        for host in world.hosts.values() {
            prop_assert!(host.processes.len() <= 1, "{:?}", host.processes);
            let made = &world.made[&host.settings.runs.unwrap()];
            // A `cargo clean` takes what a rollback would lead to.
            for process in host.processes.iter().filter(|_| !made.cleaned) {
                prop_assert_eq!(Some(process.content), made.live.map(|(_, content)| content));
            }
        }
    }

    /// At rest everything is called well exactly if the newest build of what is saved runs, and is ready where readiness
    /// was declared, whatever failed on the way there and in whatever order the news came.
    #[test]
    fn at_rest_all_is_well_exactly_if_what_was_saved_last_runs(
        steps in steps(false),
        times in times(),
        settings in [any_settings(), any_settings()],
    ) {
        let mut world = World::of(setup(settings), times);
        world.failing = true;
        world.play(&steps);
        world.come_to_rest();
        let standing = world.standing();
        let state = standing.state;
        prop_assert!(state.rests(), "{:?} in the end", state);
        if state != State::Held {
            prop_assert_eq!(state.good(), world.good(), "{:?} with {:?}", state, world.hosts);
        }
    }

    /// Under `manual` nothing that was saved is called running before somebody asks for it, and all of it runs after.
    #[test]
    fn what_manual_holds_back_runs_when_it_is_asked_for(steps in steps(false), times in times()) {
        let mut world = World::new(Settings { update: Update::Manual, ..settings() }, times);
        world.play(&steps);
        world.quiet();
        mended(&mut world);
        world.play(&[(0, Step::Restart)]);
        world.quiet();
        prop_assert_eq!(world.standing().state, State::Running);
    }

    /// However it is left, hotrun ends, and nothing it started outlives it (L5).
    #[test]
    fn quitting_always_ends(
        steps in steps(false),
        times in times(),
        settings in [any_settings(), any_settings()],
        twice in any::<bool>(),
        now in any::<bool>(),
    ) {
        let mut world = World::of(setup(settings), times);
        world.play(&steps);
        let reason = QuitReason::Asked;
        world.tell(Event::Asked(if now { Request::QuitNow(reason) } else { Request::Quit(reason) }));
        if twice {
            world.tell(Event::Asked(Request::Quit(QuitReason::Signal(2))));
        }
        world.quiet();
        prop_assert!(world.exited);
    }

    /// `--once` ends with the last of its programs, and with the build where that fails.
    #[test]
    fn once_ends_with_the_last_of_its_programs(steps in ends(), times in times(), full in any::<bool>()) {
        let once = Settings { on_exit: OnExit::Exit, ..settings() };
        let mut world = World::of(Setup { once: true, ..setup([once.clone(), once]) }, times);
        world.cargo.full = full;
        world.play(&steps);
        let left = world.hosts.values().any(|host| !host.processes.is_empty());
        prop_assert!(!(world.exited && left));
        world.quiet();
        world.play(&[(0, Step::ProgramEnds(0, 0)), (0, Step::ProgramEnds(1, 0))]);
        world.quiet();
        prop_assert!(world.exited);
    }
}
