//! A program started from a `Launch` against the same program under real `cargo run`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use cargo_metadata::{BuildScript, Message};
use hotrun::config::{
    BuildConfig, DebugInfo, OnExit, OnStartFailure, Origin, Ready, RunConfig, Setting, Stdin, TargetName,
    Update,
};
use hotrun::project::{
    CargoConfig, Environment, LIBRARY_PATH, Launch, LaunchInput, Platform, ProgramChoice, ProgramInfo,
    Project, ProjectError, Queries, Toolchain, cargo_environment, clean_environment, selection_args,
};
use hotrun::words::ArtifactId;

use super::edits::world::skip;

/// Prints its environment, arguments and folder, one per line and each on one line.
const PRINTER: &str = r#"
fn main() {
    for (name, value) in std::env::vars() {
        println!("{name}={value:?}");
    }
    println!("arguments {:?}", std::env::args().skip(1).collect::<Vec<_>>());
    println!("folder {:?}", std::env::current_dir().unwrap());
    println!("compiled {:?} {:?}", env!("FROM_SCRIPT"), env!("CARGO_PKG_VERSION"));
}
"#;

const BUILD_SCRIPT: &str = r#"
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=FROM_SCRIPT=of {}", std::env::var("CARGO_PKG_NAME").unwrap());
    println!("cargo:rustc-env=CARGO_PKG_HOMEPAGE=cargo's own wins");
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-search={out}/..");
    println!("cargo:rustc-link-search=native=/usr/lib");
}
"#;

const RUNNER: &str = "#!/bin/sh\necho \"runner $1\"\nshift\nshift\nexec \"$PROGRAM\" \"$@\"\n";

const MANIFEST: &str = r#"
[package]
name = "printer"
version = "1.2.3-beta.4"
edition = "2021"
rust-version = "1.70"
authors = ["A <a@localhost>", "B"]
description = "two\nlines"
license = "MIT"
homepage = "https://localhost"
readme = "R.md"
[workspace]
members = ["other"]
[[bin]]
name = "pri-nt"
path = "src/main.rs"
"#;

const CONFIG: &str = r#"
include = ["more.toml"]
[env]
PLAIN = "plain"
GIVEN = "not this"
FORCED = { value = "forced", force = true }
FOLDER = { value = "some/folder", relative = true }
CARGO_PKG_NAME = { value = "not this", force = true }
"#;

fn default<T>(value: T) -> Setting<T> {
    Setting { value, origin: Origin::Default }
}

fn build_config() -> BuildConfig {
    BuildConfig {
        package: default(None),
        bin: default(None),
        example: default(None),
        manifest_path: None,
        features: default(Vec::new()),
        all_features: false,
        no_default_features: false,
        profile: default("dev".to_owned()),
        triple: None,
        target_dir: None,
        common_args: vec!["--offline".to_owned()],
        args: default(Vec::new()),
        build_args: Vec::new(),
        env: BTreeMap::new(),
        inputs: Vec::new(),
        share_build_dir: default(false),
        debug_info: default(DebugInfo::Profile),
        together: default(false),
    }
}

fn run_config(arguments: &[&str]) -> RunConfig {
    RunConfig {
        args: default(arguments.iter().map(Into::into).collect()),
        env: BTreeMap::new(),
        env_files: Vec::new(),
        cwd: default(None),
        stdin: default(Stdin::Null),
        output: default(hotrun::config::Output::Auto),
        listen: Vec::new(),
        ready: default(Ready::Auto),
        ready_timeout: default(Duration::from_secs(1)),
        update: default(Update::Restart),
        on_start_failure: default(OnStartFailure::Auto),
        on_exit: default(OnExit::Wait),
        stop_signal: default(15),
        stop_timeout: default(Duration::from_secs(1)),
    }
}

/// A project on disk and the surroundings of a hotrun started in one of its folders.
struct Surroundings {
    _folder: tempfile::TempDir,
    root: PathBuf,
    cwd: PathBuf,
    clean: Environment,
}

impl Surroundings {
    fn new(files: &[(&str, &str)], cwd: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut clean = clean_environment(std::env::vars_os());
        for name in
            ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "CARGO_BUILD_TARGET"]
        {
            clean.remove(OsStr::new(name));
        }
        Self { _folder: folder, cwd: root.join(cwd), root, clean }
    }

    fn run(&self, mut command: Command, environment: &Environment) -> Output {
        let output = command.current_dir(&self.cwd).env_clear().envs(environment).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// What the program prints under `cargo run`, by the cargo that the user would call.
    fn cargo_run(&self, selection: &[&str], arguments: &[&str], environment: &Environment) -> String {
        let mut cargo = Command::new("cargo");
        cargo.args(["run", "--offline", "--quiet"]).args(selection).arg("--").args(arguments);
        String::from_utf8(self.run(cargo, environment).stdout).unwrap()
    }

    /// Builds into the staging target as hotrun does, and gives what the program prints when it is started as the
    /// launch says.
    fn launched(
        &self,
        build: &BuildConfig,
        run: &RunConfig,
        env_files: &[(String, String)],
    ) -> (Launch, String) {
        let toolchain = Toolchain::find(&self.cwd, &self.clean, &Queries::attached()).unwrap();
        let environment = cargo_environment(&toolchain, &self.clean, build);
        let config = CargoConfig::load(&self.cwd, &environment, &build.common_args);
        let choices = BTreeMap::from([(ArtifactId::MAIN, ProgramChoice::from(build))]);
        let project = Project::discover(
            &toolchain,
            &environment,
            &config,
            build,
            &choices,
            &self.cwd,
            &Queries::attached(),
        )
        .unwrap();
        let program = project.first().unwrap();
        let platform = Platform::detect(
            &toolchain,
            &environment,
            &config,
            build.triple.as_deref(),
            &self.cwd,
            &Queries::attached(),
        )
        .unwrap();
        let staging = project.target_directory.join("hotrun");

        let mut cargo = Command::new(&toolchain.cargo);
        cargo.args(["build", "--message-format=json", "--target-dir"]).arg(&staging);
        cargo.args(selection_args(program.spec.as_deref(), [TargetName::from(&program.target)]));
        cargo.args(&build.common_args);
        cargo.args(build.triple.iter().flat_map(|triple| ["--target", triple]));
        let (scripts, executable) = messages(&self.run(cargo, &environment), program);

        let live = staging.join("live").join(&program.target.name);
        fs::create_dir_all(live.parent().unwrap()).unwrap();
        fs::hard_link(&executable, &live).unwrap();
        let launch = Launch::compute(&LaunchInput {
            program,
            toolchain: &toolchain,
            cargo_config: &config,
            platform: &platform,
            scripts: &scripts,
            executable: &executable,
            target_directory: &staging,
            build_directory: &staging,
            live: &live,
            libraries: None,
            run,
            env_files,
            environment: &self.clean,
            cwd: &self.cwd,
        });
        let mut words = launch.runner.iter().map(OsString::as_os_str).chain([launch.program.as_os_str()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(&launch.args).env_clear().envs(launch.env.iter().cloned());
        let output = command.current_dir(&launch.cwd).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        (launch, printed.replace(staging.to_str().unwrap(), self.root.join("target").to_str().unwrap()))
    }
}

fn messages(output: &Output, program: &ProgramInfo) -> (Vec<BuildScript>, PathBuf) {
    let (mut scripts, mut executable) = (Vec::new(), None);
    for message in Message::parse_stream(output.stdout.as_slice()) {
        match message.unwrap() {
            Message::BuildScriptExecuted(script) => scripts.push(script),
            Message::CompilerArtifact(artifact) if artifact.target.name == program.target.name => {
                executable = artifact.executable.or(executable);
            }
            _ => {}
        }
    }
    (scripts, executable.unwrap().into())
}

/// Writes an executable by way of another process: a descriptor of ours, open for writing, could be inherited by whatever
/// another test starts in that moment, and the script would then be too busy to run.
fn write_script(path: &Path, text: &str) {
    let source = path.with_extension("text");
    fs::write(&source, text).unwrap();
    let status = Command::new("install").args(["-m", "755"]).arg(&source).arg(path).status().unwrap();
    assert!(status.success());
}

fn sorted(printed: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    lines
}

fn printer() -> Surroundings {
    let other = "[package]\nname = 'other'\nversion = '0.1.0'\n";
    let mut surroundings = Surroundings::new(
        &[
            ("Cargo.toml", MANIFEST),
            ("R.md", ""),
            ("build.rs", BUILD_SCRIPT),
            ("src/main.rs", PRINTER),
            ("examples/show.rs", PRINTER),
            ("other/Cargo.toml", other),
            ("other/src/main.rs", "fn main() {}"),
            (".cargo/config.toml", CONFIG),
            (".cargo/more.toml", "[env]\nINCLUDED = 'included'\nPLAIN = 'not this'\n"),
        ],
        "src",
    );
    surroundings.clean.insert("GIVEN".into(), "given".into());
    surroundings.clean.insert("FORCED".into(), "not this".into());
    surroundings
}

#[test]
fn a_launch_gives_the_program_what_cargo_run_gives_it() {
    let surroundings = printer();
    let arguments = ["--flag", "two words", ""];

    let expected = surroundings.cargo_run(&[], &arguments, &surroundings.clean);
    let (launch, printed) = surroundings.launched(&build_config(), &run_config(&arguments), &[]);
    assert_eq!(sorted(&printed), sorted(&expected));
    assert_eq!(launch.program, surroundings.root.join("target/hotrun/live/pri-nt"));
    for line in [
        "FORCED=\"forced\"",
        "GIVEN=\"given\"",
        "INCLUDED=\"included\"",
        "PLAIN=\"plain\"",
        "FROM_SCRIPT=\"of printer\"",
    ] {
        assert!(printed.lines().any(|it| it == line), "{line}");
    }

    // What env files add is what the variables would do in front of `cargo run`, as long as nobody has set them.
    let files = [("GIVEN", "not this"), ("PLAIN", "file"), ("MORE", "not this"), ("MORE", "file")];
    let mut environment = surroundings.clean.clone();
    environment.extend([("PLAIN".into(), "file".into()), ("MORE".into(), "file".into())]);
    let expected = surroundings.cargo_run(&[], &arguments, &environment);
    let files = files.map(|(name, value)| (name.to_owned(), value.to_owned()));
    fs::remove_file(&launch.program).unwrap();
    let (_, printed) = surroundings.launched(&build_config(), &run_config(&arguments), &files);
    assert_eq!(sorted(&printed), sorted(&expected));
}

#[test]
fn an_example_for_a_named_platform_runs_through_its_runner() {
    let mut surroundings = printer();
    let runner = surroundings.root.join("run me");
    write_script(&runner, RUNNER);
    let config = surroundings.root.join(".cargo/config.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}[target.'cfg(unix)']\nrunner = ['./run me', 'wrapped', '-x']\n"))
        .unwrap();
    let host = host();
    let program = surroundings.root.join("program");
    surroundings.clean.insert("PROGRAM".into(), program.clone().into());

    let mut build = build_config();
    build.set_target(Some(TargetName::Example("show".to_owned())));
    build.triple = Some(host.clone());
    write_script(&program, "#!/bin/sh\nenv | sort; echo \"$@\"; pwd\n");
    let selection = ["--example", "show", "--target", &host];
    let expected = surroundings.cargo_run(&selection, &["a"], &surroundings.clean);
    let (launch, printed) = surroundings.launched(&build, &run_config(&["a"]), &[]);
    assert_eq!(launch.runner[0], surroundings.root.join("./run me"));
    assert!(printed.starts_with("runner wrapped\n"), "{printed}");
    let argument = |text: &str| text.lines().rev().nth(1).unwrap().to_owned();
    assert!(argument(&printed).ends_with(" a") && argument(&expected).ends_with(" a"), "{printed}");
    let comparable = |text: &str| {
        let lines = text.lines().filter(|line| **line != argument(text));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(comparable(&printed), comparable(&expected));
}

fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

#[test]
fn the_real_cargo_gets_what_the_shim_would_have_set() {
    let mut surroundings = Surroundings::new(&[("file", "")], "");
    // An external subcommand shows the environment that cargo itself has.
    let script = surroundings.root.join("bin/cargo-show-env");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    write_script(&script, "#!/bin/sh\nenv | sort | grep -v '^_='\n");
    let path_of_script: OsString = format!("{}:/usr/bin:/bin", script.parent().unwrap().display()).into();
    let mut path = surroundings.clean[OsStr::new("PATH")].clone();
    path.push(":");
    path.push(&path_of_script);
    surroundings.clean.insert("PATH".into(), path);

    let cargo = which::which_in("cargo", surroundings.clean.get(OsStr::new("PATH")), "/").unwrap();
    let plain = Toolchain::find(&surroundings.cwd, &surroundings.clean, &Queries::attached()).unwrap();
    let name = plain.name.unwrap_or_else(|| "stable".into());
    let variants: [&[(&str, &OsStr)]; 5] = [
        &[],
        &[(LIBRARY_PATH, OsStr::new("/a:/b"))],
        &[(LIBRARY_PATH, OsStr::new(""))],
        &[("RUSTUP_TOOLCHAIN", &name)],
        // The folder of the shim is not on it.
        &[("PATH", path_of_script.as_os_str())],
    ];
    for variant in variants {
        let mut clean = surroundings.clean.clone();
        clean.extend(variant.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let toolchain = match Toolchain::find(&surroundings.cwd, &clean, &Queries::attached()) {
            Err(ProjectError::NoCargo) => continue,
            toolchain => toolchain.unwrap(),
        };
        let show = |cargo: &Path, environment: &Environment| {
            let mut command = Command::new(cargo);
            command.arg("show-env");
            String::from_utf8(surroundings.run(command, environment).stdout).unwrap()
        };
        let by_hotrun = show(&toolchain.cargo, &toolchain.environment(&clean));
        assert_eq!(by_hotrun, show(&cargo, &clean), "{variant:?}");
        let own = by_hotrun.lines().find_map(|line| line.strip_prefix("CARGO=")).unwrap();
        assert_eq!(Some(Path::new(own)), toolchain.cargo_variable.as_deref());
    }
}

#[test]
fn an_edited_toolchain_file_is_followed_under_a_surrounding_cargo() {
    let surroundings = Surroundings::new(&[("file", "")], "");
    let toolchain = Toolchain::find(&surroundings.cwd, &surroundings.clean, &Queries::attached()).unwrap();
    let Some(name) = toolchain.name.clone().filter(|_| toolchain.sysroot.is_some()) else {
        return skip("a toolchain file: rustup is not installed");
    };
    // Everything a shim sets is in hotrun's own environment under `cargo hotrun`.
    let inherited = toolchain.environment(&surroundings.clean);
    let again = clean_environment(inherited.clone());
    assert_eq!(
        again.get(OsStr::new("RUSTUP_TOOLCHAIN")),
        surroundings.clean.get(OsStr::new("RUSTUP_TOOLCHAIN"))
    );
    assert_eq!(Toolchain::find(&surroundings.cwd, &again, &Queries::attached()).unwrap(), toolchain);

    let file = surroundings.root.join("rust-toolchain.toml");
    fs::write(&file, format!("[toolchain]\nchannel = {:?}\n", name.to_str().unwrap())).unwrap();
    assert!(Toolchain::inputs(&surroundings.cwd, &again).contains(&file));
    let mut without = again.clone();
    without.remove(OsStr::new("RUSTUP_TOOLCHAIN"));
    without.remove(OsStr::new("RUSTUP_TOOLCHAIN_SOURCE"));
    let by_file = Toolchain::find(&surroundings.cwd, &without, &Queries::attached()).unwrap();
    let source = by_file.env.iter().find(|(name, _)| name == "RUSTUP_TOOLCHAIN_SOURCE").unwrap();
    assert_eq!(
        (by_file.cargo.as_path(), source.1.as_deref()),
        (toolchain.cargo.as_path(), Some(OsStr::new("toolchain-file")))
    );

    // One that rustup cannot use: the shim stays, to say what is wrong in its own words.
    fs::write(&file, "[toolchain\n").unwrap();
    let shim = Toolchain::find(&surroundings.cwd, &without, &Queries::attached()).unwrap();
    assert_eq!((shim.name, shim.env), (None, Vec::new()));
}
