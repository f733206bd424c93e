//! Checks and sorts `build.args`: cargo's options may stand there, except those that are settings of hotrun.

use super::error::Invalid;

const SELECTION: &str = "it selects what is built";
const NOTHING_ELSE: &str =
    "hotrun builds the one program it runs: see `build.package`, `build.bin` and `build.example`";
const MESSAGES: &str = "hotrun reads cargo's messages itself";
const EVENTS: &str = "`events` writes every diagnostic as JSON";

/// Splits arguments into options, each with its value if that is a word of its own.
fn options(args: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = args;
    std::iter::from_fn(move || {
        let takes_next = matches!(&**rest.first()?, "--jobs" | "--config" | "-j" | "-Z");
        let (option, after) = rest.split_at(if takes_next { rest.len().min(2) } else { 1 });
        rest = after;
        Some(option)
    })
}

/// Refuses arguments that change what hotrun has to know. The error has the argument and the reason.
pub(super) fn check_build_args(args: &[String]) -> Result<(), (&str, Invalid)> {
    for option in options(args) {
        if let Some((reason, hint)) = refusal(&option[0]) {
            return Err((&option[0], Invalid::new(reason).or(hint)));
        }
        let config = match option {
            [name, value] if name == "--config" => Some((value, &**value)),
            _ => option[0].strip_prefix("--config=").map(|value| (&option[0], value)),
        };
        if let Some((word, value)) = config {
            check_config(value).map_err(|invalid| (&**word, invalid))?;
        }
    }
    Ok(())
}

/// Splits checked arguments into those every cargo command takes (`--locked`, `--config`, …) and those of
/// `cargo build`.
pub(super) fn split_build_args(args: &[String]) -> (Vec<String>, Vec<String>) {
    let everywhere = |option: &&[String]| {
        matches!(&*option[0], "--locked" | "--offline" | "--frozen" | "--config")
            || option[0].starts_with("--config=")
            || option[0].starts_with("-Z")
    };
    let (common, build): (Vec<_>, Vec<_>) = options(args).partition(everywhere);
    (common.concat(), build.concat())
}

/// Removes a number of jobs, which cargo accepts only once.
pub(super) fn without_jobs(args: &[String]) -> Vec<String> {
    let is_jobs = |arg: &str| arg == "--jobs" || arg.starts_with("--jobs=") || arg.starts_with("-j");
    options(args).filter(|option| !is_jobs(&option[0])).collect::<Vec<_>>().concat()
}

/// Returns why an argument is a setting, and the setting.
fn refusal(arg: &str) -> Option<(&'static str, &'static str)> {
    if let Some(letters) = arg.strip_prefix('-').filter(|rest| !rest.starts_with('-')) {
        // Only the first of several letters can be no setting: all of cargo's one-letter flags are settings.
        return refusal(match letters.chars().next()? {
            'p' => "--package",
            'r' => "--release",
            'F' => "--features",
            'q' => "--quiet",
            'v' => "--verbose",
            _ => return None,
        });
    }
    match arg.split_once('=').map_or(arg, |(name, _)| name) {
        "--" => Some(("it ends cargo's options", "arguments for the program belong to `run.args`")),
        "--package" => Some((SELECTION, "set `build.package`")),
        "--bin" => Some((SELECTION, "set `build.bin`")),
        "--example" => Some((SELECTION, "set `build.example`")),
        "--workspace" | "--all" | "--exclude" | "--lib" | "--bins" | "--examples" | "--test" | "--tests"
        | "--bench" | "--benches" | "--all-targets" => Some((SELECTION, NOTHING_ELSE)),
        "--features" => Some(("it selects features", "set `build.features`")),
        "--all-features" | "--no-default-features" => {
            Some(("it selects features", "set `build.features`, or give it to hotrun on the command line"))
        }
        "--release" => Some(("it selects the profile", "set `build.profile = \"release\"`")),
        "--profile" => Some(("it selects the profile", "set `build.profile`")),
        "--target" => Some((
            "it selects the target",
            "give `--target` to hotrun, or set `build.target` in `.cargo/config.toml`",
        )),
        "--target-dir" | "--artifact-dir" | "--out-dir" | "--build-dir" => Some((
            "it moves what cargo builds",
            "give `--target-dir` to hotrun, or set `build.target-dir` in `.cargo/config.toml`",
        )),
        "--manifest-path" => Some((SELECTION, "give `--manifest-path` to hotrun")),
        "--message-format" | "--unit-graph" | "--build-plan" => Some((MESSAGES, EVENTS)),
        "--quiet" | "--verbose" | "--color" => Some((MESSAGES, "give `-q`, `-v` or `--color` to hotrun")),
        _ => None,
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
