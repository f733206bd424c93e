//! Runs cargo: in a process group of its own, its messages read as they come, cancelled by group.
//!
//! One build at a time (L4). Before the first one the staging target may be seeded, and beside that cargo may run before it is
//! known for certain what it is to build. Everything cargo says reaches the rest of hotrun as [`BuildNews`]; nothing is
//! printed here.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use cargo_metadata::BuildScript;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::attempt::{Attempt, attempt, ordered};
use super::error::BuildError;
use super::seed::{SeedNews, SeedPlan, Seeding};
use crate::messages::Diagnostic;
use crate::session::BuildOutcome;
use crate::words::BuildId;

/// How far the clock of files may be behind: one tick of the kernel's is at most 10 ms.
const FILE_CLOCK: Duration = Duration::from_millis(20);

/// One run of cargo.
#[derive(Debug, Clone)]
pub struct BuildOrder {
    /// Its number.
    pub build: BuildId,
    /// cargo and its arguments.
    pub command: Vec<OsString>,
    /// The complete environment.
    pub env: BTreeMap<OsString, OsString>,
    /// The folder to run it in.
    pub cwd: PathBuf,
    /// What is being built.
    pub program: Program,
    /// What the staging target may begin as.
    pub seed: Option<SeedPlan>,
    /// What cargo reads before it looks at what is built: manifests, configuration, and the folders in which it finds programs.
    pub read_first: Vec<PathBuf>,
}

impl BuildOrder {
    /// Whether cargo would do the same for both, before anybody looks at what it has built.
    fn runs_as(&self, other: &Self) -> bool {
        (&self.command, &self.env, &self.cwd, &self.seed)
            == (&other.command, &other.env, &other.cwd, &other.seed)
    }
}

/// Which of the artifacts is the program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The package's id, as cargo prints it.
    pub package: String,
    /// The target's name.
    pub target: String,
}

/// What a build gave, known when it has succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BuildResult {
    /// The program.
    pub executable: PathBuf,
    /// What every build script of the build printed, now or when it last ran.
    pub scripts: Vec<BuildScript>,
}

/// What comes out of a build.
#[derive(Debug)]
pub enum BuildNews {
    /// cargo runs.
    Spawned {
        /// Which build.
        build: BuildId,
        /// cargo's pid, and the id of its process group.
        pid: u32,
    },
    /// A build script is done, now or in an earlier build.
    ScriptRan {
        /// Which build.
        build: BuildId,
        /// cargo's ID of its package.
        package: String,
        /// Its `OUT_DIR`.
        out_dir: PathBuf,
    },
    /// cargo has read the manifests, written `Cargo.lock` where it had to, and begun with the units.
    Resolved {
        /// Which build.
        build: BuildId,
    },
    /// The compiler said something.
    Diagnostic {
        /// Which build.
        build: BuildId,
        /// What.
        diagnostic: Box<Diagnostic>,
    },
    /// A line of cargo's stderr, without its end. A line that cargo means to overwrite (its progress bar) is `transient`.
    Line {
        /// Which build.
        build: BuildId,
        /// The line, colours and all.
        text: String,
        /// It ends with a carriage return.
        transient: bool,
    },
    /// cargo's process group was stopped by this signal: SIGTTIN or SIGTTOU where something it runs asks for the terminal.
    Stopped {
        /// Which build.
        build: BuildId,
        /// By which signal.
        signal: i32,
    },
    /// A cargo that was started for an order that nobody gave has ended, with its process group.
    Withdrawn {
        /// Its pid.
        pid: u32,
    },
    /// The staging target begins as a copy, or does not.
    Seed(SeedNews),
    /// Somebody else removed the live binary.
    LiveRemoved,
    /// cargo and its process group have ended.
    Ended {
        /// Which build.
        build: BuildId,
        /// How.
        outcome: BuildOutcome,
        /// What it gave, where it succeeded.
        result: Option<BuildResult>,
        /// What went wrong where the compiler found no fault.
        error: Option<BuildError>,
    },
}

/// Runs one cargo at a time.
#[derive(Debug)]
pub struct Cargo {
    news: mpsc::UnboundedSender<BuildNews>,
    current: Option<(BuildId, oneshot::Sender<()>)>,
    /// A run of cargo that was begun before the first build was ordered.
    early: Option<Early>,
    /// The same of a seeding.
    early_seed: Option<Rc<Seed>>,
    seed: Rc<RefCell<Option<Rc<Seed>>>>,
}

/// The seeding of this hotrun, and whether a build has succeeded with it since.
#[derive(Debug)]
struct Seed {
    seeding: Seeding,
    proven: Cell<bool>,
}

/// A run of cargo for an order that is foreseen.
#[derive(Debug)]
struct Early {
    order: BuildOrder,
    since: SystemTime,
    seed: Rc<Seed>,
    give: oneshot::Sender<BuildOrder>,
    cancel: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Early {
    /// Whether all that cargo has read so far holds for `order`: it reads no source before the copy is in its place, which is
    /// not before that is confirmed.
    fn serves(&self, order: &BuildOrder) -> bool {
        let unchanged = |path: &PathBuf| unchanged_since(path, self.since);
        self.order.runs_as(order)
            && self.seed.seeding.keeps_waiting()
            && order.read_first.iter().all(unchanged)
    }

    /// Ends it, with its whole group.
    async fn withdraw(self) {
        drop(self.give);
        let _ = self.cancel.send(());
        let _ = self.task.await;
    }
}

impl Cargo {
    /// What happens is sent to `news`.
    pub fn new(news: mpsc::UnboundedSender<BuildNews>) -> Self {
        Self { news, current: None, early: None, early_seed: None, seed: Rc::default() }
    }

    /// Where news of builds goes.
    pub fn news(&self) -> mpsc::UnboundedSender<BuildNews> {
        self.news.clone()
    }

    /// Begins to seed the staging target for the first build, and to run cargo for it as far as that goes before the copy is
    /// in its place. Nothing is told of it before it is ordered, and where another order comes first it is ended. Must be
    /// called within a tokio `LocalSet`.
    pub fn prepare(&mut self, plan: SeedPlan, order: Option<BuildOrder>) {
        if !plan.is_due() {
            return;
        }
        let seed = Rc::new(Seed::begin(plan, self.news.clone()));
        self.early = order.map(|order| {
            let since = SystemTime::now();
            let (give, given) = oneshot::channel();
            let (cancel, cancelled) = oneshot::channel();
            let job = Job { order: order.clone(), given: Some(given), cancelled, news: self.news.clone() };
            let task = tokio::task::spawn_local(run(job, Some(Rc::clone(&seed))));
            Early { order, since, seed: Rc::clone(&seed), give, cancel, task }
        });
        self.early_seed = Some(seed);
    }

    /// Ends what was begun and not ordered.
    pub async fn withdraw(&mut self) {
        if let Some(early) = self.early.take() {
            early.withdraw().await;
        }
    }

    /// Starts cargo, where the staging target is being seeded so that it waits for that. Must be called within a tokio `LocalSet`.
    pub fn start(&mut self, order: BuildOrder) {
        let (slot, early_seed, news) = (Rc::clone(&self.seed), self.early_seed.take(), self.news.clone());
        if let Some(early) = self.early.take_if(|early| early.serves(&order)) {
            seed_of(&slot, early_seed, order.seed.as_ref(), &news);
            self.current = Some((order.build, early.cancel));
            // It waits for this until it is cancelled.
            let _ = early.give.send(order);
            return;
        }
        let (early, (cancel, cancelled)) = (self.early.take(), oneshot::channel());
        self.current = Some((order.build, cancel));
        tokio::task::spawn_local(async move {
            if let Some(early) = early {
                early.withdraw().await;
            }
            let seed = seed_of(&slot, early_seed, order.seed.as_ref(), &news);
            run(Job { order, given: None, cancelled, news }, seed).await;
        });
    }

    /// Ends the build's whole process group.
    pub fn cancel(&mut self, build: BuildId) {
        if let Some((_, cancel)) = self.current.take_if(|(current, _)| *current == build) {
            let _ = cancel.send(());
        }
    }
}

impl Seed {
    fn begin(plan: SeedPlan, news: mpsc::UnboundedSender<BuildNews>) -> Self {
        Self { seeding: Seeding::begin(plan, news), proven: Cell::new(false) }
    }
}

/// Whether what is at `path`, if anything, was certainly not changed since this moment.
fn unchanged_since(path: &Path, moment: SystemTime) -> bool {
    let changed = |found: Metadata| {
        let since_epoch = Duration::new(found.ctime().try_into().ok()?, found.ctime_nsec().try_into().ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since_epoch + FILE_CLOCK)
    };
    path.metadata().map_or(true, |found| changed(found).is_some_and(|changed| changed < moment))
}

/// The seeding of the build that is ordered, while no build has succeeded with it.
fn seed_of(
    slot: &RefCell<Option<Rc<Seed>>>,
    early: Option<Rc<Seed>>,
    plan: Option<&SeedPlan>,
    news: &mpsc::UnboundedSender<BuildNews>,
) -> Option<Rc<Seed>> {
    let mut slot = slot.borrow_mut();
    // A build that was cancelled while it waited for the copy has not stopped it.
    if slot.is_none() {
        // One that is dropped is gone, with what it has written, before another begins.
        let early = early.filter(|early| Some(early.seeding.plan()) == plan);
        let begin = || {
            let plan = plan?;
            if !plan.is_due() {
                plan.tidy();
                return None;
            }
            Some(Rc::new(Seed::begin(plan.clone(), news.clone())))
        };
        *slot = early.or_else(begin);
        if let Some(seed) = &*slot {
            seed.seeding.confirm();
        }
    }
    slot.clone().filter(|seed| !seed.proven.get())
}

/// A run of cargo, and who may have something to say to it.
pub(super) struct Job {
    pub(super) order: BuildOrder,
    /// The order itself, where this run was begun for one that was foreseen.
    given: Option<oneshot::Receiver<BuildOrder>>,
    pub(super) cancelled: oneshot::Receiver<()>,
    pub(super) news: mpsc::UnboundedSender<BuildNews>,
}

impl Job {
    /// Waits until what was foreseen is ordered; says no where it is cancelled first.
    pub(super) async fn is_ordered(&mut self) -> bool {
        let Some(given) = &mut self.given else { return true };
        tokio::select! {
            biased;
            () = ordered(&mut self.cancelled) => false,
            Ok(order) = given => {
                self.order = order;
                self.given = None;
                true
            }
        }
    }
}

async fn run(mut job: Job, seed: Option<Rc<Seed>>) {
    let attempt = match seed {
        None => attempt(&mut job, false).await,
        Some(seed) => attempt_with(&seed, &mut job).await,
    };
    if let Some(mut given) = job.given.take() {
        // Cancelled before it was heard of: whoever ordered it waits for its end all the same.
        let Ok(order) = given.try_recv() else { return };
        job.order = order;
    }
    let Attempt { outcome, result, error, .. } = attempt;
    let _ = job.news.send(BuildNews::Ended { build: job.order.build, outcome, result, error });
}

/// A build with a seed that no build has succeeded with yet: one that fails oddly is tried again without.
async fn attempt_with(seed: &Seed, job: &mut Job) -> Attempt {
    tokio::select! {
        biased;
        () = ordered(&mut job.cancelled) => return Attempt::without_result(BuildOutcome::Cancelled, None),
        () = seed.seeding.ready() => {}
    }
    let first = attempt(job, seed.seeding.ended().is_none()).await;
    match seed.seeding.ended() {
        // It was cancelled, or failed before it came to what is built.
        None => {}
        Some(seeded) if !seeded || matches!(first.outcome, BuildOutcome::Succeeded(_)) => {
            seed.proven.set(true);
        }
        Some(_) => {
            if first.odd
                && let Some(from) = seed.seeding.discard()
            {
                seed.proven.set(true);
                let _ = job.news.send(BuildNews::Seed(SeedNews::Discarded { from }));
                return attempt(job, false).await;
            }
        }
    }
    first
}
