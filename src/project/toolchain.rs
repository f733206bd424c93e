//! Finds the cargo to run, and the variables rustup's shim would set for it.
//!
//! Every call of the shim costs a start of rustup, so the real cargo behind it is looked up once: in rustup's
//! settings if they are unambiguous, else by running rustup. If that fails, the shim itself is used, which
//! then reports the problem.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::environment::{self, Environment, LIBRARY_PATH};
use super::error::ProjectError;
use super::queries::Queries;

/// The cargo in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// The program to start: the real cargo, or rustup's shim if that is unknown.
    pub cargo: PathBuf,
    /// The value of `CARGO` that cargo passes to the programs it runs; `None` if only the shim is known.
    pub cargo_variable: Option<PathBuf>,
    /// rustup's name of the toolchain, if rustup chose it.
    pub name: Option<OsString>,
    /// The toolchain's folder as `rustc --print sysroot` prints it, if known.
    pub sysroot: Option<PathBuf>,
    /// Variables to set (or remove) in a clean environment, as the shim would.
    pub env: Vec<(OsString, Option<OsString>)>,
}

impl Toolchain {
    /// Finds the cargo that `cargo` means in the folder `cwd` with this (clean) environment.
    ///
    /// Blocks for about 15 ms if rustup has to run, or for as long as rustup takes to install a toolchain
    /// that a file names.
    pub fn find(cwd: &Path, environment: &Environment, queries: &Queries) -> Result<Self, ProjectError> {
        let found = which::which_in("cargo", environment.get(OsStr::new("PATH")), cwd).ok();
        let in_home = || {
            environment::cargo_home(environment, cwd)
                .map(|home| home.join("bin/cargo"))
                .filter(|cargo| cargo.is_file())
        };
        let shim = found.or_else(in_home).ok_or(ProjectError::NoCargo)?;
        let rustup = rustup_of(&shim);
        let behind = rustup.as_ref().and_then(|rustup| behind_shim(rustup, cwd, environment, queries));
        Ok(behind.unwrap_or_else(|| Self {
            cargo_variable: rustup.is_none().then(|| current_exe_of(&shim)),
            cargo: shim,
            name: None,
            sysroot: None,
            env: Vec::new(),
        }))
    }

    /// Returns the environment for cargo and the program: `clean` with the variables of the shim.
    #[must_use]
    pub fn environment(&self, clean: &Environment) -> Environment {
        let mut environment = clean.clone();
        for (name, value) in &self.env {
            match value {
                // rustup prefixes an entry: it is composed again, since the caller may have set a library path.
                Some(entry) if name == LIBRARY_PATH || name == "PATH" => {
                    let rest = clean.get(name).map(OsString::as_os_str).unwrap_or_default();
                    environment.insert(name.clone(), prefixed(entry, rest));
                }
                Some(value) => {
                    environment.insert(name.clone(), value.clone());
                }
                None => {
                    environment.remove(name);
                }
            }
        }
        environment
    }

    /// Whether its cargo knows `--keep-going`: since 1.74.
    pub(super) fn keeps_going(&self, environment: &Environment, cwd: &Path, queries: &Queries) -> bool {
        let mut command = Command::new(&self.cargo);
        command.arg("-V").current_dir(cwd).env_clear().envs(environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let printed = queries.output(&mut command).map(|output| output.stdout).unwrap_or_default();
        version(&String::from_utf8_lossy(&printed)).is_some_and(|version| version >= (1, 74))
    }

    /// Returns every file that decides, or could if it existed, which toolchain rustup chooses in `cwd`.
    pub fn inputs(cwd: &Path, environment: &Environment) -> Vec<PathBuf> {
        cwd.ancestors()
            .flat_map(|folder| [folder.join("rust-toolchain"), folder.join("rust-toolchain.toml")])
            .chain(environment::rustup_home(environment, cwd).map(|home| home.join("settings.toml")))
            .collect()
    }
}

/// Returns the version in `cargo 1.74.0 (…)`.
fn version(printed: &str) -> Option<(u32, u32)> {
    let mut numbers = printed.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Returns the rustup behind the shim `cargo`: its link target, or a hard link to it in the same folder.
fn rustup_of(cargo: &Path) -> Option<PathBuf> {
    let file = cargo.canonicalize().ok()?;
    if matches!(file.file_name()?.to_str()?, "rustup" | "rustup-init") {
        return Some(file);
    }
    let beside = file.with_file_name("rustup").canonicalize().ok()?;
    let (shim, rustup) = (file.metadata().ok()?, beside.metadata().ok()?);
    ((shim.dev(), shim.ino()) == (rustup.dev(), rustup.ino())).then_some(beside)
}

fn behind_shim(rustup: &Path, cwd: &Path, environment: &Environment, queries: &Queries) -> Option<Toolchain> {
    let query = |arguments: &[&str]| query(rustup, arguments, cwd, environment, queries);
    let cargo_home = environment::cargo_home(environment, cwd)?;
    let rustup_home = environment::rustup_home(environment, cwd)?;
    let in_force = plain_default(&rustup_home, cwd, environment);
    let (cargo, active) = match &in_force {
        Some(name) => (rustup_home.join("toolchains").join(name).join("bin/cargo"), name.clone()),
        // In sequence: the first may install the toolchain.
        None => (PathBuf::from(query(&["which", "cargo"])?), query(&["show", "active-toolchain"])?),
    };
    let (name, reason) = active.split_once(" (").unwrap_or((&active, "default)"));
    let root = rustup_home.join("toolchains").join(name);
    // A custom toolchain without a cargo borrows another's; the variables of the shim are then unknown.
    if cargo != root.join("bin/cargo") || !cargo.is_file() {
        return None;
    }
    let path = environment.get(OsStr::new("PATH")).map(OsString::as_os_str).unwrap_or_default();
    let bin = cargo_home.join("bin");
    let mut env: Vec<(OsString, Option<OsString>)> = [
        ("CARGO_HOME", cargo_home.as_os_str()),
        ("RUSTUP_HOME", rustup_home.as_os_str()),
        ("RUSTUP_TOOLCHAIN", OsStr::new(name)),
        ("RUSTUP_TOOLCHAIN_SOURCE", OsStr::new(source_of(reason, environment))),
        ("RUST_RECURSION_COUNT", OsStr::new("1")),
        (LIBRARY_PATH, root.join("lib").as_os_str()),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), Some(value.into())))
    .collect();
    if !std::env::split_paths(path).any(|entry| entry == bin) {
        env.push(("PATH".into(), Some(bin.into_os_string())));
    }
    Some(Toolchain {
        cargo_variable: Some(current_exe_of(&cargo)),
        sysroot: root.canonicalize().ok().filter(|root| root.join("bin/rustc").is_file()),
        cargo,
        name: Some(name.into()),
        env,
    })
}

/// Returns rustup's default toolchain if nothing overrides it and it is installed, so that rustup would have
/// nothing to decide or install (<https://rust-lang.github.io/rustup/overrides.html>).
fn plain_default(rustup_home: &Path, cwd: &Path, environment: &Environment) -> Option<String> {
    #[derive(Deserialize)]
    struct RustupSettings {
        version: String,
        default_toolchain: String,
        #[serde(default)]
        overrides: BTreeMap<PathBuf, String>,
    }
    let is_toolchain_file = |file: &PathBuf| !file.ends_with("settings.toml") && file.exists();
    if environment.contains_key(OsStr::new("RUSTUP_TOOLCHAIN"))
        || Toolchain::inputs(cwd, environment).iter().any(is_toolchain_file)
    {
        return None;
    }
    let text = std::fs::read_to_string(rustup_home.join("settings.toml")).ok()?;
    let RustupSettings { version, default_toolchain: name, overrides } = toml::from_str(&text).ok()?;
    let root = rustup_home.join("toolchains").join(&name);
    let here = cwd.canonicalize().ok()?;
    let is_overridden = overrides.keys().any(|folder| cwd.starts_with(folder) || here.starts_with(folder));
    // Settings of another version may mean something else.
    let is_plain = version == "12" && !is_overridden && Path::new(&name).components().count() == 1;
    (is_plain && !root.is_symlink() && root.join("bin/cargo").is_file()).then_some(name)
}

/// Returns `RUSTUP_TOOLCHAIN_SOURCE` for the reason that `rustup show active-toolchain` prints in brackets.
fn source_of(reason: &str, environment: &Environment) -> &'static str {
    let given = environment.get(OsStr::new("RUSTUP_TOOLCHAIN_SOURCE"));
    if reason.contains("RUSTUP_TOOLCHAIN") {
        if given.is_some_and(|source| source == "cli") { "cli" } else { "env" }
    } else if reason.starts_with("directory override") {
        "path-override"
    } else if reason.starts_with("overridden by") {
        "toolchain-file"
    } else {
        "default"
    }
}

/// Returns the first line of rustup's stdout if it succeeds.
fn query(
    rustup: &Path,
    arguments: &[&str],
    cwd: &Path,
    environment: &Environment,
    queries: &Queries,
) -> Option<String> {
    let mut command = Command::new(rustup);
    command
        // The installer is the same file: it acts by the name it is called by.
        .arg0("rustup")
        .args(arguments)
        .current_dir(cwd)
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let output = queries.output(&mut command).ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().map(str::to_owned))?
}

/// Returns what a program started by this path sees as its own executable: only Linux resolves links.
fn current_exe_of(program: &Path) -> PathBuf {
    if cfg!(target_os = "linux") {
        program.canonicalize().unwrap_or_else(|_| program.to_owned())
    } else {
        program.to_owned()
    }
}

fn prefixed(entry: &OsStr, rest: &OsStr) -> OsString {
    let mut joined = entry.to_owned();
    if !rest.is_empty() {
        joined.push(":");
        joined.push(rest);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_default_toolchain_needs_no_query() {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().canonicalize().unwrap();
        let (rustup, cwd) = (root.join("rustup"), root.join("project/src"));
        std::fs::create_dir_all(&cwd).unwrap();
        std::fs::create_dir_all(rustup.join("toolchains/stable-x/bin")).unwrap();
        std::fs::write(rustup.join("toolchains/stable-x/bin/cargo"), "").unwrap();
        let settings = |text: &str| std::fs::write(rustup.join("settings.toml"), text).unwrap();
        let plain =
            "version = \"12\"\ndefault_toolchain = \"stable-x\"\nprofile = \"default\"\n\n[overrides]\n";
        let mut environment = Environment::from([("RUSTUP_HOME".into(), rustup.clone().into())]);
        let default = |environment: &Environment| plain_default(&rustup, &cwd, environment);
        settings(plain);
        assert_eq!(default(&environment).as_deref(), Some("stable-x"));
        settings(&format!("{plain}\"/elsewhere\" = \"nightly-x\"\n"));
        assert_eq!(default(&environment).as_deref(), Some("stable-x"));

        let overridden = format!("{plain}{:?} = \"nightly-x\"\n", root.join("project"));
        let others = [
            overridden,
            plain.replace("12", "13"),
            plain.replace("stable-x", "stable"),
            "version = \"12\"\n".to_owned(),
        ];
        for text in others {
            settings(&text);
            assert_eq!(default(&environment), None, "{text}");
        }
        settings(plain);
        std::fs::write(root.join("project/rust-toolchain"), "").unwrap();
        assert_eq!(default(&environment), None);
        std::fs::remove_file(root.join("project/rust-toolchain")).unwrap();
        environment.insert("RUSTUP_TOOLCHAIN".into(), "nightly-x".into());
        assert_eq!(default(&environment), None);
    }

    #[test]
    fn a_cargo_knows_its_version() {
        assert_eq!(version("cargo 1.74.0 (ecb9851af 2023-10-18)\n"), Some((1, 74)));
        assert_eq!(version("cargo 1.96.0-nightly (3a5b2b8d1 2026-03-01)"), Some((1, 96)));
        assert_eq!(version(""), None);
    }

    #[test]
    fn rustups_reason_maps_to_its_source_variable() {
        let none = Environment::new();
        let cli = Environment::from([("RUSTUP_TOOLCHAIN_SOURCE".into(), "cli".into())]);
        assert_eq!(source_of("default)", &none), "default");
        assert_eq!(source_of("overridden by '/a/rust-toolchain.toml')", &none), "toolchain-file");
        assert_eq!(source_of("directory override for '/a')", &none), "path-override");
        assert_eq!(source_of("overridden by environment variable RUSTUP_TOOLCHAIN)", &none), "env");
        assert_eq!(source_of("overridden by environment variable RUSTUP_TOOLCHAIN)", &cli), "cli");
    }

    #[test]
    fn prefixed_entries_come_first() {
        let toolchain = Toolchain {
            cargo: "/t/bin/cargo".into(),
            cargo_variable: Some("/t/bin/cargo".into()),
            name: None,
            sysroot: None,
            env: vec![(LIBRARY_PATH.into(), Some("/t/lib".into())), ("GONE".into(), None)],
        };
        let clean = Environment::from([("GONE".into(), "x".into()), (LIBRARY_PATH.into(), "/a".into())]);
        assert_eq!(
            toolchain.environment(&clean),
            Environment::from([(LIBRARY_PATH.into(), "/t/lib:/a".into())])
        );
        assert_eq!(
            toolchain.environment(&Environment::new()),
            Environment::from([(LIBRARY_PATH.into(), "/t/lib".into())])
        );
    }

    #[test]
    fn a_missing_cargo_is_an_error_with_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let environment =
            Environment::from([("PATH".into(), folder.path().into()), ("HOME".into(), folder.path().into())]);
        let error = Toolchain::find(folder.path(), &environment, &Queries::attached()).unwrap_err();
        assert_eq!(error.to_string(), "could not find `cargo` in `PATH`");
        assert_eq!(error.exit_code(), 1);
        assert!(error.hint().unwrap().contains("rustup.rs"));
    }

    #[test]
    fn a_cargo_that_is_no_shim_is_used_directly() {
        let folder = tempfile::tempdir().unwrap();
        let cargo = folder.path().canonicalize().unwrap().join("cargo");
        std::fs::copy("/bin/sh", &cargo).unwrap();
        let environment = Environment::from([("PATH".into(), folder.path().canonicalize().unwrap().into())]);
        let toolchain = Toolchain::find(folder.path(), &environment, &Queries::attached()).unwrap();
        assert_eq!((toolchain.cargo, toolchain.env), (cargo, Vec::new()));
    }
}
