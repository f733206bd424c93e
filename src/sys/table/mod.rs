//! The process table: processes, their parents, groups and environments.
//!
//! A snapshot: to signal a process of a row, use [`super::kill_exactly`], since the pid may have been reused.
//! Zombies are listed and marked; they do not count as alive.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
mod platform;
mod row;

pub(super) use platform::holder_of;
pub use platform::{catches, is_stopped, is_traced, own_descendants, process, processes, reserve_for_table};
pub use row::ProcessRow;

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
