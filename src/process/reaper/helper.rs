//! The reaper process: waits until the lifeline closes, then cleans up after a killed hotrun.
//!
//! Sleeps in one read until hotrun reports something or dies. Depends only on what the lifeline reported.
//! Order of the clean-up: the terminal's modes at once (the shell is about to prompt), cargo, the program by
//! its stop plan, processes with the tag, the terminal once more, files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::NAME;
use super::cleanup::Cleanup;
use crate::process::tree::{TAG, add_descendants};
use crate::sys::{self, ProcessRow, TerminalModes};

/// How long the kernel may take to end a process after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// The longest pause between two checks of what is left: new processes may have appeared.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// The reaper's `main`: lifeline on stdin, the terminal (or `/dev/null`) on stdout.
pub fn main() -> ExitCode {
    sys::name_process(NAME);
    sys::ignore_all();
    let mut cleanup = Cleanup::default();
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) if line == "bye" => return ExitCode::SUCCESS,
            Ok(line) => cleanup.apply(&line),
            Err(_) => break,
        }
    }
    Execution { cleanup, found: BTreeMap::new() }.run();
    ExitCode::SUCCESS
}

/// The clean-up after a dead hotrun.
#[derive(Debug)]
struct Execution {
    cleanup: Cleanup,
    /// Processes found so far, with their start times: they may leave group and parent, and lose their tag.
    found: BTreeMap<i32, u64>,
}

impl Execution {
    fn run(mut self) {
        self.restore_modes();
        // Before a parent ends and its children get another one.
        let table = sys::processes();
        self.find_members(&table);
        for (&group, &start) in &self.cleanup.cargo {
            if self.is_ours(group, start, &table) {
                let _ = sys::kill_group(group, libc::SIGKILL);
            }
        }
        let now = Instant::now();
        for (&group, app) in &self.cleanup.apps {
            if self.is_ours(group, app.start, &table) {
                let _ = sys::kill_group(group, app.plan.signal);
                let _ = sys::kill_group(group, libc::SIGCONT);
            }
        }
        let mut asked: BTreeSet<i32> = table
            .iter()
            .filter(|row| self.cleanup.apps.contains_key(&row.group))
            .map(|row| row.pid)
            .collect();
        self.treat_all(now + self.cleanup.longest(), |row| {
            if asked.insert(row.pid) {
                let _ = sys::kill_exactly(row, libc::SIGTERM);
                let _ = sys::kill_exactly(row, libc::SIGCONT);
            }
        });
        self.treat_all(Instant::now() + KILL_GRACE, |row| {
            let _ = sys::kill_exactly(row, libc::SIGKILL);
        });
        if self.cleanup.lent {
            self.restore_modes();
            let _ = io::stdout().write_all(sys::TERMINAL_RESET).and_then(|()| io::stdout().flush());
        }
        // Files before their folders.
        for file in self.cleanup.files.iter().rev() {
            unlink(file);
        }
    }

    /// Applies `treat` to all that is left, repeatedly, until nothing is left or the time is over.
    fn treat_all(&mut self, until: Instant, mut treat: impl FnMut(&ProcessRow)) {
        loop {
            let left = self.find_members(&sys::processes());
            let now = Instant::now();
            let Some(first) = left.first() else { return };
            if now >= until {
                return;
            }
            for row in &left {
                treat(row);
            }
            wait_for(first.pid, MAX_PAUSE.min(until - now));
        }
    }

    /// Returns the living processes of the programs: the groups, processes with the tag, those found before,
    /// and all their descendants.
    fn find_members(&mut self, table: &[ProcessRow]) -> Vec<ProcessRow> {
        let entry = format!("{TAG}={}.", self.cleanup.run);
        let groups: BTreeSet<i32> = self
            .cleanup
            .apps
            .iter()
            .filter(|(group, app)| self.is_ours(**group, app.start, table))
            .map(|(&group, _)| group)
            .collect();
        let belongs = |row: &&ProcessRow| {
            groups.contains(&row.group)
                || self.found.get(&row.pid) == Some(&row.start)
                || (!self.cleanup.run.is_empty() && sys::carries(row.pid, &entry, false))
        };
        let mut ours: BTreeSet<i32> = table.iter().filter(belongs).map(|row| row.pid).collect();
        add_descendants(&mut ours, table);
        let me = std::process::id().cast_signed();
        let others = [me, self.cleanup.hotrun];
        let living = |row: &&ProcessRow| !row.zombie && ours.contains(&row.pid) && !others.contains(&row.pid);
        let left: Vec<ProcessRow> = table.iter().filter(living).copied().collect();
        self.found.extend(left.iter().map(|row| (row.pid, row.start)));
        left
    }

    /// Whether a group id still means the reported group. While the group has a member, its id is not reused
    /// as a pid: a process with this pid and another start time leads another group.
    fn is_ours(&self, group: i32, start: Option<u64>, table: &[ProcessRow]) -> bool {
        match table.iter().find(|row| row.pid == group) {
            Some(first) => start == Some(first.start),
            None => table
                .iter()
                .any(|row| row.group == group && (row.session == 0 || row.session == self.cleanup.session)),
        }
    }

    /// Restores the terminal's modes, unless a shell has already taken the terminal and set its own.
    fn restore_modes(&self) {
        let (Some(found), terminal) = (&self.cleanup.found, io::stdout()) else {
            return;
        };
        let Ok(now) = TerminalModes::of(terminal.as_fd()) else {
            return;
        };
        let holder = sys::terminal_holder(terminal.as_fd());
        let still_ours = holder.is_none_or(|group| {
            group == self.cleanup.hotrun
                || self.cleanup.apps.contains_key(&group)
                || self.cleanup.cargo.contains_key(&group)
                || sys::group_members(group).is_empty()
        });
        if still_ours || Some(&now) == self.cleanup.own.as_ref() {
            let _ = found.apply(terminal.as_fd());
        }
    }
}

/// Waits until the process has ended, up to a limit.
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

/// Removes a file, or a folder that contains only sockets, which nothing answers any more.
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
    fn a_reused_group_id_is_left_alone() {
        let row = |pid, group, session, start| ProcessRow {
            pid,
            parent: 1,
            group,
            session,
            zombie: false,
            ending: false,
            start,
        };
        let cleanup = Cleanup { session: 5, ..Cleanup::default() };
        let execution = Execution { cleanup, found: BTreeMap::new() };
        for (rows, ours) in [
            (vec![row(10, 10, 5, 77)], true),
            (vec![row(10, 10, 5, 78)], false),
            (vec![row(10, 10, 5, 78), row(11, 10, 5, 79)], false),
            // The first process has ended.
            (vec![row(11, 10, 5, 79)], true),
            (vec![row(11, 10, 6, 79)], false),
            (vec![row(11, 11, 5, 79)], false),
        ] {
            assert_eq!(execution.is_ours(10, Some(77), &rows), ours, "{rows:?}");
        }
        assert!(!execution.is_ours(10, None, &[row(10, 10, 5, 77)]));
    }

    #[test]
    fn only_a_folder_of_sockets_is_removed() {
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
