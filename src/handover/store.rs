//! The descriptor store, which a program fills for its successor (`sd_pid_notify_with_fds(3)`).
//!
//! Independent of processes and messages. A stored duplicate keeps a connection open until it hangs up in
//! both directions or is removed by name. Nameless files (memfd) hold state: [`Store::snapshot`] copies their
//! contents, so that a rollback restores the state the old process left, not what a failed successor made of
//! it.

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
use crate::words::ServiceId;

/// How many descriptors are stored at most; announced to the program in `FDSTORE`.
pub const LIMIT: usize = 512;

/// The size up to which nameless files are copied, in bytes.
const COPY_LIMIT: u64 = 64 << 20;

/// The store. Clones share it.
#[derive(Debug, Clone)]
pub struct Store(Rc<Inner>);

/// The contents of the store at one moment.
#[derive(Debug)]
pub struct Snapshot {
    entries: Vec<StoredFd>,
}

/// The outcome of storing a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    Kept,
    /// The same file description was stored already.
    Duplicate,
    /// The store holds [`LIMIT`] descriptors.
    Full,
}

#[derive(Debug)]
struct Inner {
    service: ServiceId,
    entries: Rc<RefCell<Vec<StoredFd>>>,
    next: Cell<u64>,
    hangups: Hangups,
    news: UnboundedSender<HandoverNews>,
}

#[derive(Debug)]
struct StoredFd {
    token: u64,
    name: String,
    fd: OwnedFd,
    poll: bool,
}

impl Store {
    /// Opens an empty store. Needs a `LocalSet`.
    pub fn new(service: ServiceId, news: UnboundedSender<HandoverNews>) -> io::Result<Self> {
        let entries = Rc::new(RefCell::new(Vec::<StoredFd>::new()));
        let (kept, sender) = (Rc::clone(&entries), news.clone());
        let hangups = Hangups::watch(move |token| {
            let mut kept = kept.borrow_mut();
            let place = kept.iter().position(|entry| entry.token == token)?;
            let StoredFd { name, fd, .. } = kept.remove(place);
            let _ = sender.send(HandoverNews::StoredHungUp { service, name });
            Some(fd)
        })?;
        Ok(Self(Rc::new(Inner { service, entries, next: Cell::new(0), hangups, news })))
    }

    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores a descriptor. `poll`: drop it when it hangs up.
    pub fn keep(&self, name: &str, fd: OwnedFd, poll: bool) -> Stored {
        if self.0.entries.borrow().iter().any(|entry| same(&entry.fd, &fd)) {
            return Stored::Duplicate;
        }
        if self.len() >= LIMIT {
            return Stored::Full;
        }
        self.put(name.to_owned(), fd, poll);
        Stored::Kept
    }

    /// Drops all with this name. Returns how many.
    pub fn remove(&self, name: &str) -> usize {
        self.take(|entry| entry.name == name).len()
    }

    /// Returns duplicates for the next process, in the order they were stored. Drops those that have hung up.
    pub fn passed(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        for gone in self.take(|entry| entry.poll && hung_up(&entry.fd, Half::Both)) {
            let (service, name) = (self.0.service, gone.name);
            let _ = self.0.news.send(HandoverNews::StoredHungUp { service, name });
        }
        let entries = self.0.entries.borrow();
        entries.iter().map(|entry| Ok((entry.name.clone(), entry.fd.try_clone()?))).collect()
    }

    /// Takes a snapshot, with copies of nameless files; one that cannot be copied (too large, no memory) is
    /// shared. To be called between the end of a process and the start of its successor.
    pub fn snapshot(&self) -> io::Result<Snapshot> {
        let mut entries = Vec::new();
        for StoredFd { token, name, fd, poll } in self.0.entries.borrow().iter() {
            let fd = match nameless(fd).and_then(|stat| copy(name, fd, &stat).ok().flatten()) {
                Some(copied) => copied,
                None => fd.try_clone()?,
            };
            entries.push(StoredFd { token: *token, name: name.clone(), fd, poll: *poll });
        }
        Ok(Snapshot { entries })
    }

    /// Restores the snapshot. Connections stored since then are kept, because they have a peer; state stored
    /// since then is dropped.
    pub fn restore(&self, snapshot: Snapshot) {
        let before: Vec<u64> = snapshot.entries.iter().map(|entry| entry.token).collect();
        let since = self.take(|_| true);
        for entry in snapshot.entries {
            self.put(entry.name, entry.fd, entry.poll);
        }
        for StoredFd { token, name, fd, poll } in since {
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
        self.0.entries.borrow_mut().push(StoredFd { token, name, fd, poll });
    }

    fn take(&self, which: impl Fn(&StoredFd) -> bool) -> Vec<StoredFd> {
        let taken: Vec<StoredFd> = self.0.entries.borrow_mut().extract_if(.., |entry| which(entry)).collect();
        for entry in taken.iter().filter(|entry| entry.poll) {
            self.0.hangups.remove(entry.fd.as_fd());
        }
        taken
    }
}

/// Whether both are the same file description. If the kernel cannot compare them, sockets are compared by
/// inode, which is unique to each; other files count as different.
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

/// Returns the status of a regular file without a name: a memfd, or an unlinked temporary file where there
/// are none.
fn nameless(fd: &OwnedFd) -> Option<Stat> {
    let stat = fstat(fd).ok()?;
    (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 0).then_some(stat)
}

/// Copies contents, position and seals into a new file; `None` if it is too large.
fn copy(name: &str, fd: &OwnedFd, stat: &Stat) -> io::Result<Option<OwnedFd>> {
    let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
    if size > COPY_LIMIT {
        return Ok(None);
    }
    let source = File::from(fd.try_clone()?);
    let mut target = fresh_file(name)?;
    // Reads at explicit offsets: the file's position is shared with the program.
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
    // The name only shows in /proc, and may have 249 bytes (memfd_create(2)).
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
