//! The session's laws under any order of events: a small world with a virtual clock plays everything around it, and counts
//! what must never happen.

mod steps;
mod world;

use std::time::Duration;

use proptest::prelude::*;

use self::world::{Content, Step, World, settings, steps, times};
use super::*;

proptest! {
    /// L2, L3, L4 under saves alone.
    #[test]
    fn the_last_edit_wins_and_nothing_starves_it(steps in steps(true), times in times()) {
        let mut world = World::new(settings(), times);
        world.play(&steps);
        world.quiet();
        prop_assert!(world.building.is_none() && world.reading.is_none(), "a build never ended");
        prop_assert!(world.most_cancelled_in_a_row <= CANCELLATIONS_IN_A_ROW, "L3: starved");
        prop_assert!(world.started_since_last_save <= 2, "more than two builds after the last save");
        let state = world.session.standing(Duration::from_millis(world.now)).state;
        prop_assert!(state.rests() && state.good() == world.content.is_good(), "{:?} in the end", state);
        if world.content.is_good() {
            prop_assert_eq!(world.live, Some(world.content), "L3: live is not the last edit");
            let running: Vec<Content> = world.processes.iter().map(|process| process.content).collect();
            prop_assert_eq!(running, [world.content], "L3: running is not the last edit");
        }
    }

    /// The same with a person who presses keys and a program that ends.
    #[test]
    fn keys_and_a_mortal_program_change_nothing_about_it(steps in steps(false), times in times()) {
        let mut world = World::new(settings(), times);
        world.play(&steps);
        if world.session.builds.paused() {
            world.tell(Event::Asked(Request::Pause));
        }
        world.quiet();
        prop_assert!(world.building.is_none() && world.reading.is_none());
        prop_assert!(world.most_cancelled_in_a_row <= CANCELLATIONS_IN_A_ROW);
        // Where the live binary was removed and cannot be built again, what runs is left alone.
        for process in world.processes.iter().filter(|_| world.live.is_some()) {
            prop_assert_eq!(process.launch, world.launch, "started by an earlier config");
        }
        if world.content.is_good() {
            prop_assert_eq!(world.live, Some(world.content));
            for process in &world.processes {
                prop_assert_eq!(process.content, world.content);
            }
        }
    }

    /// L2 and L4 where updates overlap and processes fail to start: two processes at most, one in the end, which runs
    /// what is live.
    #[test]
    fn an_overlap_ends_with_one_process_that_runs_what_is_live(steps in steps(false), times in times()) {
        let settings =
            Settings { update: Update::Overlap, ready_at_spawn: false, rollback: true, ..settings() };
        let mut world = World::new(settings, times);
        world.play(&steps);
        if world.session.builds.paused() {
            world.tell(Event::Asked(Request::Pause));
        }
        world.run(world.now + 300_000);
        prop_assert!(world.processes.len() <= 1, "{:?}", world.processes);
        // A `cargo clean` takes what a rollback would lead to.
        for process in world.processes.iter().filter(|_| world.cleaned.is_none()) {
            prop_assert_eq!(Some(process.content), world.live);
        }
    }

    /// The same where a program takes the new build up itself, or does not: one process, and all of it by the book.
    #[test]
    fn a_reexec_ends_with_one_process_that_runs_what_is_live(steps in steps(false), times in times()) {
        let settings =
            Settings { update: Update::Reexec, ready_at_spawn: false, rollback: true, ..settings() };
        let mut world = World::new(settings, times);
        world.play(&steps);
        if world.session.builds.paused() {
            world.tell(Event::Asked(Request::Pause));
        }
        world.run(world.now + 300_000);
        prop_assert!(world.processes.len() <= 1, "{:?}", world.processes);
        // A `cargo clean` takes what a rollback would lead to.
        for process in world.processes.iter().filter(|_| world.cleaned.is_none()) {
            prop_assert_eq!(Some(process.content), world.live);
        }
    }

    /// At rest everything is called well exactly if the newest build of what is saved runs, and is ready where readiness
    /// was declared, whatever failed on the way there and in whatever order the news came.
    #[test]
    fn at_rest_all_is_well_exactly_if_what_was_saved_last_runs(
        steps in steps(false),
        times in times(),
        update in prop_oneof![Just(Update::Restart), Just(Update::Overlap), Just(Update::Reexec), Just(Update::Manual)],
        on_exit in prop_oneof![Just(OnExit::Wait), Just(OnExit::Restart)],
        waits in any::<bool>(),
        rollback in any::<bool>(),
    ) {
        let notifies = matches!(update, Update::Overlap | Update::Reexec);
        let settings = Settings {
            update,
            on_exit,
            rollback,
            ready_at_spawn: !waits && !notifies,
            ready_declared: waits,
            ..settings()
        };
        let mut world = World::new(settings, times);
        world.failing = true;
        world.play(&steps);
        if world.session.builds.paused() {
            world.tell(Event::Asked(Request::Pause));
        }
        world.run(world.now + 300_000);
        let state = world.session.standing(Duration::from_millis(world.now)).state;
        prop_assert!(state.rests(), "{:?} in the end", state);
        if state != State::Held {
            prop_assert_eq!(state.good(), world.good(), "{:?} with {:?}", state, world.processes);
        }
    }

    /// Under `manual` nothing that was saved is called running before somebody asks for it, and all of it runs after.
    #[test]
    fn what_manual_holds_back_runs_when_it_is_asked_for(steps in steps(false), times in times()) {
        let mut world = World::new(Settings { update: Update::Manual, ..settings() }, times);
        world.play(&steps);
        world.quiet();
        let mends = [Step::Manifest { readable: true }, Step::Save { compiles: true }, Step::Restart];
        world.play(&mends.map(|step| (0, step)));
        world.quiet();
        let state = world.session.standing(Duration::from_millis(world.now)).state;
        prop_assert_eq!(state, State::Running);
    }

    /// However it is left, hotrun ends, and nothing it started outlives it (L5).
    #[test]
    fn quitting_always_ends(steps in steps(false), times in times(), twice in any::<bool>()) {
        let mut world = World::new(settings(), times);
        world.play(&steps);
        world.tell(Event::Asked(Request::Quit(QuitReason::Asked)));
        if twice {
            world.tell(Event::Asked(Request::Quit(QuitReason::Signal(2))));
        }
        world.quiet();
        prop_assert!(world.exited);
    }
}
