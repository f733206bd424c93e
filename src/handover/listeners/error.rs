//! Why a socket could not be opened, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has it.
    #[error("could not listen on `{address}`: {}", held(holder.as_ref()))]
    InUse {
        /// The address, as `listen` takes it.
        address: String,
        /// Who, where the system tells.
        holder: Option<Holder>,
    },
    /// Ports below 1024, or a folder this user may not write to.
    #[error("may not listen on `{address}`")]
    NotPermitted {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The IP address belongs to another machine.
    #[error("could not listen on `{address}`: no address of this machine")]
    NotHere {
        /// The address.
        address: String,
    },
    /// A file that is no socket is where the socket is to be.
    #[error("could not listen on `{}`: a file that is no socket is there", .0.display())]
    NotASocket(PathBuf),
    /// The path does not fit into a socket's address.
    #[error("could not listen on `{}`: too long for a socket", .0.display())]
    TooLong(PathBuf),
    /// The folder of a Unix socket is missing.
    #[error("could not listen on `{}`: its folder is missing", .0.display())]
    NoFolder(PathBuf),
    /// Anything else.
    #[error("could not listen on `{address}`")]
    Other {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
}

impl ListenError {
    /// A way out, where there is one.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::InUse { holder: Some(holder), .. } => {
                format!("stop it (`kill {}`), or choose another address with `--listen`", holder.pid)
            }
            Self::InUse { holder: None, .. } => {
                "stop whatever listens there, or choose another address with `--listen`".to_owned()
            }
            Self::NotPermitted { address, .. } if address.contains("unix:") => {
                "choose a folder that you may write to".to_owned()
            }
            Self::NotPermitted { .. } => "choose a port from 1024 on".to_owned(),
            Self::NotHere { .. } => {
                "listen on `127.0.0.1` for this machine only, or on `0.0.0.0` for every address of it"
                    .to_owned()
            }
            Self::NotASocket(path) => format!("remove `{}`, or choose another path", path.display()),
            Self::TooLong(_) => "choose a path of at most a hundred bytes".to_owned(),
            Self::NoFolder(path) => {
                let folder = path.parent().unwrap_or(path);
                format!("`mkdir -p {}`, or choose another path", folder.display())
            }
            Self::Other { .. } => return None,
        })
    }
}

/// Who holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its pid.
    pub pid: i32,
    /// The name of its program.
    pub name: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (pid {})", self.name, self.pid)
    }
}

fn held(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!("{holder} holds it"),
        None => "already in use".to_owned(),
    }
}
