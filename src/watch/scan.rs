//! Scans everything that can matter: which files exist, and which folders must be watched for them.
//!
//! The same scan takes the first state, verifies after builds, recovers from an overflow and polls. It does
//! not enter ignored folders, except along explicitly named paths. A folder is watched before it is read, so
//! that no change is missed.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::fingerprint::{self, EntryKind, Stat};
use super::ignores::Ignores;
use super::inputs::Rules;
use super::names;

/// The kernel's limit on symlinks in one path.
const MAX_LINKS: u8 = 40;

/// The result of a scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every file that counts or may come to count, by the name the program knows; `None` if it is missing.
    pub(super) files: HashMap<PathBuf, Option<Stat>>,
    /// The folders to watch, free of symlinks, each with the names under which all its files are followed
    /// (none if only single files in it matter).
    pub(super) folders: HashMap<PathBuf, Vec<PathBuf>>,
    /// Single files and links, free of symlinks, with the files whose content depends on them.
    pub(super) points: HashMap<PathBuf, Vec<PathBuf>>,
    /// Links, missing folders and ignore files: a change of one requires a new scan.
    pub(super) triggers: HashSet<PathBuf>,
    /// Folders that were read, by the names the program knows.
    pub(super) read: HashSet<PathBuf>,
    /// Folders and files that were skipped.
    pub(super) pruned: HashSet<PathBuf>,
}

/// Scans everything that `rules` name, and the program's packages. `watch` is called once for each folder
/// before it is read.
pub(super) fn scan(rules: &Rules, ignores: &mut Ignores, watch: &mut dyn FnMut(&Path)) -> Scan {
    let mut scanner = Scanner::new(rules, ignores, watch);
    for root in rules.package_roots() {
        scanner.walk(root, ByName::No);
    }
    for base in rules.glob_bases() {
        scanner.walk(base, ByName::Pattern);
    }
    for (path, below) in rules.named_paths() {
        scanner.named(path, below);
    }
    for (base, depth) in rules.member_bases() {
        scanner.members(base, depth);
    }
    for path in scanner.ignores.consulted() {
        if let Some(folder) = path.parent().and_then(|folder| scanner.resolve(folder, 0)) {
            scanner.need(&folder);
        }
        scanner.scan.triggers.insert(path);
    }
    scanner.scan
}

/// Scans only these paths, which are newly named, with all they contain.
pub(super) fn scan_more(
    paths: &[PathBuf],
    rules: &Rules,
    ignores: &mut Ignores,
    watch: &mut dyn FnMut(&Path),
) -> Scan {
    let mut scanner = Scanner::new(rules, ignores, watch);
    for path in paths {
        scanner.named(path, true);
    }
    scanner.scan
}

impl Scan {
    /// Adds the scan of more paths.
    pub(super) fn join(&mut self, more: Self) {
        self.files.extend(more.files);
        for (mine, theirs) in [(&mut self.folders, more.folders), (&mut self.points, more.points)] {
            for (path, names) in theirs {
                let known = mine.entry(path).or_default();
                let new: Vec<PathBuf> = names.into_iter().filter(|name| !known.contains(name)).collect();
                known.extend(new);
            }
        }
        self.triggers.extend(more.triggers);
        self.read.extend(more.read);
        self.pruned.extend(more.pruned);
    }
}

/// Whether a walk covers an explicitly named path, where git's rules do not apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ByName {
    Yes,
    /// Only the files that a pattern matches, in all packages.
    Pattern,
    No,
}

struct Scanner<'a> {
    rules: &'a Rules,
    ignores: &'a mut Ignores,
    watch: &'a mut dyn FnMut(&Path),
    scan: Scan,
    resolved: HashMap<PathBuf, Option<PathBuf>>,
    walked: HashSet<(PathBuf, ByName)>,
}

impl<'a> Scanner<'a> {
    fn new(rules: &'a Rules, ignores: &'a mut Ignores, watch: &'a mut dyn FnMut(&Path)) -> Self {
        let scan = Scan::default();
        Self { rules, ignores, watch, scan, resolved: HashMap::new(), walked: HashSet::new() }
    }

    /// Visits a named path; `below`: with all it contains.
    fn named(&mut self, path: &Path, below: bool) {
        self.file(path);
        if below && self.scan.files.get(path).is_some_and(|stat| is_folder(*stat)) {
            self.walk(path, ByName::Yes);
        }
    }

    /// Reads `root` and the folders below it that are not skipped.
    fn walk(&mut self, root: &Path, named: ByName) {
        let Some(real) = self.resolve(root, 0) else {
            return;
        };
        let mut stack = vec![(root.to_path_buf(), real)];
        while let Some((folder, real)) = stack.pop() {
            if !self.walked.insert((folder.clone(), named)) {
                continue;
            }
            self.need(&real);
            let Ok(entries) = std::fs::read_dir(&real) else {
                continue;
            };
            let known_as = self.scan.folders.entry(real.clone()).or_default();
            if !known_as.contains(&folder) {
                known_as.push(folder.clone());
            }
            self.scan.read.insert(folder.clone());
            for entry in entries.flatten() {
                let path = folder.join(entry.file_name());
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => {
                        if self.leaves_out(&path, &real.join(entry.file_name()), named) {
                            self.scan.pruned.insert(path);
                        } else {
                            stack.push((path, real.join(entry.file_name())));
                        }
                    }
                    Ok(kind) if kind.is_symlink() => stack.extend(self.link(path, &real, named)),
                    Ok(_) if self.follows(&path, named) => {
                        let stat =
                            entry.metadata().ok().map(|metadata| fingerprint::from_metadata(&metadata));
                        self.scan.files.insert(path, stat);
                    }
                    _ => {
                        self.scan.pruned.insert(path);
                    }
                }
            }
        }
    }

    /// Follows the manifests that belong to members by the workspace's patterns, and the folders where new
    /// ones can appear.
    fn members(&mut self, base: &Path, depth: usize) {
        let mut folders = vec![(base.to_path_buf(), 0)];
        while let Some((folder, level)) = folders.pop() {
            if level == depth {
                let manifest = folder.join("Cargo.toml");
                if self.rules.is_member(&manifest) {
                    self.file(&manifest);
                }
                continue;
            }
            let Some(real) = self.resolve(&folder, 0) else {
                continue;
            };
            self.need(&real);
            let Ok(entries) = std::fs::read_dir(&real) else {
                continue;
            };
            let known_as = self.scan.folders.entry(real).or_default();
            if !known_as.contains(&folder) {
                known_as.push(folder.clone());
            }
            self.scan.read.insert(folder.clone());
            for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_file()))
            {
                let path = folder.join(entry.file_name());
                // Members that the program does not depend on are named by their manifests.
                if self.rules.prunes(&path, false).is_none() && !self.ignores.ignored_here(&path, true) {
                    folders.push((path.clone(), level + 1));
                }
                if !self.scan.read.contains(&path) {
                    self.scan.pruned.insert(path);
                }
            }
        }
    }

    /// Whether the walk skips this folder.
    fn leaves_out(&mut self, path: &Path, real: &Path, named: ByName) -> bool {
        if self.rules.prunes(path, named != ByName::No).is_some() {
            return true;
        }
        // For cargo a folder with its own manifest is another package; cargo marks its own output with a tag.
        named != ByName::Yes
            && (names::is_foreign_tree(path)
                || self.ignores.ignored_here(path, true)
                || (named == ByName::No && real.join("Cargo.toml").exists())
                || real.join("CACHEDIR.TAG").exists())
    }

    /// Whether a file found on a walk is followed.
    fn follows(&mut self, path: &Path, named: ByName) -> bool {
        if self.rules.is_named(path) {
            return true;
        }
        !names::is_editor_temporary(path)
            && match named {
                ByName::Yes => true,
                ByName::Pattern => self.rules.matches_glob(path),
                ByName::No => !self.ignores.ignored_here(path, false),
            }
    }

    /// Visits a symlink found on a walk. Returns the folder to walk into, if it leads to one.
    fn link(&mut self, path: PathBuf, parent: &Path, named: ByName) -> Option<(PathBuf, PathBuf)> {
        if !self.follows(&path, named) {
            self.scan.pruned.insert(path);
            return None;
        }
        if !is_folder(fingerprint::stat(&path)) {
            self.file(&path);
            return None;
        }
        // Links to whole trees elsewhere are common beside the sources (build output, data), and rare among
        // them.
        let among_sources = path.components().any(|part| part.as_os_str() == "src");
        let real = self.resolve(&path, 0)?;
        let leads_back = parent.starts_with(&real);
        (!leads_back && (named == ByName::Yes || among_sources) && !self.leaves_out(&path, &real, named))
            .then_some((path, real))
    }

    /// Follows a single named file: watches its folder, and those of the links that lead to it.
    fn file(&mut self, path: &Path) {
        let mut next = Some(path.to_path_buf());
        for _ in 0..MAX_LINKS {
            let Some(step) = next.take() else {
                break;
            };
            let (Some(folder), Some(name)) = (step.parent(), step.file_name()) else {
                break;
            };
            let Some(folder) = self.resolve(folder, 0) else {
                break;
            };
            self.need(&folder);
            let real = folder.join(name);
            let dependants = self.scan.points.entry(real.clone()).or_default();
            if !dependants.iter().any(|dependant| dependant == path) {
                dependants.push(path.to_path_buf());
            }
            next = std::fs::read_link(&real).ok().map(|target| folder.join(target));
            if next.is_some() {
                self.scan.triggers.insert(real);
            }
        }
        self.scan.files.insert(path.to_path_buf(), fingerprint::stat(path));
    }

    /// Resolves a path's symlinks; `None` if nothing exists. Records what would change the result.
    fn resolve(&mut self, path: &Path, links: u8) -> Option<PathBuf> {
        if let Some(known) = self.resolved.get(path) {
            return known.clone();
        }
        let resolved = self.resolve_anew(path, links);
        self.resolved.insert(path.to_path_buf(), resolved.clone());
        resolved
    }

    fn resolve_anew(&mut self, path: &Path, links: u8) -> Option<PathBuf> {
        let Some(parent) = path.parent() else {
            return Some(path.to_path_buf());
        };
        let parent = self.resolve(parent, links)?;
        let real = match path.components().next_back() {
            Some(Component::Normal(name)) => parent.join(name),
            Some(Component::ParentDir) => {
                return Some(parent.parent().unwrap_or(&parent).to_path_buf());
            }
            _ => return Some(parent),
        };
        let mut metadata = std::fs::symlink_metadata(&real);
        if !metadata.as_ref().is_ok_and(|metadata| !metadata.is_symlink()) {
            self.need(&parent);
            self.scan.triggers.insert(real.clone());
            metadata = std::fs::symlink_metadata(&real);
        }
        match metadata {
            Err(_) => None,
            Ok(metadata) if metadata.is_symlink() && links < MAX_LINKS => {
                let target = std::fs::read_link(&real).ok()?;
                self.resolve(&parent.join(target), links + 1)
            }
            Ok(metadata) if metadata.is_symlink() => None,
            Ok(_) => Some(real),
        }
    }

    fn need(&mut self, real: &Path) {
        if !self.scan.folders.contains_key(real) {
            (self.watch)(real);
            self.scan.folders.insert(real.to_path_buf(), Vec::new());
        }
    }
}

fn is_folder(stat: Option<Stat>) -> bool {
    stat.is_some_and(|stat| stat.kind == EntryKind::Folder)
}
