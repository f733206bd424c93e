//! Merges the layers of command line, environment and files, and checks the result.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cargo_args::{split_build_args, without_jobs};
use super::checks::Checked;
use super::error::{ConfigError, SettingName};
use super::options::{CargoOptions, OwnOptions, RunOptions};
use super::services::{self, Services};
use super::shape::Words;
use super::table::{Layer, ROWS};
use super::units::{self, Word};
use super::{Color, Config, FileText, Origin, OwnVariables, ServiceConfig, absolute, file};

/// Merges the options, hotrun's environment variables and the config files, the file of highest precedence
/// first. Relative paths on the command line and in the environment are below `cwd`. Fails for the first
/// invalid setting, or two that exclude each other.
pub fn merge(
    options: &RunOptions,
    environment: &OwnVariables,
    files: &[FileText],
    cwd: &Path,
) -> Result<Config, ConfigError> {
    let typed = command_line(options, cwd)?.over(variables(environment, cwd)?);
    let (mut read, mut tables) = (Layer::default(), Vec::new());
    for file in files {
        let lower = file::read(file, cwd)?;
        read = read.over(lower.settings);
        tables = services::over(tables, lower.services);
    }
    let services = Services { tables, typed: &typed, files: &read, chosen: &options.own.services, cwd };
    let services = services.settle()?;
    let layer = typed.over(read);
    if services.is_none() {
        Checked { run: &layer.run, table: "run", update_from: "run", cwd }.alone()?;
    }
    let mut config = settle(layer, options, cwd);
    config.services = services.unwrap_or_else(|| vec![ServiceConfig::only(&config)]);
    Ok(config)
}

fn command_line(options: &RunOptions, cwd: &Path) -> Result<Layer, ConfigError> {
    let RunOptions { cargo, settings, args, .. } = options;
    let one = |name, word: Option<&String>| word.map(|word| (name, vec![OsString::from(word)]));
    let several = |name, words: Vec<OsString>| (!words.is_empty()).then_some((name, words));
    let of_cargo = [
        one("package", cargo.package.as_ref()),
        one("bin", cargo.bin.as_ref()),
        one("example", cargo.example.as_ref()),
        one("profile", cargo.profile.as_ref().or(cargo.release.then_some(&"release".to_owned()))),
        several("features", cargo.features.iter().map(OsString::from).collect()),
        several("", args.clone()),
    ];
    let mut layer = Layer::default();
    let own = settings.all().map(|(name, words)| (name, words.to_vec()));
    for (name, words) in of_cargo.into_iter().flatten().chain(own) {
        let entry = ROWS.iter().find(|entry| entry.option == Some(name));
        let entry = entry.expect("options of settings are in the table");
        let name = format!("--{name}");
        let words = Words { name: &name, list: &words, origin: &Origin::CommandLine, base: cwd };
        (entry.words)(&mut layer, words)?;
    }
    match &layer.build.profile {
        Some(named) if cargo.release && named.value != "release" => Err(ConfigError::Conflict {
            first: option(&format!("--profile {}", named.value)),
            second: option("--release"),
            reason: ", which means `--profile release`".to_owned(),
            hint: "remove one of them".to_owned(),
        }),
        _ => Ok(layer),
    }
}

/// Reads hotrun's environment variables. An empty one sets nothing.
fn variables(environment: &OwnVariables, cwd: &Path) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for entry in ROWS {
        let Some(name) = entry.variable else { continue };
        let Some(value) = environment.get(name).filter(|value| !value.is_empty()) else { continue };
        let list = std::slice::from_ref(value);
        (entry.words)(&mut layer, Words { name, list, origin: &Origin::Environment(name), base: cwd })?;
    }
    Ok(layer)
}

/// Parses the duration of an option that is no setting.
pub fn duration(name: &'static str, text: Option<&str>) -> Result<Option<Duration>, ConfigError> {
    let refused = |invalid: super::error::Invalid, text: &str| ConfigError::Value {
        setting: option(name),
        value: text.to_owned(),
        reason: invalid.reason,
        hint: invalid.hint,
    };
    text.map(|text| units::parse_duration(text).map_err(|invalid| refused(invalid, text))).transpose()
}

fn option(name: &str) -> SettingName {
    SettingName { name: name.to_owned(), place: None }
}

/// Applies defaults, and adds options that are no settings.
fn settle(layer: Layer, options: &RunOptions, cwd: &Path) -> Config {
    let RunOptions { cargo, own, .. } = options;
    let path = |path: &PathBuf| absolute(cwd, path);
    let mut config = layer.settle();
    let build = &mut config.build;
    build.features.value = split_features(&build.features.value);
    (build.common_args, build.build_args) = forwarded_args(cargo, &build.args.value);
    build.manifest_path = cargo.manifest.manifest_path.as_ref().map(path);
    build.all_features = cargo.all_features;
    build.no_default_features = cargo.no_default_features;
    build.triple.clone_from(&cargo.target);
    build.target_dir = cargo.target_dir.as_ref().map(path);
    config.ui.color = color(own);
    config.ui.verbosity = verbosity(own);
    config.once = own.once;
    config
}

/// Returns the arguments for every cargo command, and those for `cargo build` alone. `build.args` come first,
/// because cargo follows the last of several `--config` for a key. Options given in both places come from the
/// command line.
fn forwarded_args(cargo: &CargoOptions, args: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut common, mut build) = split_build_args(args);
    let add = |list: &mut Vec<String>, flags: [(bool, &str); 3]| {
        for (typed, flag) in flags {
            if typed && !list.iter().any(|arg| arg == flag) {
                list.push(flag.to_owned());
            }
        }
    };
    let manifest = &cargo.manifest;
    let of_all =
        [(manifest.locked, "--locked"), (manifest.offline, "--offline"), (manifest.frozen, "--frozen")];
    add(&mut common, of_all);
    common.extend(manifest.config.iter().flat_map(|value| ["--config".to_owned(), value.clone()]));
    common.extend(manifest.unstable.iter().flat_map(|flag| ["-Z".to_owned(), flag.clone()]));
    if let Some(jobs) = &cargo.jobs {
        build = without_jobs(&build);
        build.extend(["--jobs".to_owned(), jobs.clone()]);
    }
    let of_build = [
        (cargo.keep_going, "--keep-going"),
        (manifest.ignore_rust_version, "--ignore-rust-version"),
        (cargo.timings, "--timings"),
    ];
    add(&mut build, of_build);
    (common, build)
}

fn split_features(lists: &[String]) -> Vec<String> {
    let names = lists.iter().flat_map(|list| list.split([',', ' ']));
    names.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

/// Returns `--color`, which is needed even if the configuration cannot be read.
pub fn color(own: &OwnOptions) -> Color {
    own.color.as_deref().map_or(Color::Auto, |word| Color::parse(word).expect("clap takes only these words"))
}

fn verbosity(own: &OwnOptions) -> i8 {
    if own.quiet { -1 } else { i8::try_from(own.verbose).unwrap_or(i8::MAX) }
}
