//! Configuration files on disk, and their merged values.

use std::fs;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = folder.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn environment(&self, more: &[(&str, &str)]) -> Environment {
        let home = ("CARGO_HOME".into(), self.path("home").into());
        more.iter().map(|(k, v)| ((*k).into(), (*v).into())).chain([home]).collect()
    }

    fn load(&self, cwd: &str, arguments: &[&str]) -> CargoConfig {
        let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        fs::create_dir_all(self.path(cwd)).unwrap();
        CargoConfig::load(&self.path(cwd), &self.environment(&[]), &arguments)
    }
}

fn env(config: &CargoConfig) -> Vec<(&str, &str, bool)> {
    config.env.iter().map(|it| (it.name.as_str(), it.value.to_str().unwrap(), it.force)).collect()
}

#[test]
fn the_deeper_folder_wins_and_home_is_the_weakest() {
    let folder = Folder::new(&[
        ("home/config.toml", "[env]\nA = 'home'\nB = 'home'\nC = 'home'\n"),
        ("p/.cargo/config.toml", "[env]\nA = 'outer'\nB = 'outer'\n"),
        ("p/q/.cargo/config.toml", "[env]\nA = 'inner'\n"),
    ]);
    assert_eq!(
        env(&folder.load("p/q", &[])),
        [("A", "inner", false), ("B", "outer", false), ("C", "home", false)]
    );
}

#[test]
fn relative_values_start_beside_the_dot_cargo_folder() {
    let folder = Folder::new(&[(
        "p/.cargo/config.toml",
        "[env]\nR = { value = 'a/b', relative = true, force = true }\n[build]\ndep-info-basedir = '.'\n",
    )]);
    let config = folder.load("p/q", &[]);
    assert_eq!(env(&config), [("R", folder.path("p/a/b").to_str().unwrap(), true)]);
    assert_eq!(config.dep_info_basedir, Some(folder.path("p/.")));
}

#[test]
fn the_file_without_extension_is_the_one_cargo_reads() {
    let folder = Folder::new(&[
        ("p/.cargo/config", "[env]\nA = 'old'\n"),
        ("p/.cargo/config.toml", "[env]\nA = 'new'\n"),
    ]);
    assert_eq!(env(&folder.load("p", &[])), [("A", "old", false)]);
}

#[test]
fn a_file_overrides_its_includes() {
    let folder = Folder::new(&[
        (
            "p/.cargo/config.toml",
            "include = ['one.toml', { path = 'two.toml', optional = true }, { path = 'none.toml', optional = true }]\n\
             [env]\nA = 'own'\n",
        ),
        ("p/.cargo/one.toml", "[env]\nA = 'one'\nB = 'one'\nC = 'one'\n"),
        ("p/.cargo/two.toml", "include = ['three.toml']\n[env]\nB = 'two'\n"),
        ("p/.cargo/three.toml", "[env]\nC = 'three'\n"),
    ]);
    let config = folder.load("p", &[]);
    assert_eq!(env(&config), [("A", "own", false), ("B", "two", false), ("C", "three", false)]);
    for file in ["one.toml", "two.toml", "none.toml", "config", "config.toml"] {
        assert!(config.files.contains(&folder.path("p/.cargo").join(file)), "{file}");
    }
    assert!(config.files.contains(&folder.path("home/config.toml")));
}

#[test]
fn the_command_line_beats_variables_which_beat_files() {
    let folder = Folder::new(&[
        ("p/.cargo/config.toml", "[build]\ntarget = 'file'\n[target.t-1]\nrunner = 'file-runner'\n"),
        ("extra/more/c.toml", "[target.t-1]\nrunner = ['./run', 'a b']\n"),
    ]);
    let environment =
        folder.environment(&[("CARGO_BUILD_TARGET", "variable"), ("CARGO_TARGET_T_1_RUNNER", "wrap -x")]);
    let cwd = folder.path("p");
    let runner =
        |config: &CargoConfig, environment: &Environment| config.runner("t-1", &[], environment, &cwd);

    let files = CargoConfig::load(&cwd, &folder.environment(&[]), &[]);
    assert_eq!(files.targets, ["file"]);
    assert_eq!(runner(&files, &folder.environment(&[])), ["file-runner"]);

    let variables = CargoConfig::load(&cwd, &environment, &[]);
    assert_eq!(variables.targets, ["variable"]);
    assert_eq!(runner(&variables, &environment), ["wrap", "-x"]);

    let arguments = ["--config", "build.target = 'typed'", "--locked", "--config=../extra/more/c.toml"];
    let typed = CargoConfig::load(&cwd, &environment, &arguments.map(str::to_owned));
    assert_eq!(typed.targets, ["typed"]);
    let expected: Vec<OsString> = vec![cwd.join("../extra/./run").into(), "a b".into()];
    assert_eq!(runner(&typed, &environment), expected);
}

#[test]
fn a_runner_is_one_value_and_a_triple_beats_a_cfg() {
    let folder = Folder::new(&[
        ("home/config.toml", "[target.t]\nrunner = ['a', 'b']\n[target.'cfg(unix)']\nrunner = 'by-cfg x'\n"),
        ("p/.cargo/config.toml", "[target.t]\nrunner = ['bin/c']\n"),
    ]);
    let config = folder.load("p", &[]);
    let unix = ["unix".parse::<Cfg>().unwrap()];
    let none = Environment::new();
    assert!(config.has_cfg_runner());
    assert_eq!(
        config.runner("t", &unix, &none, &folder.path("p")),
        [folder.path("p/bin/c").into_os_string()]
    );
    assert_eq!(config.runner("other", &unix, &none, &folder.path("p")), ["by-cfg", "x"]);
    assert_eq!(config.runner("other", &[], &none, &folder.path("p")), [] as [&OsStr; 0]);
}

#[test]
fn folders_that_replace_sources_are_listed() {
    let folder = Folder::new(&[(
        "p/.cargo/config.toml",
        "paths = ['over']\n[patch.crates-io]\nx = { path = 'patched' }\ny = { git = 'https://localhost/y' }\n",
    )]);
    assert_eq!(folder.load("p", &[]).source_overrides, [folder.path("p/patched"), folder.path("p/over")]);
}

#[test]
fn broken_files_and_include_cycles_are_ignored() {
    let folder = Folder::new(&[
        ("home/config.toml", "["),
        ("p/.cargo/config.toml", "include = ['config.toml']\n[env]\nA = 1\nB = 'b'\n"),
    ]);
    assert_eq!(env(&folder.load("p", &["--config", "= ="])), [("B", "b", false)]);
}
