//! One source of settings, read but not yet laid over the others: a file, the environment or the command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::{
    DebugInfo, IgnoreGlob, Listen, OnExit, OnStartFailure, Poll, Ready, Setting, Stdin, TargetName, Update,
};

/// What one source sets. Lists that replace are `Option`s, so that an empty one can replace as well; lists that add up
/// are plain.
#[derive(Debug, Default)]
pub(super) struct Layer {
    pub(super) package: Option<Setting<String>>,
    pub(super) target: Option<Setting<TargetName>>,
    pub(super) features: Option<Setting<Vec<String>>>,
    pub(super) profile: Option<Setting<String>>,
    pub(super) build_args: Option<Setting<Vec<String>>>,
    pub(super) build_env: BTreeMap<String, Setting<String>>,
    pub(super) inputs: Option<Vec<Setting<PathBuf>>>,
    pub(super) share_build_dir: Option<Setting<bool>>,
    pub(super) debug_info: Option<Setting<DebugInfo>>,
    pub(super) paths: Vec<Setting<PathBuf>>,
    pub(super) ignore: Vec<Setting<IgnoreGlob>>,
    pub(super) debounce: Option<Setting<Duration>>,
    pub(super) poll: Option<Setting<Poll>>,
    pub(super) args: Option<Setting<Vec<OsString>>>,
    pub(super) env: BTreeMap<String, Setting<String>>,
    pub(super) env_files: Vec<Setting<PathBuf>>,
    pub(super) cwd: Option<Setting<PathBuf>>,
    pub(super) stdin: Option<Setting<Stdin>>,
    pub(super) listen: Option<Vec<Setting<Listen>>>,
    pub(super) ready: Option<Setting<Ready>>,
    pub(super) ready_timeout: Option<Setting<Duration>>,
    pub(super) update: Option<Setting<Update>>,
    pub(super) on_start_failure: Option<Setting<OnStartFailure>>,
    pub(super) on_exit: Option<Setting<OnExit>>,
    pub(super) stop_signal: Option<Setting<i32>>,
    pub(super) stop_timeout: Option<Setting<Duration>>,
    pub(super) clear: Option<Setting<bool>>,
    pub(super) keys: Option<Setting<bool>>,
    pub(super) notify: Option<Setting<bool>>,
    pub(super) events: Option<Setting<PathBuf>>,
    pub(super) log: Option<Setting<PathBuf>>,
}

impl Layer {
    /// Lays this source over one of lower precedence.
    pub(super) fn over(self, lower: Self) -> Self {
        // Package, binary and example are one setting.
        let selects = self.package.is_some() || self.target.is_some();
        let (package, target) =
            if selects { (self.package, self.target) } else { (lower.package, lower.target) };
        Self {
            package,
            target,
            features: self.features.or(lower.features),
            profile: self.profile.or(lower.profile),
            build_args: self.build_args.or(lower.build_args),
            build_env: merged(lower.build_env, self.build_env),
            inputs: self.inputs.or(lower.inputs),
            share_build_dir: self.share_build_dir.or(lower.share_build_dir),
            debug_info: self.debug_info.or(lower.debug_info),
            paths: joined(lower.paths, self.paths),
            ignore: joined(lower.ignore, self.ignore),
            debounce: self.debounce.or(lower.debounce),
            poll: self.poll.or(lower.poll),
            args: self.args.or(lower.args),
            env: merged(lower.env, self.env),
            env_files: joined(lower.env_files, self.env_files),
            cwd: self.cwd.or(lower.cwd),
            stdin: self.stdin.or(lower.stdin),
            listen: self.listen.or(lower.listen),
            ready: self.ready.or(lower.ready),
            ready_timeout: self.ready_timeout.or(lower.ready_timeout),
            update: self.update.or(lower.update),
            on_start_failure: self.on_start_failure.or(lower.on_start_failure),
            on_exit: self.on_exit.or(lower.on_exit),
            stop_signal: self.stop_signal.or(lower.stop_signal),
            stop_timeout: self.stop_timeout.or(lower.stop_timeout),
            clear: self.clear.or(lower.clear),
            keys: self.keys.or(lower.keys),
            notify: self.notify.or(lower.notify),
            events: self.events.or(lower.events),
            log: self.log.or(lower.log),
        }
    }
}

fn merged(
    mut lower: BTreeMap<String, Setting<String>>,
    upper: BTreeMap<String, Setting<String>>,
) -> BTreeMap<String, Setting<String>> {
    lower.extend(upper);
    lower
}

/// What comes later wins, for env files and for gitignore rules alike: the lower source goes first.
fn joined<T>(mut lower: Vec<T>, upper: Vec<T>) -> Vec<T> {
    lower.extend(upper);
    lower
}
