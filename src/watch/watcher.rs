//! The platform's file events: notify's raw ones at once, and notify-debouncer-full's as a late second look.
//!
//! Raw events drive the session, because the debouncer holds each path back for its own time and knows no end of a
//! burst; its slow tick keeps what it costs at rest unmeasurable. Nothing here decides what an event means.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify_debouncer_full::notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify_debouncer_full::notify::{
    self, Config, ErrorKind, Event, EventHandler, RecommendedWatcher, RecursiveMode, Watcher, WatcherKind,
};
use notify_debouncer_full::{Debouncer, NoCache, new_debouncer_opt};

use super::fingerprint;
use super::sieve::{Passage, Sieve};
use super::warning::Refused;

/// Whether the platform tells when a file that was open for writing is closed.
pub(super) const TELLS_CLOSING: bool = cfg!(target_os = "linux");

/// How long the second look waits, and how often the debouncer wakes to see whether one is due.
const SECOND_LOOK: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(500);

/// What a file event says, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal {
    /// A file that was open for writing was closed.
    Written(PathBuf),
    /// Bytes were written, and more may follow.
    Writing(PathBuf),
    /// Something was made: a file that is still to be filled, a link, a folder.
    Created(PathBuf),
    /// Something was renamed to this, complete.
    Arrived(PathBuf),
    /// Something was deleted or renamed to elsewhere.
    Gone(PathBuf),
    /// Permissions, owner, times or the number of links changed.
    Metadata(PathBuf),
    /// The debouncer's second look at what changed a while ago.
    Late(Vec<PathBuf>),
    /// Others do a lot in this folder, of which only a few names matter.
    Busy(PathBuf),
    /// Events were lost.
    Overflow,
    /// Adding a watch failed somewhere below, or the event queue could not be read.
    Failed(String),
}

/// The platform's watcher and the folders it watches.
pub(super) struct Native {
    watcher: Arc<Mutex<RecommendedWatcher>>,
    /// Keeps the debouncer's thread going.
    _debouncer: Debouncer<Tap, NoCache>,
    watched: HashMap<PathBuf, (u64, u64)>,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("watched", &self.watched.len()).finish_non_exhaustive()
    }
}

impl Native {
    /// Starts the platform's watcher; `tell` is called from its threads with what passes the sieve.
    pub(super) fn new(
        sieve: Arc<Sieve>,
        tell: impl Fn(Signal) + Send + Sync + 'static,
    ) -> Result<Self, Refused> {
        if !room_for_threads() {
            return Err(Refused::Threads);
        }
        let tell: Tell = Arc::new(tell);
        let late = Arc::clone(&tell);
        // notify constructs the watcher from a handler and a config alone, so the rest goes round about.
        WAITING.with_borrow_mut(|waiting| *waiting = Some((sieve, tell)));
        let debouncer = new_debouncer_opt::<_, Tap, NoCache>(
            SECOND_LOOK,
            Some(TICK),
            move |result: notify_debouncer_full::DebounceEventResult| {
                let events = result.unwrap_or_default();
                let paths: Vec<PathBuf> = events.into_iter().flat_map(|event| event.event.paths).collect();
                if !paths.is_empty() {
                    late(Signal::Late(paths));
                }
            },
            NoCache::new(),
            Config::default().with_follow_symlinks(false),
        );
        let debouncer = debouncer.map_err(|error| refused(&error))?;
        let watcher = MADE.with_borrow_mut(Option::take).ok_or(Refused::Other)?;
        Ok(Self { watcher, _debouncer: debouncer, watched: HashMap::new() })
    }

    /// Watches the folder, which must be free of symlinks; does nothing where this very folder is watched already.
    #[cfg(not(target_os = "macos"))]
    pub(super) fn watch(&mut self, folder: &Path) -> Result<(), Refused> {
        // Twice at most: what is there may be replaced between the look and the watch.
        for _ in 0..2 {
            let Some(stat) = fingerprint::stat(folder) else {
                self.forget(folder);
                return Ok(());
            };
            match self.watched.get(folder) {
                Some(id) if *id == stat.id => return Ok(()),
                Some(_) => self.forget(folder),
                None => {}
            }
            match lock(&self.watcher).watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => self.watched.insert(folder.to_path_buf(), stat.id),
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => return Ok(()),
                Err(error) => return Err(refused(&error)),
            };
        }
        Ok(())
    }

    /// Every added path makes `FSEvents` start anew, so they are added in one batch by [`Native::settle`].
    #[cfg(target_os = "macos")]
    pub(super) fn watch(&mut self, _folder: &Path) -> Result<(), Refused> {
        Ok(())
    }

    /// Gives up the watches of all folders but these. Says whether the set changed in a way that may have lost events.
    #[cfg(not(target_os = "macos"))]
    pub(super) fn settle(&mut self, folders: &HashMap<PathBuf, Vec<PathBuf>>) -> bool {
        let stale: Vec<PathBuf> =
            self.watched.keys().filter(|path| !folders.contains_key(*path)).cloned().collect();
        for path in stale {
            self.unwatch(&path);
        }
        false
    }

    /// Watches the topmost of these folders, in one batch. Says whether the set changed, which loses events.
    #[cfg(target_os = "macos")]
    pub(super) fn settle(&mut self, folders: &HashMap<PathBuf, Vec<PathBuf>>) -> bool {
        let below = |path: &Path| {
            path.ancestors().skip(1).any(|above| folders.get(above).is_some_and(|names| !names.is_empty()))
        };
        let roots: HashMap<&PathBuf, bool> = folders
            .iter()
            .filter(|(path, _)| !below(path))
            .map(|(path, names)| (path, !names.is_empty()))
            .collect();
        if roots.len() == self.watched.len() && roots.keys().all(|root| self.watched.contains_key(*root)) {
            return false;
        }
        let mut watcher = lock(&self.watcher);
        let mut batch = watcher.paths_mut();
        for path in self.watched.keys().filter(|path| !roots.contains_key(path)) {
            let _ = batch.remove(path);
        }
        for (root, everything) in &roots {
            let mode = if *everything { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            let _ = batch.add(root, mode);
        }
        let _ = batch.commit();
        drop(watcher);
        let id = |root: &Path| fingerprint::stat(root).map(|stat| stat.id).unwrap_or_default();
        self.watched = roots.into_keys().map(|root| (root.clone(), id(root))).collect();
        true
    }

    /// Watches this one folder no longer.
    pub(super) fn unwatch(&mut self, folder: &Path) {
        if self.watched.remove(folder).is_some() {
            let _ = lock(&self.watcher).unwatch(folder);
        }
    }

    /// What was watched at and below `path` is gone from there.
    pub(super) fn forget(&mut self, path: &Path) {
        if !self.watched.keys().any(|watched| watched.starts_with(path)) {
            return;
        }
        let gone: Vec<PathBuf> =
            self.watched.keys().filter(|watched| watched.starts_with(path)).cloned().collect();
        for path in gone {
            self.unwatch(&path);
        }
    }
}

type Tell = Arc<dyn Fn(Signal) + Send + Sync>;

thread_local! {
    /// What the next [`Tap`] made on this thread sifts raw events by and tells them to.
    static WAITING: RefCell<Option<(Arc<Sieve>, Tell)>> = const { RefCell::new(None) };
    /// The watcher inside the [`Tap`] made last on this thread.
    static MADE: RefCell<Option<Arc<Mutex<RecommendedWatcher>>>> = const { RefCell::new(None) };
}

/// The platform's watcher as the debouncer sees it: passes raw events on before the debouncer gets them, and drops
/// those that say no more than that somebody read a file.
struct Tap(Arc<Mutex<RecommendedWatcher>>);

impl Watcher for Tap {
    fn new<F: EventHandler>(mut debouncer: F, config: Config) -> notify::Result<Self> {
        let (sieve, tell) =
            WAITING.with_borrow_mut(Option::take).ok_or_else(|| notify::Error::generic("made by hand"))?;
        let handler = move |result: notify::Result<Event>| match result {
            Ok(event) => {
                let second_look = !event.need_rescan();
                if second_look && sifted_out(&sieve, &event, &tell) {
                    return;
                }
                let Some(signal) = signal(&event) else {
                    return;
                };
                let written_open = matches!(signal, Signal::Writing(_));
                tell(signal);
                // Only what may not be followed by anything better is worth a second look.
                if second_look
                    && (written_open
                        || !TELLS_CLOSING
                        || matches!(event.kind, EventKind::Modify(ModifyKind::Name(_))))
                {
                    debouncer.handle_event(Ok(event));
                }
            }
            Err(error) => tell(Signal::Failed(error.to_string())),
        };
        let watcher = Arc::new(Mutex::new(RecommendedWatcher::new(handler, config)?));
        MADE.with_borrow_mut(|made| *made = Some(Arc::clone(&watcher)));
        Ok(Self(watcher))
    }

    fn watch(&mut self, path: &Path, mode: RecursiveMode) -> notify::Result<()> {
        lock(&self.0).watch(path, mode)
    }

    fn unwatch(&mut self, path: &Path) -> notify::Result<()> {
        lock(&self.0).unwatch(path)
    }

    fn kind() -> WatcherKind {
        RecommendedWatcher::kind()
    }
}

fn lock(watcher: &Mutex<RecommendedWatcher>) -> std::sync::MutexGuard<'_, RecommendedWatcher> {
    watcher.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an event can mean nothing. Tells when its folder is busy.
fn sifted_out(sieve: &Sieve, event: &Event, tell: &Tell) -> bool {
    // The second path of a rename came in an event of its own.
    let Some(path) = event.paths.first() else { return false };
    let passage = sieve.passage(path, Instant::now());
    if let (Passage::Busy, Some(folder)) = (passage, path.parent()) {
        tell(Signal::Busy(folder.to_path_buf()));
    }
    passage != Passage::Through
}

/// What a raw event says; `None` for what nobody needs to hear.
fn signal(event: &Event) -> Option<Signal> {
    if event.need_rescan() {
        return Some(Signal::Overflow);
    }
    let path = event.paths.first()?.clone();
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Signal::Written(path)),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Some(Signal::Gone(path))
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(Signal::Arrived(path)),
        // Opened, read, or a pair whose halves were told before it.
        EventKind::Access(_) | EventKind::Other | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            None
        }
        // FSEvents does not say which half of a rename it is.
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => Some(Signal::Created(path)),
        EventKind::Modify(ModifyKind::Metadata(_)) => Some(Signal::Metadata(path)),
        EventKind::Modify(_) | EventKind::Any => Some(Signal::Writing(path)),
    }
}

/// Whether two more threads are to be had. notify starts two, and panics later on where it got none for its events.
fn room_for_threads() -> bool {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let gate = Arc::clone(&gate);
            std::thread::Builder::new().spawn(move || drop(gate.lock()))
        })
        .collect();
    drop(closed);
    let ended = threads.into_iter().filter_map(Result::ok).filter_map(|thread| thread.join().ok());
    ended.count() == 2
}

fn refused(error: &notify::Error) -> Refused {
    match &error.kind {
        ErrorKind::MaxFilesWatch => Refused::Watches,
        ErrorKind::Io(error) => match error.raw_os_error() {
            Some(libc::ENOSPC) => Refused::Watches,
            Some(libc::EMFILE | libc::ENFILE) => Refused::Instances,
            _ => Refused::Other,
        },
        _ => Refused::Other,
    }
}
