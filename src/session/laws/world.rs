//! The small world of the laws: a virtual clock plays cargo, the file system, the programs and the person. Two services run
//! an artifact each; a third artifact is built and published, and nobody runs it. In other worlds ([`order`](super::order))
//! services come after others, and run commands.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::super::*;
use crate::config::{OnExit, Update};
use crate::words::{Exit, Instance, StopPlan};

/// How long things take, in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Times {
    pub(super) read: u64,
    pub(super) build: u64,
    pub(super) cancel: u64,
    pub(super) stop: u64,
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
    pub(super) const FIRST: Self = Self { number: 0, compiles: true, project: 0, readable: true };

    pub(super) fn is_good(self) -> bool {
        self.compiles && self.readable
    }
}

/// An artifact: what is saved of it, and what is published.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) content: Content,
    /// What was saved so far.
    pub(super) saved: Vec<Content>,
    pub(super) live: Option<(BuildId, Content)>,
    /// The live binary was removed, and was so at any time.
    pub(super) gone: bool,
    pub(super) cleaned: bool,
    /// The last build that was published, or the one it was the same as.
    pub(super) newest: Option<BuildId>,
    /// Where a rollback leads: what was live before.
    pub(super) before: Option<Content>,
    /// The live binary was ready once and has not failed to start.
    pub(super) live_good: bool,
}

impl Made {
    fn live_content(&self) -> Option<Content> {
        self.live.filter(|_| !self.gone).map(|(_, content)| content)
    }
}

/// A process of the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    pub(super) instance: Instance,
    pub(super) content: Content,
    /// The build it runs.
    pub(super) build: BuildId,
    /// What it was started with: the version of its settings, and of the files it reads.
    pub(super) launch: u32,
    pub(super) data: u32,
    pub(super) stopping: bool,
    /// It said that it is ready.
    pub(super) ready: bool,
    /// The session counts it as ready.
    pub(super) counted: bool,
}

/// A service and its processes.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) settings: Settings,
    pub(super) processes: Vec<Running>,
    /// The last version of what it is started with, and of the files it reads (`watch.paths`).
    pub(super) launch: u32,
    pub(super) data: u32,
    /// The content of the last process that ended by itself, the version of the files it read, and its code.
    pub(super) end: Option<(Content, u32, Exit)>,
    /// It is to run: it starts with hotrun, was asked for or is needed, and nobody has stopped it.
    pub(super) up: bool,
    /// It has not been started since hotrun began or somebody stopped it.
    pub(super) first: bool,
    /// What it is to do succeeds (a task).
    pub(super) works: bool,
    /// The same build could not start again beside the process that runs.
    pub(super) not_again: bool,
}

/// What happens by itself, later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Planned {
    Read(BuildId),
    BuildEnds(BuildId),
    Cancelled(BuildId),
    WarmedUp,
    Fires(Timer, u64),
    Stopped(Instance),
    Ready(Instance),
    Dies(Instance),
    TaskEnds(Instance),
    TakesUpAndDies(Instance),
}

pub(super) struct World {
    pub(super) session: Session,
    pub(super) times: Times,
    pub(super) now: u64,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64, Planned)>>,
    pub(super) order: u64,
    pub(super) timers: BTreeMap<Timer, u64>,
    pub(super) made: BTreeMap<ArtifactId, Made>,
    pub(super) hosts: BTreeMap<ServiceId, Host>,
    pub(super) cargo: Cargo,
    /// The edit of the config that is to be read.
    pub(super) edited: Option<ConfigChange>,
    /// Processes may fail to start, the same content in every other way each time.
    pub(super) failing: bool,
    pub(super) tally: Tally,
    pub(super) exited: bool,
    /// What came of effects and is told when all of them are performed.
    pub(super) answers: VecDeque<Event>,
}

/// cargo, and what it is asked.
#[derive(Debug, Default)]
pub(super) struct Cargo {
    /// How many different contents there were.
    pub(super) contents: u32,
    /// What was read of the project last, and what is being read for which build.
    pub(super) project: u32,
    pub(super) reading: Option<(BuildId, Content)>,
    pub(super) building: Option<(BuildId, BTreeMap<ArtifactId, Content>)>,
    pub(super) cancelling: bool,
    /// A warm-up runs.
    pub(super) warming: bool,
    pub(super) staged: Option<(BuildId, BTreeMap<ArtifactId, Content>)>,
    /// There is no room to publish anything.
    pub(super) full: bool,
}

/// What is counted for the laws.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) warm_ups: u32,
    pub(super) settled_builds: Vec<BuildId>,
    pub(super) cancelled_in_a_row: u32,
    pub(super) most_cancelled_in_a_row: u32,
    pub(super) started_since_last_save: u32,
    /// A restart was asked for, by somebody or by an edit.
    pub(super) asked: bool,
}

impl World {
    pub(super) fn new(settings: Settings, times: Times) -> Self {
        Self::of(setup([settings.clone(), settings]), times)
    }

    pub(super) fn of(setup: Setup, times: Times) -> Self {
        let made = Made {
            content: Content::FIRST,
            saved: vec![Content::FIRST],
            live: None,
            gone: false,
            cleaned: false,
            newest: None,
            before: None,
            live_good: false,
        };
        let host = |settings: &Settings| Host {
            settings: settings.clone(),
            processes: Vec::new(),
            launch: 0,
            data: 0,
            end: None,
            up: settings.autostart,
            first: true,
            works: true,
            not_again: false,
        };
        let mut world = Self {
            times,
            now: 0,
            queue: BinaryHeap::new(),
            order: 0,
            timers: BTreeMap::new(),
            made: setup.artifacts.iter().map(|artifact| (*artifact, made.clone())).collect(),
            hosts: setup.services.iter().map(|(id, settings)| (*id, host(settings))).collect(),
            cargo: Cargo::default(),
            edited: None,
            failing: setup.services.values().any(|settings| !settings.ready_at_spawn),
            session: Session::new(setup),
            tally: Tally::default(),
            exited: false,
            answers: VecDeque::new(),
        };
        let up = world.hosts.iter().filter(|(_, host)| host.up).map(|(id, _)| *id);
        world.need(&up.collect());
        world.tell(Event::Started);
        world
    }

    pub(super) fn plan(&mut self, after: u64, planned: Planned) {
        self.order += 1;
        self.queue.push(Reverse((self.now + after, self.order, planned)));
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.answers.push_back(event);
        while let Some(event) = self.answers.pop_front() {
            self.handle(event);
        }
        self.check_standing();
    }

    fn handle(&mut self, event: Event) {
        let made = match &event {
            Event::BuildEnded { outcome: BuildOutcome::Failed { made, .. }, .. } => Some(made.clone()),
            Event::BuildEnded { outcome: BuildOutcome::Cancelled, .. } | Event::ProjectRead { .. } => {
                Some(BTreeSet::new())
            }
            _ => None,
        };
        let effects = self.session.handle(Duration::from_millis(self.now), event);
        if let Some(made) = made
            && !self.tally.asked
        {
            let found = effects.iter().find(|effect| match effect {
                Effect::Publish { artifact, .. } => !made.contains(artifact),
                effect => matches!(effect, Effect::StopProcess { .. } | Effect::StartProcess { .. }),
            });
            assert!(found.is_none(), "L2: what a build did not build led to {found:?}");
        }
        for effect in effects {
            self.perform(effect);
        }
    }

    pub(super) fn standing(&self) -> Standing {
        self.session.standing(Duration::from_millis(self.now))
    }

    /// What is called running is exactly what was saved last, and what failed did not compile or could not run.
    fn check_standing(&self) {
        let standing = self.standing();
        for (id, service) in &standing.services {
            let host = &self.hosts[id];
            let saved = self.saved_for(host);
            match service.state {
                State::Running => {
                    let running: Vec<Content> =
                        host.processes.iter().map(|process| process.content).collect();
                    assert_eq!(running, [saved], "called running is not the last edit");
                    let (launch, data) = (host.processes[0].launch, host.processes[0].data);
                    assert_eq!(
                        (launch, data),
                        (host.launch, host.data),
                        "called running, with what was before"
                    );
                }
                State::Exited => {
                    let made = host.settings.runs.map(|artifact| &self.made[&artifact]);
                    let live = made.and_then(|made| made.live).map(|(_, content)| content);
                    assert!(made.is_none() || live == Some(saved), "what ran is not the last edit");
                }
                State::Failed(Trouble::Build(_)) => {
                    assert!(!saved.is_good(), "called failed, but it compiles");
                }
                State::Stopped => {
                    assert!(!host.up && host.processes.is_empty(), "called stopped, but it runs");
                }
                State::Waiting => {
                    assert!(host.up && host.processes.is_empty() && host.first, "it waits for nothing");
                }
                _ => {}
            }
        }
        if let State::Failed(Trouble::Build(_)) = standing.state {
            assert!(!self.compiles(), "called failed, but it compiles");
        }
    }

    /// Whether everything that compiles is published and runs, whatever else fails.
    pub(super) fn good_runs(&self) -> bool {
        let live = |made: &Made| !made.content.is_good() || made.live_content() == Some(made.content);
        let runs = |host: &Host| !self.saved_for(host).is_good() || self.runs_well(host);
        self.made.values().all(live) && self.hosts.values().all(runs)
    }

    /// Whether everything that is saved compiles.
    pub(super) fn compiles(&self) -> bool {
        self.made.values().all(|made| made.content.is_good())
    }

    /// Whether everything that was saved is published.
    pub(super) fn all_live(&self) -> bool {
        self.made.values().all(|made| made.live_content() == Some(made.content))
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

    /// Lets everything come to its end, with edits followed.
    pub(super) fn come_to_rest(&mut self) {
        if self.session.builds.paused() {
            self.tell(Event::Asked(Request::Pause));
        }
        self.run(self.now + 300_000);
    }

    /// Whether what was saved last is live and runs, ready where that was declared, or ran to its end.
    pub(super) fn good(&self) -> bool {
        self.all_live() && self.hosts.values().all(|host| self.runs_well(host))
    }

    fn runs_well(&self, host: &Host) -> bool {
        let saved = self.saved_for(host);
        let newest = |build| host.settings.runs.is_none_or(|runs| self.made[&runs].newest == Some(build));
        let task = host.settings.task;
        match host.processes.as_slice() {
            processes if !host.up => processes.is_empty(),
            _ if host.not_again => false,
            [] => host.end.is_some_and(|(content, data, exit)| {
                content == saved && exit.success() && (!task || data == host.data)
            }),
            [_] if task => false,
            [process] => {
                process.content == saved
                    && newest(process.build)
                    && (process.launch, process.data) == (host.launch, host.data)
                    && (process.ready || !host.settings.ready_declared)
            }
            _ => false,
        }
    }

    pub(super) fn host(&mut self, id: ServiceId) -> &mut Host {
        self.hosts.get_mut(&id).expect("a service of this world")
    }

    pub(super) fn made(&mut self, id: ArtifactId) -> &mut Made {
        self.made.get_mut(&id).expect("an artifact of this world")
    }

    /// What this service runs, unless it runs a command.
    pub(super) fn made_for(&mut self, id: ServiceId) -> Option<&mut Made> {
        let runs = self.hosts[&id].settings.runs?;
        Some(self.made(runs))
    }

    /// What was saved last of what this service runs. A command is always the same.
    pub(super) fn saved_for(&self, host: &Host) -> Content {
        host.settings.runs.map_or(Content::FIRST, |artifact| self.made[&artifact].content)
    }

    pub(super) fn process(&mut self, instance: Instance) -> Option<&mut Running> {
        self.host(instance.service).processes.iter_mut().find(|process| process.instance == instance)
    }

    pub(super) fn program_ends(&mut self, instance: Instance, exit: Exit) {
        let Some(process) = self.process(instance).copied() else { return };
        if !process.stopping {
            self.host(instance.service).end = Some((process.content, process.data, exit));
        }
        self.tell(Event::ProcessExited { instance, exit });
        self.host(instance.service).processes.retain(|other| other.instance != instance);
        self.tell(Event::ProcessGone { instance });
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        runs: Some(ArtifactId::MAIN),
        task: false,
        autostart: true,
        after: BTreeSet::new(),
        restart_with: BTreeSet::new(),
        update: Update::Restart,
        on_exit: OnExit::Wait,
        stop: StopPlan { signal: 15, timeout: Duration::from_secs(5) },
        ready_at_spawn: true,
        ready_declared: false,
        ready_timeout: Duration::from_secs(30),
        rollback: false,
    }
}

/// Two services with these settings, and an artifact more than they run.
pub(super) fn setup(settings: [Settings; 2]) -> Setup {
    let service = |(id, settings)| (ServiceId(id), Settings { runs: Some(ArtifactId(id)), ..settings });
    Setup {
        debounce: Duration::from_millis(50),
        once: false,
        together: false,
        artifacts: (0..3).map(ArtifactId).collect(),
        services: (0..).zip(settings).map(service).collect(),
    }
}
