//! The memo: what rustup, rustc and cargo answered at an earlier start, so that a start need not run them.
//!
//! Nothing is kept if the list of files an answer depends on would be incomplete (patterns of members, path
//! dependencies outside the workspace, a cargo that is not rustup's own). A missing or damaged file, or one
//! of another version of hotrun, counts as empty.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::environment::Environment;
use super::error::ProjectError;
use super::memoized::{Ancestors, Memoized};
use super::queries::Queries;
use super::toolchain::Toolchain;

const FILE: &str = ".survey.json";
/// The answers of an earlier start, and those of this one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memo {
    version: String,
    pub(super) toolchain: Option<Memoized<Toolchain>>,
    pub(super) metadata: Option<Memoized<String>>,
    /// The files above before any question.
    #[serde(skip)]
    pub(super) ancestors: Ancestors,
}

impl Memo {
    /// Reads the memo of the project of `cwd` from the nearest target directory that has one, or from
    /// `target` if one is named.
    #[must_use]
    pub fn read(cwd: &Path, target: Option<&Path>) -> Self {
        let folders: Vec<PathBuf> = match target {
            Some(target) => vec![cwd.join(target)],
            None => cwd.ancestors().map(|folder| folder.join("target")).collect(),
        };
        let text = folders.iter().find_map(|folder| read_own(&folder.join("hotrun").join(FILE)).ok());
        let memo = text.and_then(|text| serde_json::from_slice::<Self>(&text).ok()).unwrap_or_default();
        let memo = if memo.version == env!("CARGO_PKG_VERSION") { memo } else { Self::default() };
        Self { ancestors: Ancestors::look(cwd), ..memo }
    }

    /// Like [`Toolchain::find`], without running rustup if its answer is known.
    pub fn toolchain(
        &self,
        cwd: &Path,
        environment: &Environment,
        queries: &Queries,
    ) -> Result<Toolchain, ProjectError> {
        Toolchain::recall(cwd, environment, queries, self.toolchain.as_ref())
    }

    /// Memoizes the toolchain found at `asked`, with the host of its rustc, if it is one of rustup's own.
    pub fn keep(
        &mut self,
        toolchain: &Toolchain,
        host: &str,
        cwd: &Path,
        environment: &Environment,
        asked: SystemTime,
    ) {
        let found = Toolchain { host: Some(host.to_owned()), ..toolchain.clone() };
        if let Some(kept) = found.kept(cwd, environment, asked, &self.ancestors, self.toolchain.as_ref()) {
            self.toolchain = Some(kept);
        }
    }

    /// Writes the memo into the staging target, atomically. A failure only costs the next start time.
    pub fn write(&mut self, staging: &Path) {
        env!("CARGO_PKG_VERSION").clone_into(&mut self.version);
        let Ok(text) = serde_json::to_vec(self) else { return };
        let file = tempfile::NamedTempFile::new_in(staging);
        if let Ok(mut file) = file
            && file.write_all(&text).is_ok()
        {
            let _ = file.persist(staging.join(FILE));
        }
    }
}

/// Reads a file that this user owns and no other user may write to: it names the cargo to run, and a folder
/// above the project (`/tmp`) may be shared.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    // Do not follow a link, nor wait for the writer of a FIFO.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file = File::options().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    let own = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    if !own || !found.is_file() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "memo_tests.rs"]
mod tests;
