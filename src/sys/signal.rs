//! Sends signals, and sets up how this process handles them.

use std::io;

use super::table::ProcessRow;

/// Sends `signal` (0 only checks) to every member of a process group.
///
/// Fails with `ESRCH` for an empty group, `EPERM` if no member may be signalled. Refuses groups that mean
/// something else to kill(2): 0 (the caller's own) and 1 (everything).
pub fn kill_group(group: i32, signal: i32) -> io::Result<()> {
    if group <= 1 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: kill(2) takes two integers and touches no memory of ours.
    check(unsafe { libc::kill(-group, signal) })
}

/// Sends `signal` (0 only checks) to a process.
pub fn kill_process(pid: i32, signal: i32) -> io::Result<()> {
    if pid <= 0 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: kill(2) takes two integers and touches no memory of ours.
    check(unsafe { libc::kill(pid, signal) })
}

/// Sends `signal` to this process, and not to a later one with the same pid.
pub fn kill_exactly(row: &ProcessRow, signal: i32) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Some(pid) = rustix::process::Pid::from_raw(row.pid)
        && let Ok(pidfd) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
    {
        use std::os::fd::AsRawFd;
        if super::table::process(row.pid).is_none_or(|now| now.start != row.start) {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        // SAFETY: pidfd_send_signal(2) with a null siginfo reads no memory of ours, and the descriptor is open.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                pidfd.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        return if sent == 0 { Ok(()) } else { Err(io::Error::last_os_error()) };
    }
    if super::table::process(row.pid).is_none_or(|now| now.start != row.start) {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    kill_process(row.pid, signal)
}

/// Returns the group of this process; 0 if the leader is outside its PID namespace (`unshare -p`).
pub fn own_group() -> i32 {
    // SAFETY: getpgrp(2) cannot fail and touches no memory.
    unsafe { libc::getpgrp() }
}

/// Returns the session of this process; 0 if the leader is outside its PID namespace.
pub fn own_session() -> i32 {
    // SAFETY: getsid(2) of the calling process cannot fail and touches no memory.
    unsafe { libc::getsid(0) }
}

/// Whether `signal` is ignored, as nohup(1) does with SIGHUP. To be called before any handler is set.
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: an all-zero `sigaction` is a valid value of this plain C struct.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: with a null new action, sigaction(2) only writes the old one into `now`.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut now) };
    asked == 0 && now.sa_sigaction == libc::SIG_IGN
}

/// Stops this process by the default action of SIGTSTP, which does nothing if no shell could continue it.
/// Returns after SIGCONT. With `whole_job` the other members of the process group get the signal as well.
pub fn stop_by_terminal_signal(whole_job: bool) {
    let signal = libc::SIGTSTP;
    // SAFETY: both actions are valid values of this plain C struct; the default action runs no code of ours,
    // and the previous handler is restored.
    unsafe {
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        let mut before: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, &raw const default, &raw mut before) != 0 {
            return;
        }
        if whole_job {
            // Ignored meanwhile: otherwise the second signal would stop this process again after SIGCONT.
            libc::signal(signal, libc::SIG_IGN);
            libc::kill(0, signal);
            libc::sigaction(signal, &raw const default, std::ptr::null_mut());
        }
        // Sent to this thread, so that it has stopped when the call returns.
        libc::raise(signal);
        libc::sigaction(signal, &raw const before, std::ptr::null_mut());
    }
}

/// Resets inherited dispositions that would hide children and signals: blocked signals, and SIGCHLD ignored.
/// From then on, a write beyond the limit on file size (`ulimit -f`) is an error.
///
/// To be called before any other thread starts.
pub fn set_up_signals() {
    extern "C" fn nothing(_: i32) {}
    unblock_all();
    let nothing: extern "C" fn(i32) = nothing;
    // SAFETY: the default action runs no code of ours, and the handler is empty. Unlike SIG_IGN, a handler is
    // not passed on across exec.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        libc::signal(libc::SIGXFSZ, nothing as libc::sighandler_t);
    }
}

pub fn ignore_all() {
    // Numbers that do not exist or belong to the C library are refused.
    for signal in 1..=64 {
        // SAFETY: SIG_IGN runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Blocks SIGTTOU and SIGTTIN in this thread and every thread it starts later, so that the terminal never
/// stops hotrun.
///
/// Blocked instead of ignored: an ignored signal stays ignored across exec and would change the programs
/// hotrun starts. [`super::spawn()`] and [`super::adopt_group`] start them with an empty mask; the standard
/// library passes hotrun's on.
pub fn block_terminal_stops() {
    change_mask(libc::SIG_BLOCK, &[libc::SIGTTOU, libc::SIGTTIN]);
}

/// Ends this process by `signal` with its default action, so that the parent (a shell, a script) sees it.
///
/// Exits with 128 + `signal` if the signal does not kill (process 1 survives default actions; some signals
/// are ignored by default).
pub fn die_of(signal: i32) -> ! {
    // SAFETY: SIG_DFL runs no code of ours.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    change_mask(libc::SIG_UNBLOCK, &[signal]);
    // SAFETY: raise(3) takes an integer; the default action ends the process or does nothing.
    unsafe { libc::raise(signal) };
    // SAFETY: _exit(2) takes an integer. Unlike `exit`, it runs no C handlers, just as the signal would not.
    unsafe { libc::_exit(128 + signal) }
}

/// Renames this process in the process table (Linux; elsewhere only `argv[0]` names it).
pub fn name_process(name: &str) {
    #[cfg(target_os = "linux")]
    if let Ok(name) = std::ffi::CString::new(name) {
        // SAFETY: PR_SET_NAME reads a C string, which lives through the call.
        unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

/// Blocks every signal in this thread and returns the previous mask.
pub(super) fn block_all() -> libc::sigset_t {
    // SAFETY: `sigset_t` is a plain C struct, for which all-zero is a valid value; the calls only write the sets given.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    }
}

/// Unblocks every signal. Async-signal-safe.
pub(super) fn unblock_all() {
    // SAFETY: `sigset_t` is a plain C struct, for which all-zero is a valid value; both calls are on the list of
    // signal-safety(7).
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

pub(super) fn restore_mask(mask: &libc::sigset_t) {
    // SAFETY: `mask` is a valid set; the null pointer skips the old one.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

fn change_mask(how: i32, signals: &[i32]) {
    // SAFETY: `sigset_t` is a plain C struct, for which all-zero is a valid value; the calls only write `set`.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut());
    }
}

fn check(answer: i32) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
