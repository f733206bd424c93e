//! What hotrun tells the service manager that started it (`sd_notify(3)`), as its programs tell it.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;

use socket2::SockAddr;

/// Says that everything is ready, if the manager listens at this address, the value of `NOTIFY_SOCKET`. Never waits.
pub fn say_ready(address: &OsStr) -> io::Result<()> {
    let socket = socket2::Socket::from(UnixDatagram::unbound()?);
    socket.set_nonblocking(true)?;
    // A name that no file has begins with NUL (unix(7)), written as `@`.
    let mut name = address.as_bytes().to_vec();
    if let Some(first) = name.first_mut().filter(|first| **first == b'@') {
        *first = 0;
    }
    socket.send_to(b"READY=1", &SockAddr::unix(OsStr::from_bytes(&name))?).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_hears_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        assert!(say_ready(path.as_os_str()).is_err());
        let manager = UnixDatagram::bind(&path).unwrap();
        say_ready(path.as_os_str()).unwrap();
        let mut message = [0; 16];
        let length = manager.recv(&mut message).unwrap();
        assert_eq!(message.get(..length), Some(&b"READY=1"[..]));
        // A manager that reads nothing is not waited for.
        while say_ready(path.as_os_str()).is_ok() {}
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_without_a_file() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;

        let name = format!("hotrun-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        say_ready(format!("@{name}").as_ref()).unwrap();
        assert_eq!(manager.recv(&mut [0; 16]).unwrap(), 7);
    }
}
