//! Finds and reads the config files, env files and environment variables that hold settings. `config`
//! interprets them.
//!
//! The package to run may itself be a setting, so settings are loaded twice:
//! 1. with the nearest folder that has a `Cargo.toml` ([`nearest_package`]) and the workspace root, to choose
//!    the package from `build.package`, `build.bin` and `build.example`;
//! 2. with the folder of the chosen package: these settings are in force.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::RunOptions;
use crate::config::{self, Config, ConfigError, FileKind, FileText, OwnVariables, env_file};
use crate::sys;

pub const FILE_NAME: &str = "hotrun.toml";

const CONFIG_FILE: &str = "HOTRUN_CONFIG_FILE";

/// Settings that cannot be read or are invalid.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("could not read the {what} `{}`", path.display())]
    Read {
        /// `config file`, `manifest` or `env file`.
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("could not read `{}`, line {}: {}", path.display(), fault.line, fault.reason)]
    EnvFile { path: PathBuf, fault: env_file::EnvFileError },
}

impl SettingsError {
    /// Whether a config file is not valid TOML.
    pub fn is_syntax(&self) -> bool {
        matches!(self, Self::Config(ConfigError::Syntax { .. }))
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Read { what: "env file", source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("create it, or take it out of `--env-file` and `run.env-file`".to_owned())
            }
            Self::Read { what: "config file", source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("it was named by `--config-file` or `{CONFIG_FILE}`"))
            }
            Self::Read { source, .. } if source.kind() == io::ErrorKind::TimedOut => {
                Some("start what writes to it before hotrun".to_owned())
            }
            Self::Read { .. } => None,
            Self::EnvFile { .. } => {
                Some("write `KEY=VALUE`, and quote values that hold `#` or begin with a quote".to_owned())
            }
        }
    }
}

pub fn environment() -> OwnVariables {
    let set = |name: &str| Some((name.to_owned(), std::env::var_os(name)?));
    config::variables().chain([CONFIG_FILE]).filter_map(set).collect()
}

/// Returns the nearest folder with a `Cargo.toml`, from `cwd` upwards, or the folder of `--manifest-path`.
pub fn nearest_package(options: &RunOptions, cwd: &Path) -> Option<PathBuf> {
    match &options.cargo.manifest.manifest_path {
        Some(manifest) => cwd.join(manifest).parent().map(|folder| folder.components().collect()),
        None => cwd.ancestors().find(|folder| folder.join("Cargo.toml").is_file()).map(Path::to_owned),
    }
}

/// Returns the folder of the workspace that a package most likely belongs to: the nearest above it whose
/// `Cargo.toml` has a workspace. cargo knows better, and is asked later.
pub fn nearest_workspace(package: &Path) -> Option<PathBuf> {
    let as_root = |folder: &Path| {
        let text = sys::read_text(&folder.join("Cargo.toml")).ok().flatten()?;
        let manifest = text.parse::<toml::Table>().ok()?;
        let listed = manifest.get("workspace")?.get("exclude").and_then(toml::Value::as_array);
        let mut excluded = listed.into_iter().flatten().filter_map(toml::Value::as_str);
        Some(excluded.any(|path| package.starts_with(folder.join(path))))
    };
    let (root, excluded) = package.ancestors().find_map(|folder| Some((folder, as_root(folder)?)))?;
    (!excluded).then(|| root.to_owned())
}

/// Reads files of settings. The content of streams (`<(…)`, a FIFO, `/dev/stdin`) is kept, since they can be
/// read only once.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    kept: Arc<Mutex<BTreeMap<PathBuf, ReadState>>>,
    /// Read streams on a thread instead of waiting for them.
    nonblocking: bool,
}

#[derive(Debug)]
enum ReadState {
    Reading,
    Text(String),
    Failed(io::Error),
}

impl Reader {
    /// From now on, reads streams on a thread: loading fails with [`io::ErrorKind::WouldBlock`] meanwhile.
    pub fn stop_waiting(&mut self) {
        self.nonblocking = true;
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<PathBuf, ReadState>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        if let Some(text) = sys::read_text(path)? {
            self.kept().insert(path.to_owned(), ReadState::Text(text.clone()));
            return Ok(text);
        }
        let mut kept = self.kept();
        match kept.get(path) {
            Some(ReadState::Text(text)) => return Ok(text.clone()),
            Some(ReadState::Reading) => return Err(io::ErrorKind::WouldBlock.into()),
            Some(ReadState::Failed(_)) | None => {}
        }
        if let Some(ReadState::Failed(error)) = kept.remove(path) {
            return Err(error);
        }
        if !self.nonblocking {
            drop(kept);
            let text = sys::read_stream(path)?;
            self.kept().insert(path.to_owned(), ReadState::Text(text.clone()));
            return Ok(text);
        }
        kept.insert(path.to_owned(), ReadState::Reading);
        let (reader, path) = (self.clone(), path.to_owned());
        let begun = std::thread::Builder::new().name("settings".to_owned()).spawn(move || {
            let read = sys::read_stream(&path);
            reader.kept().insert(path, read.map_or_else(ReadState::Failed, ReadState::Text));
        });
        begun.and(Err(io::ErrorKind::WouldBlock.into()))
    }
}

/// Where settings are looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    pub options: &'a RunOptions,
    pub environment: &'a OwnVariables,
    /// Absolute.
    pub cwd: &'a Path,
    /// The folder of the package.
    pub package: Option<&'a Path>,
    /// The folder of the workspace.
    pub workspace: Option<&'a Path>,
}

impl Search<'_> {
    /// Reads the config files and merges them with options and environment.
    pub fn load(&self, reader: &Reader) -> Result<Config, SettingsError> {
        let texts = self.read(reader)?;
        Ok(config::merge(self.options, self.environment, &texts, self.cwd)?)
    }

    /// Reads the config files that exist, the one of highest precedence first.
    pub fn read(&self, reader: &Reader) -> Result<Vec<FileText>, SettingsError> {
        let mut texts = Vec::new();
        for source in self.sources() {
            match reader.read(&source.path) {
                Ok(text) => texts.push(FileText { path: source.path, text, kind: source.kind }),
                Err(error) if !source.named && is_missing(&error) => {}
                Err(error) => {
                    let what = match source.kind {
                        FileKind::Hotrun => "config file",
                        FileKind::Manifest => "manifest",
                    };
                    return Err(SettingsError::Read { what, path: source.path, source: error });
                }
            }
        }
        Ok(texts)
    }

    /// Returns every file that [`load`](Self::load) reads or would read if it existed. Env files are in
    /// [`Config`].
    pub fn files(&self) -> Vec<PathBuf> {
        self.sources().into_iter().map(|source| source.path).collect()
    }

    /// Returns the files in order of precedence: the package's (or the named one), the package's manifest, the
    /// workspace's.
    fn sources(&self) -> Vec<Source> {
        let from_environment =
            self.environment.get(CONFIG_FILE).filter(|path| !path.is_empty()).map(Path::new);
        let named = self.options.own.config_file.as_deref().or(from_environment);
        let source = |path: PathBuf, kind| Source { path: path.components().collect(), kind, named: false };
        let mut sources = Vec::new();
        match (named, self.package) {
            (Some(path), _) => {
                sources.push(Source { named: true, ..source(self.cwd.join(path), FileKind::Hotrun) });
            }
            (None, Some(root)) => sources.push(source(root.join(FILE_NAME), FileKind::Hotrun)),
            (None, None) => {}
        }
        if let Some(root) = self.package {
            // With `--manifest-path` the manifest may have another name (unstable in cargo), in the same folder.
            sources.push(source(root.join("Cargo.toml"), FileKind::Manifest));
        }
        if let Some(root) = self.workspace {
            let file = source(root.join(FILE_NAME), FileKind::Hotrun);
            // In a project of one package both are the same file; a named file replaces it.
            if self.package != Some(root) && sources.iter().all(|source| source.path != file.path) {
                sources.push(file);
            }
        }
        sources
    }
}

/// Whether the manifest has settings of hotrun. Invalid TOML counts as none: cargo reports it.
pub fn has_metadata(manifest: &Path) -> bool {
    let text = sys::read_text(manifest).ok().flatten().unwrap_or_default();
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let found = |table: &toml::Table| Some(table.get("package")?.get("metadata")?.get("hotrun").is_some());
    found(&table).unwrap_or(false)
}

/// An env file and its text, or the error of reading it.
pub type EnvText = (PathBuf, io::Result<String>);

/// Reads the env files of all services, each once.
pub fn read_env_files(reader: &Reader, config: &Config) -> Vec<EnvText> {
    let mut files: Vec<EnvText> = Vec::new();
    for named in config.services.iter().flat_map(|service| &service.run.env_files) {
        if files.iter().all(|(path, _)| *path != named.value) {
            files.push((named.value.clone(), reader.read(&named.value)));
        }
    }
    files
}

/// Returns the variables that each service gets from its env files; the last file wins. `inherited` looks up
/// `${NAME}` in the environment the program inherits.
pub fn env_file_variables(
    config: &Config,
    files: Vec<EnvText>,
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<BTreeMap<String, String>>, SettingsError> {
    let mut texts = BTreeMap::new();
    for (path, text) in files {
        match text {
            Ok(text) => texts.insert(path, text),
            Err(source) => return Err(SettingsError::Read { what: "env file", path, source }),
        };
    }
    let variables = config.services.iter().map(|service| {
        let mut variables = BTreeMap::new();
        for path in service.run.env_files.iter().map(|file| &file.value) {
            let text = texts.get(path).map_or("", String::as_str);
            env_file::parse(text, inherited, &mut variables)
                .map_err(|fault| SettingsError::EnvFile { path: path.clone(), fault })?;
        }
        Ok(variables)
    });
    variables.collect()
}

struct Source {
    path: PathBuf,
    kind: FileKind,
    /// A file named by the user must exist.
    named: bool,
}

/// Whether there is no such file.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Command};
    use crate::config::Origin;

    fn options(line: &str) -> RunOptions {
        let words = std::iter::once("hotrun").chain(line.split_whitespace()).map(Into::into);
        match cli::parse(words).unwrap().command {
            Command::Run(options) => *options,
            other => panic!("{other:?}"),
        }
    }

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn load(line: &str, cwd: &Path, package: Option<&Path>) -> Result<Config, SettingsError> {
        let (options, environment) = (options(line), OwnVariables::new());
        Search { options: &options, environment: &environment, cwd, package, workspace: None }
            .load(&Reader::default())
    }

    fn variables(config: &Config) -> Result<BTreeMap<String, String>, SettingsError> {
        let mut variables =
            env_file_variables(config, read_env_files(&Reader::default(), config), &|_| None)?;
        Ok(variables.remove(0))
    }

    #[test]
    fn package_file_over_metadata_over_workspace_file() {
        let folder = project(&[
            ("hotrun.toml", "[ui]\nclear = true\n[run]\non-exit = 'exit'\nstdin = 'null'"),
            ("app/Cargo.toml", "[package.metadata.hotrun.run]\nstdin = 'inherit'\nupdate = 'manual'"),
            ("app/hotrun.toml", "[run]\nupdate = 'overlap'"),
            ("other.toml", "[run]\nupdate = 'reexec'"),
        ]);
        let root = folder.path();
        let app = root.join("app");
        let load = |line, environment: &OwnVariables| {
            let options = options(line);
            let (package, workspace) = (Some(&*app), Some(root));
            Search { options: &options, environment, cwd: root, package, workspace }
                .load(&Reader::default())
                .unwrap()
        };
        let none = OwnVariables::new();
        let config = load("", &none);
        assert_eq!(config.run.update.value, config::Update::Overlap);
        assert_eq!(config.run.stdin.value, config::Stdin::Inherit);
        assert_eq!(config.run.on_exit.value, config::OnExit::Exit);
        assert_eq!(config.run.on_exit.origin, Origin::File(root.join("hotrun.toml"), 4));
        assert_eq!(config.run.stdin.origin, Origin::File(app.join("Cargo.toml"), 2));

        let named = load("--config-file other.toml", &none);
        assert_eq!(named.run.update.value, config::Update::Reexec);
        assert_eq!(named.run.stdin.value, config::Stdin::Inherit);
        let environment = OwnVariables::from([(CONFIG_FILE.to_owned(), "other.toml".into())]);
        assert_eq!(load("", &environment).run.update.value, config::Update::Reexec);
        assert_eq!(
            load("--config-file app/hotrun.toml", &environment).run.update.value,
            config::Update::Overlap
        );
    }

    #[test]
    fn the_files_to_watch_need_not_exist() {
        let root = Path::new("/p");
        let app = Path::new("/p/app");
        let files = |line, package, workspace| {
            let (options, environment) = (options(line), OwnVariables::new());
            Search { options: &options, environment: &environment, cwd: root, package, workspace }.files()
        };
        let list = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            files("", Some(app), Some(root)),
            list(&["/p/app/hotrun.toml", "/p/app/Cargo.toml", "/p/hotrun.toml"])
        );
        assert_eq!(files("", Some(root), Some(root)), list(&["/p/hotrun.toml", "/p/Cargo.toml"]));
        assert_eq!(
            files("--config-file ./x.toml", Some(root), Some(root)),
            list(&["/p/x.toml", "/p/Cargo.toml"])
        );
        assert_eq!(files("", None, None), list(&[]));
    }

    #[test]
    fn named_files_that_are_missing_are_errors() {
        let folder = project(&[("Cargo.toml", "")]);
        let load = |line| load(line, folder.path(), Some(folder.path()));
        let path = folder.path().join("no.toml");
        let error = load("--config-file no.toml").unwrap_err();
        assert_eq!(error.to_string(), format!("could not read the config file `{}`", path.display()));
        assert_eq!(error.hint().unwrap(), "it was named by `--config-file` or `HOTRUN_CONFIG_FILE`");

        let config = load("--env-file no.env").unwrap();
        let error = variables(&config).unwrap_err();
        let path = folder.path().join("no.env");
        assert_eq!(error.to_string(), format!("could not read the env file `{}`", path.display()));
        assert_eq!(error.hint().unwrap(), "create it, or take it out of `--env-file` and `run.env-file`");
    }

    #[test]
    fn env_files_are_read_in_order() {
        let folder = project(&[("a.env", "X=1\nY=1"), ("b.env", "Y=${X}2"), ("bad.env", "A=1\n\nnonsense")]);
        let load = |line| load(line, folder.path(), None).unwrap();
        let set = variables(&load("--env-file a.env --env-file b.env")).unwrap();
        assert_eq!(set, BTreeMap::from([("X".into(), "1".into()), ("Y".into(), "12".into())]));
        let error = variables(&load("--env-file bad.env")).unwrap_err();
        let path = folder.path().join("bad.env");
        let expected =
            format!("could not read `{}`, line 3: expected `KEY=VALUE`, found `nonsense`", path.display());
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn the_nearest_package_is_above() {
        let folder = project(&[("a/Cargo.toml", ""), ("a/src/main.rs", "")]);
        let root = folder.path();
        assert_eq!(nearest_package(&options(""), &root.join("a/src")), Some(root.join("a")));
        assert_eq!(nearest_package(&options("--manifest-path ./a/Cargo.toml"), root), Some(root.join("a")));
        assert_eq!(nearest_package(&options(""), root), None);
    }
}
