//! The settings of cargo's configuration that shape how a program is run, and that stable cargo cannot print.
//!
//! Reads `.cargo/config.toml` files, `--config` arguments and cargo's environment variables. Reports no
//! errors: cargo reads the same files and refuses wrong ones in its own words.

mod tree;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use cargo_metadata::cargo_platform::{Cfg, CfgExpr};

use self::tree::{ConfigTree, Node, ValueOrigin, program};
use super::environment::{self, Environment};

/// The part of cargo's configuration that hotrun needs.
#[derive(Debug, Clone)]
pub struct CargoConfig {
    /// `[env]`, sorted by name.
    pub env: Vec<EnvEntry>,
    /// `build.target`, which `--target` overrides.
    pub targets: Vec<String>,
    /// `build.dep-info-basedir`: the base of relative paths in dep-info files.
    pub dep_info_basedir: Option<PathBuf>,
    /// `build.build-dir`, with its `{…}` templates as written.
    pub build_dir: Option<PathBuf>,
    pub target_dir: Option<PathBuf>,
    /// `build.rustc` or `RUSTC`: another compiler than the toolchain's.
    pub rustc: Option<PathBuf>,
    /// The folders named by `paths` and by `[patch]` entries with a `path`.
    pub source_overrides: Vec<PathBuf>,
    /// Every configuration file that exists or could exist, with includes.
    pub files: Vec<PathBuf>,
    /// Whether cargo compiles the standard library too.
    pub build_std: bool,
    runners: Vec<Runner>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEntry {
    pub name: String,
    /// Absolute if it was given as `relative`.
    pub value: OsString,
    /// Whether it replaces an inherited value.
    pub force: bool,
}

/// A `runner`: the program and its first arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Runner {
    /// A triple, or `cfg(…)`.
    target: String,
    command: Vec<OsString>,
    /// Given with `--config`.
    command_line: bool,
}

impl CargoConfig {
    /// Reads the configuration of a cargo started in the folder `cwd` with this environment and the
    /// `--config` arguments among `arguments`.
    pub fn load(cwd: &Path, environment: &Environment, arguments: &[String]) -> Self {
        let cargo_home = environment::cargo_home(environment, cwd);
        let ConfigTree { root, files } =
            ConfigTree::load(cwd, cargo_home.as_deref(), &config_arguments(arguments));
        let lookup = Lookup { root: &root, environment, cwd };
        let targets = match lookup.variable(&["build", "target"], "CARGO_BUILD_TARGET") {
            Some((target, _)) => vec![target],
            None => root.get(&["build", "target"]).and_then(Node::words).map_or(Vec::new(), |it| it.0),
        };
        let rustc = environment::path_variable(environment, "RUSTC")
            .map(|rustc| program(&rustc.to_string_lossy(), cwd))
            .or_else(|| {
                let (rustc, base) = lookup.variable(&["build", "rustc"], "CARGO_BUILD_RUSTC")?;
                Some(program(&rustc, base))
            });
        let target_dir = environment::path_variable(environment, "CARGO_TARGET_DIR")
            .map(|folder| cwd.join(folder))
            .or_else(|| lookup.path(&["build", "target-dir"], "CARGO_BUILD_TARGET_DIR"));
        Self {
            env: root.get(&["env"]).map(env_entries).unwrap_or_default(),
            targets,
            dep_info_basedir: lookup.path(&["build", "dep-info-basedir"], "CARGO_BUILD_DEP_INFO_BASEDIR"),
            build_dir: lookup.path(&["build", "build-dir"], "CARGO_BUILD_BUILD_DIR"),
            target_dir,
            rustc: rustc.map(PathBuf::from),
            source_overrides: source_overrides(&root),
            build_std: root.get(&["unstable", "build-std"]).is_some()
                || environment.contains_key(OsStr::new("CARGO_UNSTABLE_BUILD_STD")),
            runners: root.get(&["target"]).map(runners).unwrap_or_default(),
            files,
        }
    }

    /// Whether a `runner` depends on a `cfg(…)`, so that [`runner`](Self::runner) needs the target's.
    pub fn has_cfg_runner(&self) -> bool {
        self.runners.iter().any(|runner| runner.target.starts_with("cfg("))
    }

    /// Returns the runner of programs for `triple`; empty if there is none.
    ///
    /// `CARGO_TARGET_<TRIPLE>_RUNNER` wins over files, `--config` over both, and a triple over a `cfg(…)`.
    pub fn runner(&self, triple: &str, cfgs: &[Cfg], environment: &Environment, cwd: &Path) -> Vec<OsString> {
        let exact = self.runners.iter().find(|runner| runner.target == triple);
        if let Some(runner) = exact.filter(|runner| runner.command_line) {
            return runner.command.clone();
        }
        let name = format!("CARGO_TARGET_{}_RUNNER", triple.to_uppercase().replace(['-', '.'], "_"));
        if let Some(value) = environment.get(OsStr::new(&name)).and_then(|value| value.to_str()) {
            return command(value.split_ascii_whitespace().map(str::to_owned).collect(), cwd);
        }
        let matching = || {
            self.runners.iter().find(|runner| {
                runner.target.starts_with("cfg(") && CfgExpr::matches_key(&runner.target, cfgs)
            })
        };
        exact.or_else(matching).map(|runner| runner.command.clone()).unwrap_or_default()
    }
}

/// Looks up a key in cargo's order: `--config`, then its environment variable, then the files.
struct Lookup<'a> {
    root: &'a Node,
    environment: &'a Environment,
    cwd: &'a Path,
}

impl<'a> Lookup<'a> {
    /// Returns the string and the folder it is relative to.
    fn variable(&self, keys: &[&str], variable: &str) -> Option<(String, &'a Path)> {
        let configured = self.root.get(keys).and_then(Node::string);
        let own =
            |(value, origin): (&str, &'a std::rc::Rc<ValueOrigin>)| (value.to_owned(), origin.base.as_path());
        if let Some(found) = configured.filter(|(_, origin)| origin.command_line) {
            return Some(own(found));
        }
        match self.environment.get(OsStr::new(variable)).and_then(|value| value.to_str()) {
            Some(value) => Some((value.to_owned(), self.cwd)),
            None => configured.map(own),
        }
    }

    fn path(&self, keys: &[&str], variable: &str) -> Option<PathBuf> {
        let (path, base) = self.variable(keys, variable)?;
        (!path.is_empty()).then(|| base.join(path))
    }
}

/// Returns the values of `--config` among cargo's arguments, in both spellings.
fn config_arguments(arguments: &[String]) -> Vec<&str> {
    let mut values = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--config" {
            values.extend(rest.next().map(String::as_str));
        } else if let Some(value) = argument.strip_prefix("--config=") {
            values.push(value);
        }
    }
    values
}

fn env_entries(table: &Node) -> Vec<EnvEntry> {
    table
        .entries()
        .filter_map(|(name, node)| {
            if let Some((value, _)) = node.string() {
                return Some(EnvEntry { name: name.to_owned(), value: value.into(), force: false });
            }
            let flag = |key| matches!(node.get(&[key]), Some(Node::Value(toml::Value::Boolean(true), _)));
            let (value, origin) = node.get(&["value"])?.string()?;
            let value = if flag("relative") { origin.base.join(value).into() } else { value.into() };
            Some(EnvEntry { name: name.to_owned(), value, force: flag("force") })
        })
        .collect()
}

fn runners(table: &Node) -> Vec<Runner> {
    table
        .entries()
        .filter_map(|(target, node)| {
            let (words, origin) = node.get(&["runner"])?.words()?;
            Some(Runner {
                target: target.to_owned(),
                command: command(words, &origin.base),
                command_line: origin.command_line,
            })
        })
        .collect()
}

fn source_overrides(root: &Node) -> Vec<PathBuf> {
    let patches = root.get(&["patch"]).into_iter().flat_map(Node::entries).flat_map(|(_, source)| {
        source.entries().filter_map(|(_, patch)| {
            let (path, origin) = patch.get(&["path"])?.string()?;
            Some(origin.base.join(path))
        })
    });
    let paths = match root.get(&["paths"]) {
        Some(Node::List(items)) => items.as_slice(),
        _ => &[],
    };
    let paths = paths.iter().filter_map(|(item, origin)| Some(origin.base.join(item.as_str()?)));
    patches.chain(paths).collect()
}

fn command(mut words: Vec<String>, base: &Path) -> Vec<OsString> {
    if let Some(first) = words.first_mut() {
        let resolved = program(first, base);
        return std::iter::once(resolved).chain(words.drain(1..).map(OsString::from)).collect();
    }
    Vec::new()
}

#[cfg(test)]
mod tests;
