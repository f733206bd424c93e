//! A single inspection of what would be watched, for `hotrun doctor`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use notify_debouncer_full::notify::{self, RecursiveMode, Watcher};

use super::fingerprint::EntryKind;
use super::ignores::Ignores;
use super::inputs::Rules;
use super::plan::Plan;
use super::polling;
use super::scan::scan;
use super::warning::Refused;
use super::watcher::refused;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Files that count or may come to count.
    pub files: usize,
    /// Folders that need a watch each (on Linux).
    pub folders: usize,
    /// A folder whose file system does not report every change, and the file system's name.
    pub unreliable: Option<(PathBuf, &'static str)>,
    /// Why the system refuses to watch these folders, if it does (Linux).
    pub refused: Option<Refused>,
    /// The file modified last.
    pub newest: Option<(PathBuf, SystemTime)>,
}

/// Scans everything once, as at the start.
pub fn inspect(plan: &Plan) -> Inspection {
    let rules = Rules::new(plan);
    let scan = scan(&rules, &mut Ignores::of(plan, &rules), &mut |_| {});
    let files = scan.files.iter().filter_map(|(path, stat)| Some((path, (*stat)?)));
    let newest = files
        .clone()
        .filter(|(_, stat)| stat.kind == EntryKind::File)
        .max_by_key(|(_, stat)| stat.mtime)
        .map(|(path, stat)| (path.clone(), stat.mtime));
    Inspection {
        files: files.count(),
        folders: scan.folders.len(),
        unreliable: unreliable_folder(plan),
        refused: refusal(scan.folders.keys()),
        newest,
    }
}

/// Watches the folders for a moment.
fn refusal<'a>(mut folders: impl Iterator<Item = &'a PathBuf>) -> Option<Refused> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let watcher = notify::recommended_watcher(|_| {});
    let tried = watcher.and_then(|mut watcher| {
        folders.try_for_each(|folder| watcher.watch(folder, RecursiveMode::NonRecursive))
    });
    tried.err().map(|error| refused(&error))
}

/// Returns the first folder with sources whose file system does not report all changes.
pub(super) fn unreliable_folder(plan: &Plan) -> Option<(PathBuf, &'static str)> {
    let packages = plan.packages.iter().map(|package| &package.root);
    let existing =
        |path: &PathBuf| path.ancestors().find(|ancestor| ancestor.exists()).map(Path::to_path_buf);
    packages
        .chain(&plan.inputs)
        .chain(&plan.paths)
        .filter_map(existing)
        .find_map(|folder| polling::unreliable(&folder).map(|name| (folder, name)))
}
