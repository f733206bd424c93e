//! The descriptor store: what the program entrusts to hotrun for its successor (`sd_pid_notify_with_fds(3)`).
//!
//! Knows nothing of processes and messages. A stored duplicate keeps a connection open until it hangs up in both
//! directions or is removed by name. Nameless files (memfd) hold state: [`Store::snapshot`] copies their bytes, so that a
//! rollback finds what the old process left and not what a failed successor made of it.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use rustix::fs::{FileType, Stat, fstat};
use tokio::sync::mpsc::UnboundedSender;

use super::hangup::{Half, Hangups, hung_up};
use super::news::HandoverNews;
use crate::sys;

/// How many descriptors are kept at most; the program learns it from `FDSTORE`.
pub const LIMIT: usize = 512;

/// Larger nameless files are not copied at a hand-over: bytes.
const COPY_LIMIT: u64 = 64 << 20;

/// The store. A clone is the same store.
#[derive(Debug, Clone)]
pub struct Store(Rc<Shelf>);

/// What was stored at one moment.
#[derive(Debug)]
pub struct Snapshot {
    entries: Vec<Entry>,
    /// The names of nameless files whose bytes could not be copied: too large, or no memory. A rollback gets them as they
    /// are by then.
    pub not_copied: Vec<String>,
}

/// What became of a descriptor that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is kept.
    Kept,
    /// The same open file was in the store already.
    Known,
    /// The store holds [`LIMIT`] already.
    Full,
}

#[derive(Debug)]
struct Shelf {
    entries: Rc<RefCell<Vec<Entry>>>,
    next: Cell<u64>,
    hangups: Hangups,
    news: UnboundedSender<HandoverNews>,
}

#[derive(Debug)]
struct Entry {
    token: u64,
    name: String,
    fd: OwnedFd,
    poll: bool,
}

impl Store {
    /// An empty one. Needs a `LocalSet`.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn new(news: UnboundedSender<HandoverNews>) -> io::Result<Self> {
        let entries = Rc::new(RefCell::new(Vec::<Entry>::new()));
        let (kept, told) = (Rc::clone(&entries), news.clone());
        let hangups = Hangups::watch(move |token| {
            let mut kept = kept.borrow_mut();
            let place = kept.iter().position(|entry| entry.token == token)?;
            let Entry { name, fd, .. } = kept.remove(place);
            let _ = told.send(HandoverNews::StoredHungUp { name });
            Some(fd)
        })?;
        Ok(Self(Rc::new(Shelf { entries, next: Cell::new(0), hangups, news })))
    }

    /// How many descriptors are kept.
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of what is kept, in the order it came.
    pub fn names(&self) -> Vec<String> {
        self.0.entries.borrow().iter().map(|entry| entry.name.clone()).collect()
    }

    /// Keeps one more. `poll`: drop it when it hangs up.
    pub fn keep(&self, name: &str, fd: OwnedFd, poll: bool) -> Stored {
        if self.0.entries.borrow().iter().any(|entry| same(&entry.fd, &fd)) {
            return Stored::Known;
        }
        if self.len() >= LIMIT {
            return Stored::Full;
        }
        self.put(name.to_owned(), fd, poll);
        Stored::Kept
    }

    /// Drops all with this name, and gives how many those were.
    pub fn remove(&self, name: &str) -> usize {
        self.take(|entry| entry.name == name).len()
    }

    /// Drops everything.
    pub fn clear(&self) {
        self.take(|_| true);
    }

    /// Duplicates for the next process, in the order they came. What has hung up is dropped first.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn passed(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        for gone in self.take(|entry| entry.poll && hung_up(&entry.fd, Half::Both)) {
            let _ = self.0.news.send(HandoverNews::StoredHungUp { name: gone.name });
        }
        let entries = self.0.entries.borrow();
        entries.iter().map(|entry| Ok((entry.name.clone(), entry.fd.try_clone()?))).collect()
    }

    /// What is stored now, with a copy of the bytes of nameless files: to be taken between the end of a process and the
    /// start of its successor.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn snapshot(&self) -> io::Result<Snapshot> {
        let mut not_copied = Vec::new();
        let mut entries = Vec::new();
        for Entry { token, name, fd, poll } in self.0.entries.borrow().iter() {
            let stat = nameless(fd);
            let copied = stat.and_then(|stat| copy(name, fd, &stat).ok().flatten());
            if stat.is_some() && copied.is_none() {
                not_copied.push(name.clone());
            }
            let fd = match copied {
                Some(copied) => copied,
                None => fd.try_clone()?,
            };
            entries.push(Entry { token: *token, name: name.clone(), fd, poll: *poll });
        }
        Ok(Snapshot { entries, not_copied })
    }

    /// Makes the store what it was at the snapshot. Connections that were stored since then stay as well: somebody is at
    /// their other end. State stored since then goes.
    pub fn restore(&self, snapshot: Snapshot) {
        let before: Vec<u64> = snapshot.entries.iter().map(|entry| entry.token).collect();
        let since = self.take(|_| true);
        for entry in snapshot.entries {
            self.put(entry.name, entry.fd, entry.poll);
        }
        for Entry { token, name, fd, poll } in since {
            if !before.contains(&token) && nameless(&fd).is_none() {
                self.keep(&name, fd, poll);
            }
        }
    }

    fn put(&self, name: String, fd: OwnedFd, poll: bool) {
        let token = self.0.next.get();
        self.0.next.set(token + 1);
        if poll {
            self.0.hangups.add(fd.as_fd(), token, Half::Both);
        }
        self.0.entries.borrow_mut().push(Entry { token, name, fd, poll });
    }

    fn take(&self, which: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let taken: Vec<Entry> = self.0.entries.borrow_mut().extract_if(.., |entry| which(entry)).collect();
        for entry in taken.iter().filter(|entry| entry.poll) {
            self.0.hangups.remove(entry.fd.as_fd());
        }
        taken
    }
}

/// Whether both are the same open file. Where the kernel does not compare them, sockets are told by their inode, of
/// which each has one of its own; other files may be open twice.
fn same(one: &OwnedFd, other: &OwnedFd) -> bool {
    let (Ok(a), Ok(b)) = (fstat(one), fstat(other)) else {
        return false;
    };
    if (a.st_dev, a.st_ino) != (b.st_dev, b.st_ino) {
        return false;
    }
    sys::same_description(one.as_fd(), other.as_fd())
        .unwrap_or_else(|| FileType::from_raw_mode(a.st_mode) == FileType::Socket)
}

/// A regular file without a name: a memfd, or an unlinked temporary file where there are none.
fn nameless(fd: &OwnedFd) -> Option<Stat> {
    let stat = fstat(fd).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 0).then_some(stat)
}

/// A file of its own with the same bytes, position and seals; `None` where it is too large.
fn copy(name: &str, fd: &OwnedFd, stat: &Stat) -> io::Result<Option<OwnedFd>> {
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > COPY_LIMIT {
        return Ok(None);
    }
    let source = File::from(fd.try_clone()?);
    let mut target = fresh_file(name)?;
    // Read at explicit places: the file's own position is shared with the program.
    let mut buffer = vec![0; 256 << 10];
    let mut place = 0;
    while place < size {
        let read = source.read_at(&mut buffer, place)?;
        if read == 0 {
            break;
        }
        target.write_all(&buffer[..read])?;
        place += read as u64;
    }
    target.set_len(size)?;
    target.seek(SeekFrom::Start(rustix::fs::tell(fd)?))?;
    seal_alike(fd, &target)?;
    Ok(Some(target.into()))
}

#[cfg(target_os = "linux")]
fn fresh_file(name: &str) -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    // The name is only for those who look into /proc, and may be 249 bytes long (memfd_create(2)).
    let name: String = name.chars().take(200).collect();
    Ok(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into())
}

#[cfg(not(target_os = "linux"))]
fn fresh_file(_: &str) -> io::Result<File> {
    tempfile::tempfile()
}

#[cfg(target_os = "linux")]
fn seal_alike(source: &OwnedFd, target: &File) -> io::Result<()> {
    // An unlinked file on a disk has no seals.
    if let Ok(seals) = rustix::fs::fcntl_get_seals(source) {
        rustix::fs::fcntl_add_seals(target, seals)?;
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn seal_alike(_: &OwnedFd, _: &File) -> io::Result<()> {
    Ok(())
}
