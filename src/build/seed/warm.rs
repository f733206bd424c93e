//! The warm-up: compiles the program's own packages again in a copied staging target, so that the first edit
//! finds rustc's incremental cache. A copied one is of no use: every object file depends on `--out-dir`.
//!
//! cargo works in a second copy, which has the place of the first meanwhile. Of the second copy only the
//! incremental cache is kept, so that cargo judges freshness by the same files as without a warm-up, however
//! it ended.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::attempt::{cancelled_by_order, command, end_group};
use super::super::freshness::force_without_scripts;
use super::super::news::BuildNews;
use super::super::order::BuildOrder;
use super::locks::{is_lock, try_lock, try_locks};
use super::news::WarmUpNews;
use super::place::{exchange, rename_new};
use super::plan::{SeedPlan, in_thread};
use super::tree::SourceTree;
use super::work::{INCREMENTAL, SPARE, free_space, is_left_out};
use crate::sys;

/// What takes longer costs more than it spares.
const LIMIT: Duration = Duration::from_mins(2);
/// How soon another hotrun that wants to build gets the staging target.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// A warm-up to run.
#[derive(Debug, Clone)]
pub struct WarmUpOrder {
    pub build: BuildOrder,
    /// The packages that each run of cargo compiles.
    pub steps: Vec<Vec<String>>,
}

/// Whether a warm-up can be of use: the project's own build has an incremental cache, the staging target has none.
pub(in super::super) fn is_due(order: &WarmUpOrder) -> bool {
    order.build.seed.as_ref().and_then(|plan| plan.folders.last()).is_some_and(|(from, place)| {
        let holds_any = |folder: &Path| {
            fs::read_dir(folder.join(INCREMENTAL)).is_ok_and(|mut entries| entries.next().is_some())
        };
        holds_any(from) && place.is_dir() && !holds_any(place)
    })
}

/// Warms up until it is done or cancelled.
pub(in super::super) async fn warm_up(
    order: WarmUpOrder,
    mut cancelled: oneshot::Receiver<()>,
    news: mpsc::UnboundedSender<BuildNews>,
) {
    let began = Instant::now();
    let report = |it| drop(news.send(BuildNews::WarmUp(it)));
    let done = match second_copy(&order, &mut cancelled).await {
        Some(copy) => {
            let done = compile(&order, &copy, &mut cancelled, began + LIMIT, &report).await;
            copy.give_back();
            done
        }
        None => false,
    };
    report(WarmUpNews::Ended { took: done.then(|| began.elapsed()) });
}

/// Copies the staging target and puts the copy in its place.
async fn second_copy(order: &WarmUpOrder, cancelled: &mut oneshot::Receiver<()>) -> Option<SecondCopy> {
    let plan = order.build.seed.clone()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, made) = oneshot::channel();
    let their_stop = Arc::clone(&stop);
    in_thread(move || {
        // Dropped here if the warm-up was cancelled meanwhile.
        let _ = sender.send(SecondCopy::make(plan, &their_stop));
    })
    .ok()?;
    tokio::select! {
        biased;
        () = cancelled_by_order(cancelled) => {
            stop.store(true, Ordering::Relaxed);
            None
        }
        made = made => made.ok()?.ok()?.take_place(),
    }
}

/// Runs cargo for each step. Returns whether all came to their end.
async fn compile(
    order: &WarmUpOrder,
    copy: &SecondCopy,
    cancelled: &mut oneshot::Receiver<()>,
    deadline: Instant,
    report: &impl Fn(WarmUpNews),
) -> bool {
    for packages in &order.steps {
        if force_without_scripts(&copy.place, packages).is_err() {
            return false;
        }
        for group in &order.build.groups {
            let cargo = command(&order.build, group).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            let Ok(mut cargo) = cargo else { return false };
            let pid = cargo.id().unwrap_or_default();
            sys::lowest_priority(pid);
            report(WarmUpNews::Spawned { pid });
            let ended = tokio::select! {
                biased;
                () = cancelled_by_order(cancelled) => false,
                () = copy.wanted() => false,
                () = sleep_until(deadline) => false,
                status = cargo.wait() => status.is_ok_and(|status| status.success()),
            };
            if !ended {
                let group = pid.cast_signed();
                let _ = sys::kill_group(group, libc::SIGKILL);
                for member in sys::own_group_members(group) {
                    sys::normal_priority(member);
                }
                end_group(&mut cargo, Some(group)).await;
            }
            report(WarmUpNews::Gone { pid });
            if !ended {
                return false;
            }
        }
    }
    true
}

/// The second copy; once in place, the first is where the second was made.
struct SecondCopy {
    plan: SeedPlan,
    place: PathBuf,
    /// No other hotrun makes a copy meanwhile.
    _own: File,
}

impl SecondCopy {
    fn make(plan: SeedPlan, stop: &AtomicBool) -> io::Result<Self> {
        let unavailable = || io::Error::from(io::ErrorKind::WouldBlock);
        let own = File::options().create(true).truncate(false).write(true).open(plan.own_lock())?;
        try_lock(&own)?.ok_or_else(unavailable)?;
        let place = plan.folders.last().map(|(_, place)| place.clone()).ok_or_else(unavailable)?;
        let made = Self { plan, place, _own: own };
        let _ = fs::remove_dir_all(made.plan.temporary());
        let copy = made.other();
        let tree = SourceTree::scan(&made.place, is_left_out)?;
        if free_space(&made.place)? < tree.bytes + SPARE {
            return Err(io::ErrorKind::StorageFull.into());
        }
        fs::create_dir_all(&copy)?;
        tree.copy(&copy, &made.place, |_| !stop.load(Ordering::Relaxed))?;
        // Whichever of the two a cargo finds, it takes the same locks.
        for entry in fs::read_dir(&made.place)? {
            let name = entry?.file_name();
            if is_lock(&name) {
                fs::hard_link(made.place.join(&name), copy.join(&name))?;
            }
        }
        Ok(made)
    }

    /// The folder that has not the place.
    fn other(&self) -> PathBuf {
        self.plan.temporary().join("other")
    }

    /// Exchanges the two, unless another cargo builds.
    fn take_place(self) -> Option<Self> {
        let taken = match try_locks(&[&self.place]) {
            Ok(Some(_locks)) => fs::write(mark(&self.plan), self.place.as_os_str().as_bytes())
                .and_then(|()| exchange(&self.other(), &self.place)),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        };
        if taken.is_ok() {
            return Some(self);
        }
        self.discard();
        None
    }

    /// Waits until another hotrun wants to build.
    async fn wanted(&self) {
        while mark(&self.plan).exists() {
            sleep(LOOK_INTERVAL).await;
        }
    }

    fn give_back(self) {
        give_back(&self.plan, &self.place);
        self.discard();
    }

    /// Removes what is not in place. If this hotrun ends before, the next one does.
    fn discard(self) {
        let _ = in_thread(move || drop(self));
    }
}

impl Drop for SecondCopy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.plan.temporary());
    }
}

/// The file that names the place the first copy is not in. Another hotrun that wants to build removes it.
fn mark(plan: &SeedPlan) -> PathBuf {
    plan.temporary().join("in-place")
}

/// Ends the warm-up of another hotrun, and that of one which was killed.
pub(in super::super) fn make_room(plan: &SeedPlan) {
    let Ok(place) = fs::read(mark(plan)) else { return };
    let Ok(own) = File::open(plan.own_lock()) else { return };
    if let Ok(Some(())) = try_lock(&own) {
        give_back(plan, Path::new(OsStr::from_bytes(&place)));
    } else {
        let _ = fs::remove_file(mark(plan));
    }
}

/// Puts the first copy back with the incremental cache of the second. If another cargo builds in the second,
/// that one stays: it is as good a target.
fn give_back(plan: &SeedPlan, place: &Path) {
    let first = plan.temporary().join("other");
    if let Ok(Some(_locks)) = try_locks(&[place]) {
        let cache = first.join(INCREMENTAL);
        let _ = rename_new(&place.join(INCREMENTAL), &cache);
        // Where cargo makes no such cache, the next start tries no more.
        let _ = File::create(cache.join(".warm"));
        let _ = exchange(&first, place);
    }
    let _ = fs::remove_file(mark(plan));
}
