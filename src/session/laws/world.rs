//! The small world of the laws: a virtual clock plays cargo, the file system, the program and the person.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::super::*;
use crate::words::{Exit, Instance};

/// What the person and the program do, with the time (ms) after the step before.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Save a file; the code compiles or does not.
    Save { compiles: bool },
    /// Save a manifest; cargo can read it or not.
    Manifest { readable: bool },
    /// Save what some earlier save (counted back) held.
    Revert { back: usize },
    /// Edit the config: what the program is started with, what cargo is asked, both or neither; perhaps with a file.
    Configure { restart: bool, build: bool, save: bool },
    /// `r`.
    Restart,
    /// `p`.
    Pause,
    /// The program ends with this code.
    ProgramEnds(i32),
    /// `cargo clean`.
    Clean,
}

#[derive(Debug, Clone)]
pub(super) struct Times {
    read: u64,
    build: u64,
    cancel: u64,
    stop: u64,
}

pub(super) fn steps(only_saves: bool) -> impl Strategy<Value = Vec<(u64, Step)>> {
    let gap = prop_oneof![3 => 0..20_u64, 2 => 20..120_u64, 1 => 100..900_u64];
    let save = prop_oneof![
        4 => prop::bool::weighted(0.7).prop_map(|compiles| Step::Save { compiles }),
        1 => prop::bool::weighted(0.7).prop_map(|readable| Step::Manifest { readable }),
    ];
    let step = if only_saves {
        save.boxed()
    } else {
        prop_oneof![
            6 => save,
            2 => (0..4_usize).prop_map(|back| Step::Revert { back }),
            2 => (any::<bool>(), any::<bool>(), any::<bool>())
                .prop_map(|(restart, build, save)| Step::Configure { restart, build, save }),
            1 => Just(Step::Restart),
            1 => Just(Step::Pause),
            1 => (0..3).prop_map(Step::ProgramEnds),
            1 => Just(Step::Clean),
        ]
        .boxed()
    };
    prop::collection::vec((gap, step), 1..40)
}

pub(super) fn times() -> impl Strategy<Value = Times> {
    (0..300_u64, 1..400_u64, 0..60_u64, 0..300_u64).prop_map(|(read, build, cancel, stop)| Times {
        read,
        build,
        cancel,
        stop,
    })
}

/// What is saved, and what a build is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    /// The version of the sources.
    pub(super) number: u32,
    /// They compile.
    pub(super) compiles: bool,
    /// The version of the manifests; of a build, the one that was read.
    pub(super) project: u32,
    /// cargo can read it.
    pub(super) readable: bool,
}

impl Content {
    const FIRST: Self = Self { number: 0, compiles: true, project: 0, readable: true };

    pub(super) fn is_good(self) -> bool {
        self.compiles && self.readable
    }
}

/// A process of the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) instance: Instance,
    pub(super) content: Content,
    /// The build it runs.
    pub(super) build: Option<BuildId>,
    /// The edit of the config it was started after.
    pub(super) launch: u32,
    pub(super) stopping: bool,
    /// It said that it is ready.
    pub(super) ready: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "a world has many facets")]
pub(super) struct World {
    pub(super) session: Session,
    pub(super) times: Times,
    pub(super) now: u64,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64, Planned)>>,
    pub(super) order: u64,
    pub(super) content: Content,
    /// What was saved so far, and how many different contents there were.
    pub(super) saved: Vec<Content>,
    pub(super) contents: u32,
    /// The last edit of the config that is about starts, and the one that is to be read.
    pub(super) launch: u32,
    pub(super) edited: Option<ConfigChange>,
    /// What was read of the project last, and what is being read for which build.
    pub(super) project: u32,
    pub(super) reading: Option<(BuildId, Content)>,
    pub(super) building: Option<(BuildId, Content)>,
    pub(super) cancelling: bool,
    pub(super) live: Option<Content>,
    pub(super) live_build: Option<BuildId>,
    /// The last build that was published, or the one it was the same as.
    pub(super) newest: Option<BuildId>,
    pub(super) staged: Option<(BuildId, Content)>,
    pub(super) processes: Vec<Running>,
    pub(super) overlap: bool,
    /// Processes say when they are ready.
    pub(super) says: bool,
    /// They may fail to start, the same content in every other way each time.
    pub(super) failing: bool,
    /// The content of the last process that ended by itself, and its code.
    pub(super) end: Option<(Content, Exit)>,
    /// Where a rollback leads: what was live before.
    pub(super) before: Option<Content>,
    /// The same build could not start again beside the process that runs.
    pub(super) not_again: bool,
    /// The live binary was ready once and has not failed to start.
    pub(super) live_good: bool,
    pub(super) burst: Option<u64>,
    /// The live binary was removed, and this timer says when that is over.
    pub(super) cleaned: Option<u64>,
    pub(super) settled_builds: Vec<BuildId>,
    pub(super) cancelled_in_a_row: u32,
    pub(super) most_cancelled_in_a_row: u32,
    pub(super) started_since_last_save: u32,
    pub(super) asked: bool,
    pub(super) exited: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Planned {
    Read(BuildId),
    BuildEnds(BuildId),
    Cancelled(BuildId),
    Burst(u64),
    Backoff,
    Cleaned(u64),
    Stopped(u32),
    Ready(u32),
    ReadyTimeout(u32),
    Settled(u32),
    Dies(u32),
    TakesUpAndDies(u32),
}

impl World {
    pub(super) fn new(settings: Settings, times: Times) -> Self {
        let mut world = Self {
            session: Session::new(settings),
            times,
            now: 0,
            queue: BinaryHeap::new(),
            order: 0,
            content: Content::FIRST,
            saved: vec![Content::FIRST],
            contents: 0,
            launch: 0,
            edited: None,
            project: 0,
            reading: None,
            building: None,
            cancelling: false,
            live: None,
            live_build: None,
            newest: None,
            staged: None,
            processes: Vec::new(),
            overlap: settings.update == Update::Overlap,
            says: !settings.ready_at_spawn,
            failing: !settings.ready_at_spawn,
            end: None,
            before: None,
            not_again: false,
            live_good: false,
            burst: None,
            cleaned: None,
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

    pub(super) fn tell(&mut self, event: Event) {
        let failed = matches!(
            event,
            Event::BuildEnded { outcome: BuildOutcome::Failed(_) | BuildOutcome::Cancelled, .. }
                | Event::ProjectRead { .. }
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
            State::Failed(Trouble::Build(_)) => {
                assert!(!self.content.is_good(), "called failed, but it compiles");
            }
            _ => {}
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::ReadProject(build) => self.start_reading(build),
            Effect::StartBuild { build, .. } => self.start_build(build),
            Effect::CancelBuild(build) => {
                let current = self.building.or(self.reading);
                assert_eq!(current.map(|(current, _)| current), Some(build));
                self.cancelling = true;
                self.plan(self.times.cancel, Planned::Cancelled(build));
            }
            Effect::Publish(build) => {
                let (staged, content) = self.staged.expect("a build that is published succeeded");
                assert_eq!(staged, build, "L2: only the build that just succeeded is published");
                let outcome = if self.live == Some(content) {
                    let launch_changed = self.processes.iter().any(|process| process.launch != self.launch);
                    PublishOutcome::Unchanged { launch_changed }
                } else {
                    self.live_build = Some(build);
                    let replaced = self.live.replace(content);
                    if std::mem::take(&mut self.live_good) {
                        self.before = replaced;
                    }
                    PublishOutcome::Published { path: PathBuf::from("/live") }
                };
                self.newest = self.live_build;
                self.not_again = false;
                self.tell(Event::Published { build, outcome });
            }
            Effect::StartProcess { instance, .. } => self.start(instance),
            Effect::Reload(instance) => self.reload(instance),
            Effect::StopProcess { instance, .. } => {
                let may_start = self.live.is_some() || self.failing || self.session.quitting.is_some();
                assert!(may_start, "stopped with nothing to start instead");
                let process = self.process(instance.number).expect("there is something to stop");
                assert!(!std::mem::replace(&mut process.stopping, true), "stopped twice");
                self.plan(self.times.stop, Planned::Stopped(instance.number));
            }
            Effect::KillProcess(instance) => self.plan(0, Planned::Stopped(instance.number)),
            Effect::RollBack { to, .. } => {
                let before = self.before.take();
                assert!(before.is_some() || self.cleaned.is_some(), "rolled back to nothing");
                let error = before.is_none().then(|| "it is gone".to_owned());
                if before.is_some() {
                    self.live = before;
                    self.live_build = Some(to);
                    self.live_good = true;
                }
                self.tell(Event::RolledBack { error });
            }
            Effect::StartTimer(timer, after) => self.start_timer(timer, after),
            Effect::Exit(_) => {
                let idle = self.building.is_none() && self.reading.is_none();
                assert!(idle && self.processes.is_empty(), "L5: left something running");
                self.exited = true;
            }
            Effect::Keep(build) => {
                assert_eq!(self.live_build, Some(build), "kept is not what is live");
                self.live_good = true;
            }
            Effect::Condemn(build) => {
                assert_eq!(self.live_build, Some(build), "condemned is not what is live");
                self.live_good = false;
            }
            Effect::Report(Notice::Ready { build, .. }) if self.live_build == Some(build) => {
                self.not_again = false;
            }
            Effect::Report(Notice::StartFailed {
                proven: true, instead: Instead::StillRunning(_), ..
            }) => {
                self.not_again = true;
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
            Effect::CancelTimer(_) | Effect::ExtendStop { .. } | Effect::Report(_) => {}
        }
    }

    fn start_timer(&mut self, timer: Timer, after: Duration) {
        self.order += 1;
        let id = self.order;
        let planned = match timer {
            Timer::Ready(instance) => Planned::ReadyTimeout(instance.number),
            Timer::Settled(instance) => Planned::Settled(instance.number),
            Timer::Burst => {
                self.burst = Some(id);
                Planned::Burst(id)
            }
            Timer::LiveRemoved => {
                self.cleaned = Some(id);
                Planned::Cleaned(id)
            }
            Timer::Backoff => Planned::Backoff,
            Timer::Slow(_) | Timer::Hangup => return,
        };
        self.plan(u64::try_from(after.as_millis()).unwrap(), planned);
    }

    fn start(&mut self, instance: Instance) {
        let room = if self.overlap { 2 } else { 1 };
        assert!(self.processes.len() < room, "L4: too many processes at once");
        let Some(content) = self.live else {
            assert!(self.cleaned.is_some(), "what is started is live");
            return self.tell(Event::SpawnFailed { instance, error: "it is gone".to_owned() });
        };
        let (build, launch) = (self.live_build, self.launch);
        let process = Running { instance, content, build, launch, stopping: false, ready: false };
        self.processes.push(process);
        self.end = None;
        self.tell(Event::ProcessStarted { instance, pid: 100 + instance.number });
        if self.failing {
            // Some never become ready, some are ended by their own mistake before.
            match (content.number * 7 + instance.number) % 5 {
                0 => self.plan(self.times.stop + 1, Planned::Dies(instance.number)),
                1 => {}
                _ if self.says => self.plan(self.times.stop, Planned::Ready(instance.number)),
                _ => {}
            }
        }
    }

    fn start_reading(&mut self, build: BuildId) {
        assert!(self.building.is_none() && self.reading.is_none(), "L4: read beside a build");
        self.reading = Some((build, self.content));
        self.cancelling = false;
        self.plan(self.times.read, Planned::Read(build));
    }

    fn start_build(&mut self, build: BuildId) {
        assert!(self.building.is_none() && self.reading.is_none(), "L4: two builds at once");
        assert!(self.settled_builds.iter().all(|earlier| *earlier < build), "a number was used twice");
        self.building = Some((build, Content { project: self.project, ..self.content }));
        self.cancelling = false;
        self.started_since_last_save += 1;
        self.plan(self.times.build, Planned::BuildEnds(build));
    }

    /// A program takes the live binary up, or does not, in one of many ways.
    fn reload(&mut self, told: Instance) {
        let live = self.live.expect("what is taken up is live");
        let way = (live.number * 7 + told.number) % 6;
        if way > 2 {
            let build = self.live_build;
            let process = self.process(told.number).expect("who is told runs");
            (process.content, process.build, process.ready) = (live, build, false);
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
            Planned::Read(build) => {
                if self.cancelling || self.reading.map(|(current, _)| current) != Some(build) {
                    return;
                }
                let (_, content) = self.reading.take().unwrap();
                let outcome = if content.readable {
                    self.project = content.project;
                    ReadOutcome::Read
                } else {
                    self.settled_builds.push(build);
                    self.cancelled_in_a_row = 0;
                    self.started_since_last_save += 1;
                    ReadOutcome::Failed(BuildSummary::default())
                };
                self.tell(Event::ProjectRead { build, outcome });
            }
            Planned::BuildEnds(build) => {
                if self.cancelling || self.building.map(|(current, _)| current) != Some(build) {
                    return;
                }
                let (_, content) = self.building.take().unwrap();
                self.settled_builds.push(build);
                self.cancelled_in_a_row = 0;
                let outcome = if content.is_good() {
                    self.staged = Some((build, content));
                    BuildOutcome::Succeeded(BuildSummary::default())
                } else {
                    BuildOutcome::Failed(BuildSummary::default())
                };
                self.tell(Event::BuildEnded { build, outcome });
            }
            Planned::Cancelled(build) if self.reading.is_some_and(|(current, _)| current == build) => {
                self.reading = None;
                self.cancelled_in_a_row += 1;
                self.most_cancelled_in_a_row = self.most_cancelled_in_a_row.max(self.cancelled_in_a_row);
                self.tell(Event::ProjectRead { build, outcome: ReadOutcome::Cancelled });
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
            Planned::Backoff => self.tell(Event::TimerFired(Timer::Backoff)),
            Planned::Cleaned(id) if self.cleaned == Some(id) => {
                self.tell(Event::TimerFired(Timer::LiveRemoved));
            }
            Planned::Burst(_) | Planned::Cleaned(_) => {}
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
                if let Some(process) = self.process(number) {
                    process.ready = true;
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

    pub(super) fn program_ends(&mut self, number: u32, exit: Exit) {
        let Some(process) = self.process(number).copied() else { return };
        if !process.stopping {
            self.end = Some((process.content, exit));
        }
        self.tell(Event::ProcessExited { instance: process.instance, exit });
        self.processes.retain(|other| other.instance != process.instance);
        self.tell(Event::ProcessGone { instance: process.instance });
    }

    /// Lets everything planned up to `until` happen.
    pub(super) fn run(&mut self, until: u64) {
        while let Some(Reverse((at, ..))) = self.queue.peek().filter(|Reverse((at, ..))| *at <= until) {
            self.now = *at;
            let Reverse((.., planned)) = self.queue.pop().unwrap();
            self.happen(planned);
        }
        self.now = until;
    }

    pub(super) fn quiet(&mut self) {
        self.run(self.now + 60_000);
    }

    /// Whether what was saved last runs, ready where that was declared, or ran to its end.
    pub(super) fn good(&self) -> bool {
        let settings = self.session.settings;
        match self.processes.as_slice() {
            _ if self.not_again => false,
            [] => self.end == Some((self.content, Exit::Code(0))),
            [process] => {
                process.content == self.content
                    && process.build == self.newest
                    && process.launch == self.launch
                    && (process.ready || !settings.ready_declared)
            }
            _ => false,
        }
    }
}

fn instance(number: u32) -> Instance {
    Instance { service: ServiceId::MAIN, number }
}

pub(super) fn settings() -> Settings {
    Settings {
        debounce: Duration::from_millis(50),
        update: Update::Restart,
        on_exit: OnExit::Wait,
        stop: StopPlan { signal: 15, timeout: Duration::from_secs(5) },
        ready_at_spawn: true,
        ready_declared: false,
        ready_timeout: Duration::from_secs(30),
        rollback: false,
        once: false,
    }
}
