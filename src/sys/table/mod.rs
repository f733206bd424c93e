//! The process table: who is there, below whom, in which group, and with which environment.
//!
//! A look at one moment: whoever acts on a row uses [`super::kill_exactly`], since a pid may belong to somebody else
//! by then. Zombies are listed and marked; they do not count as alive.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
use macos as platform;

/// One process of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessRow {
    /// Its pid.
    pub pid: i32,
    /// The pid of its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session, where the platform tells (0 elsewhere).
    pub session: i32,
    /// Whether it has ended and only waits to be reaped.
    pub zombie: bool,
    /// Whether it is about to be a zombie: it has no environment any more, and may still hold descriptors.
    pub ending: bool,
    /// When it was started, in the platform's own unit: tells a process from a later one with the same pid.
    pub start: u64,
}

/// Makes sure that the table can be read later on where this process may open no more files.
pub fn reserve_for_table() {
    platform::reserve();
}

/// Every process this user can see.
pub fn processes() -> Vec<ProcessRow> {
    platform::processes()
}

/// One process.
pub fn process(pid: i32) -> Option<ProcessRow> {
    platform::process(pid)
}

/// Whether the environment `pid` was started with holds an entry that starts with `prefix` (`NAME=value`, and the
/// end of the entry where `whole` is set). Environments of other users cannot be read: then it does not.
pub fn carries(pid: i32, prefix: &str, whole: bool) -> bool {
    platform::environment(pid).is_some_and(|block| {
        block.split(|&byte| byte == 0).any(|entry| {
            if whole { entry == prefix.as_bytes() } else { entry.starts_with(prefix.as_bytes()) }
        })
    })
}

/// The living members of a process group.
pub fn group_members(group: i32) -> Vec<i32> {
    processes().into_iter().filter(|row| row.group == group && !row.zombie).map(|row| row.pid).collect()
}

/// The living members of a process group that this process or a child of it has made.
pub fn own_group_members(group: i32) -> Vec<i32> {
    // Where orphans become this process's children, its own descendants are enough, and the rest of the table is not read.
    let table = if cfg!(target_os = "linux") { own_descendants() } else { processes() };
    table.into_iter().filter(|row| row.group == group && !row.zombie).map(|row| row.pid).collect()
}

/// Everything below this process, zombies included; where this process is no subreaper, orphans are missing.
pub fn own_descendants() -> Vec<ProcessRow> {
    platform::own_descendants()
}

/// Whether a debugger holds the process.
pub fn is_traced(pid: i32) -> bool {
    platform::is_traced(pid)
}

/// Whether the process has a handler for the signal. Where that cannot be told, it is taken to have one.
pub fn catches(pid: i32, signal: i32) -> bool {
    platform::catches(pid, signal)
}

/// Whether the process is stopped: by a signal, not by a debugger.
pub fn is_stopped(pid: i32) -> bool {
    platform::is_stopped(pid)
}

/// The foreground group of the terminal with this device number, as seen from outside its session.
pub(super) fn holder_of(device: rustix::fs::Dev) -> Option<i32> {
    platform::holder_of(device)
}

/// The rows of `all` that lie below `root`.
fn below(root: i32, all: &[ProcessRow]) -> Vec<ProcessRow> {
    let mut found: Vec<ProcessRow> = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for row in all.iter().filter(|row| row.parent == parent && row.pid != parent) {
            parents.push(row.pid);
            found.push(*row);
        }
    }
    found
}
