//! The first start: a staging target that does not exist yet begins as a copy of what the project's own target holds, so
//! that a project that is built already is not compiled again because hotrun builds elsewhere.
//!
//! Copies whole profile folders, under the locks cargo takes, into a temporary folder that is then renamed; what of it
//! is fresh is for cargo to judge. Reads the project's own target and writes to the staging target only. Of the inside
//! of a profile folder it knows what cargo documents (<https://doc.rust-lang.org/cargo/reference/build-cache.html>).

mod locks;
#[cfg(test)]
mod tests;
mod tree;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use self::locks::{try_lock, try_locks};
use self::tree::Tree;
use super::BuildNews;
use super::publish::profile_folder;

/// How long the locks of another cargo are waited for: rust-analyzer's first check may take minutes.
const LOCK_LIMIT: Duration = Duration::from_secs(10);
/// How often they are tried. Nothing tells when a file lock becomes free to somebody who must be able to stop waiting.
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// How long a copy may take that is not finished soon: whoever has that much to copy is served better by compiling.
const COPY_LIMIT: Duration = Duration::from_mins(1);
/// From when on the pace says how long a copy will take, and from when on it is shown.
const PACE_KNOWN: Duration = Duration::from_secs(3);
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// Disk space that is left free beside the copy, for what the builds will write.
const SPARE: u64 = 1 << 30;
/// The largest file copied that is not in a profile folder.
const LARGEST_LOOSE: u64 = 1 << 20;
/// What is left out: rustc's incremental cache is often larger than all the rest, and of no use to builds with another
/// output folder.
const LEFT_OUT: &[&str] = &["incremental"];

/// What a staging target may begin as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedPlan {
    staging: PathBuf,
    build: PathBuf,
    /// From where to where; the last one decides whether there is anything to do.
    folders: Vec<(PathBuf, PathBuf)>,
    /// The folders cargo has its locks in.
    locked: Vec<PathBuf>,
}

/// What is told of the seeding.
#[derive(Debug)]
pub enum SeedNews {
    /// Another cargo holds the project's own target.
    Blocked,
    /// The copy begins.
    Began {
        /// The folder that decides.
        from: PathBuf,
        /// How much there is to copy.
        bytes: u64,
    },
    /// How far it is, where it takes long.
    Progress {
        /// The bytes copied.
        copied: u64,
        /// Those there are.
        bytes: u64,
    },
    /// There was something to begin with, but the first build begins with nothing.
    Declined(SeedError),
    /// The first build failed with it, and begins again with nothing.
    Discarded {
        /// The folder it was copied from.
        from: PathBuf,
    },
}

/// Why the first build begins with nothing.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Another cargo kept its locks.
    #[error("another cargo has held `{}` for {} s", folder.display(), waited.as_secs())]
    Blocked {
        /// The folder they are in.
        folder: PathBuf,
        /// For how long.
        waited: Duration,
    },
    /// A copy would fill the disk.
    #[error("a copy of `{}` would take {} of the {} that are free", folder.display(), size(*bytes), size(*free))]
    LittleSpace {
        /// What was to be copied.
        folder: PathBuf,
        /// How much that is.
        bytes: u64,
        /// How much is free.
        free: u64,
    },
    /// The copy would have taken too long.
    #[error("copying the {} of `{}` would take more than {} s", size(*bytes), folder.display(), COPY_LIMIT.as_secs())]
    Slow {
        /// What was to be copied.
        folder: PathBuf,
        /// How much that is.
        bytes: u64,
    },
    /// Something could not be read or written.
    #[error("could not copy `{}`", folder.display())]
    Io {
        /// What was to be copied.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// hotrun ends.
    #[error("stopped")]
    Stopped,
}

impl SeedError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::LittleSpace { .. } | Self::Slow { .. })
            .then_some("`--share-build-dir` builds in the project's own build directory instead")
    }
}

impl SeedPlan {
    /// What the folder of `profile` (and `triple`) below `staging` may begin as. `target` and `build` are the project's own
    /// target and build directories, which are the same folder unless configured.
    pub fn new(staging: &Path, target: &Path, build: &Path, profile: &str, triple: Option<&str>) -> Self {
        let host = PathBuf::from(profile_folder(profile));
        let mut parts = vec![host.clone()];
        // With a triple, build scripts and procedural macros stay in the folder without one.
        parts.extend(triple.map(|triple| Path::new(triple).join(host)));
        let mut locked: Vec<PathBuf> = parts.iter().map(|part| build.join(part)).collect();
        if build != target {
            locked.extend(parts.iter().map(|part| target.join(part)));
        }
        let folders = parts.iter().map(|part| (build.join(part), staging.join(part))).collect();
        Self { staging: staging.to_owned(), build: build.to_owned(), folders, locked }
    }

    /// Whether the staging target has no such folder yet and the project has.
    pub fn is_due(&self) -> bool {
        self.folders.last().is_some_and(|(from, to)| from.is_dir() && !to.exists())
    }

    fn from(&self) -> &Path {
        self.folders.last().map_or(Path::new(""), |(from, _)| from)
    }

    fn temporary(&self) -> PathBuf {
        self.staging.join(".seed")
    }
}

/// A seeding that was begun.
#[derive(Debug)]
pub(super) struct Seeding {
    plan: SeedPlan,
    stop: Arc<AtomicBool>,
    ended: watch::Receiver<Option<bool>>,
}

impl Drop for Seeding {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Seeding {
    /// Begins in a thread of its own, as it may take a while.
    pub(super) fn begin(plan: SeedPlan, news: mpsc::UnboundedSender<BuildNews>) -> Self {
        let (sender, ended) = watch::channel(None);
        let stop = Arc::new(AtomicBool::new(false));
        let seeding = Self { plan: plan.clone(), stop: Arc::clone(&stop), ended };
        std::thread::spawn(move || {
            // Whoever listened is gone when hotrun ends.
            let tell = |said| drop(news.send(BuildNews::Seed(said)));
            let seeded = seed(&plan, &stop, &tell).unwrap_or_else(|error| {
                tell(SeedNews::Declined(error));
                false
            });
            let _ = sender.send(Some(seeded));
        });
        seeding
    }

    /// Waits until it is done; says whether the staging target has begun as a copy.
    pub(super) async fn done(&self) -> bool {
        let mut ended = self.ended.clone();
        // A thread that panicked has made nothing.
        ended.wait_for(Option::is_some).await.is_ok_and(|seeded| *seeded == Some(true))
    }

    /// Takes the copy away, unless another cargo builds with it; gives where it was from.
    pub(super) fn discard(&self) -> Option<PathBuf> {
        let plan = &self.plan;
        let folders: Vec<&Path> = plan.folders.iter().map(|(_, to)| to.as_path()).collect();
        let _locks = try_locks(&folders).ok()??;
        let trash = plan.temporary();
        fs::create_dir_all(&trash).ok()?;
        for (index, folder) in folders.iter().enumerate().rev().filter(|(_, folder)| folder.exists()) {
            rename_new(folder, &trash.join(index.to_string())).ok()?;
        }
        // What is left should hotrun end now is cleared away by the next seeding.
        std::thread::spawn(move || fs::remove_dir_all(trash));
        Some(plan.from().to_owned())
    }
}

/// Seeds; says whether there is a copy now.
fn seed(plan: &SeedPlan, stop: &AtomicBool, tell: &dyn Fn(SeedNews)) -> Result<bool, SeedError> {
    let failed = |source| SeedError::Io { folder: plan.from().to_owned(), source };
    fs::create_dir_all(&plan.staging).map_err(failed)?;
    // Another hotrun may seed for another program of the workspace.
    let own = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(plan.staging.join(".seed.lock"))
        .map_err(failed)?;
    let waiting = Waiting { plan, stop, tell };
    waiting.until(LOCK_LIMIT + COPY_LIMIT, || try_lock(&own))?;
    let temporary = plan.temporary();
    match fs::remove_dir_all(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    if !plan.is_due() {
        return Ok(false);
    }
    let folders: Vec<&Path> = plan.locked.iter().map(PathBuf::as_path).collect();
    let _locks = waiting.until(LOCK_LIMIT, || try_locks(&folders))?;
    let copied = copy(plan, &temporary, stop, tell);
    let _ = fs::remove_dir_all(&temporary);
    copied.map(|()| true)
}

fn copy(
    plan: &SeedPlan,
    temporary: &Path,
    stop: &AtomicBool,
    tell: &dyn Fn(SeedNews),
) -> Result<(), SeedError> {
    let folder = || plan.from().to_owned();
    let failed = |source| SeedError::Io { folder: folder(), source };
    let mut trees = Vec::new();
    for (from, to) in plan.folders.iter().filter(|(from, to)| from.is_dir() && !to.exists()) {
        trees.push((Tree::survey(from, LEFT_OUT).map_err(failed)?, to));
    }
    let bytes = trees.iter().map(|(tree, _)| tree.bytes).sum();
    let space = rustix::fs::statvfs(&plan.staging).map_err(|error| failed(error.into()))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    if free < bytes + SPARE {
        return Err(SeedError::LittleSpace { folder: folder(), bytes, free });
    }
    tell(SeedNews::Began { from: folder(), bytes });
    fs::create_dir(temporary).map_err(failed)?;
    let (since, mut before, mut slow) = (Instant::now(), 0, false);
    for (index, (tree, place)) in trees.iter().enumerate() {
        let copied = tree.copy(&temporary.join(index.to_string()), place, |copied| {
            let (copied, took) = (before + copied, since.elapsed());
            if took > SHOWN_AFTER {
                tell(SeedNews::Progress { copied, bytes });
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
    copy_loose_files(&plan.build, &plan.staging);
    for (index, (_, place)) in trees.iter().enumerate() {
        fs::create_dir_all(place.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
        rename_new(&temporary.join(index.to_string()), place).map_err(failed)?;
    }
    Ok(())
}

/// Copies the files directly in the build directory: what cargo remembers of the compiler, the tag for backup programs. It
/// makes anew what is missing or damaged. What is larger is nothing of cargo's: a profile, a core dump.
fn copy_loose_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let copy = to.join(entry.file_name());
        let small = entry.metadata().is_ok_and(|file| file.is_file() && file.len() <= LARGEST_LOOSE);
        if small && !copy.exists() {
            let _ = fs::copy(entry.path(), copy);
        }
    }
}

/// Whether a copy that has come so far will take longer than it may.
fn is_slow(took: Duration, copied: u64, bytes: u64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a pace need not be exact")]
    let part = copied as f64 / bytes.max(1) as f64;
    took > PACE_KNOWN && took.as_secs_f64() > part * COPY_LIMIT.as_secs_f64()
}

/// Renames a folder onto a name that is free: whoever has put something there meanwhile keeps it (rename(2), `ENOTEMPTY`).
#[expect(clippy::disallowed_methods, reason = "these are folders, and not the live one")]
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

struct Waiting<'a> {
    plan: &'a SeedPlan,
    stop: &'a AtomicBool,
    tell: &'a dyn Fn(SeedNews),
}

impl Waiting<'_> {
    /// Tries until it is given something, for so long.
    fn until<T>(&self, limit: Duration, attempt: impl Fn() -> io::Result<Option<T>>) -> Result<T, SeedError> {
        let folder = || self.plan.from().to_owned();
        let (since, mut said) = (Instant::now(), false);
        loop {
            match attempt() {
                Ok(Some(locked)) => return Ok(locked),
                Ok(None) if self.stop.load(Ordering::Relaxed) => return Err(SeedError::Stopped),
                Ok(None) if since.elapsed() > limit => {
                    return Err(SeedError::Blocked { folder: folder(), waited: since.elapsed() });
                }
                Ok(None) => {
                    if !std::mem::replace(&mut said, true) {
                        (self.tell)(SeedNews::Blocked);
                    }
                    std::thread::park_timeout(LOCK_PAUSE);
                }
                Err(source) => return Err(SeedError::Io { folder: folder(), source }),
            }
        }
    }
}

/// A size as people are shown it: `476 MB`.
pub fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "it is rounded anyway")]
    let bytes = bytes as f64;
    if bytes < 1e9 { format!("{:.0} MB", bytes / 1e6) } else { format!("{:.1} GB", bytes / 1e9) }
}
