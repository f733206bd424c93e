//! What git ignores: `.gitignore` files, the repository's `info/exclude` and the user's own list, read when
//! first needed.
//!
//! Applies only where hotrun guesses, never to a path that is named explicitly.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::inputs::Rules;
use super::plan::Plan;

/// The ignore rules of every folder asked about, cached until [`Ignores::forget`].
#[derive(Debug)]
pub(super) struct Ignores {
    /// Roots of packages and of the workspace: outside a repository, ignore files above them do not apply.
    bounds: Vec<PathBuf>,
    files: HashMap<PathBuf, Gitignore>,
    tops: HashMap<PathBuf, PathBuf>,
    excludes: HashMap<PathBuf, Gitignore>,
    global: Option<Gitignore>,
    /// See [`Ignores::git_folders`].
    git_folders: Option<Vec<PathBuf>>,
}

impl Ignores {
    /// Creates the rules for a plan.
    pub(super) fn of(plan: &Plan, rules: &Rules) -> Self {
        let packages = rules.package_roots().map(Path::to_path_buf);
        Self::new(packages.chain([plan.workspace.root.clone()]).collect())
    }

    /// Creates the rules for the trees below `bounds`.
    pub(super) fn new(bounds: Vec<PathBuf>) -> Self {
        Self {
            bounds,
            files: HashMap::new(),
            tops: HashMap::new(),
            excludes: HashMap::new(),
            global: None,
            git_folders: None,
        }
    }

    /// Drops the cache.
    pub(super) fn forget(&mut self) {
        self.files.clear();
        self.tops.clear();
        self.excludes.clear();
        self.global = None;
        self.git_folders = None;
    }

    /// Returns the git directory of each work tree that contains a bound; it has the index.
    pub(super) fn git_folders(&mut self) -> &[PathBuf] {
        self.git_folders.get_or_insert_with(|| {
            let tops = self.bounds.iter().filter_map(|bound| repository(bound));
            tops.collect::<HashSet<_>>().into_iter().map(git_folder).collect()
        })
    }

    /// Whether git ignores `path` or a folder above it.
    pub(super) fn ignored(&mut self, path: &Path, folder: bool) -> bool {
        let Some(parent) = path.parent() else {
            return false;
        };
        let top = self.top(parent);
        self.ignored_below(&top, path, folder)
    }

    /// Whether git ignores `path` itself, if it ignores no folder above.
    pub(super) fn ignored_here(&mut self, path: &Path, folder: bool) -> bool {
        let Some(parent) = path.parent() else {
            return false;
        };
        let top = self.top(parent);
        self.matches(path, folder, &top)
    }

    /// Returns the ignore files that were looked for, existing or not. A change of one invalidates the cache.
    pub(super) fn consulted(&self) -> HashSet<PathBuf> {
        self.files.keys().map(|folder| folder.join(".gitignore")).collect()
    }

    fn matches(&mut self, path: &Path, folder: bool, top: &Path) -> bool {
        for ancestor in path.ancestors().skip(1) {
            let rules = self
                .files
                .entry(ancestor.to_path_buf())
                .or_insert_with(|| read(ancestor, &ancestor.join(".gitignore")));
            match rules.matched(path, folder) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
            if ancestor == top {
                break;
            }
        }
        let exclude = self.excludes.entry(top.to_path_buf()).or_insert_with(|| read(top, &exclude_file(top)));
        match exclude.matched(path, folder) {
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
            Match::None => {}
        }
        self.global.get_or_insert_with(|| Gitignore::global().0).matched(path, folder).is_ignore()
    }

    /// Returns the topmost folder whose ignore file applies: the repository's root, or else the outermost
    /// bound. A bound that the repository ignores is not part of it, such as a project below a home folder
    /// under git.
    fn top(&mut self, folder: &Path) -> PathBuf {
        if let Some(top) = self.tops.get(folder) {
            return top.clone();
        }
        let mut bounds: Vec<PathBuf> =
            self.bounds.iter().filter(|bound| folder.starts_with(bound)).cloned().collect();
        bounds.sort_by_key(|bound| bound.as_os_str().len());
        let mut top = repository(folder)
            .map(Path::to_path_buf)
            .or_else(|| bounds.first().cloned())
            .unwrap_or_else(|| folder.to_path_buf());
        for bound in bounds {
            if bound.starts_with(&top) && self.ignored_below(&top, &bound, true) {
                top = bound;
            }
        }
        self.tops.insert(folder.to_path_buf(), top.clone());
        top
    }

    /// Whether the rules from `top` on ignore `path` or a folder in between.
    fn ignored_below(&mut self, top: &Path, path: &Path, folder: bool) -> bool {
        let inside = path.ancestors().take_while(|ancestor| *ancestor != top).collect::<Vec<_>>();
        inside.iter().rev().any(|ancestor| self.matches(ancestor, folder || *ancestor != path, top))
    }
}

/// Returns the root of the work tree that contains `folder`.
fn repository(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|ancestor| ancestor.join(".git").exists())
}

/// Returns the git directory of a work tree. In a linked worktree or a submodule, `.git` is a file with its
/// path.
fn git_folder(top: &Path) -> PathBuf {
    let git = top.join(".git");
    named(top, &git, "gitdir: ").unwrap_or(git)
}

/// Returns the repository's exclude file, in the folder that all worktrees share.
fn exclude_file(top: &Path) -> PathBuf {
    let own = git_folder(top);
    let shared = named(&own, &own.join("commondir"), "").unwrap_or(own);
    shared.join("info/exclude")
}

/// Returns the path, relative to `folder`, that `file` contains after `key`.
fn named(folder: &Path, file: &Path, key: &str) -> Option<PathBuf> {
    let text = std::fs::read_to_string(file).ok()?;
    Some(folder.join(text.strip_prefix(key)?.trim_end()))
}

/// Returns the rules in `file`, relative to `folder`: none if it is missing, without lines that cannot be
/// parsed.
fn read(folder: &Path, file: &Path) -> Gitignore {
    if !file.is_file() {
        return Gitignore::empty();
    }
    let mut builder = GitignoreBuilder::new(folder);
    builder.add(file);
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_files_exclude_and_negation() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        std::fs::create_dir_all(root.join(".git/info")).unwrap();
        std::fs::create_dir_all(root.join("pkg/src/deep")).unwrap();
        std::fs::write(root.join(".gitignore"), "/out\n*.log\n").unwrap();
        std::fs::write(root.join("pkg/.gitignore"), "!keep.log\ndata/\n").unwrap();
        std::fs::write(root.join(".git/info/exclude"), "secret\n").unwrap();
        let mut ignores = Ignores::new(vec![root.join("pkg")]);
        let mut check = |path: &str, folder: bool, expect: bool| {
            assert_eq!(ignores.ignored(&root.join(path), folder), expect, "{path}");
        };
        check("out", true, true);
        check("out/deep/file.rs", false, true);
        check("pkg/out", true, false);
        check("pkg/a.log", false, true);
        check("pkg/keep.log", false, false);
        check("pkg/data", false, false);
        check("pkg/data", true, true);
        check("pkg/data/x", false, true);
        check("pkg/secret", false, true);
        check("pkg/src/deep/mod.rs", false, false);
        std::fs::write(root.join("pkg/src/.gitignore"), "deep\n").unwrap();
        assert!(!ignores.ignored(&root.join("pkg/src/deep/mod.rs"), false));
        ignores.forget();
        assert!(ignores.ignored(&root.join("pkg/src/deep/mod.rs"), false));
        assert!(ignores.consulted().contains(&root.join(".gitignore")));
    }

    #[test]
    fn without_a_repository_the_outermost_bound_ends_the_search() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        std::fs::create_dir_all(root.join("ws/pkg")).unwrap();
        std::fs::write(root.join(".gitignore"), "*\n").unwrap();
        std::fs::write(root.join("ws/.gitignore"), "a\n").unwrap();
        let mut ignores = Ignores::new(vec![root.join("ws/pkg"), root.join("ws")]);
        assert!(ignores.ignored(&root.join("ws/pkg/a"), false));
        assert!(!ignores.ignored(&root.join("ws/pkg/b"), false));
    }

    #[test]
    fn a_repository_that_ignores_the_project_has_no_say_in_it() {
        for (rules, where_to) in
            [("*\n", "code/app"), ("/*\n!.bashrc\n", "code/app"), ("playground/\n", "playground/app")]
        {
            let temporary = tempfile::tempdir().unwrap();
            let (home, root) = (temporary.path(), temporary.path().join(where_to));
            std::fs::create_dir_all(home.join(".git")).unwrap();
            std::fs::create_dir_all(root.join("vendor/part")).unwrap();
            std::fs::write(home.join(".gitignore"), rules).unwrap();
            std::fs::write(root.join(".gitignore"), "vendor\n*.log\n").unwrap();
            let mut ignores = Ignores::new(vec![root.clone(), root.join("vendor/part")]);
            for (path, ignored) in [
                ("main.rs", false),
                ("a.log", true),
                ("vendor/x", true),
                // A package of the program in a folder that the project's own rules ignore.
                ("vendor/part/lib.rs", false),
            ] {
                assert_eq!(ignores.ignored(&root.join(path), false), ignored, "{rules:?} {path}");
                let inside = !path.starts_with("vendor/x");
                assert_eq!(
                    ignores.ignored_here(&root.join(path), false),
                    ignored && inside,
                    "{rules:?} {path}"
                );
            }
        }
    }

    #[test]
    fn a_worktree_has_the_exclude_file_of_its_repository() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        for (path, text) in [
            ("main/.git/info/exclude", "secret\n"),
            ("main/.git/worktrees/tree/commondir", "../..\n"),
            ("main/.git/modules/sub/info/exclude", "hidden\n"),
            ("tree/.git", &format!("gitdir: {}\n", root.join("main/.git/worktrees/tree").display())),
            ("main/sub/.git", "gitdir: ../.git/modules/sub\n"),
        ] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), text).unwrap();
        }
        let mut ignores = Ignores::new(["main", "tree", "main/sub"].map(|folder| root.join(folder)).to_vec());
        for (path, ignored) in [
            ("main/secret", true),
            ("tree/secret", true),
            ("tree/other", false),
            ("main/sub/hidden", true),
            ("main/sub/secret", false),
        ] {
            assert_eq!(ignores.ignored(&root.join(path), false), ignored, "{path}");
        }
        let mut folders = ignores.git_folders().to_vec();
        folders.sort();
        assert_eq!(
            folders,
            ["main/.git", "main/.git/worktrees/tree", "main/sub/../.git/modules/sub"].map(|at| root.join(at))
        );
    }
}
