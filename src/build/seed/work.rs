//! The work of the seeding thread.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::locks::{is_lock, try_lock, try_locks};
use super::news::{COPY_LIMIT, SeedError, SeedNews};
use super::place::{Destination, WaitPoint};
use super::plan::{SeedPlan, is_free};
use super::tree::SourceTree;

/// How long to wait for the locks of another cargo: rust-analyzer's first check may take minutes.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// The interval of trying the locks: waiting for a file lock cannot be interrupted.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// When the pace of a copy is known, and when its progress is shown.
const PACE_KNOWN: Duration = Duration::from_secs(3);
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// Disk space left free beside the copy, for later builds.
pub(super) const SPARE: u64 = 1 << 30;
/// The largest file copied from outside the profile folders.
pub(super) const LARGEST_LOOSE: u64 = 1 << 20;
/// rustc's incremental cache is often larger than everything else, and useless with another output folder.
pub(super) const INCREMENTAL: &str = "incremental";

/// Seeds. Returns whether there is a copy now. `started` is called once sources and destinations are known.
pub(super) fn seed(
    plan: &SeedPlan,
    stop: &AtomicBool,
    report: &dyn Fn(SeedNews),
    started: &dyn Fn(Vec<WaitPoint>),
) -> Result<bool, SeedError> {
    let failed = |source| SeedError::Io { folder: plan.from().to_owned(), source };
    fs::create_dir_all(&plan.staging).map_err(failed)?;
    // Another hotrun may seed for another program of the workspace.
    let own =
        File::options().create(true).truncate(false).write(true).open(plan.own_lock()).map_err(failed)?;
    let waiter = LockWaiter { plan, stop, report };
    waiter.retry(LOCK_LIMIT + COPY_LIMIT, || try_lock(&own))?;
    let temporary = plan.temporary();
    match fs::remove_dir_all(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    if !plan.is_due() {
        return Ok(false);
    }
    let folders: Vec<&Path> = plan.locked.iter().map(PathBuf::as_path).collect();
    let _locks = waiter.retry(LOCK_LIMIT, || try_locks(&folders))?;
    let filled = copy(plan, &temporary, stop, report, started);
    // The locks are held until here: a waiting cargo must not finish before this is done.
    let _ = fs::remove_dir_all(&temporary);
    filled.map(|places| places.is_some())
}

/// Copies. Returns the filled destinations, which hold their locks until dropped, or `None` if another cargo
/// builds there.
fn copy(
    plan: &SeedPlan,
    temporary: &Path,
    stop: &AtomicBool,
    report: &dyn Fn(SeedNews),
    started: &dyn Fn(Vec<WaitPoint>),
) -> Result<Option<Vec<Destination>>, SeedError> {
    let folder = || plan.from().to_owned();
    let failed = |source| SeedError::Io { folder: folder(), source };
    let mut places = Vec::new();
    for (index, (from, to)) in plan.folders.iter().enumerate() {
        if from.is_dir() && is_free(to) {
            let copy = temporary.join(index.to_string());
            let Some(place) = Destination::make(from, copy, to.clone()).map_err(failed)? else {
                return Ok(None);
            };
            places.push((from, place));
        }
    }
    started(places.iter().map(|(_, place)| place.wait_point().clone()).collect());
    let mut trees = Vec::new();
    for (from, place) in &places {
        let tree = SourceTree::scan(from, is_left_out).map_err(failed)?;
        trees.push((tree, place));
    }
    let bytes = trees.iter().map(|(tree, _)| tree.bytes).sum();
    let free = free_space(&plan.staging).map_err(failed)?;
    if free < bytes + SPARE {
        return Err(SeedError::LittleSpace { folder: folder(), bytes, free });
    }
    report(SeedNews::Began { from: folder(), bytes });
    let (since, mut before, mut slow) = (Instant::now(), 0, false);
    for (tree, place) in &trees {
        let copied = tree.copy(place.copy(), place.place(), |copied| {
            let (copied, took) = (before + copied, since.elapsed());
            if took > SHOWN_AFTER {
                report(SeedNews::Progress { copied, bytes });
            }
            slow |= is_slow(took, copied, bytes);
            !slow && !stop.load(Ordering::Relaxed)
        });
        match copied {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(if slow {
                    SeedError::Slow { folder: folder(), bytes }
                } else {
                    SeedError::Stopped
                });
            }
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                return Err(SeedError::LittleSpace { folder: folder(), bytes, free });
            }
            copied => copied.map_err(failed)?,
        }
        before += tree.bytes;
    }
    for (_, place) in &places {
        place.fill().map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => SeedError::Taken,
            _ => failed(error),
        })?;
    }
    Ok(Some(places.into_iter().map(|(_, place)| place).collect()))
}

pub(super) fn free_space(folder: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(folder)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Whether a path in a profile folder is not copied: rustc's incremental cache, the locks, and cargo's
/// dep-info of programs. That names the program's original path, and cargo rewrites it only when a listed
/// source has changed.
pub(super) fn is_left_out(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(path);
    let in_root = folder.as_os_str().is_empty();
    let is_dep_info = path.extension().is_some_and(|extension| extension == "d");
    in_root && (path == Path::new(INCREMENTAL) || is_lock(path.as_os_str()))
        || is_dep_info && (in_root || folder == Path::new("examples"))
}

/// Copies the files directly in the build directory: cargo's knowledge of the compiler, the tag for backup
/// programs. cargo recreates missing or damaged ones. Larger files are not cargo's: a profile, a core dump.
pub(super) fn copy_loose_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let copy = to.join(entry.file_name());
        let small = entry.metadata().is_ok_and(|file| file.is_file() && file.len() <= LARGEST_LOOSE);
        if small && !copy.exists() {
            let _ = fs::copy(entry.path(), copy);
        }
    }
}

/// Whether a copy will exceed its limit at its present pace.
pub(super) fn is_slow(took: Duration, copied: u64, bytes: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a pace need not be exact")]
    let part = copied as f64 / bytes.max(1) as f64;
    took > PACE_KNOWN && took.as_secs_f64() > part * COPY_LIMIT.as_secs_f64()
}

struct LockWaiter<'a> {
    plan: &'a SeedPlan,
    stop: &'a AtomicBool,
    report: &'a dyn Fn(SeedNews),
}

impl LockWaiter<'_> {
    /// Retries until `attempt` returns a value, up to the limit.
    fn retry<T>(&self, limit: Duration, attempt: impl Fn() -> io::Result<Option<T>>) -> Result<T, SeedError> {
        let folder = || self.plan.from().to_owned();
        let (since, mut reported) = (Instant::now(), false);
        loop {
            match attempt() {
                Ok(Some(locked)) => return Ok(locked),
                Ok(None) if self.stop.load(Ordering::Relaxed) => return Err(SeedError::Stopped),
                Ok(None) if since.elapsed() > limit => {
                    return Err(SeedError::Blocked { folder: folder(), waited: since.elapsed() });
                }
                Ok(None) => {
                    if !std::mem::replace(&mut reported, true) {
                        (self.report)(SeedNews::Blocked);
                    }
                    std::thread::park_timeout(LOCK_PAUSE);
                }
                Err(source) => return Err(SeedError::Io { folder: folder(), source }),
            }
        }
    }
}
