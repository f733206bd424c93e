//! Command line, environment and files, laid over each other and checked together.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cargo_args::{split_build_args, without_jobs};
use super::error::{ConfigError, Named, Place};
use super::layer::Layer;
use super::typed::{command_line, option, variables};
use super::units::Word;
use super::{
    BuildConfig, Color, Config, DebugInfo, Environment, FileText, OnExit, OnStartFailure, Origin, Poll,
    Ready, RunConfig, Setting, Stdin, UiConfig, Update, WatchConfig, absolute, address, file,
};
use crate::cli::{CargoOptions, OutputOptions, RunOptions};

/// Makes the settings in force out of what was typed, hotrun's environment variables and the texts of the config files,
/// the file of highest precedence first. Relative paths on the command line and in the environment are under `cwd`.
///
/// # Errors
/// The first setting that cannot be followed, or two that exclude each other.
pub fn merge(
    options: &RunOptions,
    environment: &Environment,
    files: &[FileText],
    cwd: &Path,
) -> Result<Config, ConfigError> {
    let mut layer = command_line(options, cwd)?.over(variables(environment, cwd)?);
    for file in files {
        layer = layer.over(file::read(file, cwd)?);
    }
    check_listen(&layer, cwd)?;
    check_ready(&layer, cwd)?;
    Ok(settle(layer, options, cwd))
}

fn check_listen(layer: &Layer, cwd: &Path) -> Result<(), ConfigError> {
    let listen = layer.listen.as_deref().unwrap_or_default();
    for (index, entry) in listen.iter().enumerate() {
        for earlier in &listen[..index] {
            let reason = if entry.value.name.is_some() && entry.value.name == earlier.value.name {
                "an earlier entry has the same name"
            } else if address::same_socket(&entry.value.address, &earlier.value.address) {
                "an earlier entry has the same address"
            } else {
                continue;
            };
            return Err(ConfigError::Value {
                setting: named("run.listen", "--listen", &entry.origin, cwd),
                value: address::format_listen(&entry.value),
                reason: reason.to_owned(),
                hint: None,
            });
        }
    }
    Ok(())
}

/// Refuses probes that something else than the new process would answer.
fn check_ready(layer: &Layer, cwd: &Path) -> Result<(), ConfigError> {
    let Some(ready) = &layer.ready else {
        return Ok(());
    };
    if !matches!(ready.value, Ready::Tcp(_) | Ready::Http(_)) {
        return Ok(());
    }
    let probe = address::format_ready(&ready.value);
    let conflict = |second, reason| ConfigError::Conflict {
        first: named("run.ready", "--ready", &ready.origin, cwd),
        second,
        reason,
        hint: "use `notify`, `spawn` or a time such as `2s` for `ready`".to_owned(),
    };
    let listen = layer.listen.as_deref().unwrap_or_default();
    if let Some(held) = address::held(&ready.value, listen.iter().map(|entry| &entry.value)) {
        let entry = listen.iter().find(|entry| entry.value == *held).expect("it was found among these");
        return Err(conflict(
            named("run.listen", "--listen", &entry.origin, cwd),
            format!(
                ": hotrun holds the socket of `{probe}` open, so that it answers before the program does"
            ),
        ));
    }
    match &layer.update {
        Some(update) if update.value == Update::Overlap => Err(conflict(
            named("run.update", "--update overlap", &update.origin, cwd),
            format!(": the old process would answer on `{probe}` for the new one"),
        )),
        _ => Ok(()),
    }
}

/// Fills what nobody set with the defaults.
fn settle(layer: Layer, options: &RunOptions, cwd: &Path) -> Config {
    let RunOptions { cargo, watch, output, .. } = options;
    let args = layer.build_args.unwrap_or_else(|| default(Vec::new()));
    let (common_args, build_args) = passed_on(cargo, &args.value);
    let features = or(layer.features, Vec::new());
    let path = |path: &PathBuf| absolute(cwd, path);
    Config {
        build: BuildConfig {
            package: optional(layer.package),
            target: optional(layer.target),
            manifest_path: cargo.manifest_path.as_ref().map(path),
            features: Setting { value: split_features(&features.value), origin: features.origin },
            all_features: cargo.all_features,
            no_default_features: cargo.no_default_features,
            profile: or(layer.profile, "dev".to_owned()),
            triple: cargo.target.clone(),
            target_dir: cargo.target_dir.as_ref().map(path),
            common_args,
            build_args,
            args,
            env: layer.build_env,
            inputs: layer.inputs.unwrap_or_default(),
            share_build_dir: or(layer.share_build_dir, false),
            debug_info: or(layer.debug_info, DebugInfo::Profile),
        },
        watch: WatchConfig {
            paths: layer.paths,
            ignore: layer.ignore,
            debounce: or(layer.debounce, Duration::from_millis(50)),
            poll: or(layer.poll, Poll::Auto),
        },
        run: RunConfig {
            args: or(layer.args, Vec::<OsString>::new()),
            env: layer.env,
            env_files: layer.env_files,
            cwd: optional(layer.cwd),
            stdin: or(layer.stdin, Stdin::Lend),
            listen: layer.listen.unwrap_or_default(),
            ready: or(layer.ready, Ready::Auto),
            ready_timeout: or(layer.ready_timeout, Duration::from_secs(30)),
            update: or(layer.update, Update::Restart),
            on_start_failure: or(layer.on_start_failure, OnStartFailure::Auto),
            on_exit: or(layer.on_exit, OnExit::Wait),
            stop_signal: or(layer.stop_signal, libc::SIGTERM),
            stop_timeout: or(layer.stop_timeout, Duration::from_secs(5)),
        },
        ui: UiConfig {
            clear: or(layer.clear, false),
            keys: or(layer.keys, true),
            notify: or(layer.notify, false),
            color: color(output),
            verbosity: verbosity(output),
        },
        events: optional(layer.events),
        log: optional(layer.log),
        once: watch.once,
    }
}

/// The words for every cargo command and those for `cargo build` alone: `build.args` first, because of two
/// `--config` for one key cargo follows the later. An option given in both places comes from the command line.
fn passed_on(cargo: &CargoOptions, args: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut common, mut build) = split_build_args(args);
    let flags = |list: &mut Vec<String>, flags: &[(bool, &str)]| {
        for (_, flag) in flags
            .iter()
            .filter(|(typed, flag)| *typed && !list.iter().any(|arg| arg == flag))
            .collect::<Vec<_>>()
        {
            list.push((*flag).to_owned());
        }
    };
    flags(
        &mut common,
        &[(cargo.locked, "--locked"), (cargo.offline, "--offline"), (cargo.frozen, "--frozen")],
    );
    common.extend(cargo.config.iter().flat_map(|value| ["--config".to_owned(), value.clone()]));
    common.extend(cargo.unstable.iter().flat_map(|flag| ["-Z".to_owned(), flag.clone()]));
    if let Some(jobs) = &cargo.jobs {
        build = without_jobs(&build);
        build.extend(["--jobs".to_owned(), jobs.clone()]);
    }
    flags(
        &mut build,
        &[
            (cargo.keep_going, "--keep-going"),
            (cargo.ignore_rust_version, "--ignore-rust-version"),
            (cargo.timings, "--timings"),
        ],
    );
    (common, build)
}

fn split_features(lists: &[String]) -> Vec<String> {
    let names = lists.iter().flat_map(|list| list.split([',', ' ']));
    names.filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect()
}

/// `--color`, which is needed also where the configuration cannot be read.
pub fn color(output: &OutputOptions) -> Color {
    output
        .color
        .as_deref()
        .map_or(Color::Auto, |word| Color::parse(word).expect("clap takes only these words"))
}

fn verbosity(output: &OutputOptions) -> i8 {
    if output.quiet { -1 } else { i8::try_from(output.verbose).unwrap_or(i8::MAX) }
}

fn default<T>(value: T) -> Setting<T> {
    Setting { value, origin: Origin::Default }
}

fn or<T>(setting: Option<Setting<T>>, value: T) -> Setting<T> {
    setting.unwrap_or_else(|| default(value))
}

fn optional<T>(setting: Option<Setting<T>>) -> Setting<Option<T>> {
    setting.map_or_else(|| default(None), |Setting { value, origin }| Setting { value: Some(value), origin })
}

/// A setting by the name it has where it was set.
fn named(key: &str, option_name: &str, origin: &Origin, cwd: &Path) -> Named {
    match origin {
        Origin::File(path, line) => Named {
            name: key.to_owned(),
            place: Some(Box::new(Place { path: super::shown(path, cwd), line: *line })),
        },
        Origin::Environment(name) => option(name),
        Origin::CommandLine | Origin::Default => option(option_name),
    }
}
