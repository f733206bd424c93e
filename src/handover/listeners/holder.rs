//! The process that holds an address: the kernel's socket tables give the inode, `/proc/<pid>/fd` the process
//! (proc(5)).
//!
//! Linux only, and only for processes of the same user (for root, all).

use super::error::Holder;
use crate::config::ListenAddress;

/// Returns the TCP addresses that these processes listen on, or `None` if the system does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn listening(pids: &[i32]) -> Option<Vec<std::net::SocketAddr>> {
    use std::collections::BTreeSet;

    let open: BTreeSet<u64> = pids.iter().flat_map(|pid| linux::sockets(*pid)).collect();
    // Each process may have its own network namespace.
    let found: BTreeSet<_> = pids.iter().flat_map(|pid| linux::listeners(*pid, &open)).collect();
    Some(found.into_iter().collect())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn listening(_: &[i32]) -> Option<Vec<std::net::SocketAddr>> {
    None
}

/// Returns the process that holds the address, if the system tells.
#[cfg(target_os = "linux")]
pub(super) fn holder(address: &ListenAddress) -> Option<Holder> {
    use std::fs;

    let inodes = linux::inodes(address);
    let me = std::process::id().cast_signed();
    let pids = crate::sys::processes().into_iter().map(|row| row.pid).filter(|&pid| pid != me);
    let pid = pids.into_iter().find(|pid| linux::sockets(*pid).any(|inode| inodes.contains(&inode)))?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(Holder { pid, name: name.trim_end().escape_debug().to_string() })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn holder(_: &ListenAddress) -> Option<Holder> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeSet;
    use std::fs;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    use crate::config::ListenAddress;

    /// The state `TCP_LISTEN` (`include/net/tcp_states.h`).
    const LISTENING: &str = "0A";

    /// Returns the inodes of the sockets a process has open.
    pub(super) fn sockets(pid: i32) -> impl Iterator<Item = u64> {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
        descriptors.filter_map(|descriptor| {
            let link = fs::read_link(descriptor.ok()?.path()).ok()?;
            link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
    }

    /// Returns the addresses of those sockets that listen, in the process's network namespace.
    pub(super) fn listeners(pid: i32, sockets: &BTreeSet<u64>) -> Vec<SocketAddr> {
        let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{pid}/net/{table}")));
        let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
        lines
            .filter_map(|line| {
                let Row { address, inode } = row(line, Some(LISTENING))?;
                sockets.contains(&inode).then_some(address)
            })
            .collect()
    }

    /// Returns the sockets that conflict with one at this address.
    pub(super) fn inodes(address: &ListenAddress) -> Vec<u64> {
        match address {
            ListenAddress::Tcp(address) => {
                inet(&["/proc/net/tcp", "/proc/net/tcp6"], *address, Some(LISTENING))
            }
            ListenAddress::Udp(address) => inet(&["/proc/net/udp", "/proc/net/udp6"], *address, None),
            ListenAddress::Unix(path) => {
                let Some(path) = path.to_str() else { return Vec::new() };
                let table = fs::read_to_string("/proc/net/unix").unwrap_or_default();
                // Num RefCount Protocol Flags Type St Inode Path
                table
                    .lines()
                    .filter_map(|line| {
                        let inode = line.split_ascii_whitespace().nth(6)?.parse().ok()?;
                        line.ends_with(&format!(" {path}")).then_some(inode)
                    })
                    .collect()
            }
        }
    }

    fn inet(tables: &[&str], wanted: SocketAddr, state: Option<&str>) -> Vec<u64> {
        let lines: Vec<String> = tables
            .iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| table.lines().skip(1).map(ToOwned::to_owned).collect::<Vec<_>>())
            .collect();
        lines.iter().filter_map(|line| in_the_way(line, wanted, state)).collect()
    }

    struct Row {
        address: SocketAddr,
        inode: u64,
    }

    /// Parses `sl local_address rem_address st … inode` of a socket in this state.
    fn row(line: &str, state: Option<&str>) -> Option<Row> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (ip, port) = fields.get(1)?.split_once(':')?;
        let right_state = state.is_none_or(|state| fields.get(3) == Some(&state));
        let address = SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?);
        right_state.then_some(Row { address, inode: fields.get(9)?.parse().ok()? })
    }

    /// Returns the inode of the row's socket if it conflicts with the wanted address.
    pub(super) fn in_the_way(line: &str, wanted: SocketAddr, state: Option<&str>) -> Option<u64> {
        let Row { address, inode } = row(line, state)?;
        let ip = address.ip();
        let conflict = address.port() == wanted.port()
            && (ip == wanted.ip().to_canonical() || ip.is_unspecified() || wanted.ip().is_unspecified());
        conflict.then_some(inode)
    }

    /// 32-bit words in native byte order, in hexadecimal.
    fn address(hex: &str) -> Option<IpAddr> {
        let mut bytes = Vec::new();
        for place in (0..hex.len()).step_by(8) {
            bytes.extend(u32::from_str_radix(hex.get(place..place + 8)?, 16).ok()?.to_ne_bytes());
        }
        match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(four) => Some(Ipv4Addr::from(four).into()),
            Err(_) => Some(
                IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)).to_canonical(),
            ),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::in_the_way;

    #[test]
    #[cfg(target_endian = "little")]
    fn socket_table_rows_parse() {
        let four =
            "  3: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4711 1 0 100";
        let any = "  4: 00000000000000000000000000000000:0BB8 0000:0000 0A 0:0 00:0 0 0 0 4712 1";
        for (line, wanted, inode) in [
            (four, "127.0.0.1:3000", Some(4711)),
            (four, "127.0.0.1:3001", None),
            (four, "127.0.0.2:3000", None),
            (four, "0.0.0.0:3000", Some(4711)),
            (any, "127.0.0.1:3000", Some(4712)),
            ("nonsense", "127.0.0.1:3000", None),
        ] {
            assert_eq!(in_the_way(line, wanted.parse().unwrap(), Some("0A")), inode, "{line} {wanted}");
        }
        assert_eq!(in_the_way(four, "127.0.0.1:3000".parse().unwrap(), Some("01")), None);
    }
}
