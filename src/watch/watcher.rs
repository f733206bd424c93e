//! The platform's file events: raw from notify at once, and from notify-debouncer-full as a late second
//! check.
//!
//! Raw events drive the session, because the debouncer delays each path separately and does not recognise the
//! end of a burst. Its slow tick keeps the idle cost unmeasurable. Events are not interpreted here.

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

use super::filter::{EventFilter, FilterResult};
use super::fingerprint;
use super::warning::Refused;

/// Whether the platform reports that a file opened for writing was closed.
pub(super) const REPORTS_CLOSE: bool = cfg!(target_os = "linux");

/// How long the second check waits, and how often the debouncer wakes up for one.
const SECOND_CHECK: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(500);

/// The meaning of a file event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileEvent {
    /// A file opened for writing was closed.
    Written(PathBuf),
    /// Bytes were written, and more may follow.
    Writing(PathBuf),
    /// Something was created: a file still to be filled, a link, a folder.
    Created(PathBuf),
    /// Something complete was renamed to this path.
    Arrived(PathBuf),
    /// Something was deleted or renamed away.
    Gone(PathBuf),
    /// Permissions, owner, times or the number of links changed.
    Metadata(PathBuf),
    /// The debouncer's second check of paths that changed a while ago.
    Late(Vec<PathBuf>),
    /// Other programs cause many events in this folder, of which only a few names matter.
    Busy(PathBuf),
    /// Events were lost.
    Overflow,
    /// A watch could not be added below a folder, or the event queue could not be read.
    Failed(String),
}

/// The platform's watcher and the folders it watches.
pub(super) struct Native {
    watcher: Arc<Mutex<RecommendedWatcher>>,
    /// Keeps the debouncer's thread alive.
    _debouncer: Debouncer<Tap, NoCache>,
    watched: HashMap<PathBuf, (u64, u64)>,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("watched", &self.watched.len()).finish_non_exhaustive()
    }
}

impl Native {
    /// Starts the platform's watcher. `tell` is called on its threads with events that pass the filter.
    pub(super) fn new(
        filter: Arc<EventFilter>,
        tell: impl Fn(FileEvent) + Send + Sync + 'static,
    ) -> Result<Self, Refused> {
        if !can_start_threads() {
            return Err(Refused::Threads);
        }
        let tell: EventSender = Arc::new(tell);
        let late = Arc::clone(&tell);
        // notify constructs the watcher from a handler and a config alone, so the rest is passed in thread
        // locals.
        NEXT_TAP.with_borrow_mut(|waiting| *waiting = Some((filter, tell)));
        let debouncer = new_debouncer_opt::<_, Tap, NoCache>(
            SECOND_CHECK,
            Some(TICK),
            move |result: notify_debouncer_full::DebounceEventResult| {
                let events = result.unwrap_or_default();
                let paths: Vec<PathBuf> = events.into_iter().flat_map(|event| event.event.paths).collect();
                if !paths.is_empty() {
                    late(FileEvent::Late(paths));
                }
            },
            NoCache::new(),
            Config::default().with_follow_symlinks(false),
        );
        let debouncer = debouncer.map_err(|error| refused(&error))?;
        let watcher = LAST_WATCHER.with_borrow_mut(Option::take).ok_or(Refused::Other)?;
        Ok(Self { watcher, _debouncer: debouncer, watched: HashMap::new() })
    }

    /// Watches a folder, whose path must be free of symlinks. Does nothing if this very folder is watched
    /// already.
    #[cfg(not(target_os = "macos"))]
    pub(super) fn watch(&mut self, folder: &Path) -> Result<(), Refused> {
        // At most twice: the folder may be replaced between the check and the watch.
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

    /// Every added path restarts `FSEvents`, so paths are added in one batch by [`Native::settle`].
    #[cfg(target_os = "macos")]
    pub(super) fn watch(&mut self, _folder: &Path) -> Result<(), Refused> {
        Ok(())
    }

    /// Removes the watches of all other folders. Returns whether the change may have lost events.
    #[cfg(not(target_os = "macos"))]
    pub(super) fn settle(&mut self, folders: &HashMap<PathBuf, Vec<PathBuf>>) -> bool {
        let stale: Vec<PathBuf> =
            self.watched.keys().filter(|path| !folders.contains_key(*path)).cloned().collect();
        for path in stale {
            self.unwatch(&path);
        }
        false
    }

    /// Watches the topmost of these folders, in one batch. Returns whether the set changed, which loses
    /// events.
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

    pub(super) fn unwatch(&mut self, folder: &Path) {
        if self.watched.remove(folder).is_some() {
            let _ = lock(&self.watcher).unwatch(folder);
        }
    }

    /// Removes the watches at and below `path`, which is gone.
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

type EventSender = Arc<dyn Fn(FileEvent) + Send + Sync>;

thread_local! {
    /// The event filter and the receiver of the next [`Tap`] created on this thread.
    static NEXT_TAP: RefCell<Option<(Arc<EventFilter>, EventSender)>> = const { RefCell::new(None) };
    /// The watcher inside the [`Tap`] created last on this thread.
    static LAST_WATCHER: RefCell<Option<Arc<Mutex<RecommendedWatcher>>>> = const { RefCell::new(None) };
}

/// The platform's watcher inside the debouncer: forwards raw events before the debouncer gets them, and drops
/// pure read events.
struct Tap(Arc<Mutex<RecommendedWatcher>>);

impl Watcher for Tap {
    fn new<F: EventHandler>(mut debouncer: F, config: Config) -> notify::Result<Self> {
        let (filter, tell) =
            NEXT_TAP.with_borrow_mut(Option::take).ok_or_else(|| notify::Error::generic("made by hand"))?;
        let handler = move |result: notify::Result<Event>| match result {
            Ok(event) => {
                let second_check = !event.need_rescan();
                if second_check && filtered_out(&filter, &event, &tell) {
                    return;
                }
                let Some(signal) = signal(&event) else {
                    return;
                };
                let written_open = matches!(signal, FileEvent::Writing(_));
                tell(signal);
                // Only events that may have no better successor need a second check.
                if second_check
                    && (written_open
                        || !REPORTS_CLOSE
                        || matches!(event.kind, EventKind::Modify(ModifyKind::Name(_))))
                {
                    debouncer.handle_event(Ok(event));
                }
            }
            Err(error) => tell(FileEvent::Failed(error.to_string())),
        };
        let watcher = Arc::new(Mutex::new(RecommendedWatcher::new(handler, config)?));
        LAST_WATCHER.with_borrow_mut(|made| *made = Some(Arc::clone(&watcher)));
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

/// Whether an event can be dropped. Reports a folder that turns out to be busy.
fn filtered_out(filter: &EventFilter, event: &Event, tell: &EventSender) -> bool {
    // The second path of a rename came in an event of its own.
    let Some(path) = event.paths.first() else { return false };
    let passage = filter.check(path, Instant::now());
    if let (FilterResult::Busy, Some(folder)) = (passage, path.parent()) {
        tell(FileEvent::Busy(folder.to_path_buf()));
    }
    passage != FilterResult::Pass
}

/// Returns the meaning of a raw event; `None` for one that is irrelevant.
fn signal(event: &Event) -> Option<FileEvent> {
    if event.need_rescan() {
        return Some(FileEvent::Overflow);
    }
    let path = event.paths.first()?.clone();
    match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(FileEvent::Written(path)),
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Some(FileEvent::Gone(path))
        }
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(FileEvent::Arrived(path)),
        // Opened, read, or a rename whose halves were reported before.
        EventKind::Access(_) | EventKind::Other | EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
            None
        }
        // FSEvents does not tell which half of a rename it is.
        EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => Some(FileEvent::Created(path)),
        EventKind::Modify(ModifyKind::Metadata(_)) => Some(FileEvent::Metadata(path)),
        EventKind::Modify(_) | EventKind::Any => Some(FileEvent::Writing(path)),
    }
}

/// Whether two more threads can be started. notify starts two, and panics later if it has none for its
/// events.
fn can_start_threads() -> bool {
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

pub(super) fn refused(error: &notify::Error) -> Refused {
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
