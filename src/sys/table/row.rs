//! A row of the process table.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessRow {
    pub pid: i32,
    pub parent: i32,
    pub group: i32,
    /// 0 where the platform does not tell.
    pub session: i32,
    /// Ended, and not yet reaped.
    pub zombie: bool,
    /// About to become a zombie: it has lost its environment, and may still hold descriptors.
    pub ending: bool,
    /// The start time in the platform's own unit, which tells a process from a later one with the same pid.
    pub start: u64,
}

pub(super) fn below(root: i32, all: &[ProcessRow]) -> Vec<ProcessRow> {
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
