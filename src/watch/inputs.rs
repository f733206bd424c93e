//! Decides whether a changed path counts, as what, and why not (SPEC section 5).
//!
//! Pure: the caller knows whether git ignores a path, and whether a file is new.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::globs::{Glob, glob, ignore_globs, known_folders};
use super::names::{could_be_picked_up, is_editor_temporary, is_manifest, is_other_target, is_program_data};
use super::plan::Plan;
pub use super::reason::Reason;
use crate::words::ChangeKind;

/// How much counts as an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// After a success: the files that rustc and cargo reported, and the fixed list.
    Narrow,
    /// Before the first success and while the last build has failed: in addition every file of the program's
    /// packages.
    Wide,
}

/// The inputs of a build, compared with those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputsChange {
    Same,
    /// These in addition.
    More(Vec<PathBuf>),
    /// Some less, and perhaps others in addition.
    Fewer,
}

/// Facts about a path that its name does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PathFacts {
    pub git_ignored: bool,
    /// The file did not exist when the latest build attempt started.
    pub new: bool,
}

/// Whether a change of a path counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As each of these, in the order of [`ChangeKind`].
    Counts(Vec<ChangeKind>),
    Not(Reason),
}

impl Verdict {
    pub fn counts(&self) -> bool {
        matches!(self, Self::Counts(_))
    }
}

/// The kinds of a named path, and of everything below it.
#[derive(Debug, Clone, Default)]
struct NamedKinds {
    exact: Vec<ChangeKind>,
    below: Vec<ChangeKind>,
}

/// The rules of a plan, and the inputs of the last successful build.
#[derive(Debug)]
pub struct Rules {
    named: HashMap<PathBuf, NamedKinds>,
    globs: Vec<(Glob, ChangeKind)>,
    /// Patterns of manifests that become members when created, and the folders to look in.
    members: Vec<Glob>,
    member_excludes: Vec<PathBuf>,
    ignore: Vec<Glob>,
    never: Vec<PathBuf>,
    /// Roots of the program's packages.
    packages: HashSet<PathBuf>,
    other_roots: HashSet<PathBuf>,
    sources: HashSet<PathBuf>,
    /// Inputs of the build before the last that the last one did not read: they may have been missing just
    /// then.
    dropped: HashSet<PathBuf>,
    /// The root source files of the program's packages.
    roots: HashSet<PathBuf>,
    /// Paths that may fix the failed build: files, folders with all they contain, existing or not.
    wanted: HashSet<PathBuf>,
    /// Folders of the manifests among them.
    wanted_packages: HashSet<PathBuf>,
    rerun_everything: HashSet<PathBuf>,
    reach: Reach,
}

impl Rules {
    /// Creates the rules before the first build. Invalid patterns are skipped: the config has checked them.
    pub fn new(plan: &Plan) -> Self {
        let known = known_folders(plan);
        let mut rules = Self {
            named: HashMap::new(),
            globs: Vec::new(),
            members: plan
                .workspace
                .member_patterns
                .iter()
                .filter_map(|pattern| glob(pattern, &known))
                .collect(),
            member_excludes: plan.workspace.member_excludes.clone(),
            ignore: ignore_globs(plan),
            never: plan.never.clone(),
            packages: plan.packages.iter().map(|package| package.root.clone()).collect(),
            other_roots: plan.other_roots.iter().cloned().collect(),
            sources: HashSet::new(),
            dropped: HashSet::new(),
            roots: plan.packages.iter().flat_map(|package| package.sources.iter().cloned()).collect(),
            wanted: HashSet::new(),
            wanted_packages: HashSet::new(),
            rerun_everything: HashSet::new(),
            reach: Reach::Wide,
        };
        for package in &plan.packages {
            rules.name(&package.manifest, ChangeKind::Manifest);
        }
        let manifests =
            [&plan.workspace.manifests, &plan.workspace.cargo_configs, &plan.workspace.toolchain_files]
                .into_iter()
                .flatten();
        for path in manifests.chain([&plan.workspace.lock_file]) {
            rules.name(path, ChangeKind::Manifest);
        }
        for path in &plan.hotrun_configs {
            rules.name(path, ChangeKind::Config);
        }
        for path in plan.env_files.iter().chain(&plan.dotenv) {
            rules.name(path, ChangeKind::EnvFile);
        }
        for (paths, kind) in [(&plan.inputs, ChangeKind::Input), (&plan.paths, ChangeKind::Watched)] {
            for path in paths {
                rules.name(path, kind);
                let named = rules.named.entry(path.clone()).or_default();
                insert(&mut named.below, kind);
                rules.globs.extend(glob(path, &known).map(|glob| (glob, kind)));
            }
        }
        rules.set_wanted(HashSet::new());
        rules
    }

    /// Takes over what builds reported under earlier rules.
    pub fn inherit(&mut self, earlier: &Self) {
        self.sources.clone_from(&earlier.sources);
        self.dropped.clone_from(&earlier.dropped);
        self.rerun_everything.clone_from(&earlier.rerun_everything);
        self.reach = earlier.reach;
        match self.reach {
            Reach::Wide => self.set_wanted(earlier.wanted.clone()),
            Reach::Narrow => self.clear_wanted(),
        }
    }

    /// Updates the inputs after a successful build: files, folders with all they contain, and roots of
    /// packages of which every file counts.
    pub fn succeeded(&mut self, sources: HashSet<PathBuf>, rerun_everything: &[PathBuf]) -> InputsChange {
        let excluded = |path: &PathBuf| self.excluded(path, false).is_some();
        let sources: HashSet<PathBuf> = sources.into_iter().filter(|path| !excluded(path)).collect();
        let more: Vec<PathBuf> = sources.iter().filter(|path| !self.is_source(path)).cloned().collect();
        let known = |path: &PathBuf| sources.contains(path) || self.sources.contains(path);
        let fewer = self.dropped.iter().any(|path| !sources.contains(path))
            || !self.wanted.difference(&self.roots).all(known)
            || !self.wanted_packages.is_empty();
        let before = std::mem::replace(&mut self.sources, sources);
        self.dropped = before.difference(&self.sources).cloned().collect();
        self.rerun_everything = rerun_everything.iter().cloned().collect();
        self.reach = Reach::Narrow;
        self.clear_wanted();
        match (fewer, more.is_empty()) {
            (true, _) => InputsChange::Fewer,
            (false, true) => InputsChange::Same,
            (false, false) => InputsChange::More(more),
        }
    }

    /// Updates the inputs after a failed build: paths that may fix it (files, folders with all they contain,
    /// existing or not), and everything in the packages.
    pub fn failed(&mut self, wanted: HashSet<PathBuf>) -> InputsChange {
        self.reach = Reach::Wide;
        let before = (self.wanted.clone(), self.wanted_packages.clone());
        self.set_wanted(wanted);
        let read = |path: &&PathBuf| self.sources.contains(*path) || self.dropped.contains(*path);
        let fewer = before.0.difference(&self.wanted).any(|path| !read(&path));
        let more: Vec<PathBuf> =
            self.wanted.difference(&before.0).filter(|path| !read(path)).cloned().collect();
        if fewer || self.wanted_packages != before.1 {
            InputsChange::Fewer
        } else if more.is_empty() {
            InputsChange::Same
        } else {
            InputsChange::More(more)
        }
    }

    /// A wanted manifest adds its folder, unless it is above one of the program's packages, which adds
    /// nothing new.
    fn set_wanted(&mut self, wanted: HashSet<PathBuf>) {
        self.wanted = wanted.into_iter().filter(|path| self.excluded(path, false).is_none()).collect();
        let folders = self.wanted.iter().filter(|path| is_manifest(path)).filter_map(|path| path.parent());
        let is_new = |folder: &&Path| !self.packages.iter().any(|root| root.starts_with(folder));
        self.wanted_packages = folders.filter(is_new).map(Path::to_path_buf).collect();
        self.wanted.extend(self.roots.iter().cloned());
    }

    fn clear_wanted(&mut self) {
        self.wanted.clear();
        self.wanted_packages.clear();
    }

    /// Whether the last successful build read this path.
    pub fn was_read(&self, path: &Path) -> bool {
        self.sources.contains(path)
    }

    /// Returns the explicitly named paths, each with whether to follow everything in it, if it is a folder.
    pub fn named_paths(&self) -> impl Iterator<Item = (&Path, bool)> {
        let sources = self.sources.iter().chain(&self.dropped).chain(&self.wanted);
        let sources = sources.map(|path| (path.as_path(), true));
        let named = self.named.iter().map(|(path, named)| (path.as_path(), !named.below.is_empty()));
        sources.chain(named).filter(|(path, _)| self.excluded(path, false).is_none())
    }

    /// Returns the folders in which patterns of `build.inputs` and `watch.paths` can match.
    pub fn glob_bases(&self) -> impl Iterator<Item = &Path> {
        self.globs.iter().map(|(glob, _)| glob.base.as_path())
    }

    /// Returns the folders in which new workspace members can appear, each with their depth below it.
    pub fn member_bases(&self) -> impl Iterator<Item = (&Path, usize)> {
        self.members.iter().map(|glob| (glob.base.as_path(), glob.depth))
    }

    /// Whether a manifest at this path belongs to a member by the workspace's patterns.
    pub fn is_member(&self, manifest: &Path) -> bool {
        is_manifest(manifest)
            && self.members.iter().any(|glob| glob.matches(manifest, false))
            && !self.member_excludes.iter().any(|folder| manifest.starts_with(folder))
    }

    /// Returns the roots of the program's packages, and of those that a failed build could not read.
    pub fn package_roots(&self) -> impl Iterator<Item = &Path> {
        self.packages.union(&self.wanted_packages).map(PathBuf::as_path)
    }

    /// Decides whether a change of `path` counts.
    pub fn verdict(&self, path: &Path, facts: PathFacts) -> Verdict {
        if let Some(reason) = self.excluded(path, false) {
            return Verdict::Not(reason);
        }
        let exact = self.exact(path);
        let mut kinds = exact.clone();
        let temporary = exact.is_empty() && is_editor_temporary(path);
        if !temporary {
            for kind in self.below(path) {
                insert(&mut kinds, kind);
            }
        }
        let owner = self.owner(path);
        let guess = match (&owner, temporary) {
            (_, true) => Err(Reason::EditorTemporary),
            (Owner::Package(root), false) => self.guess(path, root, facts),
            (Owner::Other, false) => Err(Reason::OtherPackage),
            (Owner::Nowhere, false) => {
                Err(if facts.git_ignored { Reason::GitIgnored } else { Reason::Outside })
            }
        };
        if guess.is_ok() {
            insert(&mut kinds, ChangeKind::Source);
        }
        // A stronger kind leads to a build as well.
        if kinds
            .iter()
            .any(|kind| matches!(kind, ChangeKind::Manifest | ChangeKind::Input | ChangeKind::Watched))
        {
            kinds.retain(|kind| *kind != ChangeKind::Source);
        }
        match guess {
            Err(reason) if kinds.is_empty() => Verdict::Not(reason),
            _ => Verdict::Counts(kinds),
        }
    }

    /// Whether a file that does not count lies in one of the program's packages and does not look like the
    /// program's data.
    pub fn is_saved_in_package(&self, path: &Path) -> bool {
        matches!(self.owner(path), Owner::Package(_)) && !is_program_data(path)
    }

    /// Whether this very path is named explicitly, so that git's rules and editors' habits do not apply.
    pub fn is_named(&self, path: &Path) -> bool {
        self.is_source(path) || self.named.contains_key(path) || self.is_member(path)
    }

    /// Whether this path or a folder above it is named explicitly.
    pub fn is_named_or_below(&self, path: &Path) -> bool {
        self.is_named(path) || !self.below(path).is_empty()
    }

    /// Returns why a scan skips a folder and everything in it, if it does. Below a `named` folder only the
    /// rules that override names apply.
    pub fn prunes(&self, folder: &Path, named: bool) -> Option<Reason> {
        if let Some(reason) = self.excluded(folder, true) {
            return Some(reason);
        }
        if named {
            return None;
        }
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if matches!(name, ".hg" | ".jj" | ".svn" | "node_modules") {
            return Some(Reason::GitIgnored);
        }
        self.other_roots.contains(folder).then_some(Reason::OtherPackage)
    }

    /// Returns the reason that overrides everything else.
    fn excluded(&self, path: &Path, folder: bool) -> Option<Reason> {
        if path.components().any(|part| matches!(part, Component::Normal(name) if name == ".git")) {
            return Some(Reason::Git);
        }
        if self.never.iter().any(|never| path.starts_with(never)) {
            return Some(Reason::Never);
        }
        self.ignore.iter().any(|glob| glob.matches(path, folder)).then_some(Reason::Ignored)
    }

    fn name(&mut self, path: &Path, kind: ChangeKind) {
        insert(&mut self.named.entry(path.to_path_buf()).or_default().exact, kind);
    }

    fn exact(&self, path: &Path) -> Vec<ChangeKind> {
        let mut kinds = self.named.get(path).map(|named| named.exact.clone()).unwrap_or_default();
        if self.is_source(path) {
            insert(&mut kinds, ChangeKind::Source);
        }
        if self.is_member(path) {
            insert(&mut kinds, ChangeKind::Manifest);
        }
        kinds
    }

    fn is_source(&self, path: &Path) -> bool {
        self.sources.contains(path) || self.dropped.contains(path) || self.wanted.contains(path)
    }

    fn below(&self, path: &Path) -> Vec<ChangeKind> {
        let mut kinds = Vec::new();
        for folder in path.ancestors().skip(1) {
            if let Some(named) = self.named.get(folder) {
                named.below.iter().for_each(|kind| insert(&mut kinds, *kind));
            }
            if self.sources.contains(folder) || self.wanted.contains(folder) {
                insert(&mut kinds, ChangeKind::Source);
            }
        }
        for (glob, kind) in &self.globs {
            if glob.matches(path, false) {
                insert(&mut kinds, *kind);
            }
        }
        kinds
    }

    fn owner(&self, path: &Path) -> Owner<'_> {
        for folder in path.ancestors().skip(1) {
            if let Some(root) = self.packages.get(folder).or_else(|| self.wanted_packages.get(folder)) {
                return Owner::Package(root);
            }
            if self.other_roots.contains(folder) {
                return Owner::Other;
            }
        }
        Owner::Nowhere
    }

    /// Judges a file in one of the program's packages that is not named explicitly.
    fn guess(&self, path: &Path, root: &Path, facts: PathFacts) -> Result<(), Reason> {
        if facts.git_ignored {
            return Err(Reason::GitIgnored);
        }
        if facts.new && could_be_picked_up(path) {
            return Ok(());
        }
        if is_program_data(path) {
            return Err(Reason::ProgramData);
        }
        if self.rerun_everything.contains(root) {
            return Ok(());
        }
        match self.reach {
            Reach::Wide => Ok(()),
            Reach::Narrow if is_other_target(path, root) => Err(Reason::OtherTarget),
            Reach::Narrow if could_be_picked_up(path) => Err(Reason::NotIncluded),
            Reach::Narrow => Err(Reason::NotRead),
        }
    }
}

/// The owner of a path.
#[derive(Debug)]
enum Owner<'a> {
    Package(&'a Path),
    /// A package the program does not depend on.
    Other,
    Nowhere,
}

fn insert(kinds: &mut Vec<ChangeKind>, kind: ChangeKind) {
    if let Err(at) = kinds.binary_search(&kind) {
        kinds.insert(at, kind);
    }
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
