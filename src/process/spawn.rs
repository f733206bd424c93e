//! From a [`Spawn`] to a running process, or to an error that says what is wrong with the program.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnose::{Flaw, flaw_of};
use super::tree::TAG;
use super::{Shared, Spawn, StdinSource};
use crate::sys::{self, Announce, Foreground, Leader, SpawnOrder, SpawnStage};

/// How often a file that is still open for writing is tried again, and how long apart.
///
/// A process forked by another thread holds a copy of every descriptor until it calls exec, that of a linker's output
/// included (<https://github.com/golang/go/issues/22315>). A user's limit on processes may be reached for a moment as well.
const BUSY_TRIES: u32 = 10;
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// What socket activation passes in the environment; the first of them in an inherited environment is somebody else's.
const ACTIVATION: [&str; 5] =
    ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "LISTEN_FDS_FIRST_FD"];

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// A bare name that is nowhere on `PATH`.
    #[error("no program `{}` found on `PATH`", .0.display())]
    NotOnPath(PathBuf),
    /// The file is not there.
    #[error("no file `{}`", .0.display())]
    Missing(PathBuf),
    /// The folder to start in cannot be entered.
    #[error("could not start `{}` in the folder `{}`", program.display(), cwd.display())]
    Folder {
        /// The program.
        program: PathBuf,
        /// The folder.
        cwd: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has no execute permission, or is a folder, or its file system allows none.
    #[error("`{}` may not be executed", .0.display())]
    NotExecutable(PathBuf),
    /// The interpreter or dynamic linker it names is missing.
    #[error("`{}` needs `{}`, which is missing", program.display(), interpreter.display().to_string().escape_debug())]
    MissingInterpreter {
        /// The program.
        program: PathBuf,
        /// What its first line or its header names.
        interpreter: PathBuf,
    },
    /// It was built for another processor or system.
    #[error("`{}` is built for {built_for}, and this machine is {}", program.display(), std::env::consts::ARCH)]
    WrongArchitecture {
        /// The program.
        program: PathBuf,
        /// What it was built for.
        built_for: String,
    },
    /// It is neither a program nor a script with a `#!` line.
    #[error("`{}` is not a program that this system can execute", .0.display())]
    NotAProgram(PathBuf),
    /// Somebody keeps it open for writing.
    #[error("`{}` is open for writing in another process", .0.display())]
    Busy(PathBuf),
    /// Anything else.
    #[error("could not start `{}`", program.display())]
    Other {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SpawnError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotOnPath(program) => format!("install `{0}`, or name it with its path", program.display()),
            Self::Folder { .. } => "check `run.cwd`".to_owned(),
            Self::NotExecutable(program) => {
                format!("`chmod +x {0}`, unless its file system is mounted with `noexec`", program.display())
            }
            Self::MissingInterpreter { interpreter, .. } if interpreter.to_string_lossy().ends_with('\r') => {
                "save the script with Unix line ends".to_owned()
            }
            Self::MissingInterpreter { .. } => {
                "install it, or build for a target that this system can run".to_owned()
            }
            Self::WrongArchitecture { .. } => {
                "set a `runner` for this target in `.cargo/config.toml`, or build without `--target`"
                    .to_owned()
            }
            Self::NotAProgram(_) => "a script needs a first line such as `#!/bin/sh`".to_owned(),
            Self::Busy(_) => "close it there, then press `r`".to_owned(),
            Self::Other { source, .. } => return sys::limit_hint(source).map(ToOwned::to_owned),
            Self::Missing(_) => return None,
        })
    }
}

/// A file on hotrun's stdin, opened again so that every process reads it from its start.
///
/// # Errors
/// Where it can be neither opened again nor rewound.
pub fn stdin_from_start() -> io::Result<OwnedFd> {
    // On Linux this is a new open file with an offset of its own; elsewhere `/dev/fd` duplicates the old one.
    if cfg!(target_os = "linux")
        && let Ok(file) = File::open("/proc/self/fd/0")
    {
        return Ok(file.into());
    }
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::fs::seek(&stdin, rustix::fs::SeekFrom::Start(0))?;
    Ok(stdin)
}

/// What can be known of a program before it is started: that its file and its folder are there.
///
/// # Errors
/// As starting it would fail.
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

/// Starts the program, trying again while its file is busy, and gives its pid.
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
        stdio: [stdin, None, None],
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

/// The file that a name stands for, as execvp(3) finds it.
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
    // The program is looked up from the folder it was to start in.
    let file = cwd.join(&program);
    match source.raw_os_error() {
        Some(libc::ETXTBSY) => SpawnError::Busy(program),
        Some(libc::EACCES | libc::EPERM) => SpawnError::NotExecutable(program),
        Some(libc::ENOENT | libc::ENOTDIR) if !file.exists() => SpawnError::Missing(program),
        _ => match flaw_of(&file) {
            Some(Flaw::Interpreter(interpreter)) => SpawnError::MissingInterpreter { program, interpreter },
            Some(Flaw::Architecture(built_for)) => SpawnError::WrongArchitecture { program, built_for },
            None if source.raw_os_error() == Some(libc::ENOEXEC) => SpawnError::NotAProgram(program),
            None => SpawnError::Other { program, source },
        },
    }
}
