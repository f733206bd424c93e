//! Work that gives way to everything else.

use std::io;

use rustix::process::{Pid, setpriority_process};

/// Gives a process that has started nothing yet, and all that it will start, the lowest priority of processor
/// and disk that [`normal_priority`] can take back: a nice value could only be raised again by root.
pub fn lowest_priority(pid: u32) {
    if schedule(pid, true).is_err() {
        let _ = setpriority_process(Pid::from_raw(pid.cast_signed()), 19);
    }
}

/// Gives every thread of the process its normal priority: even to end, a killed process has to get a processor.
pub fn normal_priority(pid: i32) {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for thread in threads.filter_map(|thread| thread.file_name().to_str()?.parse().ok()) {
        // One that has ended meanwhile needs none.
        let _ = schedule(thread, false);
    }
}

#[cfg(target_os = "linux")]
fn schedule(thread: u32, idle: bool) -> io::Result<()> {
    const IOPRIO_WHO_PROCESS: libc::c_int = 1;
    const IOPRIO_CLASS_IDLE: libc::c_int = 3 << 13;
    let policy = if idle { libc::SCHED_IDLE } else { libc::SCHED_OTHER };
    let disk = if idle { IOPRIO_CLASS_IDLE } else { 0 };
    let parameters = libc::sched_param { sched_priority: 0 };
    let thread = thread.cast_signed();
    // SAFETY: ioprio_set(2) takes integers; sched_setscheduler(2) reads the parameters, which outlive the call.
    let done = unsafe {
        libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread, disk);
        libc::sched_setscheduler(thread, policy, &raw const parameters)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn schedule(_thread: u32, _idle: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_low_priority_can_be_taken_back() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id();
        let policy = || {
            // SAFETY: sched_getscheduler(2) takes an integer.
            unsafe { libc::sched_getscheduler(pid.cast_signed()) }
        };
        lowest_priority(pid);
        assert_eq!(policy(), libc::SCHED_IDLE);
        normal_priority(pid.cast_signed());
        assert_eq!(policy(), libc::SCHED_OTHER);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
