//! Publishing: a rename makes the fresh binary the live one, so that the live path always names a complete
//! executable (L1).
//!
//! Owns the live folder. Never writes to a file that was visible under the live path: each publish uses an
//! inode that nothing writes to again (a link to cargo's output, which cargo unlinks before linking anew; or
//! a synced copy). The libraries that a binary loads are published with it, as a set.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::PublishError;
use super::files::{Replaced, beside, names, place, rename, replace, same_bytes};
use super::lock::Lock;
use super::result::BuildResult;
use super::set::{Set, Sets};
use crate::config::{BuildConfig, TargetName};
use crate::sys;

/// Returns the live path of a program: `<target>/hotrun/live/[<triple>/]<profile>/[examples/][<folder>/]<name>`.
pub fn live_path(
    staging: &Path,
    build: &BuildConfig,
    triple: Option<&str>,
    target: &TargetName,
    folder: Option<&str>,
) -> PathBuf {
    let mut path = staging.join("live");
    path.extend(triple);
    path.push(profile_folder(&build.profile.value));
    let name = match target {
        TargetName::Bin(name) => name,
        TargetName::Example(name) => {
            path.push("examples");
            name
        }
    };
    path.extend(folder);
    path.push(name);
    path
}

/// Returns cargo's folder for a profile (<https://doc.rust-lang.org/cargo/reference/profiles.html>: `dev` and
/// `test` share `debug`, `bench` uses `release`).
pub fn profile_folder(profile: &str) -> &str {
    match profile {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    }
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError {
    let path = path.to_owned();
    move |source| PublishError::Io { what, path, source }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    /// The live path names the new binary.
    Published,
    /// The live binary, its libraries and the output of its build scripts are the same.
    Unchanged,
}

/// Keeps a live path, exclusively.
#[derive(Debug)]
pub struct Publisher {
    live: PathBuf,
    lock: Lock,
    sets: Sets,
    last: Option<Last>,
    /// The libraries of the binaries at `.previous` and `.failed`.
    previous: Option<Rc<Set>>,
    failed: Option<Rc<Set>>,
    /// The libraries of the last live binary: a process of it may still be starting.
    replaced: Option<Rc<Set>>,
    ran: bool,
    temporaries: u32,
}

/// The last published build.
#[derive(Debug)]
struct Last {
    /// Open, so that it can be compared even if its name is gone.
    binary: File,
    libraries: Option<Rc<Set>>,
    /// [`BuildResult::outputs`] at that time.
    outputs: u64,
}

impl Publisher {
    /// Takes the live path: creates its folder, locks it, removes leftovers of a killed hotrun.
    pub fn open(live: PathBuf) -> Result<Self, PublishError> {
        let folder = live.parent().unwrap_or(Path::new("/")).to_owned();
        fs::create_dir_all(&folder).map_err(failed("create the folder", &folder))?;
        let publisher = Self {
            lock: Lock::take(&live)?,
            sets: Sets::of(&live),
            live,
            last: None,
            previous: None,
            failed: None,
            replaced: None,
            ran: false,
            temporaries: 0,
        };
        publisher.clear_temporaries(&folder);
        Ok(publisher)
    }

    /// Moves to another live path, for a program with another name or target directory. The live binary
    /// becomes the previous one there if it ran. On an error nothing has changed.
    pub fn move_to(&mut self, live: PathBuf) -> Result<(), PublishError> {
        let mut next = Self::open(live)?;
        if self.ran && place(&self.live, &next.previous()).is_ok() {
            next.previous = self.last.take().and_then(|last| last.libraries);
        }
        *self = next;
        Ok(())
    }

    pub fn live(&self) -> &Path {
        &self.live
    }

    pub fn libraries(&self) -> Option<&Path> {
        Some(self.last.as_ref()?.libraries.as_ref()?.folder())
    }

    /// Returns the error of a file system without locks, where other hotruns are not excluded.
    pub fn unlocked(&self) -> Option<&io::Error> {
        self.lock.unsupported.as_ref()
    }

    /// Whether another hotrun may use this live path unnoticed: there are no locks, or the lock file was
    /// removed (`cargo clean`).
    pub fn may_be_shared(&self) -> bool {
        self.lock.is_new || self.lock.unsupported.is_some()
    }

    /// Returns the path of the last binary that ran and is not live.
    pub fn previous(&self) -> PathBuf {
        beside(&self.live, ".previous")
    }

    /// Whether the live binary ran, and so will be kept as the previous one.
    pub fn has_run(&self) -> bool {
        self.ran
    }

    /// Records that the live binary started and became ready.
    pub fn keep(&mut self) {
        self.ran = true;
    }

    /// Makes a build live unless it is unchanged. On an error the live path stays as it was.
    pub fn publish(&mut self, built: &BuildResult) -> Result<Publication, PublishError> {
        let folder = self.live.parent().unwrap_or(Path::new("/")).to_owned();
        fs::create_dir_all(&folder).map_err(failed("create the folder", &folder))?;
        if !self.lock.is_of(&self.live) {
            // `cargo clean` removed the lock file: another hotrun would not see the lock.
            self.lock = Lock::take(&self.live)?;
        }
        let staged = built.file();
        let fresh = File::open(staged).map_err(failed("read the fresh binary", staged))?;
        let last = self.last.as_ref();
        let mut unchanged = match last {
            Some(last) => {
                same_bytes(&last.binary, &fresh).map_err(failed("compare with the fresh binary", staged))?
            }
            None => false,
        };
        let before = last.and_then(|last| last.libraries.as_ref());
        let libraries = self
            .sets
            .prepare(&built.libraries, before)
            .map_err(failed("publish the libraries of the new binary beside", &self.live))?;
        let of_set = |set: Option<&Rc<Set>>| set.map(|set| set.folder().to_owned());
        unchanged &= of_set(before) == of_set(libraries.as_ref())
            && last.is_some_and(|last| last.outputs == built.outputs);
        if unchanged && self.live_is_last() {
            if let Some(last) = &mut self.last {
                last.libraries = libraries;
            }
            return Ok(Publication::Unchanged);
        }
        let temporary = self.temporary(&folder);
        let placed = place(staged, &temporary)
            .and_then(|()| replace(&temporary, &self.live))
            .and_then(|replaced| self.keep_or_drop(&temporary, replaced, unchanged));
        if let Err(source) = placed {
            let _ = fs::remove_file(&temporary);
            return Err(failed("publish the new binary as", &self.live)(source));
        }
        // The inode under the live path, which differs from `fresh` if it had to be copied.
        let binary = File::open(&self.live).unwrap_or(fresh);
        let last = self.last.replace(Last { binary, libraries, outputs: built.outputs });
        if unchanged {
            return Ok(Publication::Unchanged);
        }
        self.replaced = last.and_then(|last| last.libraries);
        if self.ran {
            self.previous.clone_from(&self.replaced);
        }
        self.clear_sets();
        self.ran = false;
        Ok(Publication::Published)
    }

    /// Makes the previous binary live again; the one that could not start is kept as `.failed`.
    pub fn roll_back(&mut self) -> Result<(), PublishError> {
        let folder = self.live.parent().unwrap_or(Path::new("/")).to_owned();
        let temporary = self.temporary(&folder);
        let done =
            place(&self.previous(), &temporary).and_then(|()| match replace(&temporary, &self.live)? {
                Replaced::NowNamed => rename(&temporary, &beside(&self.live, ".failed")),
                Replaced::Nothing => Ok(()),
            });
        if let Err(source) = done {
            let _ = fs::remove_file(&temporary);
            return Err(failed("set back the live binary", &self.live)(source));
        }
        // It is the live one now.
        let _ = fs::remove_file(self.previous());
        let last = self.last.take();
        // It starts with the present output of build scripts.
        let outputs = last.as_ref().map_or(0, |last| last.outputs);
        self.failed = last.and_then(|last| last.libraries);
        let libraries = self.previous.take();
        self.last = File::open(&self.live).ok().map(|binary| Last { binary, libraries, outputs });
        self.clear_sets();
        self.ran = true;
        Ok(())
    }

    /// Records that the live binary could not start, so that no rollback returns to it.
    pub fn condemn(&mut self) {
        self.ran = false;
    }

    /// Whether the live path still names the last published binary.
    pub fn live_is_last(&self) -> bool {
        self.last.as_ref().is_some_and(|last| names(&self.live, &last.binary))
    }

    /// Keeps the replaced binary as the previous one if it ran.
    fn keep_or_drop(&mut self, temporary: &Path, replaced: Replaced, unchanged: bool) -> io::Result<()> {
        let dropped = match replaced {
            Replaced::NowNamed if self.ran && !unchanged => replace(temporary, &self.previous())?,
            other => other,
        };
        if dropped == Replaced::NowNamed {
            // Freeing the blocks of a large file takes longer than all other steps. If hotrun ends before,
            // the next one removes the file.
            let temporary = temporary.to_owned();
            sys::in_background(move || drop(fs::remove_file(temporary)));
        }
        Ok(())
    }

    /// Removes the sets that no binary here needs, also those of an earlier hotrun.
    fn clear_sets(&self) {
        let live = self.last.as_ref().and_then(|last| last.libraries.as_ref());
        let keep = [live, self.previous.as_ref(), self.failed.as_ref(), self.replaced.as_ref()];
        self.sets.clear(&keep.into_iter().flatten().collect::<Vec<_>>());
    }

    fn temporary(&mut self, folder: &Path) -> PathBuf {
        self.temporaries += 1;
        let mut name = self.temporary_prefix();
        name.push(format!("{}", self.temporaries));
        folder.join(name)
    }

    /// Returns the prefix of temporary names; only the holder of the lock creates such files.
    fn temporary_prefix(&self) -> OsString {
        let mut name = OsString::from(".");
        name.push(self.live.file_name().unwrap_or(OsStr::new("program")));
        name.push(".new-");
        name
    }

    fn clear_temporaries(&self, folder: &Path) {
        let prefix = self.temporary_prefix();
        let Ok(entries) = fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
