//! The output of build scripts: whether it changed, and the shared libraries in it.
//!
//! cargo reports every build script in every build, also those that did not run. Whether one ran shows in the
//! file in which cargo records its stdout, so that a script that did not run costs one `stat`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cargo_metadata::BuildScript;
use tokio::sync::oneshot;

use super::files::FileStamp;
use super::result::Library;
use crate::messages;
use crate::sys;
use crate::words::linked_folder;

/// Returns the file in which cargo records the stdout of a build script: `output` or `run/output`.
pub fn script_output(out_dir: &Path) -> Option<PathBuf> {
    let folder = out_dir.parent()?;
    [folder.join("output"), folder.join("run/output")].into_iter().find(|output| output.exists())
}

/// The outputs of the build scripts in this hotrun's builds.
#[derive(Debug, Default)]
pub(super) struct Outputs {
    /// The latest known run of each `OUT_DIR`'s script.
    runs: RefCell<HashMap<PathBuf, Option<FileStamp>>>,
    made: Arc<OutputState>,
}

#[derive(Debug, Default)]
struct OutputState {
    /// Grows when a script produces other output.
    changes: AtomicU64,
    /// The content of each `OUT_DIR`. Locked while one is read, so that the latest state is kept.
    contents: Mutex<HashMap<PathBuf, Contents>>,
}

/// The files, links and folders below an `OUT_DIR`.
type Contents = BTreeMap<PathBuf, OutputFile>;

#[derive(Debug)]
struct OutputFile {
    stamp: FileStamp,
    hash: u64,
}

impl PartialEq for OutputFile {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Outputs {
    /// Takes cargo's report of a build script. If it ran since its last report, its output is examined in the
    /// background, and the receiver returned signals the end.
    pub(super) fn reported(&self, script: &BuildScript) -> Option<oneshot::Receiver<()>> {
        let out_dir = script.out_dir.clone().into_std_path_buf();
        let run =
            script_output(&out_dir).and_then(|output| output.metadata().ok()).map(|it| FileStamp::of(&it));
        let last = self.runs.borrow_mut().insert(out_dir.clone(), run);
        if last.is_some_and(|last| last == run) {
            return None;
        }
        // Packages from elsewhere may produce large output, and their scripts hardly ever run twice.
        if !script.package_id.repr.contains("path+file:") {
            self.made.changes.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let (done, receiver) = oneshot::channel();
        let made = Arc::clone(&self.made);
        sys::in_background(move || {
            made.examine(out_dir);
            // A cancelled build waits no longer.
            let _ = done.send(());
        });
        Some(receiver)
    }

    /// Grows when a script produces other output than in its last run.
    pub(super) fn changes(&self) -> u64 {
        self.made.changes.load(Ordering::Relaxed)
    }
}

impl OutputState {
    fn examine(&self, out_dir: PathBuf) {
        let mut all = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        let now = contents(&out_dir, all.get(&out_dir));
        if all.get(&out_dir) != Some(&now) {
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        all.insert(out_dir, now);
    }
}

/// Reads a folder recursively. Files with the stamp they have in `before` are not read again.
fn contents(folder: &Path, before: Option<&Contents>) -> Contents {
    let mut found = Contents::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, Ok(metadata)) = (entry.path(), entry.metadata()) else { continue };
            let stamp = FileStamp::of(&metadata);
            let known = before.and_then(|before| before.get(&path)).filter(|known| known.stamp == stamp);
            let hash = match known {
                Some(known) => known.hash,
                None if metadata.is_file() => {
                    File::open(&path).and_then(sys::hash).map_or(0, |(_, hash)| hash)
                }
                None => {
                    let mut hasher = DefaultHasher::new();
                    fs::read_link(&path).ok().hash(&mut hasher);
                    hasher.finish()
                }
            };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, OutputFile { stamp, hash });
        }
    }
    found
}

/// Returns the shared libraries in folders that build scripts created and named for linking, in the order of
/// cargo's library path.
pub(super) fn libraries(scripts: &[BuildScript]) -> Vec<Library> {
    let mut printed = BTreeSet::new();
    for script in scripts {
        let linked = script.linked_paths.iter().map(|path| path.as_std_path());
        printed.extend(linked.filter(|path| linked_folder(path).starts_with(&script.out_dir)));
    }
    let mut libraries = Vec::new();
    for folder in printed.into_iter().map(linked_folder) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if messages::is_shared_library(&path) && path.is_file() {
                libraries.push(Library { path, replaced: false });
            }
        }
    }
    libraries
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Reports a script, waits for the examination of its `OUT_DIR`, and returns whether its output changed.
    fn changed(outputs: &Outputs, package: &str, out_dir: &Path) -> bool {
        let before = outputs.changes();
        let script = serde_json::json!({
            "package_id": package, "linked_libs": [], "linked_paths": [], "cfgs": [], "env": [], "out_dir": out_dir,
        });
        if let Some(done) = outputs.reported(&serde_json::from_value(script).unwrap()) {
            done.blocking_recv().unwrap();
        }
        outputs.changes() != before
    }

    #[test]
    fn script_output_is_compared_by_content_after_a_run() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        fs::create_dir_all(out.join("deep")).unwrap();
        let run = |file: &str, text: &str| {
            fs::write(out.join(file), text).unwrap();
            // Another length each time: two writes may fall into one tick of the file system's clock.
            let mut output =
                File::options().append(true).create(true).open(root.path().join("output")).unwrap();
            writeln!(output, "cargo::rerun-if-changed=x").unwrap();
        };
        let (outputs, own) = (Outputs::default(), "path+file:///p#app@0.1.0");
        run("deep/main.css", "one");
        assert!(changed(&outputs, own, &out), "the first run");
        assert!(!changed(&outputs, own, &out), "no run");
        run("deep/main.css", "one");
        assert!(!changed(&outputs, own, &out), "a run that made the same");
        run("deep/main.css", "other");
        assert!(changed(&outputs, own, &out), "a run that made something else");
        run("more.css", "");
        assert!(changed(&outputs, own, &out), "a file more");
        fs::remove_file(out.join("more.css")).unwrap();
        std::os::unix::fs::symlink("deep/main.css", out.join("more.css")).unwrap();
        run("deep/main.css", "other");
        assert!(changed(&outputs, own, &out), "a link in its place");
    }

    #[test]
    fn output_of_registry_dependencies_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let (outputs, foreign) = (Outputs::default(), "registry+https://example.org/index#dep@1.0.0");
        fs::write(root.path().join("output"), "").unwrap();
        assert!(changed(&outputs, foreign, &out), "the first run");
        assert!(!changed(&outputs, foreign, &out), "no run");
        fs::remove_file(root.path().join("output")).unwrap();
        fs::write(root.path().join("output"), "again").unwrap();
        assert!(changed(&outputs, foreign, &out), "another run");
    }
}
