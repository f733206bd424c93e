//! What an edited config changes, and what it takes to bring each key into force.

use std::collections::BTreeMap;

use super::{Config, Setting};

/// What a changed key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: whoever asks for it next sees the new value.
    Nothing,
    /// It is about how processes start: those that run keep the old one.
    NextStart,
    /// The program is started again.
    Restart,
    /// cargo is asked to build.
    Build,
    /// hotrun is started again: another program, or another live path.
    Hotrun,
}

/// A key and how to tell that two configs differ in it.
type Key = (&'static str, Needs, fn(&Config, &Config) -> bool);

const KEYS: &[Key] = &[
    ("events", Needs::Nothing, |a, b| a.events.value != b.events.value),
    ("log", Needs::Nothing, |a, b| a.log.value != b.log.value),
    ("build.package", Needs::Hotrun, |a, b| a.build.package.value != b.build.package.value),
    ("build.bin", Needs::Hotrun, |a, b| target(a) != target(b)),
    ("build.features", Needs::Build, |a, b| a.build.features.value != b.build.features.value),
    ("build.profile", Needs::Hotrun, |a, b| a.build.profile.value != b.build.profile.value),
    ("build.args", Needs::Build, |a, b| a.build.args.value != b.build.args.value),
    ("build.env", Needs::Build, |a, b| differ(&a.build.env, &b.build.env)),
    ("build.inputs", Needs::Nothing, |a, b| !same(&a.build.inputs, &b.build.inputs)),
    ("build.share-build-dir", Needs::Hotrun, |a, b| {
        a.build.share_build_dir.value != b.build.share_build_dir.value
    }),
    ("build.debug-info", Needs::Build, |a, b| a.build.debug_info.value != b.build.debug_info.value),
    ("watch.paths", Needs::Nothing, |a, b| !same(&a.watch.paths, &b.watch.paths)),
    ("watch.ignore", Needs::Nothing, |a, b| !same(&a.watch.ignore, &b.watch.ignore)),
    ("watch.debounce", Needs::Nothing, |a, b| a.watch.debounce.value != b.watch.debounce.value),
    ("watch.poll", Needs::Nothing, |a, b| a.watch.poll.value != b.watch.poll.value),
    ("run.args", Needs::Restart, |a, b| a.run.args.value != b.run.args.value),
    ("run.env", Needs::Restart, |a, b| differ(&a.run.env, &b.run.env)),
    ("run.env-file", Needs::Restart, |a, b| !same(&a.run.env_files, &b.run.env_files)),
    ("run.cwd", Needs::Restart, |a, b| a.run.cwd.value != b.run.cwd.value),
    ("run.stdin", Needs::Restart, |a, b| a.run.stdin.value != b.run.stdin.value),
    ("run.listen", Needs::Restart, |a, b| !same(&a.run.listen, &b.run.listen)),
    ("run.ready", Needs::NextStart, |a, b| a.run.ready.value != b.run.ready.value),
    ("run.ready-timeout", Needs::NextStart, |a, b| a.run.ready_timeout.value != b.run.ready_timeout.value),
    ("run.update", Needs::Nothing, |a, b| a.run.update.value != b.run.update.value),
    ("run.on-start-failure", Needs::Nothing, |a, b| {
        a.run.on_start_failure.value != b.run.on_start_failure.value
    }),
    ("run.on-exit", Needs::Nothing, |a, b| a.run.on_exit.value != b.run.on_exit.value),
    ("run.stop-signal", Needs::Nothing, |a, b| a.run.stop_signal.value != b.run.stop_signal.value),
    ("run.stop-timeout", Needs::Nothing, |a, b| a.run.stop_timeout.value != b.run.stop_timeout.value),
    ("ui.clear", Needs::Nothing, |a, b| a.ui.clear.value != b.ui.clear.value),
    ("ui.keys", Needs::Nothing, |a, b| a.ui.keys.value != b.ui.keys.value),
    ("ui.notify", Needs::Nothing, |a, b| a.ui.notify.value != b.ui.notify.value),
];

/// The keys whose values differ, in the order of the file, each with what it needs. Where a value comes from does not
/// matter: a key of a file that the command line overrides changes nothing. `build.bin` stands for `build.example` too.
pub fn changes(before: &Config, after: &Config) -> Vec<(&'static str, Needs)> {
    let changed = KEYS.iter().filter(|(.., differs)| differs(before, after));
    changed.map(|(key, needs, _)| (*key, *needs)).collect()
}

impl Config {
    /// These settings, but for those that only another start of hotrun can change: they are as in `started`.
    #[must_use]
    pub fn as_started(mut self, started: &Self) -> Self {
        self.build.package = started.build.package.clone();
        self.build.target = started.build.target.clone();
        self.build.profile = started.build.profile.clone();
        self.build.share_build_dir = started.build.share_build_dir.clone();
        self
    }
}

fn target(config: &Config) -> Option<&super::TargetName> {
    config.build.target.value.as_ref()
}

fn same<T: PartialEq>(one: &[Setting<T>], other: &[Setting<T>]) -> bool {
    one.iter().map(|setting| &setting.value).eq(other.iter().map(|setting| &setting.value))
}

fn differ(one: &BTreeMap<String, Setting<String>>, other: &BTreeMap<String, Setting<String>>) -> bool {
    !one.keys().eq(other.keys())
        || !one.values().map(|setting| &setting.value).eq(other.values().map(|setting| &setting.value))
}
