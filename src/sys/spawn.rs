//! Starts a program with full control: group, signals, descriptors, `LISTEN_PID`.
//!
//! fork(2) and execve(2) by hand: `std::process::Command` replaces the environment after its `pre_exec`
//! closures, keeps ignored signals ignored, and its internal pipe may sit at the number of a passed socket,
//! in which case a failed exec counts as success. Everything is prepared before the fork; the child calls
//! only what signal-safety(7) allows.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use super::lifeline::{announce, decimal};
use super::signal::{block_all, restore_mask, unblock_all};

/// What the new process leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leader {
    /// A process group, in hotrun's session.
    Group,
    /// A session without a controlling terminal.
    Session,
}

/// Whether the new process starts in the foreground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreground {
    /// Its group becomes the foreground group of the terminal on hotrun's stdin.
    Yes,
    No,
}

/// What the child sends the reaper before exec.
#[derive(Debug, Clone)]
pub enum Announce {
    No,
    /// `<before> <pid> <after>`; together below a hundred bytes.
    As {
        before: String,
        after: String,
    },
}

/// A program to start, and how.
#[derive(Debug)]
pub struct SpawnOrder<'a> {
    pub program: &'a Path,
    /// From `argv[0]` on.
    pub argv: &'a [OsString],
    pub env: &'a [(OsString, OsString)],
    /// Adds `LISTEN_PID` with the child's own pid to the environment.
    pub listen_pid: bool,
    pub cwd: &'a Path,
    /// Stdin, stdout and stderr; `None` inherits hotrun's.
    pub stdio: [Option<BorrowedFd<'a>>; 3],
    /// Passed as descriptors 3, 4, …
    pub fds: &'a [BorrowedFd<'a>],
    pub leader: Leader,
    pub foreground: Foreground,
    /// Keeps SIGHUP ignored, as under nohup(1); every other signal gets its default action.
    pub ignore_hangup: bool,
    pub announce: Announce,
}

/// The step at which starting a program failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum SpawnStage {
    /// Before the fork, or the fork itself.
    Prepare = 0,
    Chdir = 1,
    Descriptors = 2,
    Exec = 3,
}

#[derive(Debug)]
pub struct SpawnFailure {
    pub stage: SpawnStage,
    pub error: io::Error,
}

/// Returns a hint if the system refused a process, thread or descriptor because of a limit.
pub fn limit_hint(error: &io::Error) -> Option<&'static str> {
    match error.raw_os_error()? {
        libc::EAGAIN => Some("end some processes, or raise the limit on them (`ulimit -u`)"),
        libc::EMFILE => Some("raise the limit on open files (`ulimit -n`)"),
        _ => None,
    }
}

const FIRST_FD: RawFd = 3;

/// `LISTEN_PID=` and room for the digits.
const LISTEN_PID: &[u8; 23] = b"LISTEN_PID=\0\0\0\0\0\0\0\0\0\0\0\0";

/// Starts a program and returns its pid once it is executing. The caller has to reap it.
pub fn spawn(order: &SpawnOrder<'_>) -> Result<i32, SpawnFailure> {
    let prepare = |error| SpawnFailure { stage: SpawnStage::Prepare, error };
    let program = c_string(order.program.as_os_str()).map_err(prepare)?;
    let cwd = c_string(order.cwd.as_os_str()).map_err(prepare)?;
    let argv: Vec<CString> =
        order.argv.iter().map(|arg| c_string(arg)).collect::<io::Result<_>>().map_err(prepare)?;
    let env: Vec<CString> = order
        .env
        .iter()
        .map(|(name, value)| {
            let mut entry = name.clone();
            entry.push("=");
            entry.push(value);
            c_string(&entry)
        })
        .collect::<io::Result<_>>()
        .map_err(prepare)?;
    let first_free = FIRST_FD + RawFd::try_from(order.fds.len()).unwrap_or(RawFd::MAX - FIRST_FD);

    // Sources move out of the way of their targets: dup2 onto itself would keep close-on-exec, and dup2 onto
    // a source not yet copied would lose that source.
    let aside = |fd: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(fd, first_free).map_err(io::Error::from);
    let fds: Vec<OwnedFd> =
        order.fds.iter().map(|&fd| aside(fd)).collect::<io::Result<_>>().map_err(prepare)?;
    let mut stdio = [None, None, None];
    for (place, fd) in stdio.iter_mut().zip(order.stdio) {
        *place = fd.map(aside).transpose().map_err(prepare)?;
    }
    let (failure, write_end) = io::pipe().map_err(prepare)?;
    let report = aside(write_end.as_fd()).map_err(prepare)?;
    drop(write_end);

    let mut listen_pid = *LISTEN_PID;
    let mut env_pointers: Vec<*const libc::c_char> = env.iter().map(|entry| entry.as_ptr()).collect();
    if order.listen_pid {
        env_pointers.push(listen_pid.as_ptr().cast());
    }
    env_pointers.push(ptr::null());
    let argv_pointers: Vec<*const libc::c_char> =
        argv.iter().map(|arg| arg.as_ptr()).chain([ptr::null()]).collect();
    let (before, after) = match &order.announce {
        Announce::No => (String::new(), String::new()),
        Announce::As { before, after } => (format!("{before} "), format!(" {after}\n")),
    };
    let mut child = Child {
        program: program.as_ptr(),
        argv: argv_pointers.as_ptr(),
        env: env_pointers.as_ptr(),
        listen_pid: listen_pid.as_mut_ptr(),
        cwd: cwd.as_ptr(),
        stdio: [-1; 3],
        fds: &fds,
        first_free,
        highest: highest_descriptor(),
        leader: order.leader,
        foreground: order.foreground,
        ignore_hangup: order.ignore_hangup,
        announce: [before.as_bytes(), after.as_bytes()],
        report: report.as_raw_fd(),
    };
    for (place, fd) in child.stdio.iter_mut().zip(&stdio) {
        *place = fd.as_ref().map_or(-1, AsRawFd::as_raw_fd);
    }

    // No handler may run in the child: the async runtime's would write into the pipe it shares with hotrun.
    let mask = block_all();
    // SAFETY: the child calls only `Child::become_program`, which is restricted to what is allowed after fork
    // in a process with several threads, and never returns.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child.become_program();
    }
    let forked = io::Error::last_os_error();
    restore_mask(&mask);
    if pid < 0 {
        return Err(prepare(forked));
    }
    drop(report);
    if order.leader == Leader::Group {
        // The child does the same; whichever comes first, the group exists before it is used.
        // SAFETY: setpgid(2) takes two integers; its failure means that the child was faster.
        unsafe { libc::setpgid(pid, pid) };
    }
    outcome(pid, failure.as_fd())
}

/// Reads the child's report: the end of the pipe means that it is executing.
fn outcome(pid: i32, failure: BorrowedFd<'_>) -> Result<i32, SpawnFailure> {
    let mut message = Vec::new();
    let read =
        failure.try_clone_to_owned().map(File::from).and_then(|mut file| file.read_to_end(&mut message));
    let &[stage, a, b, c, d] = message.as_slice() else {
        return match read {
            Ok(_) => Ok(pid),
            Err(error) => Err(SpawnFailure { stage: SpawnStage::Prepare, error }),
        };
    };
    let mut status = 0;
    // SAFETY: waitpid(2) for a child of ours that is about to exit writes only to `status`.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    let stage = match stage {
        1 => SpawnStage::Chdir,
        2 => SpawnStage::Descriptors,
        _ => SpawnStage::Exec,
    };
    Err(SpawnFailure { stage, error: io::Error::from_raw_os_error(i32::from_ne_bytes([a, b, c, d])) })
}

/// What the child needs, in memory that the fork copies.
struct Child<'a> {
    program: *const libc::c_char,
    argv: *const *const libc::c_char,
    env: *const *const libc::c_char,
    listen_pid: *mut u8,
    cwd: *const libc::c_char,
    stdio: [RawFd; 3],
    fds: &'a [OwnedFd],
    first_free: RawFd,
    highest: RawFd,
    leader: Leader,
    foreground: Foreground,
    ignore_hangup: bool,
    announce: [&'a [u8]; 2],
    report: RawFd,
}

impl Child<'_> {
    /// Executes the program, or reports the failure and exits.
    fn become_program(&mut self) -> ! {
        let stage = self.prepare();
        if stage == SpawnStage::Exec {
            // SAFETY: path and arrays are valid, null-terminated C strings prepared before the fork.
            unsafe { libc::execve(self.program, self.argv, self.env) };
        }
        let error = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL).to_ne_bytes();
        let message = [stage as u8, error[0], error[1], error[2], error[3]];
        // SAFETY: `message` is five bytes long; _exit(2) runs nothing of the parent's.
        unsafe {
            libc::write(self.report, message.as_ptr().cast(), message.len());
            libc::_exit(127)
        }
    }

    /// Returns [`SpawnStage::Exec`] on success, else the stage that failed, with `errno` set.
    fn prepare(&mut self) -> SpawnStage {
        // SAFETY: all of these are on the list of signal-safety(7) (setpgid, setsid, tcsetpgrp, chdir, dup2,
        // getpid), with pointers and descriptors prepared before the fork.
        unsafe {
            match self.leader {
                Leader::Group => drop(libc::setpgid(0, 0)),
                Leader::Session => drop(libc::setsid()),
            }
            if !self.announce[0].is_empty() {
                announce(self.announce[0], self.announce[1]);
            }
            if self.foreground == Foreground::Yes {
                // SIGTTOU, which would stop this background process, is blocked like all signals.
                libc::tcsetpgrp(0, libc::getpid());
            }
            if libc::chdir(self.cwd) != 0 {
                return SpawnStage::Chdir;
            }
            for (target, &source) in (0..).zip(&self.stdio) {
                if source >= 0 && libc::dup2(source, target) < 0 {
                    return SpawnStage::Descriptors;
                }
            }
            for (target, source) in (FIRST_FD..).zip(self.fds) {
                if libc::dup2(source.as_raw_fd(), target) < 0 {
                    return SpawnStage::Descriptors;
                }
            }
            let mut digits = [0_u8; 12];
            let pid = decimal(libc::getpid(), &mut digits);
            ptr::copy_nonoverlapping(pid.as_ptr(), self.listen_pid.add("LISTEN_PID=".len()), pid.len());
        }
        close_on_exec_from(self.first_free, self.highest);
        self.reset_signals();
        SpawnStage::Exec
    }

    fn reset_signals(&self) {
        // Numbers that do not exist or belong to the C library are refused, which is fine.
        for signal in 1..=64 {
            if signal == libc::SIGHUP && self.ignore_hangup {
                continue;
            }
            // SAFETY: SIG_DFL runs no code of ours; `signal` is on the list of signal-safety(7).
            unsafe { libc::signal(signal, libc::SIG_DFL) };
        }
        unblock_all();
    }
}

/// Async-signal-safe.
fn close_on_exec_from(first: RawFd, highest: RawFd) {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: close_range(2) with this flag only marks descriptors.
        let marked = unsafe {
            libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
        };
        if marked == 0 {
            return;
        }
    }
    for fd in first..=highest {
        // SAFETY: fcntl(2) on a number that is not open only gives an error.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Returns the highest open descriptor, plus some for those other threads open meanwhile.
fn highest_descriptor() -> RawFd {
    if cfg!(target_os = "linux") {
        // A bound is enough for kernels without close_range(2).
        return 4096;
    }
    let Ok(entries) = std::fs::read_dir("/dev/fd") else {
        return 4096;
    };
    let open = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<RawFd>().ok());
    open.max().unwrap_or(0) + 16
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))
}
