//! Copying a folder so that cargo takes the copy for what it built there itself.
//!
//! Modification times are kept to the nanosecond, since cargo compares them; permissions, symbolic links and hard links
//! within the folder are kept as well. Libraries are shared with the original: rustc replaces them and never writes to
//! one that is there. Nothing else is: cargo, build scripts and some linkers (mold) write to theirs in place.

use std::collections::HashMap;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::num::NonZero;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// More threads than this do not make a disk faster.
const THREADS: usize = 4;
/// How often somebody is told how far it is.
const TOLD: Duration = Duration::from_millis(200);
/// What `stat` counts blocks in, whatever the file system's are.
const BLOCK: u64 = 512;

/// What there is to copy, paths relative to the root.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    /// Each after the one it is in; the root first.
    folders: Vec<(PathBuf, Metadata)>,
    /// The largest first.
    files: Vec<(PathBuf, Metadata)>,
    /// Another name, and the file in `files` that it names.
    names: Vec<(PathBuf, PathBuf)>,
    /// Symbolic links, and what they say.
    links: Vec<(PathBuf, PathBuf)>,
    /// What the files that are not shared take on disk.
    pub(super) bytes: u64,
}

impl Tree {
    /// Lists what is below `root`, without its subfolders named in `leave_out`.
    pub(super) fn survey(root: &Path, leave_out: &[&str]) -> io::Result<Self> {
        let mut tree = Self {
            root: root.to_owned(),
            folders: vec![(PathBuf::new(), fs::metadata(root)?)],
            files: Vec::new(),
            names: Vec::new(),
            links: Vec::new(),
            bytes: 0,
        };
        let mut seen = HashMap::new();
        let mut next = 0;
        while let Some((folder, _)) = tree.folders.get(next) {
            let folder = folder.clone();
            next += 1;
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let name = entry.file_name();
                if folder.as_os_str().is_empty() && leave_out.iter().any(|left| name == *left) {
                    continue;
                }
                let path = folder.join(&name);
                let metadata = match entry.metadata() {
                    Ok(metadata) => metadata,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                if metadata.is_dir() {
                    tree.folders.push((path, metadata));
                } else if metadata.is_symlink() {
                    tree.links.push((path, fs::read_link(entry.path())?));
                } else if metadata.is_file() {
                    if metadata.nlink() > 1 {
                        if let Some(first) = seen.get(&(metadata.dev(), metadata.ino())) {
                            tree.names.push((path, PathBuf::clone(first)));
                            continue;
                        }
                        seen.insert((metadata.dev(), metadata.ino()), path.clone());
                    }
                    if !is_shared(&path) {
                        tree.bytes += metadata.blocks() * BLOCK;
                    }
                    tree.files.push((path, metadata));
                }
            }
        }
        tree.files.sort_by_key(|(_, metadata)| std::cmp::Reverse(metadata.len()));
        Ok(tree)
    }

    /// Copies everything to `to`, which must not exist and is going to be renamed to `place`. `go_on` is asked now and then,
    /// with the number of bytes copied, and says whether to; nothing tidies up after an end in the middle.
    pub(super) fn copy(&self, to: &Path, place: &Path, mut go_on: impl FnMut(u64) -> bool) -> io::Result<()> {
        for (folder, _) in &self.folders {
            fs::create_dir(to.join(folder))?;
        }
        let (next, copied, stop) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let work = || {
            while !stop.load(Ordering::Relaxed)
                && let Some((path, metadata)) = self.files.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let (from, to) = (self.root.join(path), to.join(path));
                if is_shared(path) && fs::hard_link(&from, &to).is_ok() {
                    continue;
                }
                copy_file(&from, &to, metadata).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                if !is_shared(path) {
                    copied.fetch_add(metadata.blocks() * BLOCK, Ordering::Relaxed);
                }
            }
            io::Result::Ok(())
        };
        let ended = AtomicUsize::new(0);
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).clamp(2, THREADS);
        std::thread::scope(|scope| {
            let main = std::thread::current();
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let (work, main, ended) = (&work, main.clone(), &ended);
                    scope.spawn(move || {
                        let done = work();
                        ended.fetch_add(1, Ordering::Release);
                        main.unpark();
                        done
                    })
                })
                .collect();
            // Counted before they wake this one, for then they are not finished yet; one that panicked is not counted.
            while ended.load(Ordering::Acquire) < threads
                && !workers.iter().all(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::park_timeout(TOLD);
                if !go_on(copied.load(Ordering::Relaxed)) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        if !go_on(copied.load(Ordering::Relaxed)) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        for (path, file) in &self.names {
            match fs::hard_link(to.join(file), to.join(path)) {
                // It went while its folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
        for (path, says) in &self.links {
            // One that names a place in the original means that place in the copy.
            let says =
                says.strip_prefix(&self.root).map_or_else(|_| says.clone(), |inside| place.join(inside));
            symlink(says, to.join(path))?;
        }
        // From the innermost: making an entry changes the time of the folder it is in.
        for (folder, metadata) in self.folders.iter().rev() {
            let copy = File::open(to.join(folder))?;
            copy.set_times(times(metadata)?)?;
            copy.set_permissions(metadata.permissions())?;
        }
        Ok(())
    }
}

/// Whether it is a library of rustc's: that writes one under another name first and renames it, so that a link to it is as good
/// as a copy.
fn is_shared(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rlib" || extension == "rmeta")
}

fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    // Shares the blocks where the file system can (`copy_file_range` and `clonefile` do).
    match fs::copy(from, to) {
        Ok(_) => File::open(to)?.set_times(times(metadata)?),
        // No cargo runs here now, but a program may keep files of its own in the folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn times(metadata: &Metadata) -> io::Result<FileTimes> {
    Ok(FileTimes::new().set_modified(metadata.modified()?).set_accessed(metadata.accessed()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;

    fn at(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    fn age(path: &Path, time: SystemTime) {
        File::open(path).unwrap().set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    #[test]
    fn times_modes_and_links_are_kept_and_only_libraries_are_shared() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("deps/empty")).unwrap();
        fs::create_dir_all(from.join("incremental")).unwrap();
        fs::create_dir_all(from.join("deps/incremental")).unwrap();
        fs::write(from.join("incremental/large"), "no").unwrap();
        for library in ["deps/liba.rlib", "deps/liba.rmeta", "liba.so"] {
            fs::write(from.join(library), "library").unwrap();
        }
        fs::write(from.join("deps/app-1"), "program").unwrap();
        fs::set_permissions(from.join("deps/app-1"), fs::Permissions::from_mode(0o555)).unwrap();
        fs::hard_link(from.join("deps/app-1"), from.join("app")).unwrap();
        symlink("deps/app-1", from.join("relative")).unwrap();
        symlink(from.join("deps"), from.join("absolute")).unwrap();
        age(&from.join("deps/app-1"), at(1_000_000_000, 123_456_789));
        age(&from.join("deps"), at(1_000_000_001, 987_654_321));

        let tree = Tree::survey(&from, &["incremental"]).unwrap();
        assert!(tree.bytes > 0);
        tree.copy(&to, &root.path().join("place"), |_| true).unwrap();

        let shared =
            |file: &str| from.join(file).metadata().unwrap().ino() == to.join(file).metadata().unwrap().ino();
        assert!(shared("deps/liba.rlib") && shared("deps/liba.rmeta"));
        assert!(!shared("liba.so") && !shared("deps/app-1"));
        assert!(!to.join("incremental").exists());
        assert!(to.join("deps/incremental").is_dir() && to.join("deps/empty").is_dir());
        let copy = to.join("deps/app-1").metadata().unwrap();
        assert_eq!(copy.modified().unwrap(), at(1_000_000_000, 123_456_789));
        assert_eq!(copy.permissions().mode() & 0o777, 0o555);
        assert_eq!(to.join("deps").metadata().unwrap().modified().unwrap(), at(1_000_000_001, 987_654_321));
        assert_ne!(copy.ino(), from.join("app").metadata().unwrap().ino());
        assert_eq!(copy.ino(), to.join("app").metadata().unwrap().ino());
        assert_eq!(fs::read_link(to.join("relative")).unwrap(), Path::new("deps/app-1"));
        assert_eq!(fs::read_link(to.join("absolute")).unwrap(), root.path().join("place/deps"));
    }

    #[test]
    fn copying_ends_when_it_is_told_to() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("file"), "text").unwrap();
        let tree = Tree::survey(&from, &[]).unwrap();
        let error = tree.copy(&root.path().join("to"), &root.path().join("place"), |_| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
