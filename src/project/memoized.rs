//! An answer kept with its question and with the states of all files it depends on. It is valid while these
//! are unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::environment::{Environment, LIBRARY_PATH};
use crate::sys;

/// The files cargo and rustup look for in every folder above.
const ANCESTOR_FILES: [&str; 5] =
    ["Cargo.toml", "rust-toolchain", "rust-toolchain.toml", ".cargo/config", ".cargo/config.toml"];

/// Coarser than file timestamps (a tick of the kernel is at most 10 ms), which tell no order below this.
const BLURRED: Duration = Duration::from_millis(100);

/// Files and folders that cargo takes for parts of a package because they exist.
const FOUND_FILES: [&str; 6] = ["build.rs", "README.md", "README.txt", "README", "src/main.rs", "src/lib.rs"];

const FOUND_FOLDERS: [&str; 5] = ["src", "src/bin", "examples", "tests", "benches"];

/// The deciding files in the folders above a project, and their states at first. Folders like `/tmp` or a
/// home change all the time, so their own times say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ancestors(BTreeMap<PathBuf, PathState>);

impl Ancestors {
    pub(super) fn look(cwd: &Path) -> Self {
        let paths = cwd.ancestors().flat_map(|folder| ANCESTOR_FILES.iter().map(|name| folder.join(name)));
        Self(
            paths
                .filter_map(|path| Some((PathState::of(&path).ok()?, path)))
                .map(|(state, path)| (path, state))
                .collect(),
        )
    }

    fn was_missing(&self, path: &Path) -> bool {
        self.0.get(path) == Some(&PathState::Missing)
    }
}

/// An answer and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memoized<T> {
    question: u64,
    states: Vec<(PathBuf, PathState)>,
    answer: T,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum PathState {
    Missing,
    /// A file whose existence is all that matters.
    There,
    /// Device, inode, size, modification time, and change time of the inode, which no program can set.
    File([u64; 3], [i64; 4]),
    /// The entries cargo would find in it: source files, and folders with a `main.rs`.
    Folder(BTreeSet<PathBuf>),
}

impl<T> Memoized<T> {
    /// Keeps an answer to a question of the time `asked`, unless a dependency may have changed since.
    pub(super) fn new(
        question: u64,
        paths: impl IntoIterator<Item = PathBuf>,
        ancestors: &Ancestors,
        asked: SystemTime,
        answer: T,
    ) -> Option<Self> {
        let paths: BTreeSet<PathBuf> = paths.into_iter().collect();
        let mut states = Vec::new();
        for path in paths {
            let state = PathState::of(&path).ok()?;
            let still_missing = state == PathState::Missing && ancestors.was_missing(&path);
            if !still_missing && !is_settled(&path, asked) {
                return None;
            }
            states.push((path, state));
        }
        Some(Self { question, states, answer })
    }

    /// Returns the answer if the question and everything it depends on are unchanged.
    pub(super) fn answer(&self, question: u64) -> Option<&T> {
        let same = |(path, state): &(PathBuf, PathState)| PathState::of(path).is_ok_and(|now| now == *state);
        (self.question == question && self.states.iter().all(same)).then_some(&self.answer)
    }
}

impl PathState {
    fn of(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let mut names = BTreeSet::new();
                for entry in fs::read_dir(path)? {
                    let name = PathBuf::from(entry?.file_name());
                    let main = name.join("main.rs");
                    if name.extension().is_some_and(|extension| extension == "rs") {
                        names.insert(name);
                    } else if path.join(&main).exists() {
                        names.insert(main);
                    }
                }
                Ok(Self::Folder(names))
            }
            Ok(_) if is_found(path) => Ok(Self::There),
            Ok(found) => Ok(Self::File(
                [found.dev(), found.ino(), found.size()],
                [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()],
            )),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(Self::Missing)
            }
            Err(error) => Err(error),
        }
    }
}

/// Whether cargo only checks that the file exists.
fn is_found(path: &Path) -> bool {
    FOUND_FILES.iter().any(|found| path.ends_with(found))
}

/// Whether the state of the path is certainly older than `asked`. A missing file may just have been removed,
/// so the nearest existing folder counts.
fn is_settled(path: &Path, asked: SystemTime) -> bool {
    let settled = |there: &Path| {
        let metadata = fs::metadata(there).ok()?;
        Some(sys::changed_at(&metadata)? + BLURRED < asked)
    };
    path.ancestors().skip(usize::from(is_found(path))).find_map(settled).unwrap_or(false)
}

/// Hashes a question: its words, its folder, and the variables that rustup, cargo and rustc read.
pub(super) fn question(words: &[&OsStr], cwd: &Path, environment: &Environment) -> u64 {
    let mut hasher = DefaultHasher::new();
    (words, cwd).hash(&mut hasher);
    for (name, value) in environment {
        let text = name.as_encoded_bytes();
        let counts = [&b"CARGO"[..], b"RUST", b"__CARGO", b"LD_", b"DYLD_"];
        if counts.iter().any(|prefix| text.starts_with(prefix))
            || name == LIBRARY_PATH
            || matches!(text, b"PATH" | b"HOME")
        {
            (name, value).hash(&mut hasher);
        }
    }
    hasher.finish()
}

/// Returns what rustup's choice depends on, beside the question: its own file, the files that name a
/// toolchain, and the toolchain with its components.
pub(super) fn toolchain_inputs(rustup: &Path, sysroot: &Path, inputs: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut paths = inputs;
    paths.extend([rustup.to_owned(), "/etc/rustup/settings.toml".into()]);
    let parts =
        ["bin/cargo", "bin/rustc", "lib/rustlib/components", "lib/rustlib/multirust-channel-manifest.toml"];
    paths.extend(parts.iter().map(|part| sysroot.join(part)));
    paths
}

/// Returns what `cargo metadata --no-deps` depends on, beside the question: cargo's file and configuration,
/// the manifests and what is found beside them, and manifests above that could make it another workspace.
pub(super) fn metadata_inputs<'a>(
    cargo: &Path,
    configs: &[PathBuf],
    manifests: impl IntoIterator<Item = &'a PathBuf>,
    cwd: &Path,
) -> Vec<PathBuf> {
    let mut paths = vec![cargo.to_owned()];
    paths.extend_from_slice(configs);
    paths.extend(cwd.ancestors().map(|folder| folder.join("Cargo.toml")));
    for manifest in manifests {
        let root = manifest.parent().unwrap_or(manifest);
        paths.extend(root.ancestors().map(|folder| folder.join("Cargo.toml")));
        paths.extend(FOUND_FILES.iter().chain(&FOUND_FOLDERS).map(|found| root.join(found)));
    }
    paths
}

#[cfg(test)]
#[path = "memoized_tests.rs"]
mod tests;
