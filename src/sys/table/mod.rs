//! The process table: processes, their parents, groups and environments.
//!
//! A snapshot: to signal a process of a row, use [`super::kill_exactly`], since the pid may have been reused.
//! Zombies are listed and marked; they do not count as alive.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod row;

#[cfg(target_os = "linux")]
use linux as platform;
#[cfg(target_os = "macos")]
use macos as platform;

pub use row::ProcessRow;

/// Keeps a descriptor in reserve, so that the table can be read when the limit on open files is reached.
pub fn reserve_for_table() {
    platform::reserve();
}

/// Returns every process this user can see.
pub fn processes() -> Vec<ProcessRow> {
    platform::processes()
}

pub fn process(pid: i32) -> Option<ProcessRow> {
    platform::process(pid)
}

/// Whether the environment `pid` started with has an entry `prefix`, or, unless `whole`, one that begins with
/// `prefix`. Returns `false` for processes of other users, whose environment cannot be read.
pub fn carries(pid: i32, prefix: &str, whole: bool) -> bool {
    platform::environment(pid).is_some_and(|block| {
        block.split(|&byte| byte == 0).any(|entry| {
            if whole { entry == prefix.as_bytes() } else { entry.starts_with(prefix.as_bytes()) }
        })
    })
}

/// Returns the living members of a process group.
pub fn group_members(group: i32) -> Vec<i32> {
    processes().into_iter().filter(|row| row.group == group && !row.zombie).map(|row| row.pid).collect()
}

/// Returns the living members of a process group among the descendants of this process.
pub fn own_group_members(group: i32) -> Vec<i32> {
    // On Linux orphans become children of this process, so reading its own descendants is enough.
    let table = if cfg!(target_os = "linux") { own_descendants() } else { processes() };
    table.into_iter().filter(|row| row.group == group && !row.zombie).map(|row| row.pid).collect()
}

/// Returns all descendants, zombies included; without orphans unless this process is a subreaper.
pub fn own_descendants() -> Vec<ProcessRow> {
    platform::own_descendants()
}

/// Whether a debugger traces the process.
pub fn is_traced(pid: i32) -> bool {
    platform::is_traced(pid)
}

/// Whether the process has a handler for the signal; `true` where the platform does not tell.
pub fn catches(pid: i32, signal: i32) -> bool {
    platform::catches(pid, signal)
}

/// Whether a signal, not a debugger, stopped the process.
pub fn is_stopped(pid: i32) -> bool {
    platform::is_stopped(pid)
}

/// Returns the foreground group of the terminal with this device number, also from outside its session.
pub(super) fn holder_of(device: rustix::fs::Dev) -> Option<i32> {
    platform::holder_of(device)
}
