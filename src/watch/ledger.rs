//! The current content of each followed file, its content when the latest build attempt started, and the
//! reported changes since.
//!
//! Pure: reads no file and no clock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use super::fingerprint::{Content, Fingerprint, Stat};

/// A moment in both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The monotonic clock, for the order of events.
    pub(super) order: Instant,
    /// The clock of file times, which may be set forward and back.
    pub(super) wall: SystemTime,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { order: Instant::now(), wall: SystemTime::now() }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FileRecord {
    /// As of the last check.
    pub(super) now: Fingerprint,
    /// The content the latest build attempt started from.
    pub(super) baseline: Content,
    /// When `now` was first seen.
    seen: Instant,
    /// When the content was last read.
    read: SystemTime,
    /// Whether `now` is still the state at the first check.
    first: bool,
    /// Whether it did not exist, as far as is known, when the latest build attempt started.
    new: bool,
    /// The content reported since the baseline.
    reported: Option<Fingerprint>,
    /// The content reported before the baseline: the latest build attempt was started for it.
    built: Option<Fingerprint>,
    /// The content that was read as settings.
    read_as: Option<Content>,
}

impl FileRecord {
    /// Whether other content was read as settings.
    fn is_stale(&self) -> bool {
        let readable = matches!(self.now.content, Content::Hashed(..) | Content::Missing);
        readable && self.read_as.is_some_and(|read| !read.same(&self.now.content))
    }

    /// To be called when the change is reported: the reader of settings answers with what it reads.
    fn mark_read(&mut self) {
        if let Some(read) = &mut self.read_as {
            *read = self.now.content;
        }
    }
}

/// The baseline of a file that was not followed before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InitialBaseline {
    /// It did not exist.
    Appeared,
    /// It may have been changed after this time; otherwise it is unchanged.
    Since(SystemTime),
    /// It is what the next build will start from.
    Settled,
    /// The build read it, and it was gone before the first check.
    Lost,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: HashMap<PathBuf, FileRecord>,
}

impl Ledger {
    pub(super) fn get(&self, path: &Path) -> Option<&FileRecord> {
        self.entries.get(path)
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.entries.keys().map(PathBuf::as_path)
    }

    /// Returns the files that differ from what the latest build attempt started from, or from what was read
    /// as settings.
    pub(super) fn differing(&self) -> Vec<PathBuf> {
        let differs = |entry: &FileRecord| !entry.now.content.same(&entry.baseline) || entry.is_stale();
        self.entries.iter().filter(|(_, entry)| differs(entry)).map(|(path, _)| path.clone()).collect()
    }

    /// Starts to follow `path`.
    pub(super) fn add(&mut self, path: &Path, now: Fingerprint, seen: Moment, origin: InitialBaseline) {
        let baseline = match origin {
            InitialBaseline::Appeared => Content::Missing,
            InitialBaseline::Lost => Content::Unknown,
            InitialBaseline::Since(moment) if now.changed_after(moment, seen.wall) == Some(true) => {
                Content::Unknown
            }
            InitialBaseline::Since(_) | InitialBaseline::Settled => now.content,
        };
        let first = !matches!(origin, InitialBaseline::Appeared | InitialBaseline::Lost);
        let new = matches!(baseline, Content::Missing | Content::Unknown);
        let (seen, read) = (seen.order, seen.wall);
        let entry =
            FileRecord { now, baseline, seen, read, first, new, reported: None, built: None, read_as: None };
        self.entries.insert(path.to_path_buf(), entry);
    }

    /// Records a check. Returns whether the content changed since the last one. A file that was not followed
    /// counts as new.
    pub(super) fn record(&mut self, path: &Path, now: Fingerprint, seen: Moment) -> bool {
        let Some(entry) = self.entries.get_mut(path) else {
            self.add(path, now, seen, InitialBaseline::Appeared);
            return now.content != Content::Missing;
        };
        let changed = !entry.now.content.same(&now.content);
        entry.now = now;
        entry.read = seen.wall;
        if changed {
            entry.seen = seen.order;
            entry.first = false;
        }
        changed
    }

    /// Records a deferred check that is made early, because a build starts: the state may be brand-new.
    pub(super) fn record_deferred(&mut self, path: &Path, now: Fingerprint, seen: Moment) {
        if now.content == Content::Missing && !self.entries.contains_key(path) {
            return;
        }
        self.record(path, now, seen);
        if let Some(entry) = self.entries.get_mut(path) {
            entry.seen = seen.order;
            entry.first = false;
        }
    }

    /// Replaces the stat of a large file by its content, now that it was read as a whole.
    pub(super) fn deepen(&mut self, path: &Path, whole: Fingerprint) {
        let Some(entry) = self.entries.get_mut(path) else {
            return;
        };
        let by_stat = Content::Large(entry.now.stat.unwrap_or(NO_STAT));
        if entry.now.content == by_stat && entry.now.stat == whole.stat {
            if entry.baseline == by_stat {
                entry.baseline = whole.content;
            }
            entry.now = whole;
        }
    }

    /// Returns the files that may have been written again after they were read without a change of their
    /// stat.
    pub(super) fn racy(&self) -> Vec<PathBuf> {
        let racy = |entry: &FileRecord| {
            matches!(entry.now.content, Content::Hashed(..))
                && entry.now.changed_after(entry.read, entry.read) != Some(false)
        };
        self.entries.iter().filter(|(_, entry)| racy(entry)).map(|(path, _)| path.clone()).collect()
    }

    /// Records that the content was read again and has not changed.
    pub(super) fn read_again(&mut self, path: &Path, now: Fingerprint, read: SystemTime) {
        if let Some(entry) = self.entries.get_mut(path) {
            entry.now.stat = now.stat;
            entry.read = read;
        }
    }

    /// Whether `path` differs from what the latest build attempt started from, or from what was read as
    /// settings, and this was not reported.
    pub(super) fn is_unreported(&self, path: &Path) -> bool {
        self.entries.get(path).is_some_and(|entry| {
            entry.is_stale()
                || !entry.now.content.same(&entry.baseline)
                    && entry.reported.is_none_or(|reported| !reported.content.same(&entry.now.content))
        })
    }

    /// Returns the state of `path` that was reported and that no build attempt has started from yet.
    pub(super) fn reported(&self, path: &Path) -> Option<Fingerprint> {
        self.entries.get(path)?.reported
    }

    /// Returns the state of `path` that was reported and that the latest build attempt was started for.
    pub(super) fn built(&self, path: &Path) -> Option<Fingerprint> {
        self.entries.get(path).filter(|_| self.unchanged(path))?.built
    }

    /// Returns the files that were reported and that no build attempt has started from yet; with `also_built` those that
    /// the latest was started for as well.
    pub(super) fn told(&self, also_built: bool) -> Vec<PathBuf> {
        let told = |entry: &FileRecord| entry.reported.is_some() || also_built && entry.built.is_some();
        self.entries.iter().filter(|(_, entry)| told(entry)).map(|(path, _)| path.clone()).collect()
    }

    /// A build may have read other content of `path`, whatever was reported.
    pub(super) fn doubt(&mut self, path: &Path) {
        if let Some(entry) = self.entries.get_mut(path) {
            (entry.baseline, entry.reported, entry.built) = (Content::Unknown, None, None);
        }
    }

    /// Exactly these are files of settings; the value is the content that was read.
    pub(super) fn read_as_settings(&mut self, files: &HashMap<PathBuf, Content>) {
        for (path, entry) in &mut self.entries {
            entry.read_as = files.get(path).copied();
        }
    }

    /// Whether `path` did not exist when the latest build attempt started, or may not have.
    pub(super) fn is_new(&self, path: &Path) -> bool {
        self.entries.get(path).is_some_and(|entry| entry.new)
    }

    /// Whether `path` is what the latest build attempt started from.
    pub(super) fn unchanged(&self, path: &Path) -> bool {
        self.entries.get(path).is_some_and(|entry| entry.now.content.same(&entry.baseline))
    }

    /// The latest build attempt is built from the current content of `path`.
    pub(super) fn set_baseline(&mut self, path: &Path) {
        if let Some(entry) = self.entries.get_mut(path) {
            entry.baseline = entry.now.content;
            entry.reported = None;
            entry.mark_read();
        }
    }

    /// Marks the current content as reported.
    pub(super) fn mark_reported(&mut self, path: &Path) {
        if let Some(entry) = self.entries.get_mut(path) {
            entry.reported = Some(entry.now);
            entry.built = None;
            entry.mark_read();
        }
    }

    /// Stops following `path`.
    pub(super) fn remove(&mut self, path: &Path) {
        self.entries.remove(path);
    }

    /// A build attempt started at `moment`: the known contents become the baseline, except for files that may
    /// have changed after that moment but before this call; returns those. The files in `put_off` stay
    /// changed: their baseline is what was reported last, or unknown if the build may read them in a passing state.
    pub(super) fn build_started(&mut self, moment: Moment, put_off: &HashMap<PathBuf, bool>) -> Vec<PathBuf> {
        let mut doubtful = Vec::new();
        for (path, entry) in &mut self.entries {
            let reported = entry.reported.take();
            entry.built = reported;
            if let Some(passing) = put_off.get(path) {
                entry.baseline = if *passing {
                    Content::Unknown
                } else {
                    reported.map_or(entry.baseline, |reported| reported.content)
                };
                continue;
            }
            // If its times do not tell, a file in its first known state was so before.
            let late = entry.seen > moment.order
                && entry.now.changed_after(moment.wall, entry.read).unwrap_or(!entry.first);
            entry.new = entry.now.content == Content::Missing || (late && entry.new);
            entry.baseline = if late { Content::Unknown } else { entry.now.content };
            if late {
                doubtful.push(path.clone());
            }
        }
        doubtful
    }
}

const NO_STAT: Stat = Stat {
    id: (0, 0),
    size: 0,
    mtime: SystemTime::UNIX_EPOCH,
    ctime: SystemTime::UNIX_EPOCH,
    kind: super::fingerprint::EntryKind::Other,
};

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::Duration;

    use super::*;
    use crate::watch::fingerprint::EntryKind;

    /// A moment at which the wall clock was set.
    fn set(order: u64, wall: u64) -> Moment {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        let seconds = Duration::from_secs;
        Moment { order: *BEGIN + seconds(order), wall: SystemTime::UNIX_EPOCH + seconds(wall) }
    }

    fn at(seconds: u64) -> Moment {
        set(seconds, seconds)
    }

    fn file(hash: u64, changed: u64) -> Fingerprint {
        let stat = Stat {
            id: (1, 1),
            size: 1,
            mtime: at(changed).wall,
            ctime: at(changed).wall,
            kind: EntryKind::File,
        };
        Fingerprint { stat: Some(stat), content: Content::Hashed(1, hash) }
    }

    #[test]
    fn a_change_is_reported_once_until_the_next_build() {
        let (mut ledger, path) = (Ledger::default(), Path::new("/a"));
        ledger.add(path, file(1, 1), at(10), InitialBaseline::Settled);
        assert!(!ledger.is_unreported(path));
        assert!(ledger.record(path, file(2, 20), at(20)));
        assert!(ledger.is_unreported(path));
        ledger.mark_reported(path);
        assert!(!ledger.record(path, file(2, 21), at(21)));
        assert!(!ledger.is_unreported(path));
        assert_eq!(ledger.build_started(at(30), &HashMap::new()), Vec::<PathBuf>::new());
        assert!(!ledger.is_unreported(path));
        ledger.record(path, file(1, 40), at(40));
        assert!(ledger.is_unreported(path));
    }

    #[test]
    fn a_file_read_in_the_tick_of_its_change_is_read_again() {
        let (mut ledger, path) = (Ledger::default(), Path::new("/a"));
        ledger.add(path, file(1, 1), at(10), InitialBaseline::Settled);
        assert_eq!(ledger.racy(), Vec::<PathBuf>::new());
        ledger.record(path, file(2, 20), at(20));
        assert_eq!(ledger.racy(), [path]);
        ledger.read_again(path, file(2, 20), at(21).wall);
        assert_eq!(ledger.racy(), Vec::<PathBuf>::new());
    }

    #[test]
    fn back_to_the_baseline_is_no_change() {
        let (mut ledger, path) = (Ledger::default(), Path::new("/a"));
        ledger.add(path, file(1, 1), at(10), InitialBaseline::Settled);
        ledger.record(path, file(2, 20), at(20));
        ledger.record(path, file(1, 21), at(21));
        assert!(!ledger.is_unreported(path));
    }

    #[test]
    fn a_save_seen_after_the_start_of_a_build_stays_a_change() {
        let (mut ledger, path) = (Ledger::default(), Path::new("/a"));
        ledger.add(path, file(1, 1), at(10), InitialBaseline::Settled);
        ledger.record(path, file(2, 31), at(32));
        assert_eq!(ledger.build_started(at(30), &HashMap::new()), [path]);
        assert!(ledger.is_unreported(path));
        // Saved before the start, but seen later: the build has it.
        ledger.build_started(at(40), &HashMap::new());
        ledger.record(path, file(3, 49), at(52));
        assert_eq!(ledger.build_started(at(50), &HashMap::new()), Vec::<PathBuf>::new());
        assert!(!ledger.is_unreported(path));
    }

    #[test]
    fn a_new_file_counts_if_it_may_be_newer_than_the_build() {
        let (mut ledger, path) = (Ledger::default(), Path::new("/a"));
        ledger.add(path, file(1, 31), at(40), InitialBaseline::Since(at(30).wall));
        assert!(ledger.is_unreported(path));
        ledger.add(path, file(1, 29), at(40), InitialBaseline::Since(at(30).wall));
        assert!(!ledger.is_unreported(path));
        ledger.add(path, file(1, 29), at(40), InitialBaseline::Appeared);
        assert!(ledger.is_unreported(path));
        ledger.add(path, Fingerprint::MISSING, at(40), InitialBaseline::Lost);
        assert!(ledger.is_unreported(path));
    }

    #[test]
    fn a_clock_set_back_makes_nothing_a_change() {
        let (mut ledger, old, new) = (Ledger::default(), Path::new("/old"), Path::new("/new"));
        ledger.add(old, file(1, 1000), at(1001), InitialBaseline::Settled);
        ledger.add(new, file(1, 1000), at(1001), InitialBaseline::Settled);
        // An edit after the clock was set back, and its build.
        ledger.record(new, file(2, 20), set(1010, 20));
        ledger.mark_reported(new);
        assert_eq!(ledger.build_started(set(1011, 21), &HashMap::new()), Vec::<PathBuf>::new());
        assert!(ledger.differing().is_empty());
        // An edit during that build is a change, as is a file with a time of another machine's clock.
        ledger.record(new, file(3, 22), set(1013, 23));
        ledger.record(old, file(3, 5000), set(1013, 23));
        let mut late = ledger.build_started(set(1012, 22), &HashMap::new());
        late.sort();
        assert_eq!(late, [new, old]);
        // A file with a time in the future was so before its first check.
        ledger.add(old, file(1, 1000), set(1020, 30), InitialBaseline::Since(at(25).wall));
        assert!(!ledger.is_unreported(old));
        ledger.add(old, file(1, 1000), set(1020, 30), InitialBaseline::Settled);
        assert_eq!(ledger.build_started(set(1019, 29), &HashMap::new()), Vec::<PathBuf>::new());
    }
}
