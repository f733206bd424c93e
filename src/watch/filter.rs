//! Drops irrelevant file events before they cost more than being read.
//!
//! Folders above the project are watched for a few names that may appear there (`.cargo`, `rust-toolchain`),
//! and other programs may be busy in them all day. Shared by the event thread and the room. Never drops an
//! event about a file that the room could follow.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::scan::Scan;

/// A folder with this many dropped events within [`WINDOW`] is busy: polling its few names costs less.
const BUSY: u32 = 64;
const WINDOW: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilterResult {
    /// Relevant.
    Pass,
    /// Irrelevant.
    Drop,
    /// Irrelevant, and so frequent that the folder is busy.
    Busy,
}

/// A folder in which only single names matter.
#[derive(Debug)]
struct Narrow {
    names: HashSet<OsString>,
    dropped: u32,
    since: Instant,
}

/// The folders in which only single names matter, and those names.
#[derive(Debug, Default)]
pub(super) struct EventFilter(Mutex<HashMap<PathBuf, Narrow>>);

impl EventFilter {
    /// Passes all events: to be called before a scan, after which other names may matter.
    pub(super) fn pass_all(&self) {
        self.folders().clear();
    }

    /// Passes only events that matter according to this scan.
    pub(super) fn update(&self, scan: &Scan) {
        let now = Instant::now();
        let narrow = |(folder, known_as): (&PathBuf, &Vec<PathBuf>)| {
            known_as.is_empty().then(|| {
                (
                    folder.clone(),
                    Narrow { names: HashSet::from([".gitignore".into()]), dropped: 0, since: now },
                )
            })
        };
        let mut folders: HashMap<PathBuf, Narrow> = scan.folders.iter().filter_map(narrow).collect();
        for path in scan.points.keys().chain(&scan.triggers).chain(scan.folders.keys()) {
            if let Some((folder, name)) = parts(path)
                && let Some(narrow) = folders.get_mut(folder)
            {
                narrow.names.insert(name.to_os_string());
            }
        }
        *self.folders() = folders;
    }

    /// Checks an event about `path`.
    pub(super) fn check(&self, path: &Path, now: Instant) -> FilterResult {
        let Some((folder, name)) = parts(path) else { return FilterResult::Pass };
        let mut folders = self.folders();
        let Some(narrow) = folders.get_mut(folder) else { return FilterResult::Pass };
        if narrow.names.contains(name) {
            return FilterResult::Pass;
        }
        if now.saturating_duration_since(narrow.since) > WINDOW {
            narrow.since = now;
            narrow.dropped = 0;
        }
        narrow.dropped += 1;
        // Reported once per window.
        if narrow.dropped == BUSY { FilterResult::Busy } else { FilterResult::Drop }
    }

    fn folders(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Narrow>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parts(path: &Path) -> Option<(&Path, &OsStr)> {
    Some((path.parent()?, path.file_name()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan() -> Scan {
        let folder = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        Scan {
            folders: [("/home", folder(&[])), ("/home/p", folder(&["/home/p"]))]
                .map(|(path, names)| (path.into(), names))
                .into(),
            points: HashMap::from([("/home/rust-toolchain".into(), folder(&["/home/rust-toolchain"]))]),
            triggers: HashSet::from(["/home/.cargo".into()]),
            ..Scan::default()
        }
    }

    #[test]
    fn drops_only_irrelevant_events() {
        let (filter, now) = (EventFilter::default(), Instant::now());
        let check = |path: &str, expect| assert_eq!(filter.check(Path::new(path), now), expect, "{path}");
        check("/home/history", FilterResult::Pass);
        filter.update(&scan());
        check("/home/history", FilterResult::Drop);
        for path in [
            "/home/rust-toolchain",
            "/home/.cargo",
            "/home/.gitignore",
            "/home/p",
            "/home/p/new",
            "/home",
            "/",
        ] {
            check(path, FilterResult::Pass);
        }
        filter.pass_all();
        check("/home/history", FilterResult::Pass);
    }

    #[test]
    fn many_events_at_once_are_busy_few_now_and_then_are_not() {
        let (filter, start) = (EventFilter::default(), Instant::now());
        filter.update(&scan());
        let busy = |results: Vec<FilterResult>| {
            results.iter().filter(|result| **result == FilterResult::Busy).count()
        };
        let path = Path::new("/home/history");
        let slowly = (0..500).map(|second| filter.check(path, start + Duration::from_secs(second))).collect();
        assert_eq!(busy(slowly), 0);
        let later = start + Duration::from_secs(1000);
        let at_once =
            (0..1000).map(|event| filter.check(path, later + Duration::from_millis(event))).collect();
        assert_eq!(busy(at_once), 1);
    }
}
