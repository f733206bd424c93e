//! Copies a folder so that cargo treats the copy as its own output.
//!
//! Modification times are kept to the nanosecond, since cargo compares them; so are permissions, symbolic
//! links and hard links within the folder. Files that are never written to in place are shared with the
//! original: libraries, which rustc replaces, and build scripts, which cargo removes before linking anew.
//! Nothing else is: cargo, its children and some linkers (mold) write to existing files, and programs may be
//! stripped or signed. Test programs are skipped: building one program does not need them, and they are often
//! most of the folder.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::num::NonZero;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// More threads do not make a disk faster.
const THREADS: usize = 4;
const REPORT_INTERVAL: Duration = Duration::from_millis(200);
/// The unit of `stat`'s block counts, whatever the file system's block size.
const BLOCK: u64 = 512;

/// The content of a folder, paths relative to its root.
#[derive(Debug)]
pub(super) struct SourceTree {
    root: PathBuf,
    /// Each after its parent; the root first.
    folders: Vec<(PathBuf, Metadata)>,
    /// The largest first.
    files: Vec<Item>,
    /// Another name, and the file in `files` that it names.
    names: Vec<(PathBuf, PathBuf)>,
    /// Symbolic links and their targets.
    links: Vec<(PathBuf, PathBuf)>,
    /// Disk space of the files that are not shared.
    pub(super) bytes: u64,
}

#[derive(Debug)]
struct Item {
    path: PathBuf,
    metadata: Metadata,
    shared: bool,
}

impl SourceTree {
    /// Lists the content of `root` without the paths left out.
    pub(super) fn scan(root: &Path, is_left_out: impl Fn(&Path) -> bool) -> io::Result<Self> {
        let mut tree = Self {
            root: root.to_owned(),
            folders: vec![(PathBuf::new(), fs::metadata(root)?)],
            files: Vec::new(),
            names: Vec::new(),
            links: Vec::new(),
            bytes: 0,
        };
        let (mut single, mut several) = (Vec::new(), HashMap::new());
        let mut next = 0;
        while let Some((folder, _)) = tree.folders.get(next) {
            let folder = folder.clone();
            next += 1;
            for entry in fs::read_dir(root.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if is_left_out(&path) {
                    continue;
                }
                let metadata = match entry.metadata() {
                    Ok(metadata) => metadata,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                if metadata.is_dir() {
                    tree.folders.push((path, metadata));
                } else if metadata.is_symlink() {
                    tree.links.push((path, fs::read_link(entry.path())?));
                } else if metadata.is_file() && metadata.nlink() > 1 {
                    let file = several.entry((metadata.dev(), metadata.ino()));
                    file.or_insert_with(|| (metadata, Vec::new())).1.push(path);
                } else if metadata.is_file() {
                    single.push((path, metadata));
                }
            }
        }
        tree.take_files(single, several.into_values());
        Ok(tree)
    }

    /// Decides how files are copied: those with one name, and those with several.
    fn take_files(
        &mut self,
        single: Vec<(PathBuf, Metadata)>,
        several: impl Iterator<Item = (Metadata, Vec<PathBuf>)>,
    ) {
        // The folders in which cargo links programs to another name as well. A program there without another
        // name is a test.
        let mut folders = HashSet::new();
        for (metadata, names) in several {
            let linked = names.len() > 1;
            let is_program = linked && names.iter().all(|name| is_program(name, &metadata));
            if is_program {
                folders.extend(
                    names
                        .iter()
                        .filter(|name| !is_output(name))
                        .filter_map(|name| name.parent())
                        .map(Path::to_owned),
                );
            }
            let shared = is_program && !names.iter().any(|name| is_output(name))
                || names.iter().all(|name| is_library(name));
            let mut names = names.into_iter();
            let Some(path) = names.next() else { continue };
            self.names.extend(names.map(|name| (name, path.clone())));
            self.files.push(Item { path, metadata, shared });
        }
        let is_test = |path: &Path, metadata: &Metadata| {
            is_program(path, metadata) && path.parent().is_some_and(|folder| folders.contains(folder))
        };
        let single = single.into_iter().filter(|(path, metadata)| !is_test(path, metadata));
        self.files.extend(single.map(|(path, metadata)| Item { shared: is_library(&path), path, metadata }));
        self.files.sort_by_key(|file| std::cmp::Reverse(file.metadata.len()));
        let copied = self.files.iter().filter(|file| !file.shared);
        self.bytes = copied.map(|file| file.metadata.blocks() * BLOCK).sum();
    }

    /// Copies everything to the existing folder `to`, which will be renamed to `place`. `go_on` is called
    /// regularly with the number of bytes copied and may stop the copy; a partial copy is left as it is.
    pub(super) fn copy(&self, to: &Path, place: &Path, mut go_on: impl FnMut(u64) -> bool) -> io::Result<()> {
        for (folder, _) in self.folders.iter().skip(1) {
            fs::create_dir(to.join(folder))?;
        }
        let (next, copied, stop) = (AtomicUsize::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let work = || {
            while !stop.load(Ordering::Relaxed)
                && let Some(Item { path, metadata, shared }) =
                    self.files.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let (from, to) = (self.root.join(path), to.join(path));
                if *shared && fs::hard_link(&from, &to).is_ok() {
                    continue;
                }
                copy_file(&from, &to, metadata).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
                if !shared {
                    copied.fetch_add(metadata.blocks() * BLOCK, Ordering::Relaxed);
                }
            }
            io::Result::Ok(())
        };
        let ended = AtomicUsize::new(0);
        // Leave a processor for the cargo that runs meanwhile.
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get) - 1;
        let threads = threads.clamp(1, THREADS);
        std::thread::scope(|scope| {
            let main = std::thread::current();
            let workers: Vec<_> = (0..threads)
                .map_while(|_| {
                    let (work, main, ended) = (&work, main.clone(), &ended);
                    let worker = move || {
                        let done = work();
                        ended.fetch_add(1, Ordering::Release);
                        main.unpark();
                        done
                    };
                    std::thread::Builder::new().name("copy".to_owned()).spawn_scoped(scope, worker).ok()
                })
                .collect();
            if workers.is_empty() {
                // The system refused every thread.
                return work();
            }
            // The counter grows before the wake-up, when the worker is not finished yet; a worker that
            // panicked does not count.
            while ended.load(Ordering::Acquire) < workers.len()
                && !workers.iter().all(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::park_timeout(REPORT_INTERVAL);
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
                // The file was removed while its folder was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done?,
            }
        }
        for (path, says) in &self.links {
            // A link to a path within the original points to the same path in the copy.
            let says =
                says.strip_prefix(&self.root).map_or_else(|_| says.clone(), |inside| place.join(inside));
            symlink(says, to.join(path))?;
        }
        // Innermost first: creating an entry changes the time of its folder.
        for (folder, metadata) in self.folders.iter().rev() {
            let copy = File::open(to.join(folder))?;
            copy.set_times(times(metadata)?)?;
            copy.set_permissions(metadata.permissions())?;
        }
        Ok(())
    }
}

/// Whether the file is a library of rustc, which replaces it by a rename: a link is as good as a copy.
fn is_library(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rlib" || extension == "rmeta")
}

/// Whether the file is a program. cargo removes one it has linked to another name before linking anew,
/// because some linkers would write to the existing file (<https://github.com/rust-lang/cargo/issues/8348>).
fn is_program(path: &Path, metadata: &Metadata) -> bool {
    path.extension().is_none() && metadata.mode() & 0o111 != 0
}

/// Whether the path is a documented output: directly in the folder, or in that of examples
/// (<https://doc.rust-lang.org/cargo/reference/build-cache.html>).
fn is_output(path: &Path) -> bool {
    path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder == "examples")
}

fn copy_file(from: &Path, to: &Path, metadata: &Metadata) -> io::Result<()> {
    // Shares the blocks if the file system can (`copy_file_range` and `clonefile` do).
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
    fn times_modes_and_links_are_kept_and_libraries_are_shared() {
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

        let tree = SourceTree::scan(&from, |path| path == Path::new("incremental")).unwrap();
        assert!(tree.bytes > 0);
        fs::create_dir(&to).unwrap();
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
    fn build_scripts_are_shared_and_tests_skipped() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        let program = |path: &str| {
            fs::create_dir_all(from.join(path).parent().unwrap()).unwrap();
            fs::write(from.join(path), path).unwrap();
            fs::set_permissions(from.join(path), fs::Permissions::from_mode(0o755)).unwrap();
        };
        let linked = |path: &str, name: &str| {
            program(path);
            fs::hard_link(from.join(path), from.join(name)).unwrap();
        };
        linked("deps/app-1", "app");
        linked("examples/tour-1", "examples/tour");
        linked("build/it-1/script-1", "build/it-1/script");
        // The layout in which every unit has a folder of its own.
        program("build/it/2/script");
        program("build/it-1/out/generator");
        program("deps/test-1");
        program("deps/libmacros-1.so");
        fs::write(from.join("deps/app-1.d"), "app").unwrap();

        let tree = SourceTree::scan(&from, |_| false).unwrap();
        fs::create_dir(&to).unwrap();
        tree.copy(&to, &root.path().join("place"), |_| true).unwrap();

        let inode = |folder: &Path, file: &str| folder.join(file).metadata().unwrap().ino();
        let shared = |file: &str| inode(&from, file) == inode(&to, file);
        assert!(shared("build/it-1/script-1") && shared("build/it-1/script"));
        for copied in [
            "app",
            "deps/app-1",
            "examples/tour",
            "examples/tour-1",
            "build/it/2/script",
            "build/it-1/out/generator",
            "deps/libmacros-1.so",
            "deps/app-1.d",
        ] {
            assert!(!shared(copied), "{copied}");
        }
        assert_eq!(inode(&to, "app"), inode(&to, "deps/app-1"));
        assert!(!to.join("deps/test-1").exists());
    }

    #[test]
    fn copying_can_be_stopped() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        fs::create_dir(&from).unwrap();
        fs::write(from.join("file"), "text").unwrap();
        let tree = SourceTree::scan(&from, |_| false).unwrap();
        fs::create_dir(root.path().join("to")).unwrap();
        let error = tree.copy(&root.path().join("to"), &root.path().join("place"), |_| false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Interrupted);
    }
}
