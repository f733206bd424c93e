//! The reaper itself: waits for the lifeline's end, then leaves nothing of a killed hotrun.
//!
//! Sleeps in one read until hotrun says something or dies. Must not depend on anything of hotrun's but what the lifeline
//! told it. Order at the end: the terminal's modes at once (the shell is about to prompt), cargo, the program by its
//! stop plan, what carries the tag, the terminal once more, files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::NAME;
use crate::process::tree::TAG;
use crate::sys::{self, ProcessRow, TerminalModes};
use crate::words::StopPlan;

/// What an announced group without a readable plan gets.
const DEFAULT_PLAN: StopPlan = StopPlan { signal: libc::SIGTERM, timeout: Duration::from_secs(5) };

/// How long the kernel gets to end what was sent SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The longest pause between two looks at what is left: new processes may have come.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What hotrun told.
#[derive(Debug, Default)]
struct Will {
    run: String,
    hotrun: i32,
    apps: BTreeMap<i32, StopPlan>,
    cargo: BTreeSet<i32>,
    found: Option<TerminalModes>,
    own: Option<TerminalModes>,
    lent: bool,
    files: BTreeSet<PathBuf>,
}

/// Runs as the reaper: lifeline on stdin, the terminal (or `/dev/null`) on stdout.
pub fn main() -> ExitCode {
    sys::name_process(NAME);
    for signal in [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGPIPE,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGUSR1,
        libc::SIGUSR2,
    ] {
        sys::ignore(signal);
    }
    let mut will = Will::default();
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) if line == "bye" => return ExitCode::SUCCESS,
            Ok(line) => will.hear(&line),
            Err(_) => break,
        }
    }
    will.execute();
    ExitCode::SUCCESS
}

impl Will {
    fn hear(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split(' ');
        let first = words.next().unwrap_or_default();
        let group = first.parse().unwrap_or(0);
        match word {
            "run" => first.clone_into(&mut self.run),
            "hotrun" => self.hotrun = group,
            "app" => {
                let signal = words.next().and_then(|signal| signal.parse().ok());
                let timeout =
                    words.next().and_then(|timeout| timeout.parse().ok()).map(Duration::from_millis);
                let plan = signal.zip(timeout).map(|(signal, timeout)| StopPlan { signal, timeout });
                self.apps.insert(group, plan.unwrap_or(DEFAULT_PLAN));
            }
            "gone" => drop(self.apps.remove(&group)),
            "cargo" => drop(self.cargo.insert(group)),
            "cargo-gone" => drop(self.cargo.remove(&group)),
            "tty" => self.found = TerminalModes::parse(first),
            "own" => self.own = TerminalModes::parse(first),
            "lent" => self.lent = true,
            "unlink" => drop(self.files.insert(path(first))),
            "keep" => drop(self.files.remove(&path(first))),
            _ => {}
        }
    }

    fn execute(&self) {
        self.restore_modes();
        for &group in &self.cargo {
            let _ = sys::kill_group(group, libc::SIGKILL);
        }
        let now = Instant::now();
        for (&group, plan) in &self.apps {
            let _ = sys::kill_group(group, plan.signal);
            let _ = sys::kill_group(group, libc::SIGCONT);
        }
        let mut asked = BTreeSet::new();
        let until = now + self.apps.values().map(|plan| plan.timeout).max().unwrap_or(DEFAULT_PLAN.timeout);
        self.wait_for_all(until, |row| {
            if !self.apps.contains_key(&row.group) && asked.insert(row.pid) {
                let _ = sys::kill_exactly(row, libc::SIGTERM);
                let _ = sys::kill_exactly(row, libc::SIGCONT);
            }
        });
        self.wait_for_all(Instant::now() + KILL_GRACE, |row| {
            let _ = sys::kill_exactly(row, libc::SIGKILL);
        });
        if self.lent {
            self.restore_modes();
            let _ = io::stdout().write_all(sys::TERMINAL_RESET).and_then(|()| io::stdout().flush());
        }
        // Files before the folders they are in.
        for file in self.files.iter().rev() {
            unlink(file);
        }
    }

    /// Treats all that is left, again and again, until nothing is or the time is over.
    fn wait_for_all(&self, until: Instant, mut treat: impl FnMut(&ProcessRow)) {
        loop {
            let left = self.left();
            let now = Instant::now();
            let Some(first) = left.first() else { return };
            if now >= until {
                return;
            }
            for row in &left {
                treat(row);
            }
            wait_for(first.pid, LOOK_AGAIN.min(until - now));
        }
    }

    /// The living processes of the run.
    fn left(&self) -> Vec<ProcessRow> {
        let entry = format!("{TAG}={}.", self.run);
        let me = std::process::id().cast_signed();
        let mut rows = sys::processes();
        rows.retain(|row| {
            !row.zombie
                && row.pid != me
                && row.pid != self.hotrun
                && (self.apps.contains_key(&row.group)
                    || (!self.run.is_empty() && sys::carries(row.pid, &entry, false)))
        });
        rows
    }

    /// Sets the terminal's modes as they were found, unless a shell has already taken the terminal and set its own.
    fn restore_modes(&self) {
        let (Some(found), terminal) = (&self.found, io::stdout()) else {
            return;
        };
        let Ok(now) = TerminalModes::of(terminal.as_fd()) else {
            return;
        };
        let holder = sys::terminal_holder(terminal.as_fd());
        let still_ours = holder.is_none_or(|group| {
            group == self.hotrun
                || self.apps.contains_key(&group)
                || self.cargo.contains(&group)
                || sys::group_members(group).is_empty()
        });
        if still_ours || Some(&now) == self.own.as_ref() {
            let _ = found.apply(terminal.as_fd());
        }
    }
}

/// Waits until the process has ended, at most so long.
fn wait_for(pid: i32, at_most: Duration) {
    let timeout = Timespec::try_from(at_most).unwrap_or_default();
    #[cfg(target_os = "linux")]
    if let Some(pid) = rustix::process::Pid::from_raw(pid)
        && let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
    {
        let _ = poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&timeout));
        return;
    }
    let _ = pid;
    let _ = poll(&mut [] as &mut [PollFd<'_>], Some(&timeout));
}

fn path(hex: &str) -> PathBuf {
    let bytes =
        hex.as_bytes().chunks(2).filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok());
    OsString::from_vec(bytes.collect()).into()
}

/// Removes a file, or a folder in which there is nothing but sockets: nobody answers on them any more.
fn unlink(path: &Path) {
    if fs::remove_file(path).is_ok() {
        return;
    }
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_socket()) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let _ = fs::remove_dir(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hears_what_hotrun_tells() {
        let mut will = Will::default();
        for line in [
            "run ab",
            "hotrun 7",
            "app 10 15 200",
            "app 11 2 5000",
            "gone 10",
            "cargo 12",
            "unlink 2f61",
            "?",
        ] {
            will.hear(line);
        }
        assert_eq!(will.run, "ab");
        assert_eq!(will.apps.keys().copied().collect::<Vec<_>>(), [11]);
        assert_eq!(will.apps[&11], StopPlan { signal: 2, timeout: Duration::from_secs(5) });
        assert!(will.cargo.contains(&12) && will.files.contains(std::path::Path::new("/a")));
    }

    #[test]
    fn a_folder_of_sockets_goes_and_one_with_files_stays() {
        let base = tempfile::tempdir().unwrap();
        for (name, removed) in [("sockets", true), ("files", false)] {
            let folder = base.path().join(name);
            fs::create_dir(&folder).unwrap();
            drop(std::os::unix::net::UnixListener::bind(folder.join("n1")).unwrap());
            if !removed {
                fs::write(folder.join("file"), "").unwrap();
            }
            unlink(&folder);
            assert_eq!(folder.exists(), !removed);
        }
    }
}
