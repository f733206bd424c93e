//! cargo's configuration as a merged tree, each value with its source.
//!
//! Follows the sections "Hierarchical structure", "Command-line overrides" and "include" of the Cargo Book.
//! Malformed values are skipped: cargo, which reads the same files, refuses them in its own words.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ValueOrigin {
    /// The base of relative paths in the value.
    pub(super) base: PathBuf,
    /// Given with `--config`, which environment variables do not override.
    pub(super) command_line: bool,
}

impl ValueOrigin {
    /// Returns the source of values in the file `path`: relative paths start two levels above it.
    fn file(path: &Path, command_line: bool) -> Rc<Self> {
        let base = path.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        Rc::new(Self { base: base.to_owned(), command_line })
    }
}

/// Resolves a program as cargo does: a bare name is looked up in `PATH` when started, others are paths.
pub(super) fn program(name: &str, base: &Path) -> OsString {
    if name.contains('/') { base.join(name).into() } else { name.into() }
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Table(BTreeMap<String, Node>),
    List(Vec<(toml::Value, Rc<ValueOrigin>)>),
    Value(toml::Value, Rc<ValueOrigin>),
}

impl Node {
    fn from_toml(value: toml::Value, origin: &Rc<ValueOrigin>) -> Self {
        match value {
            toml::Value::Table(table) => Self::from_table(table, origin),
            toml::Value::Array(items) => {
                Self::List(items.into_iter().map(|item| (item, Rc::clone(origin))).collect())
            }
            value => Self::Value(value, Rc::clone(origin)),
        }
    }

    fn from_table(table: toml::Table, origin: &Rc<ValueOrigin>) -> Self {
        Self::Table(table.into_iter().map(|(k, v)| (k, Self::from_toml(v, origin))).collect())
    }

    pub(super) fn get(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| match node {
            Self::Table(table) => table.get(*key),
            _ => None,
        })
    }

    /// Iterates over the entries of a table; empty for other values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let table = if let Self::Table(table) = self { Some(table) } else { None };
        table.into_iter().flatten().map(|(key, node)| (key.as_str(), node))
    }

    pub(super) fn string(&self) -> Option<(&str, &Rc<ValueOrigin>)> {
        match self {
            Self::Value(value, origin) => Some((value.as_str()?, origin)),
            _ => None,
        }
    }

    /// Returns a list of strings, or a string split at white space, and its source.
    pub(super) fn words(&self) -> Option<(Vec<String>, &Rc<ValueOrigin>)> {
        match self {
            Self::Value(value, origin) => {
                Some((value.as_str()?.split_ascii_whitespace().map(str::to_owned).collect(), origin))
            }
            Self::List(items) => {
                let (_, origin) = items.first()?;
                let words = items.iter().filter_map(|(item, _)| item.as_str().map(str::to_owned));
                Some((words.collect(), origin))
            }
            Self::Table(_) => None,
        }
    }

    /// Merges `over` into this node: tables merge, lists are joined with the stronger items last, other
    /// values are replaced. A program with its arguments (`runner`) is a single value, not a list.
    fn merge(&mut self, over: Self, key: &str) {
        match (self, over) {
            (Self::Table(under), Self::Table(over)) => {
                for (key, node) in over {
                    match under.get_mut(&key) {
                        Some(below) => below.merge(node, &key),
                        None => {
                            under.insert(key, node);
                        }
                    }
                }
            }
            (Self::List(under), Self::List(over)) if key != "runner" => under.extend(over),
            (under, over) => *under = over,
        }
    }
}

/// The merged tree and every file that is, or could become, part of it.
#[derive(Debug, Clone)]
pub(super) struct ConfigTree {
    pub(super) root: Node,
    pub(super) files: Vec<PathBuf>,
}

impl ConfigTree {
    /// Reads what cargo reads in the folder `cwd` with these `--config` arguments.
    pub(super) fn load(cwd: &Path, cargo_home: Option<&Path>, arguments: &[&str]) -> Self {
        let mut tree = Self { root: Node::Table(BTreeMap::new()), files: Vec::new() };
        let mut folders: Vec<PathBuf> = cwd.ancestors().map(|folder| folder.join(".cargo")).collect();
        if let Some(home) = cargo_home {
            let same = |folder: &PathBuf| match (folder.canonicalize(), home.canonicalize()) {
                (Ok(folder), Ok(home)) => folder == home,
                _ => folder == home,
            };
            if !folders.iter().any(same) {
                folders.push(home.to_owned());
            }
        }
        // The weakest first.
        for folder in folders.iter().rev() {
            let candidates = [folder.join("config"), folder.join("config.toml")];
            if let Some(file) = candidates.iter().find(|file| file.exists())
                && let Some(node) = tree.read(file, false, &mut Vec::new())
            {
                tree.root.merge(node, "");
            }
            tree.files.extend(candidates);
        }
        for argument in arguments {
            if let Some(node) = tree.argument(argument, cwd) {
                tree.root.merge(node, "");
            }
        }
        tree
    }

    /// Reads a `--config` argument: a file if one of that name exists, else `KEY=VALUE`.
    fn argument(&mut self, argument: &str, cwd: &Path) -> Option<Node> {
        let path = cwd.join(argument);
        if !argument.is_empty() && path.exists() {
            self.files.push(path.clone());
            return self.read(&path, true, &mut Vec::new());
        }
        let table = argument.parse::<toml::Table>().ok()?;
        let origin = Rc::new(ValueOrigin { base: cwd.to_owned(), command_line: true });
        Some(self.with_includes(table, cwd, &origin, &mut Vec::new()))
    }

    fn read(&mut self, file: &Path, command_line: bool, seen: &mut Vec<PathBuf>) -> Option<Node> {
        if seen.iter().any(|earlier| earlier == file) {
            return None;
        }
        seen.push(file.to_owned());
        let table = crate::sys::read_text(file).ok()??.parse::<toml::Table>().ok()?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        Some(self.with_includes(table, folder, &ValueOrigin::file(file, command_line), seen))
    }

    /// Merges the table's own values over those of included files, later ones over earlier ones.
    fn with_includes(
        &mut self,
        mut table: toml::Table,
        folder: &Path,
        origin: &Rc<ValueOrigin>,
        seen: &mut Vec<PathBuf>,
    ) -> Node {
        let included = match table.remove("include") {
            Some(toml::Value::Array(items)) => items,
            Some(item) => vec![item],
            None => Vec::new(),
        };
        let mut node = Node::Table(BTreeMap::new());
        for item in &included {
            let Some(path) = item.get("path").unwrap_or(item).as_str() else {
                continue;
            };
            let file = folder.join(path);
            if let Some(below) = self.read(&file, origin.command_line, seen) {
                node.merge(below, "");
            }
            self.files.push(file);
        }
        node.merge(Node::from_table(table, origin), "");
        node
    }
}
