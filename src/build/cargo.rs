//! Runs cargo: in a process group of its own, its messages read as they come, cancelled by group.
//!
//! One build at a time (L4). The first one may seed the staging target. Everything cargo says reaches the rest of hotrun as
//! [`BuildNews`]; nothing is printed here.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::attempt::{Attempt, attempt, ordered};
use super::news::BuildNews;
use super::order::{BuildOrder, Job};
use super::scripts::Outputs;
use super::seed::{SeedNews, SeedPlan, Seeding};
use crate::session::BuildOutcome;
use crate::words::BuildId;

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
