//! Sets: the shared libraries of a build in a folder of their own, so that the program never loads those of
//! another build.
//!
//! Owns the folder `<program>.d` beside the live path. Files of a set are never written to again, and the
//! folder of a set is never reused for another.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::files::{FileStamp, beside, copy, names, place, same_bytes};
use super::result::Library;
use crate::sys;

/// The libraries of a build.
#[derive(Debug)]
pub(super) struct Set {
    folder: PathBuf,
    libraries: BTreeMap<OsString, SetLibrary>,
}

#[derive(Debug)]
struct SetLibrary {
    /// Open, so that it can be compared even if its name is gone.
    file: File,
    /// The stamp of the original when it was last known to be the same.
    from: Cell<FileStamp>,
}

impl SetLibrary {
    /// Whether `library` still has the same content.
    fn is(&self, library: &Path) -> io::Result<bool> {
        let now = FileStamp::of(&fs::metadata(library)?);
        let same = now == self.from.get() || same_bytes(&self.file, &File::open(library)?)?;
        if same {
            self.from.set(now);
        }
        Ok(same)
    }
}

impl Set {
    /// Returns the folder for the program's library path.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn is(&self, libraries: &BTreeMap<OsString, &Library>) -> io::Result<bool> {
        if !self.libraries.keys().eq(libraries.keys()) {
            return Ok(false);
        }
        for (kept, library) in self.libraries.values().zip(libraries.values()) {
            if !kept.is(&library.path)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_there(&self) -> bool {
        self.libraries.iter().all(|(name, kept)| names(&self.folder.join(name), &kept.file))
    }
}

/// The sets of a live path.
#[derive(Debug)]
pub(super) struct Sets {
    folder: PathBuf,
    latest: u64,
}

impl Sets {
    pub(super) fn of(live: &Path) -> Self {
        Self { folder: beside(live, ".d"), latest: 0 }
    }

    /// Returns a set with these libraries: `last` if unchanged, else a new one; `None` without libraries.
    pub(super) fn prepare(
        &mut self,
        libraries: &[Library],
        last: Option<&Rc<Set>>,
    ) -> io::Result<Option<Rc<Set>>> {
        let mut named = BTreeMap::new();
        for library in libraries {
            if let Some(name) = library.path.file_name() {
                named.entry(name.to_owned()).or_insert(library);
            }
        }
        if named.is_empty() {
            return Ok(None);
        }
        let same = last.filter(|last| last.is(&named).is_ok_and(|same| same));
        if let Some(same) = same.filter(|same| same.is_there()) {
            return Ok(Some(Rc::clone(same)));
        }
        // A removed folder is recreated under its name, by which running processes know it.
        let folder = same.map_or_else(|| self.next(), |same| same.folder.clone());
        fs::create_dir_all(&folder)?;
        let placed = fill(&folder, &named, last);
        if placed.is_err() && same.is_none() {
            let _ = fs::remove_dir_all(&folder);
        }
        Ok(Some(Rc::new(Set { libraries: placed?, folder })))
    }

    fn next(&mut self) -> PathBuf {
        let there = self.entries().into_iter().filter_map(|path| path.file_name()?.to_str()?.parse().ok());
        self.latest = there.max().unwrap_or(0).max(self.latest) + 1;
        self.folder.join(self.latest.to_string())
    }

    /// Removes all other sets.
    pub(super) fn clear(&self, keep: &[&Rc<Set>]) {
        let mut old = self.entries();
        old.retain(|path| keep.iter().all(|set| set.folder != *path));
        if !old.is_empty() {
            // Freeing the blocks of large files takes time. Leftovers are removed after a later publish.
            sys::in_background(move || old.iter().for_each(|path| drop(fs::remove_dir_all(path))));
        }
    }

    fn entries(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    }
}

/// Puts the libraries into a folder. Those unchanged since `last` are linked to its files.
fn fill(
    folder: &Path,
    libraries: &BTreeMap<OsString, &Library>,
    last: Option<&Rc<Set>>,
) -> io::Result<BTreeMap<OsString, SetLibrary>> {
    let mut placed = BTreeMap::new();
    let mut sources: BTreeMap<(u64, u64), PathBuf> = BTreeMap::new();
    for (name, library) in libraries {
        let to = folder.join(name);
        let metadata = fs::metadata(&library.path)?;
        let kept = last.and_then(|last| Some((last.libraries.get(name)?, last.folder.join(name))));
        let kept = kept.filter(|(kept, path)| {
            *path != to && kept.is(&library.path).is_ok_and(|same| same) && names(path, &kept.file)
        });
        if let Some((_, path)) = kept {
            place(&path, &to)?;
        } else if let Some(path) = sources.get(&(metadata.dev(), metadata.ino())) {
            // Links to one library (`libx.so`, `libx.so.1`) stay links to one file.
            place(path, &to)?;
        } else if library.replaced {
            place(&library.path, &to)?;
        } else {
            copy(&library.path, &to)?;
        }
        sources.entry((metadata.dev(), metadata.ino())).or_insert_with(|| to.clone());
        // Linking changes the stamp.
        let from = Cell::new(FileStamp::of(&fs::metadata(&library.path)?));
        placed.insert(name.clone(), SetLibrary { file: File::open(to)?, from });
    }
    Ok(placed)
}
