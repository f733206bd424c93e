//! The process table read from `/proc` (proc(5)).

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::row::{ProcessRow, below};

/// Flag of a process that has called exit (include/linux/sched.h).
const PF_EXITING: u32 = 0x4;

/// A spare descriptor, closed to read the table when the limit on open files is reached: a table that cannot
/// be read would look empty. Reading needs one descriptor at a time.
static RESERVE: Mutex<Option<File>> = Mutex::new(None);

/// Keeps a descriptor in reserve, so that the table can be read when the limit on open files is reached.
pub fn reserve_for_table() {
    let mut reserve = RESERVE.lock().unwrap_or_else(PoisonError::into_inner);
    if reserve.is_none() {
        *reserve = File::open("/dev/null").ok();
    }
}

/// Runs `open`, and again without the spare descriptor if the limit on open files is reached.
fn with_spare_descriptor<T>(open: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match open() {
        Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
            *RESERVE.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let done = open();
            reserve_for_table();
            done
        }
        done => done,
    }
}

fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    with_spare_descriptor(|| fs::read(&path))
}

fn read_text(path: impl AsRef<Path>) -> io::Result<String> {
    with_spare_descriptor(|| fs::read_to_string(&path))
}

/// Returns every process this user can see.
pub fn processes() -> Vec<ProcessRow> {
    numbers("/proc").into_iter().filter_map(process).collect()
}

pub fn process(pid: i32) -> Option<ProcessRow> {
    row(&read(format!("/proc/{pid}/stat")).ok()?)
}

pub(super) fn environment(pid: i32) -> Option<Vec<u8>> {
    read(format!("/proc/{pid}/environ")).ok()
}

/// Returns all descendants, zombies included; without orphans unless this process is a subreaper.
pub fn own_descendants() -> Vec<ProcessRow> {
    let me = std::process::id().cast_signed();
    // The lists of children (CONFIG_PROC_CHILDREN) spare reading every process of the machine.
    let Some(first) = children(me) else {
        return below(me, &processes());
    };
    let mut found = Vec::new();
    let mut pids = first;
    while let Some(pid) = pids.pop() {
        if let Some(row) = process(pid) {
            pids.extend(children(pid).unwrap_or_default());
            found.push(row);
        }
    }
    found
}

/// Whether a debugger traces the process.
pub fn is_traced(pid: i32) -> bool {
    read_text(format!("/proc/{pid}/status")).is_ok_and(|status| {
        status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|tracer| tracer.trim() != "0"))
    })
}

/// Whether the process has a handler for the signal; `true` where the platform does not tell. `SigCgt` of
/// `/proc/PID/status` is a mask in hexadecimal (`proc_pid_status(5)`).
pub fn catches(pid: i32, signal: i32) -> bool {
    let Ok(status) = read_text(format!("/proc/{pid}/status")) else { return true };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Whether a signal, not a debugger, stopped the process.
pub fn is_stopped(pid: i32) -> bool {
    read(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| fields(&stat).is_some_and(|(_, rest)| rest.starts_with('T')))
}

/// Returns the foreground group of the terminal with this device number, also from outside its session.
pub(in crate::sys) fn holder_of(device: rustix::fs::Dev) -> Option<i32> {
    // Any process of the session has the terminal's `tty_nr` (with the minor in two parts) and `tpgid`.
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let number = (minor & 0xff) | (major << 8) | ((minor >> 8) << 20);
    numbers("/proc").into_iter().find_map(|pid| {
        let stat = read(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = fields(&stat)?;
        let mut rest = rest.split(' ').skip(4);
        let same = rest.next()?.parse() == Ok(number.cast_signed());
        let group: i32 = rest.next()?.parse().ok()?;
        (same && group > 0).then_some(group)
    })
}

/// Returns the children of all threads of a process, or `None` if the kernel keeps no such list.
fn children(pid: i32) -> Option<Vec<i32>> {
    let mut found = Vec::new();
    for thread in numbers(&format!("/proc/{pid}/task")) {
        let list = read_text(format!("/proc/{pid}/task/{thread}/children")).ok()?;
        found.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Some(found)
}

fn numbers(folder: &str) -> Vec<i32> {
    let names = |entries: fs::ReadDir| {
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
    };
    with_spare_descriptor(|| fs::read_dir(folder)).map(names).unwrap_or_default()
}

/// Returns the pid and the fields after the name, which may itself contain spaces and brackets.
fn fields(stat: &[u8]) -> Option<(i32, &str)> {
    let open = stat.iter().position(|&byte| byte == b'(')?;
    let close = stat.iter().rposition(|&byte| byte == b')')?;
    let pid = str::from_utf8(stat.get(..open)?).ok()?.trim().parse().ok()?;
    Some((pid, str::from_utf8(stat.get(close + 2..)?).ok()?.trim_end()))
}

fn row(stat: &[u8]) -> Option<ProcessRow> {
    let (pid, rest) = fields(stat)?;
    let fields: Vec<&str> = rest.split(' ').collect();
    Some(ProcessRow {
        pid,
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        ending: fields.get(6)?.parse::<u32>().ok()? & PF_EXITING != 0,
        start: fields.get(19)?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_is_skipped() {
        let stat = b"42 (a) Z (b c) S 7 8 9 34816 8 4194304 1 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n";
        let row = row(stat).unwrap();
        assert_eq!(
            (row.pid, row.parent, row.group, row.session, row.zombie, row.start),
            (42, 7, 8, 9, false, 777)
        );
    }

    #[test]
    fn finds_itself() {
        let me = process(std::process::id().cast_signed()).unwrap();
        assert!(processes().contains(&me));
        assert!(!me.zombie);
    }
}
