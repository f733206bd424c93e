//! Decides whether a changed path counts, as what, and why not (SPEC section 5).
//!
//! Pure: the caller knows whether git ignores a path, and whether a file is new.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use super::globs::{Glob, InputGlobs, glob, known_folders, lists};
pub use super::known::{BuildInputs, InputsChange};
use super::known::{Known, Packages};
use super::names::{
    could_be_picked_up, is_editor_temporary, is_foreign_tree, is_manifest, is_other_target, is_program_data,
};
use super::plan::Plan;
pub use super::reason::Reason;
use crate::words::{ArtifactId, ChangeKind, Consequence, ServiceId};

/// What a file is, each with what a change leads to.
pub type Roles = BTreeMap<ChangeKind, Consequence>;

/// Whether a file with these roles is a source and nothing else.
pub fn is_source(roles: &Roles) -> bool {
    roles.keys().eq([&ChangeKind::Source])
}

/// Whether a change of a file with these roles leads to a build.
pub fn is_built(roles: &Roles) -> bool {
    roles.values().any(|leads_to| !leads_to.builds.is_empty())
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
    /// As each of these.
    Counts(Roles),
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
    exact: BTreeSet<ChangeKind>,
    below: BTreeSet<ChangeKind>,
}

/// The rules of a plan, and the inputs of the last builds.
#[derive(Debug)]
pub struct Rules {
    artifacts: BTreeSet<ArtifactId>,
    /// Those that run them.
    services: BTreeSet<ServiceId>,
    named: HashMap<PathBuf, NamedKinds>,
    globs: Vec<(Glob, ChangeKind)>,
    commands: BTreeMap<ServiceId, InputGlobs>,
    /// Patterns of manifests that become members when created, and the folders to look in.
    members: Vec<Glob>,
    member_excludes: Vec<PathBuf>,
    ignore: Vec<Glob>,
    never: Vec<PathBuf>,
    packages: Packages,
    other_roots: HashSet<PathBuf>,
    known: Known,
}

impl Rules {
    /// Creates the rules before the first build. Invalid patterns are skipped: the config has checked them.
    pub fn new(plan: &Plan) -> Self {
        let known = known_folders(plan);
        let mut rules = Self {
            artifacts: plan.programs.keys().copied().collect(),
            services: plan.programs.values().copied().collect(),
            named: HashMap::new(),
            globs: Vec::new(),
            commands: plan
                .command_inputs
                .iter()
                .map(|(service, globs)| (*service, InputGlobs::new(globs)))
                .collect(),
            members: plan
                .workspace
                .member_patterns
                .iter()
                .filter_map(|pattern| glob(pattern, &known))
                .collect(),
            member_excludes: plan.workspace.member_excludes.clone(),
            ignore: lists(&plan.ignore),
            never: plan.never.clone(),
            packages: Packages::of(&plan.packages),
            other_roots: plan.other_roots.iter().cloned().collect(),
            known: Known::default(),
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
        for path in &plan.env_files {
            rules.name(path, ChangeKind::EnvFile);
        }
        for (paths, kind) in [(&plan.inputs, ChangeKind::Input), (&plan.paths, ChangeKind::Watched)] {
            for path in paths {
                rules.name(path, kind);
                rules.named.entry(path.clone()).or_default().below.insert(kind);
                rules.globs.extend(glob(path, &known).map(|glob| (glob, kind)));
            }
        }
        rules.know(Known::default());
        rules
    }

    /// Takes over what builds reported under earlier rules.
    pub fn inherit(&mut self, earlier: &Self) {
        self.know(earlier.known.clone());
    }

    fn know(&mut self, known: Known) {
        let excluded = |path: &Path| self.excluded(path, false).is_some();
        self.known = known.under(&self.artifacts, &self.packages, excluded);
    }

    /// Updates the inputs after a build that ended by itself.
    pub fn build_ended(&mut self, inputs: BuildInputs) -> InputsChange {
        let mut known = std::mem::take(&mut self.known);
        let excluded = |path: &Path| self.excluded(path, false).is_some();
        let change = known.build_ended(inputs, &self.packages, excluded);
        self.known = known;
        change
    }

    /// Everything that is built.
    pub fn artifacts(&self) -> &BTreeSet<ArtifactId> {
        &self.artifacts
    }

    /// Whether the last successful build of an artifact read this path.
    pub fn was_read(&self, path: &Path) -> bool {
        self.known.was_read(path)
    }

    /// Returns what the last successful build of an artifact read.
    pub fn sources_of(&self, artifact: ArtifactId) -> impl Iterator<Item = &PathBuf> {
        self.known.sources_of(artifact)
    }

    /// Returns the explicitly named paths, each with whether to follow everything in it, if it is a folder.
    pub fn named_paths(&self) -> impl Iterator<Item = (&Path, bool)> {
        let inputs = self.commands.values().flat_map(|globs| &globs.paths);
        let sources = self.known.named().chain(inputs).map(|path| (path.as_path(), true));
        let named = self.named.iter().map(|(path, named)| (path.as_path(), !named.below.is_empty()));
        sources.chain(named).filter(|(path, _)| self.excluded(path, false).is_none())
    }

    /// Returns the folders in which patterns of `build.inputs`, `watch.paths` and the `inputs` of commands can match.
    pub fn glob_bases(&self) -> impl Iterator<Item = &Path> {
        let bases = self.globs.iter().map(|(glob, _)| glob.base.as_path());
        bases.chain(self.commands.values().flat_map(|globs| &globs.bases).map(PathBuf::as_path))
    }

    /// Whether a pattern matches this path.
    pub fn matches_glob(&self, path: &Path) -> bool {
        self.globs.iter().any(|(glob, _)| glob.matches(path, false))
            || self.commands.values().any(|globs| globs.matches(path))
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

    /// Returns the roots of the programs' packages, and of those that a failed build could not read.
    pub fn package_roots(&self) -> impl Iterator<Item = &Path> {
        self.packages.roots.paths().chain(self.known.wanted_packages.paths()).map(PathBuf::as_path)
    }

    /// Decides whether a change of `path` counts.
    pub fn verdict(&self, path: &Path, facts: PathFacts) -> Verdict {
        if let Some(reason) = self.excluded(path, false) {
            return Verdict::Not(reason);
        }
        let mut kinds = self.exact(path);
        let mut readers = self.known.readers(path);
        let mut commands = BTreeSet::new();
        let temporary = kinds.is_empty() && readers.is_empty() && is_editor_temporary(path);
        if !temporary {
            kinds.extend(self.below(path));
            readers.extend(self.known.readers_above(path));
            commands = self.commands_of(path);
        }
        let guess = match (self.owner(path), temporary) {
            (_, true) => Err(Reason::EditorTemporary),
            (Owner::Package(root), false) => self.guess(path, root, facts),
            (Owner::Other, false) => Err(Reason::OtherPackage),
            (Owner::Nowhere, false) => {
                Err(if facts.git_ignored { Reason::GitIgnored } else { Reason::Outside })
            }
        };
        let reason = match guess {
            Ok(artifacts) => {
                readers.extend(artifacts);
                None
            }
            Err(reason) => Some(reason),
        };
        // A stronger kind leads to a build of everything.
        let stronger = [ChangeKind::Manifest, ChangeKind::Input];
        let is_source = !readers.is_empty() && !stronger.iter().any(|kind| kinds.contains(kind));
        let mut roles: Roles =
            kinds.into_iter().map(|kind| (kind, kind.leads_to(&self.artifacts, &self.services))).collect();
        if is_source {
            let leads_to = ChangeKind::Source.leads_to(&readers, &BTreeSet::new());
            roles.insert(ChangeKind::Source, leads_to);
        }
        if !commands.is_empty() {
            let leads_to = ChangeKind::Command.leads_to(&BTreeSet::new(), &commands);
            roles.insert(ChangeKind::Command, leads_to);
        }
        match reason {
            Some(reason) if roles.is_empty() => Verdict::Not(reason),
            _ => Verdict::Counts(roles),
        }
    }

    /// Whether a file that does not count lies in one of the program's packages and does not look like the
    /// program's data.
    pub fn is_saved_in_package(&self, path: &Path) -> bool {
        matches!(self.owner(path), Owner::Package(_)) && !is_program_data(path)
    }

    /// Whether this very path is named explicitly, so that git's rules and editors' habits do not apply.
    pub fn is_named(&self, path: &Path) -> bool {
        self.known.names(path) || self.named.contains_key(path) || self.is_member(path)
    }

    /// Whether this path or a folder above it is named explicitly.
    pub fn is_named_or_below(&self, path: &Path) -> bool {
        self.is_named(path)
            || !self.below(path).is_empty()
            || !self.known.readers_above(path).is_empty()
            || !self.commands_of(path).is_empty()
    }

    /// Whether a change of this path starts a command again.
    pub fn is_of_command(&self, path: &Path) -> bool {
        !self.commands_of(path).is_empty()
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
        if is_foreign_tree(folder) {
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
        self.named.entry(path.to_path_buf()).or_default().exact.insert(kind);
    }

    fn exact(&self, path: &Path) -> BTreeSet<ChangeKind> {
        let mut kinds = self.named.get(path).map(|named| named.exact.clone()).unwrap_or_default();
        if self.is_member(path) {
            kinds.insert(ChangeKind::Manifest);
        }
        kinds
    }

    /// Returns the kinds of everything in a named folder or that a pattern matches.
    fn below(&self, path: &Path) -> BTreeSet<ChangeKind> {
        let named = path.ancestors().skip(1).filter_map(|folder| self.named.get(folder));
        let mut kinds: BTreeSet<ChangeKind> = named.flat_map(|named| named.below.iter().copied()).collect();
        let matching = self.globs.iter().filter(|(glob, _)| glob.matches(path, false));
        kinds.extend(matching.map(|(_, kind)| *kind));
        kinds
    }

    fn commands_of(&self, path: &Path) -> BTreeSet<ServiceId> {
        self.commands.iter().filter(|(_, globs)| globs.matches(path)).map(|(service, _)| *service).collect()
    }

    fn owner(&self, path: &Path) -> Owner<'_> {
        for folder in path.ancestors().skip(1) {
            let (packages, wanted) = (&self.packages.roots, &self.known.wanted_packages);
            if let Some(root) = packages.get_key(folder).or_else(|| wanted.get_key(folder)) {
                return Owner::Package(root);
            }
            if self.other_roots.contains(folder) {
                return Owner::Other;
            }
        }
        Owner::Nowhere
    }

    /// Judges a file in one of the programs' packages that is not named explicitly: returns the artifacts that it
    /// may concern.
    fn guess(&self, path: &Path, root: &Path, facts: PathFacts) -> Result<BTreeSet<ArtifactId>, Reason> {
        if facts.git_ignored {
            return Err(Reason::GitIgnored);
        }
        let artifacts = self.packages.roots.of(root).chain(self.known.wanted_packages.of(root));
        if facts.new && could_be_picked_up(path) {
            return Ok(artifacts.collect());
        }
        if is_program_data(path) {
            return Err(Reason::ProgramData);
        }
        if self.known.reruns_for_everything(root) {
            return Ok(artifacts.collect());
        }
        let guessing: BTreeSet<ArtifactId> =
            artifacts.filter(|artifact| self.known.guesses(*artifact)).collect();
        if !guessing.is_empty() {
            return Ok(guessing);
        }
        Err(if is_other_target(path, root) {
            Reason::OtherTarget
        } else if could_be_picked_up(path) {
            Reason::NotIncluded
        } else {
            Reason::NotRead
        })
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

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "several_tests.rs"]
mod several_tests;
