//! Errors of opening a socket.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why hotrun cannot listen on an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("could not listen on `{address}`: {}", held(holder.as_ref()))]
    InUse {
        /// As `listen` takes it.
        address: String,
        /// The process that holds the address, if the system tells.
        holder: Option<Holder>,
    },
    /// A port below 1024, or a folder this user may not write to.
    #[error("may not listen on `{address}`")]
    NotPermitted { address: String, source: io::Error },
    #[error("could not listen on `{address}`: no address of this machine")]
    NotHere { address: String },
    /// A file other than a socket has the path.
    #[error("could not listen on `{}`: a file that is no socket is there", .0.display())]
    NotASocket(PathBuf),
    /// The path does not fit into a socket's address.
    #[error("could not listen on `{}`: too long for a socket", .0.display())]
    TooLong(PathBuf),
    #[error("could not listen on `{}`: its folder is missing", .0.display())]
    NoFolder(PathBuf),
    #[error("could not listen on `{address}`")]
    Other { address: String, source: io::Error },
}

impl ListenError {
    /// Returns a way out, if there is one.
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

/// The process that holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    pub pid: i32,
    /// The program's name.
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
