//! Starts a process from a [`Spawn`].

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnose::missing_interpreter;
use super::error::SpawnError;
use super::shared::Shared;
use super::tree::TAG;
use crate::sys::{self, Announce, Foreground, Leader, SpawnOrder, SpawnStage};
use crate::words::{Instance, StopPlan};

/// How often, and how long apart, to retry a file that is still open for writing.
///
/// A process forked by another thread holds a copy of every descriptor until it calls exec, including that of
/// a linker's output (<https://github.com/golang/go/issues/22315>). A user's process limit may be reached for
/// a moment as well.
const BUSY_TRIES: u32 = 10;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// The variables of socket activation. In an inherited environment they are meant for another process.
const ACTIVATION: [&str; 5] =
    ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "LISTEN_FDS_FIRST_FD"];

#[derive(Debug)]
pub struct Spawn {
    pub instance: Instance,
    /// The program (with a `/`, or looked up in the `PATH` of `env`) and its arguments.
    pub argv: Vec<OsString>,
    /// The whole environment, to which the variables of socket activation and hotrun's tag are added.
    pub env: Vec<(OsString, OsString)>,
    pub cwd: PathBuf,
    pub stdin: StdinSource,
    /// `None` is hotrun's own.
    pub stdout: Option<OwnedFd>,
    pub stderr: Option<OwnedFd>,
    /// Passed from descriptor 3 on, as systemd does.
    pub fds: Vec<PassedFd>,
    /// Whether its group gets the terminal on hotrun's stdin from the start.
    pub foreground: bool,
    /// How the reaper stops it, and how its remains are stopped when it ends by itself.
    pub stop: StopPlan,
}

/// A program's stdin.
#[derive(Debug)]
pub enum StdinSource {
    /// `/dev/null`.
    Null,
    /// hotrun's own stdin.
    Inherit,
    File(OwnedFd),
}

/// A descriptor for the program, and its name in `LISTEN_FDNAMES`.
#[derive(Debug)]
pub struct PassedFd {
    /// ASCII, no control characters, no `:`.
    pub name: String,
    /// A duplicate, so that hotrun keeps its own.
    pub fd: OwnedFd,
}

/// Reopens the file on hotrun's stdin, so that every process reads it from the start.
pub fn stdin_from_start() -> io::Result<OwnedFd> {
    // On Linux this is a new file description with its own offset; elsewhere `/dev/fd` duplicates the old
    // one.
    if cfg!(target_os = "linux")
        && let Ok(file) = File::open("/proc/self/fd/0")
    {
        return Ok(file.into());
    }
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::fs::seek(&stdin, rustix::fs::SeekFrom::Start(0))?;
    Ok(stdin)
}

/// Checks before a start that the program's file and working directory exist.
pub fn check(argv: &[OsString], env: &[(OsString, OsString)], cwd: &Path) -> Result<(), SpawnError> {
    let program = resolve(argv.first().map_or(OsStr::new(""), OsString::as_os_str), env)?;
    if let Err(source) = fs::metadata(cwd.join(".")) {
        return Err(SpawnError::Folder { program, cwd: cwd.to_owned(), source });
    }
    match fs::metadata(cwd.join(&program)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SpawnError::Missing(program)),
        Ok(file) if !file.is_file() || file.permissions().mode() & 0o111 == 0 => {
            Err(SpawnError::NotExecutable(program))
        }
        _ => Ok(()),
    }
}

/// Starts the program, with retries while its file is busy. Returns its pid.
pub(super) async fn start(shared: &Shared, spawn: &Spawn) -> Result<i32, SpawnError> {
    let Some(name) = spawn.argv.first() else {
        return Err(SpawnError::NotOnPath(PathBuf::new()));
    };
    let program = resolve(name, &spawn.env)?;
    let env = environment(shared, spawn);
    let null;
    let stdin: Option<BorrowedFd<'_>> = match &spawn.stdin {
        StdinSource::Inherit => None,
        StdinSource::File(fd) => Some(fd.as_fd()),
        StdinSource::Null => {
            null = File::open("/dev/null")
                .map_err(|source| SpawnError::Other { program: program.clone(), source })?;
            Some(null.as_fd())
        }
    };
    let fds: Vec<BorrowedFd<'_>> = spawn.fds.iter().map(|passed| passed.fd.as_fd()).collect();
    let order = SpawnOrder {
        program: &program,
        argv: &spawn.argv,
        env: &env,
        listen_pid: !fds.is_empty(),
        cwd: &spawn.cwd,
        stdio: [stdin, spawn.stdout.as_ref().map(AsFd::as_fd), spawn.stderr.as_ref().map(AsFd::as_fd)],
        fds: &fds,
        leader: Leader::Group,
        foreground: if spawn.foreground { Foreground::Yes } else { Foreground::No },
        ignore_hangup: shared.ignore_hangup,
        announce: Announce::As {
            before: "app".to_owned(),
            after: format!("{} {}", spawn.stop.signal, spawn.stop.timeout.as_millis()),
        },
    };
    let mut tries = 1;
    loop {
        match sys::spawn(&order) {
            Ok(pid) => return Ok(pid),
            Err(failure)
                if matches!(
                    failure.error.kind(),
                    io::ErrorKind::ExecutableFileBusy | io::ErrorKind::WouldBlock
                ) && tries < BUSY_TRIES =>
            {
                tries += 1;
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            Err(failure) => return Err(explain(program, &spawn.cwd, failure)),
        }
    }
}

fn environment(shared: &Shared, spawn: &Spawn) -> Vec<(OsString, OsString)> {
    let mut env = spawn.env.clone();
    env.retain(|(name, _)| name != TAG && !ACTIVATION.iter().any(|activation| name == activation));
    env.push((TAG.into(), shared.run.tag(spawn.instance).into()));
    if !spawn.fds.is_empty() {
        let names: Vec<&str> = spawn.fds.iter().map(|passed| passed.name.as_str()).collect();
        env.push(("LISTEN_FDS".into(), names.len().to_string().into()));
        env.push(("LISTEN_FDNAMES".into(), names.join(":").into()));
    }
    env
}

/// Resolves a program name as execvp(3) does.
fn resolve(name: &OsStr, env: &[(OsString, OsString)]) -> Result<PathBuf, SpawnError> {
    let path = Path::new(name);
    if path.components().count() != 1 || path.is_absolute() {
        return Ok(path.to_owned());
    }
    let search = env.iter().rev().find(|(key, _)| key == "PATH").map(|(_, value)| value.clone());
    let mut refused = None;
    for folder in std::env::split_paths(&search.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())) {
        let candidate = folder.join(path);
        match fs::metadata(&candidate) {
            Ok(file) if file.is_file() && file.permissions().mode() & 0o111 != 0 => {
                return Ok(candidate);
            }
            Ok(file) if file.is_file() => refused = Some(candidate),
            _ => {}
        }
    }
    Err(refused.map_or_else(|| SpawnError::NotOnPath(path.to_owned()), SpawnError::NotExecutable))
}

fn explain(program: PathBuf, cwd: &Path, failure: sys::SpawnFailure) -> SpawnError {
    let source = failure.error;
    if failure.stage == SpawnStage::Chdir {
        return SpawnError::Folder { program, cwd: cwd.to_owned(), source };
    }
    if failure.stage != SpawnStage::Exec {
        return SpawnError::Other { program, source };
    }
    // The program's path is relative to its working directory.
    let file = cwd.join(&program);
    match source.raw_os_error() {
        Some(libc::ETXTBSY) => SpawnError::Busy(program),
        Some(libc::EACCES | libc::EPERM) => SpawnError::NotExecutable(program),
        Some(libc::ENOENT | libc::ENOTDIR) if !file.exists() => SpawnError::Missing(program),
        Some(libc::ENOEXEC) => SpawnError::NotAProgram(program),
        _ => match missing_interpreter(&file) {
            Some(interpreter) => SpawnError::MissingInterpreter { program, interpreter },
            None => SpawnError::Other { program, source },
        },
    }
}
