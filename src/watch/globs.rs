//! Path patterns: `watch.ignore`, the `inputs` of commands, and patterns in `build.inputs`, `watch.paths` and a workspace's
//! members.

use std::path::{Component, Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::plan::Plan;
use crate::config::IgnoreGlob;

/// Patterns and the folder they are relative to.
#[derive(Debug)]
pub(super) struct Glob {
    pub(super) base: PathBuf,
    /// How many folders lie between the base and a match.
    pub(super) depth: usize,
    matcher: Gitignore,
}

impl Glob {
    pub(super) fn matches(&self, path: &Path, folder: bool) -> bool {
        // The matcher panics on paths outside its base.
        path != self.base
            && path.starts_with(&self.base)
            && self.matcher.matched_path_or_any_parents(path, folder).is_ignore()
    }
}

/// Patterns in the syntax of `.gitignore`.
pub(super) fn lists(patterns: &[IgnoreGlob]) -> Vec<Glob> {
    let mut builders: Vec<(PathBuf, GitignoreBuilder)> = Vec::new();
    for pattern in patterns {
        // Patterns of one folder form one list, so that a later `!pattern` negates an earlier one.
        let at = builders.iter().position(|(base, _)| *base == pattern.base).unwrap_or_else(|| {
            builders.push((pattern.base.clone(), GitignoreBuilder::new(&pattern.base)));
            builders.len() - 1
        });
        let _ = builders[at].1.add_line(None, &pattern.glob);
    }
    builders
        .into_iter()
        .filter_map(|(base, builder)| Some(Glob { base, depth: 0, matcher: builder.build().ok()? }))
        .collect()
}

/// The `inputs` of a command.
#[derive(Debug)]
pub(super) struct InputGlobs {
    globs: Vec<Glob>,
    /// The folders in which patterns can match.
    pub(super) bases: Vec<PathBuf>,
    /// What is named without a pattern, where git's rules do not apply.
    pub(super) paths: Vec<PathBuf>,
}

impl InputGlobs {
    pub(super) fn new(patterns: &[IgnoreGlob]) -> Self {
        let (mut bases, mut paths) = (Vec::new(), Vec::new());
        for IgnoreGlob { base, glob } in patterns.iter().filter(|pattern| !pattern.glob.starts_with('!')) {
            let glob = glob.trim_end_matches('/');
            // Without a slash a name matches at any depth.
            let anchored = glob.contains('/');
            let parts: Vec<&str> = glob.split('/').filter(|part| !part.is_empty()).collect();
            if parts.is_empty() {
                continue;
            }
            let plain = parts.iter().take_while(|part| !part.contains(['*', '?', '[', '\\'])).count();
            let place: PathBuf =
                std::iter::once(base.as_path()).chain(parts[..plain].iter().map(Path::new)).collect();
            if plain == parts.len() {
                paths.push(place);
            } else if anchored {
                bases.push(place);
            }
            if !anchored {
                bases.push(base.clone());
            }
        }
        Self { globs: lists(patterns), bases, paths }
    }

    pub(super) fn matches(&self, path: &Path) -> bool {
        self.globs.iter().any(|glob| glob.matches(path, false))
    }
}

/// Returns the files and folders named in settings, without patterns, each with its setting.
pub(super) fn named_plainly(plan: &Plan) -> Vec<(PathBuf, &'static str)> {
    let known = known_folders(plan);
    let inputs = plan.inputs.iter().map(|path| (path, "build.inputs"));
    let named = inputs.chain(plan.paths.iter().map(|path| (path, "watch.paths")));
    named.filter(|(path, _)| glob(path, &known).is_none()).map(|(path, key)| (path.clone(), key)).collect()
}

/// Returns the folders that are literal even if their names look like patterns: the bases of patterns.
pub(super) fn known_folders(plan: &Plan) -> Vec<&Path> {
    let configs = plan.hotrun_configs.iter().filter_map(|file| file.parent());
    let cargo_configs = plan.workspace.cargo_configs.iter().filter_map(|file| file.parent()?.parent());
    let packages = plan.packages.iter().map(|package| &*package.root);
    packages.chain([&*plan.workspace.root]).chain(configs).chain(cargo_configs).collect()
}

/// Returns the pattern in a path of `build.inputs` or `watch.paths`, if it has `*`, `?` or `[` below the
/// `known` folders.
pub(super) fn glob(path: &Path, known: &[&Path]) -> Option<Glob> {
    let is_pattern = |name: &str| name.contains(['*', '?', '[']);
    let within = |folder: &&&Path| path.starts_with(folder) && **folder != path;
    let above = known.iter().filter(within).max_by_key(|folder| folder.as_os_str().len());
    let above = above.map_or(Path::new(""), |folder| folder);
    let below = path.strip_prefix(above).unwrap_or(path).components();
    let base: PathBuf = above
        .components()
        .chain(below.take_while(
            |part| !matches!(part, Component::Normal(name) if name.to_str().is_some_and(is_pattern)),
        ))
        .collect();
    let rest = path.strip_prefix(&base).ok()?.to_str().filter(|rest| !rest.is_empty())?;
    let mut builder = GitignoreBuilder::new(&base);
    builder.add_line(None, &format!("/{rest}")).ok()?;
    let depth = Path::new(rest).components().count() - 1;
    Some(Glob { base, depth, matcher: builder.build().ok()? })
}
