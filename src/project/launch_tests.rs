//! The layers of the program's environment, without any process.

use super::super::tests::run_config;
use super::super::{EnvEntry, PackageInfo, ProgramTarget};
use super::*;
use crate::config::{Origin, Setting};

const OWN: &str = "path+file:///p#0.1.0";

fn script(id: &str, out_dir: &str, linked: &[&str], env: &[(&str, &str)]) -> BuildScript {
    serde_json::from_value(serde_json::json!({
        "package_id": id, "linked_libs": [], "linked_paths": linked, "cfgs": [], "env": env, "out_dir": out_dir,
    }))
    .unwrap()
}

fn entry(name: &str, value: &str, force: bool) -> EnvEntry {
    EnvEntry { name: name.to_owned(), value: value.into(), force }
}

struct Given {
    program: ProgramInfo,
    toolchain: Toolchain,
    config: CargoConfig,
    platform: Platform,
    scripts: Vec<BuildScript>,
    run: RunConfig,
    env_files: Vec<(String, String)>,
    environment: Environment,
    libraries: Option<std::path::PathBuf>,
}

impl Given {
    fn new() -> Self {
        let nowhere = Path::new("/nonexistent/hotrun");
        let mut config = CargoConfig::load(nowhere, &Environment::new(), &[]);
        config.env.clear();
        Self {
            program: ProgramInfo {
                service: String::new(),
                spec: None,
                package: PackageInfo {
                    name: "p".into(),
                    id: OWN.into(),
                    root: "/p".into(),
                    manifest: "/p/Cargo.toml".into(),
                    variables: vec![("CARGO_PKG_NAME", "p".into())],
                    ..PackageInfo::default()
                },
                target: ProgramTarget {
                    kind: ProgramKind::Bin,
                    name: "p".into(),
                    src_path: "/p/src/main.rs".into(),
                },
                packages: Vec::new(),
            },
            toolchain: Toolchain {
                cargo: "/t/bin/cargo".into(),
                cargo_variable: Some("/t/bin/cargo".into()),
                name: None,
                sysroot: None,
                env: vec![(LIBRARY_PATH.into(), Some("/t/lib".into()))],
            },
            config,
            platform: Platform {
                host: "h".into(),
                triple: None,
                sysroot: "/t".into(),
                library_dir: "/t/lib/rustlib/h/lib".into(),
                runner: vec!["wrap".into()],
            },
            scripts: Vec::new(),
            run: run_config(),
            env_files: Vec::new(),
            environment: Environment::new(),
            libraries: None,
        }
    }

    fn run_env(&mut self, name: &str, value: &str) {
        let setting = Setting { value: value.to_owned(), origin: Origin::CommandLine };
        self.run.env.insert(name.to_owned(), setting);
    }

    fn launch_of(&self, executable: &str, build_directory: &str) -> Launch {
        Launch::compute(&LaunchInput {
            program: &self.program,
            toolchain: &self.toolchain,
            cargo_config: &self.config,
            platform: &self.platform,
            scripts: &self.scripts,
            executable: Path::new(executable),
            target_directory: Path::new("/s"),
            build_directory: Path::new(build_directory),
            live: Path::new("/s/live/debug/p"),
            libraries: self.libraries.as_deref(),
            run: &self.run,
            env_files: &self.env_files,
            environment: &self.environment,
            cwd: Path::new("/here"),
        })
    }

    fn variable(&self, name: &str) -> Option<String> {
        value(&self.launch_of("/s/debug/p", "/s"), name)
    }
}

fn value(launch: &Launch, name: &str) -> Option<String> {
    launch.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.to_str().unwrap().to_owned())
}

#[test]
fn each_layer_covers_the_weaker_ones() {
    let mut given = Given::new();
    let names = ["CONFIG", "FILE", "INHERITED", "FORCED", "CARGO_PKG_NAME", "TYPED"];
    for (index, name) in names.iter().enumerate() {
        given.config.env.push(entry(name, "config", *name == "FORCED"));
        if index >= 1 {
            given.env_files.push(((*name).to_owned(), "first file".to_owned()));
            given.env_files.push(((*name).to_owned(), "file".to_owned()));
        }
        if index >= 2 {
            given.environment.insert(name.into(), "inherited".into());
        }
    }
    given.run_env("TYPED", "typed");
    let got = names.map(|name| given.variable(name).unwrap());
    assert_eq!(got, ["config", "file", "inherited", "config", "p", "typed"]);
    given.run_env("CARGO_PKG_NAME", "typed");
    assert_eq!(given.variable("CARGO_PKG_NAME").unwrap(), "typed");
}

#[test]
fn program_runner_arguments_and_folder_are_the_configured_ones() {
    let mut given = Given::new();
    given.run.args.value = vec!["-x".into(), "y z".into()];
    let launch = given.launch_of("/s/debug/p", "/s");
    assert_eq!(launch.program, Path::new("/s/live/debug/p"));
    assert_eq!((launch.runner, launch.args), (vec!["wrap".into()], vec!["-x".into(), "y z".into()]));
    assert_eq!(launch.cwd, Path::new("/here"));
    given.run.cwd.value = Some("/there".into());
    assert_eq!(given.launch_of("/s/debug/p", "/s").cwd, Path::new("/there"));
}

#[test]
fn the_environment_is_sorted_and_equal_inputs_give_equal_launches() {
    let mut given = Given::new();
    given.environment.extend([("Z".into(), "1".into()), ("A".into(), "2".into())]);
    let launch = given.launch_of("/s/debug/p", "/s");
    assert!(launch.env.is_sorted());
    assert_eq!(launch, given.launch_of("/s/debug/p", "/s"));
    given.run_env("A", "3");
    assert_ne!(launch, given.launch_of("/s/debug/p", "/s"));
}

#[cfg(not(target_os = "macos"))]
#[test]
fn the_library_path_is_composed_as_cargo_does() {
    let mut given = Given::new();
    given.scripts = vec![script(
        "other",
        "/s/debug/build/o/out",
        &["native=/s/debug/build/o/out", "/s/debug/build/o/out/../..", "native=/opt/lib"],
        &[],
    )];
    let own =
        "/s/debug/build/o/out/../..:/s/debug/build/o/out:/s/debug:/s/debug/deps:/t/lib/rustlib/h/lib:/t/lib";
    assert_eq!(given.variable(LIBRARY_PATH).unwrap(), own);
    given.env_files = vec![(LIBRARY_PATH.to_owned(), "/file".to_owned())];
    assert_eq!(given.variable(LIBRARY_PATH).unwrap(), format!("{own}:/file"));
    given.environment.insert(LIBRARY_PATH.into(), "/mine".into());
    assert_eq!(given.variable(LIBRARY_PATH).unwrap(), format!("{own}:/mine"));
    given.run_env(LIBRARY_PATH, "/typed");
    assert_eq!(given.variable(LIBRARY_PATH).unwrap(), format!("{own}:/typed"));
    // The published libraries come before those of a later build.
    given.libraries = Some("/s/live/debug/p.d/3".into());
    assert_eq!(given.variable(LIBRARY_PATH).unwrap(), format!("/s/live/debug/p.d/3:{own}:/typed"));
}

#[cfg(not(target_os = "macos"))]
#[test]
fn a_shared_build_directory_and_an_example_find_their_folders() {
    let mut given = Given::new();
    given.program.target.kind = ProgramKind::Example;
    given.scripts = vec![script(OWN, "/b/t/debug/build/p/out", &["/b/t/debug/build/p/out"], &[])];
    let launch = given.launch_of("/s/t/debug/examples/p", "/b");
    assert_eq!(
        value(&launch, LIBRARY_PATH).unwrap(),
        "/b/t/debug/build/p/out:/s/t/debug:/b/t/debug/deps:/t/lib/rustlib/h/lib:/t/lib"
    );
}

#[test]
fn the_targets_run_of_a_build_script_counts() {
    let mut given = Given::new();
    given.scripts = vec![
        script(OWN, "/s/t/debug/build/p/out", &[], &[("FOO", "target")]),
        script(OWN, "/s/debug/build/p/out", &[], &[("FOO", "host")]),
        script("other", "/s/t/debug/build/o/out", &[], &[("FOO", "other")]),
    ];
    let launch = given.launch_of("/s/t/debug/p", "/s");
    assert_eq!(value(&launch, "FOO").unwrap(), "target");
    assert_eq!(value(&launch, "OUT_DIR").unwrap(), "/s/t/debug/build/p/out");
}
