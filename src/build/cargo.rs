//! Runs cargo in a process group of its own, one build at a time (L4), and reports its output as
//! [`BuildNews`].
//!
//! The first build may wait for the seeding of the staging target.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::attempt::{CargoRun, cancelled_by_order};
use super::groups::build_groups;
use super::news::BuildNews;
use super::order::{BuildOrder, Job};
use super::scripts::Outputs;
use super::seed::{self, SeedNews, SeedPlan, Seeding, WarmUpOrder};
use crate::session::BuildOutcome;
use crate::words::BuildId;

/// Runs one cargo at a time.
#[derive(Debug)]
pub struct Cargo {
    news: mpsc::UnboundedSender<BuildNews>,
    current: Option<(BuildId, oneshot::Sender<()>)>,
    /// Dropping it cancels nothing.
    warm_up: Option<oneshot::Sender<()>>,
    seed: Option<Rc<Seed>>,
    outputs: Rc<Outputs>,
}

/// The seeding by this hotrun, and whether a build has succeeded with it.
#[derive(Debug)]
struct Seed {
    seeding: Seeding,
    proven: Cell<bool>,
}

impl Cargo {
    pub fn new(news: mpsc::UnboundedSender<BuildNews>) -> Self {
        Self { news, current: None, warm_up: None, seed: None, outputs: Rc::default() }
    }

    /// Starts cargo. Must be called within a tokio `LocalSet`.
    pub fn start(&mut self, order: BuildOrder) {
        let (cancel, cancelled) = oneshot::channel();
        self.current = Some((order.build, cancel));
        if let Some(plan) = &order.seed {
            seed::make_room(plan);
        }
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

    /// Starts a warm-up. Returns whether there is anything to warm up; its end is reported.
    pub fn warm_up(&mut self, order: WarmUpOrder) -> bool {
        let due = seed::is_due(&order);
        if due {
            let (cancel, cancelled) = oneshot::channel();
            self.warm_up = Some(cancel);
            tokio::task::spawn_local(seed::warm_up(order, cancelled, self.news.clone()));
        }
        due
    }

    pub fn cancel_warm_up(&mut self) {
        if let Some(cancel) = self.warm_up.take() {
            let _ = cancel.send(());
        }
    }

    /// Returns the seeding for a build, as long as no build has succeeded with it.
    fn seed_of(&mut self, plan: Option<&SeedPlan>) -> Option<Rc<Seed>> {
        // A build cancelled while it waited for the copy did not stop the copy.
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

async fn run(mut job: Job, seed: Option<Rc<Seed>>) {
    let run = match seed {
        None => build_groups(&mut job, false).await,
        Some(seed) => run_seeded(&seed, &mut job).await,
    };
    let CargoRun { outcome, results, error, named, .. } = run;
    let _ = job.news.send(BuildNews::Ended { build: job.order.build, outcome, results, error, named });
}

/// Builds with a seed not yet proven by a successful build. Builds again without it if the copied artifacts
/// cannot be loaded.
async fn run_seeded(seed: &Seed, job: &mut Job) -> CargoRun {
    tokio::select! {
        biased;
        () = cancelled_by_order(&mut job.cancelled) => return CargoRun::without_result(BuildOutcome::Cancelled, None),
        () = seed.seeding.ready() => {}
    }
    let first = build_groups(job, seed.seeding.ended().is_none()).await;
    match seed.seeding.ended() {
        // The build was cancelled or failed before it reached the units.
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
                return build_groups(job, false).await;
            }
        }
    }
    first
}
