//! What `/proc` tells of processes (proc(5)). Where there is none everything is zero.

use std::fs;
use std::path::Path;

use hotrun::sys;

use crate::keeper::Mark;

/// What processes have used so far, added up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Time on a processor, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// How often a thread gave up the processor to wait.
    pub(crate) switches: usize,
    pub(crate) resident_mb: f64,
    /// The most that was ever resident.
    pub(crate) peak_mb: f64,
    pub(crate) processes: usize,
}

impl Usage {
    /// Of everybody with this mark and whom they started, but not of programs with this name.
    pub(crate) fn of_tool(mark: &Mark, but: &str) -> Self {
        let table = sys::processes();
        let mut pids: Vec<i32> = mark.processes().iter().map(|row| row.pid).collect();
        // Some are started with an environment of their own. The list grows while it is walked.
        let mut next = 0;
        while let Some(&parent) = pids.get(next) {
            let children = table.iter().filter(|row| row.parent == parent).map(|row| row.pid);
            let new: Vec<i32> = children.filter(|pid| !pids.contains(pid)).collect();
            pids.extend(new);
            next += 1;
        }
        let mut usage = Self::default();
        for pid in pids {
            let executable = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
            if executable.file_name().is_none_or(|name| name != but) {
                usage.add(pid);
            }
        }
        usage
    }

    /// Of one process.
    pub(crate) fn of(pid: i32) -> Self {
        let mut usage = Self::default();
        usage.add(pid);
        usage
    }

    fn add(&mut self, pid: i32) {
        let folder = format!("/proc/{pid}");
        for thread in fs::read_dir(format!("{folder}/task")).into_iter().flatten().flatten() {
            let spent = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            let nanos = spent.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok());
            self.cpu_ms += nanos.unwrap_or(0.0) / 1e6;
            self.switches += field(&thread.path(), "voluntary_ctxt_switches:");
        }
        #[expect(clippy::cast_precision_loss, reason = "kilobytes of memory fit in 53 bits")]
        let megabytes = |name| field(Path::new(&folder), name) as f64 / 1024.0;
        self.resident_mb += megabytes("VmRSS:");
        self.peak_mb += megabytes("VmHWM:");
        self.processes += 1;
    }
}

/// A number of a `status` file.
fn field(folder: &Path, name: &str) -> usize {
    let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How many descriptors a process has open.
pub(crate) fn descriptors(pid: i32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// How many inotify watches a process has.
pub(crate) fn watches(pid: i32) -> usize {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).into_iter().flatten().flatten();
    let lines = |path| fs::read_to_string(path).unwrap_or_default();
    infos.map(|info| lines(info.path()).lines().filter(|line| line.starts_with("inotify ")).count()).sum()
}
