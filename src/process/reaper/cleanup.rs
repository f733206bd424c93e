//! What the reaper has to clean up. Both ends of the lifeline keep it; hotrun's copy is for a replacement.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sys::{self, TerminalModes};
use crate::words::StopPlan;

/// The stop plan of an announced group without a readable one.
const DEFAULT_PLAN: StopPlan = StopPlan { signal: libc::SIGTERM, timeout: Duration::from_secs(5) };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct App {
    pub(super) plan: StopPlan,
    /// The start time of its first process.
    pub(super) start: Option<u64>,
}

/// The clean-up to do if hotrun dies now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cleanup {
    pub(super) run: String,
    pub(super) hotrun: i32,
    pub(super) session: i32,
    pub(super) apps: BTreeMap<i32, App>,
    /// cargo's groups, each with the start time of its first process.
    pub(super) cargo: BTreeMap<i32, Option<u64>>,
    pub(super) found: Option<TerminalModes>,
    pub(super) own: Option<TerminalModes>,
    pub(super) lent: bool,
    pub(super) files: BTreeSet<PathBuf>,
}

impl Cleanup {
    /// Applies a line of the lifeline.
    pub(super) fn apply(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split(' ');
        let first = words.next().unwrap_or_default();
        let group = first.parse().unwrap_or(0);
        match word {
            "run" => first.clone_into(&mut self.run),
            "hotrun" => {
                self.hotrun = group;
                self.session = words.next().and_then(|session| session.parse().ok()).unwrap_or(0);
            }
            "app" => {
                let signal = words.next().and_then(|signal| signal.parse().ok());
                let timeout =
                    words.next().and_then(|timeout| timeout.parse().ok()).map(Duration::from_millis);
                let plan = signal.zip(timeout).map(|(signal, timeout)| StopPlan { signal, timeout });
                let start = start(group, words.next());
                self.apps.insert(group, App { plan: plan.unwrap_or(DEFAULT_PLAN), start });
            }
            "gone" => drop(self.apps.remove(&group)),
            "cargo" => drop(self.cargo.insert(group, start(group, words.next()))),
            "cargo-gone" => drop(self.cargo.remove(&group)),
            "tty" => self.found = TerminalModes::parse(first),
            "own" => self.own = TerminalModes::parse(first),
            "lent" => self.lent = true,
            "unlink" => drop(self.files.insert(path(first))),
            "keep" => drop(self.files.remove(&path(first))),
            _ => {}
        }
    }

    /// Returns the lines that restore this state in a replacement.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("run {}", self.run), format!("hotrun {} {}", self.hotrun, self.session)];
        lines.extend(self.apps.iter().map(|(&group, app)| app_line(group, app)));
        lines.extend(self.cargo.iter().map(|(&group, &start)| cargo_line(group, start)));
        lines.extend(self.found.iter().map(|modes| format!("tty {modes}")));
        lines.extend(self.own.iter().map(|modes| format!("own {modes}")));
        lines.extend(self.lent.then(|| "lent".to_owned()));
        lines.extend(self.files.iter().map(|file| format!("unlink {}", hex(file))));
        lines
    }

    /// Returns the longest stop timeout of all programs.
    pub(super) fn longest(&self) -> Duration {
        self.apps.values().map(|app| app.plan.timeout).max().unwrap_or(DEFAULT_PLAN.timeout)
    }
}

pub(super) fn app_line(group: i32, app: &App) -> String {
    let line = format!("app {group} {} {}", app.plan.signal, app.plan.timeout.as_millis());
    with_start(line, app.start)
}

pub(super) fn cargo_line(group: i32, start: Option<u64>) -> String {
    with_start(format!("cargo {group}"), start)
}

fn with_start(line: String, start: Option<u64>) -> String {
    match start {
        Some(start) => format!("{line} {start}"),
        None => line,
    }
}

/// Returns the start time as reported, else as it is now: a process that announces itself does not know it.
fn start(group: i32, told: Option<&str>) -> Option<u64> {
    told.and_then(|start| start.parse().ok()).or_else(|| sys::process(group).map(|row| row.start))
}

pub(super) fn hex(path: &Path) -> String {
    let text: &OsStr = path.as_os_str();
    text.as_bytes()
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn path(hex: &str) -> PathBuf {
    let bytes =
        hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    OsString::from_vec(bytes.collect()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_applied_and_replayed() {
        let mut cleanup = Cleanup::default();
        for line in [
            "run ab",
            "hotrun 7 5",
            "app 10 15 200 77",
            "app 11 2 5000",
            "app 11 2 5000 78",
            "app 13 15 200 79",
            "app 13 2 100 79",
            "gone 10",
            "cargo 12 80",
            "cargo 14 81",
            "cargo-gone 14",
            "lent",
            "unlink 2f61",
            "unlink 2f62",
            "keep 2f62",
            "?",
        ] {
            cleanup.apply(line);
        }
        assert_eq!((cleanup.run.as_str(), cleanup.hotrun, cleanup.session, cleanup.lent), ("ab", 7, 5, true));
        let plan = |signal, millis| StopPlan { signal, timeout: Duration::from_millis(millis) };
        let app = |signal, millis, start| App { plan: plan(signal, millis), start: Some(start) };
        assert_eq!(cleanup.apps, BTreeMap::from([(11, app(2, 5000, 78)), (13, app(2, 100, 79))]));
        assert_eq!(cleanup.cargo, BTreeMap::from([(12, Some(80))]));
        assert_eq!(cleanup.files, BTreeSet::from([PathBuf::from("/a")]));

        let mut next = Cleanup::default();
        cleanup.lines().iter().for_each(|line| next.apply(line));
        assert_eq!(next, cleanup);
    }
}
