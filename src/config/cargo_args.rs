//! Checks and sorts `build.args`: cargo's options may stand there, except those that are settings of hotrun.

use super::error::Invalid;

enum ArgKind {
    /// A setting: the reason for the refusal, and the hint.
    Refused(&'static str, &'static str),
    TakesNext,
    /// Takes no value, or has it in the same word.
    Alone,
}

const SELECTION: &str = "it selects what is built";
const NOTHING_ELSE: &str =
    "hotrun builds the one program it runs: see `build.package`, `build.bin` and `build.example`";
const MESSAGES: &str = "hotrun reads cargo's messages itself";
const EVENTS: &str = "`events` writes every diagnostic as JSON";

/// Refuses arguments that change what hotrun has to know. The error has the argument and the reason.
pub(super) fn check_build_args(args: &[String]) -> Result<(), (&str, Invalid)> {
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match classify(arg) {
            ArgKind::Refused(reason, hint) => return Err((arg, Invalid::new(reason).or(hint))),
            ArgKind::TakesNext if is_config(arg) => {
                if let Some(value) = args.next() {
                    check_config(value).map_err(|invalid| (value.as_str(), invalid))?;
                }
            }
            ArgKind::TakesNext => {
                args.next();
            }
            ArgKind::Alone => {
                if let Some(value) = arg.strip_prefix("--config=") {
                    check_config(value).map_err(|invalid| (arg.as_str(), invalid))?;
                }
            }
        }
    }
    Ok(())
}

/// Splits checked arguments into those every cargo command takes (`--locked`, `--config`, …) and those of
/// `cargo build`.
pub(super) fn split_build_args(args: &[String]) -> (Vec<String>, Vec<String>) {
    let (mut common, mut build) = (Vec::new(), Vec::new());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let everywhere = matches!(&**arg, "--locked" | "--offline" | "--frozen")
            || is_config(arg)
            || arg.starts_with("--config=")
            || arg.starts_with("-Z");
        let list = if everywhere { &mut common } else { &mut build };
        list.push(arg.clone());
        if matches!(classify(arg), ArgKind::TakesNext) {
            list.extend(args.next().cloned());
        }
    }
    (common, build)
}

/// Removes a number of jobs, which cargo accepts only once.
pub(super) fn without_jobs(args: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        if matches!(&**arg, "-j" | "--jobs") {
            args.next();
        } else if !arg.starts_with("-j") && !arg.starts_with("--jobs=") {
            kept.push(arg.clone());
        }
    }
    kept
}

fn is_config(arg: &str) -> bool {
    arg == "--config"
}

fn classify(arg: &str) -> ArgKind {
    use ArgKind::{Alone, Refused, TakesNext};
    if let Some(letters) = arg.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
        // Only the first of several letters can be no setting: all of cargo's one-letter flags are settings.
        return match letters.chars().next() {
            Some('p') => classify("--package"),
            Some('r') => classify("--release"),
            Some('F') => classify("--features"),
            Some('q') => classify("--quiet"),
            Some('v') => classify("--verbose"),
            Some('j' | 'Z') if letters.len() == 1 => TakesNext,
            _ => Alone,
        };
    }
    let name = arg.split_once('=').map_or(arg, |(name, _)| name);
    match name {
        "--" => Refused("it ends cargo's options", "arguments for the program belong to `run.args`"),
        "--package" => Refused(SELECTION, "set `build.package`"),
        "--bin" => Refused(SELECTION, "set `build.bin`"),
        "--example" => Refused(SELECTION, "set `build.example`"),
        "--workspace" | "--all" | "--exclude" | "--lib" | "--bins" | "--examples" | "--test" | "--tests"
        | "--bench" | "--benches" | "--all-targets" => Refused(SELECTION, NOTHING_ELSE),
        "--features" => Refused("it selects features", "set `build.features`"),
        "--all-features" | "--no-default-features" => {
            Refused("it selects features", "set `build.features`, or give it to hotrun on the command line")
        }
        "--release" => Refused("it selects the profile", "set `build.profile = \"release\"`"),
        "--profile" => Refused("it selects the profile", "set `build.profile`"),
        "--target" => Refused(
            "it selects the target",
            "give `--target` to hotrun, or set `build.target` in `.cargo/config.toml`",
        ),
        "--target-dir" | "--artifact-dir" | "--out-dir" | "--build-dir" => Refused(
            "it moves what cargo builds",
            "give `--target-dir` to hotrun, or set `build.target-dir` in `.cargo/config.toml`",
        ),
        "--manifest-path" => Refused(SELECTION, "give `--manifest-path` to hotrun"),
        "--message-format" | "--unit-graph" | "--build-plan" => Refused(MESSAGES, EVENTS),
        "--quiet" | "--verbose" | "--color" => Refused(MESSAGES, "give `-q`, `-v` or `--color` to hotrun"),
        "--jobs" | "--config" if name == arg => TakesNext,
        _ => Alone,
    }
}

/// Refuses a cargo setting that hotrun has to know, given as `--config KEY=VALUE`.
fn check_config(value: &str) -> Result<(), Invalid> {
    let key: String = value.split('=').next().unwrap_or_default().split_whitespace().collect();
    let reason = match &*key {
        "build.target" => "it selects the target",
        "build.target-dir" | "build.build-dir" => "it moves what cargo builds",
        _ => return Ok(()),
    };
    Err(Invalid::new(reason).or("give it to hotrun on the command line, or set it in `.cargo/config.toml`"))
}
