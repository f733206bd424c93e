//! The parts of the room's state that several of its files share.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

use crate::watch::busy::BusyFolders;
use crate::watch::echoes::Echoes;
use crate::watch::filter::EventFilter;
use crate::watch::loops::LoopDetector;
use crate::watch::news::{Backend, NewsSink, RoomMessage, WatchNews};
use crate::watch::polling;
use crate::watch::warning::Warning;
use crate::watch::watcher::Native;

/// How long a change waits at most for its file to come to rest.
const MAX_WAIT: Duration = Duration::from_secs(3);

/// A change that must come to rest before it is reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    pub(super) since: Instant,
    rest: Duration,
    /// Reported at this time in any case.
    until: Instant,
}

impl Wait {
    pub(super) fn new(rest: Duration) -> Self {
        let now = Instant::now();
        Self { since: now, rest, until: now + MAX_WAIT }
    }

    pub(super) fn due(&self) -> Instant {
        (self.since + self.rest).min(self.until)
    }
}

/// How changes are noticed.
pub(super) struct Detection {
    pub(super) native: Option<Native>,
    pub(super) filter: Arc<EventFilter>,
    pub(super) busy: BusyFolders,
    /// The polling interval, if events are unreliable or a limit was reached.
    pub(super) poll: Option<Duration>,
    pub(super) limit_reached: bool,
    /// A folder could not be watched, so that only scans find changes in it.
    pub(super) unwatched: bool,
    /// The room's queue.
    pub(super) events: Sender<RoomMessage>,
}

impl Detection {
    pub(super) fn new(events: Sender<RoomMessage>) -> Self {
        Self {
            native: None,
            filter: Arc::default(),
            busy: BusyFolders::default(),
            poll: None,
            limit_reached: false,
            unwatched: false,
            events,
        }
    }

    pub(super) fn backend(&self) -> Backend {
        match (&self.native, self.poll) {
            (Some(_), None) => Backend::Native,
            (Some(_), Some(interval)) => Backend::Mixed(interval),
            (None, interval) => Backend::Polling(interval.unwrap_or(polling::INTERVAL)),
        }
    }
}

/// When files are checked without an event.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) scan_due: Option<Instant>,
    pub(super) poll_due: Option<Instant>,
    /// Of the last scan.
    pub(super) scan_cost: Duration,
    pub(super) scan_end: Instant,
    /// Files still to be checked since the end of the last build.
    pub(super) unchecked: Vec<PathBuf>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            scan_due: None,
            poll_due: None,
            scan_cost: Duration::ZERO,
            scan_end: Instant::now(),
            unchecked: Vec::new(),
        }
    }
}

/// What happened to files since the latest build attempt started.
#[derive(Debug, Default)]
pub(super) struct SinceStart {
    /// How often each file was saved or removed during the attempt.
    pub(super) saves: HashMap<PathBuf, u32>,
    /// Files touched, of which the attempt may have read an intermediate state.
    pub(super) touched: HashSet<PathBuf>,
    /// Roots of the packages whose build script ended during the attempt, and when.
    pub(super) scripts: HashMap<PathBuf, SystemTime>,
    /// New files that a build script may have written: reported at the end of the build unless it did.
    pub(super) maybe_generated: HashSet<PathBuf>,
}

/// Who writes files, other than people.
#[derive(Debug, Default)]
pub(super) struct Writers {
    pub(super) loops: LoopDetector,
    pub(super) echoes: Echoes,
    /// When the program was started last.
    pub(super) program_started: Option<SystemTime>,
    /// Files that were written and not closed since.
    pub(super) open: HashSet<PathBuf>,
    /// Whether the last build was requested only for files saved or touched during a build, and nothing has
    /// changed since.
    pub(super) rebuild_requested: bool,
}

/// Where news go, and those that are not repeated.
pub(super) struct Speaker {
    pub(super) sink: NewsSink,
    /// Folders with a file that did not count, as was said.
    pub(super) noted: HashSet<PathBuf>,
    pub(super) warned: HashSet<Warning>,
}

impl Speaker {
    pub(super) fn new(sink: NewsSink) -> Self {
        Self { sink, noted: HashSet::new(), warned: HashSet::new() }
    }

    pub(super) fn say(&self, news: WatchNews) {
        (self.sink)(news);
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        if self.warned.insert(warning.clone()) {
            self.say(WatchNews::Warning(warning));
        }
    }
}
