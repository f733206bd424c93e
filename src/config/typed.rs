//! What was typed and what the environment says, read into [`Layer`]s.

use std::path::Path;

use super::error::{ConfigError, Invalid, Named};
use super::layer::Layer;
use super::units::{self, Word};
use super::{
    Environment, IgnoreGlob, OnExit, OnStartFailure, Origin, Setting, Stdin, TargetName, Update, absolute,
    address,
};
use crate::cli::{CargoOptions, RunOptions};

/// What the options set.
pub(super) fn command_line(options: &RunOptions, cwd: &Path) -> Result<Layer, ConfigError> {
    let RunOptions { cargo, watch, process, output, args } = options;
    let bin = cargo.bin.clone().map(TargetName::Bin);
    let target = bin.or_else(|| cargo.example.clone().map(TargetName::Example));
    let env = parsed_list("--env", &process.env, units::parse_variable)?;
    Ok(Layer {
        package: parsed("--package", cargo.package.as_deref(), units::parse_name)?,
        target: target.map(typed),
        features: (!cargo.features.is_empty()).then(|| typed(cargo.features.clone())),
        profile: profile(cargo)?,
        share_build_dir: flag(cargo.share_build_dir),
        paths: watch.watch.iter().map(|path| typed(absolute(cwd, path))).collect(),
        ignore: parsed_list("--ignore", &watch.ignore, |text| {
            units::parse_name(text).map(|glob| IgnoreGlob { base: cwd.to_owned(), glob })
        })?,
        debounce: parsed("--debounce", watch.debounce.as_deref(), units::parse_duration)?,
        poll: parsed("--poll", watch.poll.as_deref(), units::parse_poll)?,
        args: (!args.is_empty()).then(|| typed(args.clone())),
        env: env.into_iter().map(|Setting { value: (key, value), .. }| (key, typed(value))).collect(),
        env_files: process.env_file.iter().map(|path| typed(absolute(cwd, path))).collect(),
        stdin: parsed("--stdin", process.stdin.as_deref(), Stdin::parse)?,
        listen: (!process.listen.is_empty())
            .then(|| parsed_list("--listen", &process.listen, |text| address::parse_listen(text, cwd)))
            .transpose()?,
        ready: parsed("--ready", process.ready.as_deref(), address::parse_ready)?,
        ready_timeout: parsed("--ready-timeout", process.ready_timeout.as_deref(), units::parse_duration)?,
        update: parsed("--update", process.update.as_deref(), Update::parse)?,
        on_start_failure: parsed(
            "--on-start-failure",
            process.on_start_failure.as_deref(),
            OnStartFailure::parse,
        )?,
        on_exit: parsed("--on-exit", process.on_exit.as_deref(), OnExit::parse)?,
        stop_signal: parsed("--stop-signal", process.stop_signal.as_deref(), units::parse_signal)?,
        stop_timeout: parsed("--stop-timeout", process.stop_timeout.as_deref(), units::parse_duration)?,
        clear: flag(output.clear),
        notify: flag(output.notify),
        events: output.events.as_ref().map(|path| typed(absolute(cwd, path))),
        log: output.log.as_ref().map(|path| typed(absolute(cwd, path))),
        ..Layer::default()
    })
}

/// The time that was typed for an option of a command that has no settings.
///
/// # Errors
/// Where it is none.
pub fn duration(
    option: &'static str,
    text: Option<&str>,
) -> Result<Option<std::time::Duration>, ConfigError> {
    Ok(parsed(option, text, units::parse_duration)?.map(|setting| setting.value))
}

/// What hotrun's environment variables set. An empty one sets nothing.
pub(super) fn variables(environment: &Environment, cwd: &Path) -> Result<Layer, ConfigError> {
    let set = |name: &'static str| {
        environment.get(name).filter(|value| !value.is_empty()).map(|value| (name, value))
    };
    let path = |name| {
        set(name).map(|(name, value)| Setting {
            value: absolute(cwd, Path::new(value)),
            origin: Origin::Environment(name),
        })
    };
    let poll = set("HOTRUN_POLL").map(|(name, value)| {
        let text = value.to_string_lossy();
        let value = units::parse_poll(&text).map_err(|invalid| refused(name, &text, invalid))?;
        Ok(Setting { value, origin: Origin::Environment(name) })
    });
    Ok(Layer {
        poll: poll.transpose()?,
        events: path("HOTRUN_EVENTS"),
        log: path("HOTRUN_LOG"),
        ..Layer::default()
    })
}

/// `--release` is short for `--profile release`; giving both is fine where they agree, as in cargo.
fn profile(cargo: &CargoOptions) -> Result<Option<Setting<String>>, ConfigError> {
    let named = parsed("--profile", cargo.profile.as_deref(), units::parse_profile)?;
    match named {
        Some(named) if cargo.release && named.value != "release" => Err(ConfigError::Conflict {
            first: option(&format!("--profile {}", named.value)),
            second: option("--release"),
            reason: ", which means `--profile release`".to_owned(),
            hint: "remove one of them".to_owned(),
        }),
        None if cargo.release => Ok(Some(typed("release".to_owned()))),
        named => Ok(named),
    }
}

fn typed<T>(value: T) -> Setting<T> {
    Setting { value, origin: Origin::CommandLine }
}

/// A flag that was not typed leaves the setting to the layers below.
fn flag(typed_it: bool) -> Option<Setting<bool>> {
    typed_it.then(|| typed(true))
}

fn parsed<T>(
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Option<Setting<T>>, ConfigError> {
    text.map(|text| parse(text).map(typed).map_err(|invalid| refused(name, text, invalid))).transpose()
}

fn parsed_list<T>(
    name: &str,
    texts: &[String],
    parse: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Vec<Setting<T>>, ConfigError> {
    texts.iter().map(|text| parse(text).map(typed).map_err(|invalid| refused(name, text, invalid))).collect()
}

fn refused(name: &str, value: &str, invalid: Invalid) -> ConfigError {
    ConfigError::Value {
        setting: option(name),
        value: value.to_owned(),
        reason: invalid.reason,
        hint: invalid.hint,
    }
}

pub(super) fn option(name: &str) -> Named {
    Named { name: name.to_owned(), place: None }
}
