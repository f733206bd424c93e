//! The session's laws under any order of events: a small world with a virtual clock plays cargo, the file system, the
//! program and the person, and counts what must never happen.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::words::{Exit, Instance};

/// What the person and the program do, with the time (ms) after the step before.
#[derive(Debug, Clone)]
enum Step {
    /// Save a file; the code compiles or does not.
    Save { compiles: bool },
    /// Edit the config: what the program is started with, what cargo is asked, both or neither; perhaps with a file.
    Configure { restart: bool, build: bool, save: bool },
    /// `r`.
    Restart,
    /// `p`.
    Pause,
    /// The program ends with this code.
    ProgramEnds(i32),
}

#[derive(Debug, Clone)]
struct Times {
    build: u64,
    cancel: u64,
    stop: u64,
}

fn steps(only_saves: bool) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let gap = prop_oneof![3 => 0..20_u64, 2 => 20..120_u64, 1 => 100..900_u64];
    let save = prop::bool::weighted(0.7).prop_map(|compiles| Step::Save { compiles });
    let step = if only_saves {
        save.boxed()
    } else {
        prop_oneof![
            6 => save,
            2 => (any::<bool>(), any::<bool>(), any::<bool>())
                .prop_map(|(restart, build, save)| Step::Configure { restart, build, save }),
            1 => Just(Step::Restart),
            1 => Just(Step::Pause),
            1 => (0..3).prop_map(Step::ProgramEnds),
        ]
        .boxed()
    };
    prop::collection::vec((gap, step), 1..40)
}

fn times() -> impl Strategy<Value = Times> {
    (1..400_u64, 0..60_u64, 0..300_u64).prop_map(|(build, cancel, stop)| Times { build, cancel, stop })
}

/// Which version of the source: its number, and whether it compiles.
type Content = (u32, bool);

/// A process of the world.
#[derive(Debug, Clone, Copy)]
struct Running {
    instance: Instance,
    content: Content,
    /// The edit of the config it was started after.
    launch: u32,
    stopping: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "a world has many facets")]
struct World {
    session: Session,
    times: Times,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Planned)>>,
    order: u64,
    content: Content,
    /// The last edit of the config that is about starts, and the one that is to be read.
    launch: u32,
    edited: Option<ConfigChange>,
    building: Option<(BuildId, Content)>,
    cancelling: bool,
    live: Option<Content>,
    live_build: Option<BuildId>,
    staged: Option<(BuildId, Content)>,
    processes: Vec<Running>,
    overlap: bool,
    /// Processes say when they are ready, and fail to.
    failing: bool,
    /// Where a rollback leads: what was live before.
    before: Option<Content>,
    /// The live binary was ready once and has not failed to start.
    live_good: bool,
    burst: Option<u64>,
    settled_builds: Vec<BuildId>,
    cancelled_in_a_row: u32,
    most_cancelled_in_a_row: u32,
    started_since_last_save: u32,
    asked: bool,
    exited: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Planned {
    BuildEnds(BuildId),
    Cancelled(BuildId),
    Burst(u64),
    Backoff,
    Stopped(u32),
    Ready(u32),
    ReadyTimeout(u32),
    Settled(u32),
    Dies(u32),
    TakesUpAndDies(u32),
}

impl World {
    fn new(settings: Settings, times: Times) -> Self {
        let mut world = Self {
            session: Session::new(settings),
            times,
            now: 0,
            queue: BinaryHeap::new(),
            order: 0,
            content: (0, true),
            launch: 0,
            edited: None,
            building: None,
            cancelling: false,
            live: None,
            live_build: None,
            staged: None,
            processes: Vec::new(),
            overlap: settings.update == Update::Overlap,
            failing: !settings.ready_at_spawn,
            before: None,
            live_good: false,
            burst: None,
            settled_builds: Vec::new(),
            cancelled_in_a_row: 0,
            most_cancelled_in_a_row: 0,
            started_since_last_save: 0,
            asked: false,
            exited: false,
        };
        world.tell(Event::Started);
        world
    }

    fn plan(&mut self, after: u64, planned: Planned) {
        self.order += 1;
        self.queue.push(Reverse((self.now + after, self.order, planned)));
    }

    fn tell(&mut self, event: Event) {
        let failed = matches!(
            event,
            Event::BuildEnded { outcome: BuildOutcome::Failed(_) | BuildOutcome::Cancelled, .. }
        );
        let effects = self.session.handle(Duration::from_millis(self.now), event);
        if failed && !self.asked {
            for effect in &effects {
                assert!(
                    !matches!(
                        effect,
                        Effect::Publish(_) | Effect::StopProcess { .. } | Effect::StartProcess { .. }
                    ),
                    "L2: a failed or cancelled build led to {effect:?}"
                );
            }
        }
        for effect in effects {
            self.perform(effect);
        }
        self.check_standing();
    }

    /// What is called running is exactly what was saved last, and what failed did not compile or could not run.
    fn check_standing(&self) {
        let standing = self.session.standing(Duration::from_millis(self.now));
        match standing.state {
            State::Running => {
                let running: Vec<Content> = self.processes.iter().map(|process| process.content).collect();
                assert_eq!(running, [self.content], "called running is not the last edit");
                let launch = self.processes[0].launch;
                assert_eq!(launch, self.launch, "what is called running was started by an earlier config");
            }
            State::Exited => assert_eq!(self.live, Some(self.content), "what ran is not the last edit"),
            State::Failed(Trouble::Build(_)) => assert!(!self.content.1, "called failed, but it compiles"),
            _ => {}
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::StartBuild { build, .. } => {
                assert!(self.building.is_none(), "L4: two builds at once");
                assert!(
                    self.settled_builds.iter().all(|earlier| *earlier < build),
                    "a number was used twice"
                );
                self.building = Some((build, self.content));
                self.cancelling = false;
                self.started_since_last_save += 1;
                self.plan(self.times.build, Planned::BuildEnds(build));
            }
            Effect::CancelBuild(build) => {
                assert_eq!(self.building.map(|(current, _)| current), Some(build));
                self.cancelling = true;
                self.plan(self.times.cancel, Planned::Cancelled(build));
            }
            Effect::Publish(build) => {
                let (staged, content) = self.staged.expect("a build that is published succeeded");
                assert_eq!(staged, build, "L2: only the build that just succeeded is published");
                let outcome = if self.live == Some(content) {
                    PublishOutcome::Unchanged { launch_changed: false }
                } else {
                    self.live_build = Some(build);
                    let replaced = self.live.replace(content);
                    if std::mem::take(&mut self.live_good) {
                        self.before = replaced;
                    }
                    PublishOutcome::Published { path: PathBuf::from("/live") }
                };
                self.tell(Event::Published { build, outcome });
            }
            Effect::StartProcess { instance, .. } => {
                let room = if self.overlap { 2 } else { 1 };
                assert!(self.processes.len() < room, "L4: too many processes at once");
                let content = self.live.expect("what is started is live");
                self.processes.push(Running { instance, content, launch: self.launch, stopping: false });
                self.tell(Event::ProcessStarted { instance, pid: 100 + instance.number });
                if self.failing {
                    // Some never become ready, some are ended by their own mistake before.
                    match (content.0 * 7 + instance.number) % 5 {
                        0 => self.plan(self.times.stop + 1, Planned::Dies(instance.number)),
                        1 => {}
                        _ => self.plan(self.times.stop, Planned::Ready(instance.number)),
                    }
                }
            }
            Effect::Reload(instance) => self.reload(instance),
            Effect::StopProcess { instance, .. } => {
                let process = self.process(instance.number).expect("there is something to stop");
                assert!(!std::mem::replace(&mut process.stopping, true), "stopped twice");
                self.plan(self.times.stop, Planned::Stopped(instance.number));
            }
            Effect::KillProcess(instance) => self.plan(0, Planned::Stopped(instance.number)),
            Effect::RollBack { to, .. } => {
                self.live_build = Some(to);
                self.live = self.before.take();
                self.live_good = true;
                assert!(self.live.is_some(), "rolled back to nothing");
                self.tell(Event::RolledBack { error: None });
            }
            Effect::StartTimer(Timer::Ready(instance), after) => {
                self.plan(u64::try_from(after.as_millis()).unwrap(), Planned::ReadyTimeout(instance.number));
            }
            Effect::StartTimer(Timer::Settled(instance), after) => {
                self.plan(u64::try_from(after.as_millis()).unwrap(), Planned::Settled(instance.number));
            }
            Effect::StartTimer(Timer::Burst, after) => {
                self.order += 1;
                self.burst = Some(self.order);
                let id = self.order;
                self.plan(u64::try_from(after.as_millis()).unwrap(), Planned::Burst(id));
            }
            Effect::StartTimer(Timer::Backoff, after) => {
                self.plan(u64::try_from(after.as_millis()).unwrap(), Planned::Backoff);
            }
            Effect::Exit(_) => {
                assert!(self.building.is_none() && self.processes.is_empty(), "L5: left something running");
                self.exited = true;
            }
            Effect::Report(Notice::Ready { build, .. }) if self.live_build == Some(build) => {
                self.live_good = true;
            }
            Effect::Report(Notice::StartFailed { build, proven: false, .. })
                if self.live_build == Some(build) =>
            {
                self.live_good = false;
            }
            Effect::ReadConfig(_) => {
                let change = self.edited.take();
                if let Some(change) = &change {
                    self.launch += u32::from(change.restart);
                    // A restart may be owed to a build that fails.
                    self.asked |= change.restart;
                }
                self.tell(Event::ConfigRead(change));
            }
            Effect::StartTimer(Timer::Slow(_) | Timer::LiveRemoved | Timer::Hangup, _)
            | Effect::CancelTimer(_)
            | Effect::ExtendStop { .. }
            | Effect::Report(_) => {}
        }
    }

    /// A program takes the live binary up, or does not, in one of many ways.
    fn reload(&mut self, told: Instance) {
        let live = self.live.expect("what is taken up is live");
        let way = (live.0 * 7 + told.number) % 6;
        if way > 2 {
            self.process(told.number).expect("who is told runs").content = live;
        }
        match way {
            0 => {
                let reason = NotReloaded::NoHandler;
                self.tell(Event::ReloadFailed { instance: told, reason });
            }
            1 => self.plan(self.times.stop, Planned::Dies(told.number)),
            2 => {}
            3 => self.plan(self.times.stop, Planned::TakesUpAndDies(told.number)),
            _ => self.plan(self.times.stop, Planned::Ready(told.number)),
        }
    }

    fn happen(&mut self, planned: Planned) {
        match planned {
            Planned::BuildEnds(build) => {
                if self.cancelling || self.building.map(|(current, _)| current) != Some(build) {
                    return;
                }
                let (_, content) = self.building.take().unwrap();
                self.settled_builds.push(build);
                self.cancelled_in_a_row = 0;
                let outcome = if content.1 {
                    self.staged = Some((build, content));
                    BuildOutcome::Succeeded(BuildSummary::default())
                } else {
                    BuildOutcome::Failed(BuildSummary::default())
                };
                self.tell(Event::BuildEnded { build, outcome });
            }
            Planned::Cancelled(build) => {
                if self.building.map(|(current, _)| current) != Some(build) {
                    return;
                }
                self.building = None;
                self.settled_builds.push(build);
                self.cancelled_in_a_row += 1;
                self.most_cancelled_in_a_row = self.most_cancelled_in_a_row.max(self.cancelled_in_a_row);
                self.tell(Event::BuildEnded { build, outcome: BuildOutcome::Cancelled });
            }
            Planned::Burst(id) if self.burst == Some(id) => self.tell(Event::TimerFired(Timer::Burst)),
            Planned::Burst(_) => {}
            Planned::Backoff => self.tell(Event::TimerFired(Timer::Backoff)),
            Planned::Stopped(number) => self.program_ends(number, Exit::Signal(15)),
            Planned::Dies(number) => {
                if self.process(number).is_some_and(|process| !process.stopping) {
                    self.program_ends(number, Exit::Code(1));
                }
            }
            Planned::TakesUpAndDies(number) => {
                if self.process(number).is_some_and(|process| !process.stopping) {
                    self.tell(Event::TookUp { instance: instance(number) });
                    self.program_ends(number, Exit::Signal(11));
                }
            }
            Planned::Ready(number) => {
                if self.process(number).is_some() {
                    self.tell(Event::ProcessReady { instance: instance(number) });
                }
            }
            Planned::ReadyTimeout(number) => self.tell(Event::TimerFired(Timer::Ready(instance(number)))),
            Planned::Settled(number) => self.tell(Event::TimerFired(Timer::Settled(instance(number)))),
        }
    }

    fn process(&mut self, number: u32) -> Option<&mut Running> {
        self.processes.iter_mut().find(|process| process.instance.number == number)
    }

    fn program_ends(&mut self, number: u32, exit: Exit) {
        let Some(process) = self.process(number).copied() else { return };
        self.tell(Event::ProcessExited { instance: process.instance, exit });
        self.processes.retain(|other| other.instance != process.instance);
        self.tell(Event::ProcessGone { instance: process.instance });
    }

    /// Lets everything planned up to `until` happen.
    fn run(&mut self, until: u64) {
        while let Some(Reverse((at, ..))) = self.queue.peek().filter(|Reverse((at, ..))| *at <= until) {
            self.now = *at;
            let Reverse((.., planned)) = self.queue.pop().unwrap();
            self.happen(planned);
        }
        self.now = until;
    }

    fn play(&mut self, steps: &[(u64, Step)]) {
        for (gap, step) in steps {
            self.run(self.now + gap);
            match step {
                Step::Save { compiles } => {
                    self.content = (self.content.0 + 1, *compiles);
                    self.started_since_last_save = 0;
                    let change =
                        Change { path: "/src/main.rs".into(), kind: ChangeKind::Source, hidden: false };
                    self.tell(Event::FilesChanged(vec![change]));
                }
                Step::Configure { restart, build, save } => {
                    if *save || *build {
                        // What is built depends on the config as well.
                        self.content.0 += 1;
                        self.started_since_last_save = 0;
                    }
                    let file = |path: &str, kind| Change { path: path.into(), kind, hidden: false };
                    let mut changes = vec![file("/hotrun.toml", ChangeKind::Config)];
                    changes.extend(save.then(|| file("/src/main.rs", ChangeKind::Source)));
                    self.edited = Some(ConfigChange {
                        files: vec!["/hotrun.toml".into()],
                        keys: Vec::new(),
                        settings: self.session.settings,
                        restart: *restart,
                        build: *build,
                        next_start: false,
                    });
                    self.tell(Event::FilesChanged(changes));
                }
                Step::Restart => {
                    self.asked = true;
                    self.tell(Event::Asked(Request::Restart));
                }
                Step::Pause => self.tell(Event::Asked(Request::Pause)),
                Step::ProgramEnds(code) => {
                    if let Some(process) = self.processes.iter().find(|process| !process.stopping) {
                        self.program_ends(process.instance.number, Exit::Code(*code));
                    }
                }
            }
        }
    }

    fn quiet(&mut self) {
        self.run(self.now + 60_000);
    }
}

fn instance(number: u32) -> Instance {
    Instance { service: ServiceId::MAIN, number }
}

fn settings() -> Settings {
    Settings {
        debounce: Duration::from_millis(50),
        update: Update::Restart,
        on_exit: OnExit::Wait,
        stop: StopPlan { signal: 15, timeout: Duration::from_secs(5) },
        ready_at_spawn: true,
        ready_timeout: Duration::from_secs(30),
        rollback: false,
        once: false,
    }
}

proptest! {
    /// L2, L3, L4 under saves alone.
    #[test]
    fn the_last_edit_wins_and_nothing_starves_it(steps in steps(true), times in times()) {
        let mut world = World::new(settings(), times);
        world.play(&steps);
        world.quiet();
        prop_assert!(world.building.is_none(), "a build never ended");
        prop_assert!(world.most_cancelled_in_a_row <= CANCELLATIONS_IN_A_ROW, "L3: starved");
        prop_assert!(world.started_since_last_save <= 2, "more than two builds after the last save");
        let state = world.session.standing(Duration::from_millis(world.now)).state;
        prop_assert!(state.rests() && state.good() == world.content.1, "{:?} in the end", state);
        if world.content.1 {
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
        prop_assert!(world.building.is_none());
        prop_assert!(world.most_cancelled_in_a_row <= CANCELLATIONS_IN_A_ROW);
        for process in &world.processes {
            prop_assert_eq!(process.launch, world.launch, "started by an earlier config");
        }
        if world.content.1 {
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
        for process in &world.processes {
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
        for process in &world.processes {
            prop_assert_eq!(Some(process.content), world.live);
        }
    }

    /// Under `manual` nothing that was saved is called running before somebody asks for it, and all of it runs after.
    #[test]
    fn what_manual_holds_back_runs_when_it_is_asked_for(steps in steps(false), times in times()) {
        let mut world = World::new(Settings { update: Update::Manual, ..settings() }, times);
        world.play(&steps);
        world.quiet();
        world.play(&[(0, Step::Save { compiles: true }), (0, Step::Restart)]);
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
