//! Drops file events that can mean nothing, before they cost more than their reading.
//!
//! The room watches folders above the project for a few names that may come to exist there (`.cargo`, `rust-toolchain`), and
//! others may be busy in them all day. Shared by the thread that reads events and the room; never drops what the room
//! could follow.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::survey::Survey;

/// A folder is busy where so many events were dropped within [`WINDOW`]: looking at its few names costs less from then on.
const BUSY: u32 = 64;
const WINDOW: Duration = Duration::from_secs(4);

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// It may mean something.
    Through,
    /// It means nothing.
    Dropped,
    /// It means nothing, and there were so many of them lately that the folder is busy.
    Busy,
}

/// A folder of which only single names matter.
#[derive(Debug)]
struct Narrow {
    names: HashSet<OsString>,
    dropped: u32,
    since: Instant,
}

/// The folders of which only single names matter, and those names.
#[derive(Debug, Default)]
pub(super) struct Sieve(Mutex<HashMap<PathBuf, Narrow>>);

impl Sieve {
    /// Lets everything through: to be called before a walk, which may find that other names matter.
    pub(super) fn open(&self) {
        self.folders().clear();
    }

    /// Lets through what matters by this survey alone: to be called when the room goes by it.
    pub(super) fn set(&self, survey: &Survey) {
        let now = Instant::now();
        let narrow = |(folder, known_as): (&PathBuf, &Vec<PathBuf>)| {
            known_as.is_empty().then(|| {
                (
                    folder.clone(),
                    Narrow { names: HashSet::from([".gitignore".into()]), dropped: 0, since: now },
                )
            })
        };
        let mut folders: HashMap<PathBuf, Narrow> = survey.folders.iter().filter_map(narrow).collect();
        for path in survey.points.keys().chain(&survey.turns).chain(survey.folders.keys()) {
            if let Some((folder, name)) = parts(path)
                && let Some(narrow) = folders.get_mut(folder)
            {
                narrow.names.insert(name.to_os_string());
            }
        }
        *self.folders() = folders;
    }

    /// What becomes of an event about `path` at this moment.
    pub(super) fn passage(&self, path: &Path, now: Instant) -> Passage {
        let Some((folder, name)) = parts(path) else { return Passage::Through };
        let mut folders = self.folders();
        let Some(narrow) = folders.get_mut(folder) else { return Passage::Through };
        if narrow.names.contains(name) {
            return Passage::Through;
        }
        if now.saturating_duration_since(narrow.since) > WINDOW {
            narrow.since = now;
            narrow.dropped = 0;
        }
        narrow.dropped += 1;
        // Told once in a window.
        if narrow.dropped == BUSY { Passage::Busy } else { Passage::Dropped }
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

    fn survey() -> Survey {
        let folder = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        Survey {
            folders: [("/home", folder(&[])), ("/home/p", folder(&["/home/p"]))]
                .map(|(path, names)| (path.into(), names))
                .into(),
            points: HashMap::from([("/home/rust-toolchain".into(), folder(&["/home/rust-toolchain"]))]),
            turns: HashSet::from(["/home/.cargo".into()]),
            ..Survey::default()
        }
    }

    #[test]
    fn drops_only_what_nothing_hangs_on() {
        let (sieve, now) = (Sieve::default(), Instant::now());
        let check = |path: &str, expect| assert_eq!(sieve.passage(Path::new(path), now), expect, "{path}");
        check("/home/history", Passage::Through);
        sieve.set(&survey());
        check("/home/history", Passage::Dropped);
        for path in [
            "/home/rust-toolchain",
            "/home/.cargo",
            "/home/.gitignore",
            "/home/p",
            "/home/p/new",
            "/home",
            "/",
        ] {
            check(path, Passage::Through);
        }
        sieve.open();
        check("/home/history", Passage::Through);
    }

    #[test]
    fn many_at_once_are_busy_and_few_now_and_then_are_not() {
        let (sieve, start) = (Sieve::default(), Instant::now());
        sieve.set(&survey());
        let busy =
            |passages: Vec<Passage>| passages.iter().filter(|passage| **passage == Passage::Busy).count();
        let path = Path::new("/home/history");
        let slowly =
            (0..500).map(|second| sieve.passage(path, start + Duration::from_secs(second))).collect();
        assert_eq!(busy(slowly), 0);
        let later = start + Duration::from_secs(1000);
        let at_once =
            (0..1000).map(|event| sieve.passage(path, later + Duration::from_millis(event))).collect();
        assert_eq!(busy(at_once), 1);
    }
}
