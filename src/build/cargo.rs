//! Runs cargo: in a process group of its own, its messages read as they come, cancelled by group.
//!
//! One build at a time (L4). The first one may seed the staging target. Everything cargo says reaches the rest of hotrun as
//! [`BuildNews`]; nothing is printed here.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::attempt::{Attempt, attempt, ordered};
use super::error::BuildError;
use super::result::BuildResult;
use super::scripts::Outputs;
use super::seed::{SeedNews, SeedPlan, Seeding};
use crate::messages::{Diagnostic, NamedPaths};
use crate::session::BuildOutcome;
use crate::words::BuildId;

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
}

/// Which of the artifacts is the program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The package's id, as cargo prints it.
    pub package: String,
    /// The target's name.
    pub target: String,
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
    /// cargo itself failed, or a build script.
    CargoError {
        /// Which build.
        build: BuildId,
        /// What.
        diagnostic: Box<Diagnostic>,
    },
    /// A line of cargo's stderr that is no part of an error, without its end. A line that cargo means to overwrite (its progress bar) is `transient`.
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
        /// What its errors named.
        named: NamedPaths,
    },
}

/// Runs one cargo at a time.
#[derive(Debug)]
pub struct Cargo {
    news: mpsc::UnboundedSender<BuildNews>,
    current: Option<(BuildId, oneshot::Sender<()>)>,
    seed: Option<Rc<Seed>>,
    outputs: Rc<Outputs>,
}

/// The seeding of this hotrun, and whether a build has succeeded with it since.
#[derive(Debug)]
struct Seed {
    seeding: Seeding,
    proven: Cell<bool>,
}

impl Cargo {
    /// What happens is sent to `news`.
    pub fn new(news: mpsc::UnboundedSender<BuildNews>) -> Self {
        Self { news, current: None, seed: None, outputs: Rc::default() }
    }

    /// Starts cargo, where the staging target is being seeded so that it waits for that. Must be called within a tokio `LocalSet`.
    pub fn start(&mut self, order: BuildOrder) {
        let (cancel, cancelled) = oneshot::channel();
        self.current = Some((order.build, cancel));
        let seed = self.seed_of(order.seed.as_ref());
        let (news, outputs) = (self.news.clone(), Rc::clone(&self.outputs));
        tokio::task::spawn_local(run(Job { order, cancelled, news, outputs }, seed));
    }

    /// Ends the build's whole process group.
    pub fn cancel(&mut self, build: BuildId) {
        if let Some((_, cancel)) = self.current.take_if(|(current, _)| *current == build) {
            let _ = cancel.send(());
        }
    }

    /// The seeding of the build that is ordered, while no build has succeeded with it.
    fn seed_of(&mut self, plan: Option<&SeedPlan>) -> Option<Rc<Seed>> {
        // A build that was cancelled while it waited for the copy has not stopped it.
        if self.seed.is_none()
            && let Some(plan) = plan
        {
            if plan.is_due() {
                let seeding = Seeding::begin(plan.clone(), self.news.clone());
                self.seed = Some(Rc::new(Seed { seeding, proven: Cell::new(false) }));
            } else {
                plan.tidy();
            }
        }
        self.seed.clone().filter(|seed| !seed.proven.get())
    }
}

/// A run of cargo.
pub(super) struct Job {
    pub(super) order: BuildOrder,
    pub(super) cancelled: oneshot::Receiver<()>,
    pub(super) news: mpsc::UnboundedSender<BuildNews>,
    pub(super) outputs: Rc<Outputs>,
}

async fn run(mut job: Job, seed: Option<Rc<Seed>>) {
    let attempt = match seed {
        None => attempt(&mut job, false).await,
        Some(seed) => attempt_with(&seed, &mut job).await,
    };
    let Attempt { outcome, result, error, named, .. } = attempt;
    let _ = job.news.send(BuildNews::Ended { build: job.order.build, outcome, result, error, named });
}

/// A build with a seed that no build has succeeded with yet: one that cannot load what was copied is tried again without.
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
            if first.unloadable
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
