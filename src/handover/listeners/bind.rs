//! Opening one socket: what systemd would set on it, and what has to go before a Unix path can be bound.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use socket2::{Domain, SockAddr, Socket, Type};

use super::error::ListenError;
use super::holder::holder;
use crate::config::{ListenAddress, format_address};

/// How many connections wait while no program accepts them; the kernel caps it (`somaxconn`).
pub(super) const BACKLOG: i32 = 4096;

/// What `sun_path` holds on every platform, with the NUL that ends it (unix(4) of macOS).
const LONGEST_PATH: usize = 104;

/// Which file a path names.
pub(super) type Inode = (u64, u64);

/// Opens a socket that blocks, is closed on exec and shares its address with nobody.
pub(super) fn bind(address: &ListenAddress) -> Result<Socket, ListenError> {
    match address {
        ListenAddress::Unix(path) => bind_unix(path),
        ListenAddress::Tcp(_) | ListenAddress::Udp(_) => bind_inet(address, None),
    }
    .map_err(|error| explain(address, error))
}

/// Opens a socket in the place of one that is broken and may still be open in the program.
pub(super) fn bind_again(
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

/// The file at the path, not followed where it is a link.
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
    // Connections of an earlier socket that still wait for their last packets are in nobody's way. Not so for UDP, where
    // it would let two programs take the same port.
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
    make_way(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Removes a socket that nobody answers on: what a program left behind that was killed.
fn make_way(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A full backlog is an answer as well.
    client.set_nonblocking(true)?;
    match client.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::ErrorKind::AddrInUse.into()),
    }
}

fn explain(address: &ListenAddress, source: io::Error) -> ListenError {
    let text = format_address(address);
    if let ListenAddress::Unix(path) = address {
        if path.as_os_str().as_bytes().len() >= LONGEST_PATH {
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
