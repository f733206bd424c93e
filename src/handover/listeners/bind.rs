//! Opens a socket with the options systemd would set, and removes a stale Unix socket first.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::error::ListenError;
use super::holder::holder;
use crate::config::{ListenAddress, format_address};

/// Connections that wait while no program accepts them; the kernel caps it (`somaxconn`).
pub(super) const BACKLOG: i32 = 4096;

/// The size of `sun_path` on every platform, with the terminating NUL (unix(4) of macOS).
const MAX_PATH: usize = 104;

/// Device and inode of a file.
pub(super) type Inode = (u64, u64);

/// Opens a blocking, close-on-exec socket that shares its address with no other.
pub(super) fn bind(address: &ListenAddress) -> Result<Socket, ListenError> {
    match address {
        ListenAddress::Unix(path) => bind_unix(path),
        ListenAddress::Tcp(_) | ListenAddress::Udp(_) => bind_inet(address, None),
    }
    .map_err(|error| explain(address, error))
}

/// Opens a socket in place of a broken one, which may still be open in the program.
pub(super) fn rebind(
    address: &ListenAddress,
    broken: &Socket,
    own: Option<Inode>,
) -> Result<Socket, ListenError> {
    match address {
        ListenAddress::Unix(path) => {
            if own.is_some() && inode(path) == own {
                let _ = fs::remove_file(path);
            }
            bind_unix(path)
        }
        ListenAddress::Tcp(_) | ListenAddress::Udp(_) => bind_inet(address, Some(broken)),
    }
    .map_err(|error| explain(address, error))
}

/// Returns the file at the path; does not follow a link.
pub(super) fn inode(path: &Path) -> Option<Inode> {
    fs::symlink_metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

fn bind_inet(address: &ListenAddress, beside: Option<&Socket>) -> io::Result<Socket> {
    let (kind, ip) = match address {
        ListenAddress::Tcp(ip) => (Type::STREAM, *ip),
        ListenAddress::Udp(ip) => (Type::DGRAM, *ip),
        ListenAddress::Unix(_) => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let socket = Socket::new(Domain::for_address(ip), kind, None)?;
    // A TCP port may still have connections in TIME_WAIT. For UDP the option would let two programs take the
    // same port.
    let reuse = kind == Type::STREAM || beside.is_some();
    socket.set_reuse_address(reuse)?;
    if let Some(broken) = beside {
        broken.set_reuse_address(true)?;
    }
    socket.bind(&ip.into())?;
    if kind == Type::STREAM {
        socket.listen(BACKLOG)?;
    } else {
        socket.set_reuse_address(false)?;
    }
    Ok(socket)
}

fn bind_unix(path: &Path) -> io::Result<Socket> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Removes a socket that nothing listens on: the remains of a killed program.
fn remove_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A full backlog counts as an answer.
    client.set_nonblocking(true)?;
    match client.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn explain(address: &ListenAddress, source: io::Error) -> ListenError {
    let text = format_address(address);
    if let ListenAddress::Unix(path) = address {
        if path.as_os_str().as_bytes().len() >= MAX_PATH {
            return ListenError::TooLong(path.clone());
        }
        match source.kind() {
            io::ErrorKind::AlreadyExists => return ListenError::NotASocket(path.clone()),
            io::ErrorKind::NotFound => return ListenError::NoFolder(path.clone()),
            _ => {}
        }
    }
    match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { holder: holder(address), address: text },
        io::ErrorKind::PermissionDenied => ListenError::NotPermitted { address: text, source },
        io::ErrorKind::AddrNotAvailable => ListenError::NotHere { address: text },
        _ => ListenError::Other { address: text, source },
    }
}
