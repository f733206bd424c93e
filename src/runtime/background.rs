//! A hotrun in the background: `hotrun up` waits at the other end of stdout and stderr until it is told whom to ask.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use tokio::time::{Duration, sleep, timeout};

use crate::build::PublishError;
use crate::control::keeper;
use crate::error::Error;
use crate::session::{ExitReason, QuitReason};

/// The log of a hotrun in the background.
const LOG: &str = "hotrun.log";

/// How long another hotrun may take from its lock to its socket.
const OPENING: Duration = Duration::from_secs(10);

/// The pause between looks for its socket.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What was opened, or why hotrun ends before.
pub(super) type Opened<T> = Result<Result<T, ExitReason>, Error>;

/// The way to `hotrun up`.
#[derive(Debug)]
pub(super) struct Caller {
    stdout: OwnedFd,
    stderr: OwnedFd,
}

impl Caller {
    /// The caller at stdout and stderr.
    pub(super) fn find() -> Result<Self, Error> {
        let copy = |fd: std::os::fd::BorrowedFd<'_>| fd.try_clone_to_owned();
        let ends = copy(std::io::stdout().as_fd())
            .and_then(|stdout| Ok(Self { stdout, stderr: copy(std::io::stderr().as_fd())? }));
        ends.map_err(|source| Error::System { what: "duplicate stdout and stderr", source })
    }

    /// Tells what became of the start. Of two that were started at once, the other one is asked.
    /// `folder` gives the runtime folder of this one.
    pub(super) async fn told<T>(
        self,
        opened: Opened<T>,
        folder: impl FnOnce(&T) -> Option<&Path>,
    ) -> Opened<T> {
        let error = match opened {
            Ok(Ok(opened)) => {
                self.may_ask(folder(&opened));
                return Ok(Ok(opened));
            }
            Ok(Err(reason)) => return Ok(Err(reason)),
            Err(error) => error,
        };
        if let Error::Publish(PublishError::Taken { live, .. }) = &error
            && let Some(folder) = folder_of(live).await
        {
            self.may_ask(Some(&folder));
            return Ok(Err(ExitReason::Quit(QuitReason::Asked)));
        }
        // It is the caller who shows why.
        let _ = rustix::stdio::dup2_stdout(&self.stdout);
        let _ = rustix::stdio::dup2_stderr(&self.stderr);
        Err(error)
    }

    /// Names the runtime folder of the hotrun to ask; none if it cannot be asked.
    fn may_ask(self, folder: Option<&Path>) {
        let mut line = folder.map_or(Vec::new(), |folder| folder.as_os_str().as_bytes().to_vec());
        line.push(b'\n');
        // The caller may be gone.
        let _ = File::from(self.stdout).write_all(&line);
    }
}

/// From now on stdout and stderr are the log in this folder, emptied unless another hotrun of the workspace writes to it.
pub(super) fn log_to(folder: &Path) -> Result<(), Error> {
    let path = folder.join(LOG);
    let open = || {
        let log = File::options().append(true).create(true).open(&path)?;
        // The lock is held as long as stdout or stderr is.
        if log.try_lock().is_ok() {
            log.set_len(0)?;
        }
        rustix::stdio::dup2_stdout(&log)?;
        rustix::stdio::dup2_stderr(&log)?;
        Ok(())
    };
    open().map_err(|source| Error::Open { what: "log file", path: path.clone(), source })
}

/// Returns the runtime folder of the hotrun that has the lock of a live path, once it can be asked.
async fn folder_of(live: &Path) -> Option<PathBuf> {
    let look = async {
        loop {
            if let Some((folder, _)) = keeper(live) {
                return folder;
            }
            sleep(LOOK_AGAIN).await;
        }
    };
    timeout(OPENING, look).await.ok()
}
