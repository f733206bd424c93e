//! Sockets passed to hotrun itself by systemd, systemfd or another hotrun (`sd_listen_fds(3)`).

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{SockRef, Type};

use crate::config::{Listen, ListenAddress, RunConfig};
use crate::sys;

/// The sockets passed to hotrun.
#[derive(Debug, Default)]
pub struct Adopted(pub(super) Vec<AdoptedFd>);

#[derive(Debug)]
pub(super) struct AdoptedFd {
    pub(super) name: String,
    pub(super) fd: OwnedFd,
}

impl Adopted {
    /// Takes the descriptors that the environment announces: to be called once, before anything else opens a
    /// descriptor. `variable` looks up an environment variable.
    pub fn take(variable: impl Fn(&str) -> Option<String>) -> Self {
        let me = std::process::id();
        match announced(&variable, me) {
            Some(names) => Self::from_fds(&names, sys::take_inherited(names.len())),
            None => Self::default(),
        }
    }

    fn from_fds(names: &[String], fds: Vec<Option<OwnedFd>>) -> Self {
        let passed =
            names.iter().zip(fds).filter_map(|(name, fd)| Some(AdoptedFd { name: name.clone(), fd: fd? }));
        Self(passed.collect())
    }

    /// Takes out the sockets that `listen` of one service names.
    #[must_use]
    pub fn share(&mut self, run: &RunConfig) -> Self {
        Self(run.listen.iter().filter_map(|listen| self.claim(&listen.value)).collect())
    }

    /// Adds the sockets of another share.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Takes out the socket of an entry of `listen`: by name, else by address. The kinds must match.
    pub(super) fn claim(&mut self, listen: &Listen) -> Option<AdoptedFd> {
        let kind = |address: &ListenAddress| std::mem::discriminant(address);
        let same_kind = |passed: &AdoptedFd| {
            address_of(&passed.fd).is_some_and(|address| kind(&address) == kind(&listen.address))
        };
        let by_name = |passed: &AdoptedFd| listen.name.as_ref() == Some(&passed.name) && same_kind(passed);
        let by_address = |passed: &AdoptedFd| address_of(&passed.fd).as_ref() == Some(&listen.address);
        let place = self.0.iter().position(by_name).or_else(|| self.0.iter().position(by_address))?;
        Some(self.0.remove(place))
    }
}

/// Returns the names of the descriptors passed to the process `me`.
fn announced(variable: &impl Fn(&str) -> Option<String>, me: u32) -> Option<Vec<String>> {
    // systemfd can leave the pid out, so that programs between it and the service do not matter.
    let pid = variable("LISTEN_PID").filter(|pid| !pid.is_empty());
    if pid.is_some_and(|pid| pid.parse() != Ok(me)) {
        return None;
    }
    // No system lets a process open more.
    let count = variable("LISTEN_FDS")?.parse::<usize>().ok().filter(|count| (1..=4096).contains(count))?;
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let names: Vec<String> = names.split(':').map(ToOwned::to_owned).collect();
    if names.len() == count { Some(names) } else { Some(vec!["unknown".to_owned(); count]) }
}

/// Returns where a socket is bound, as `listen` writes it; `None` if `listen` cannot open such a socket.
pub(super) fn address_of(fd: &OwnedFd) -> Option<ListenAddress> {
    let socket = SockRef::from(fd);
    let address = socket.local_addr().ok()?;
    let kind = socket.r#type().ok()?;
    let stream = kind == Type::STREAM && socket.is_listener().unwrap_or(true);
    if let Some(address) = address.as_socket() {
        let address: SocketAddr = address;
        return match kind {
            Type::STREAM if stream => Some(ListenAddress::Tcp(address)),
            Type::DGRAM => Some(ListenAddress::Udp(address)),
            _ => None,
        };
    }
    let path = address.as_pathname()?;
    stream.then(|| ListenAddress::Unix(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    fn names(variables: &[(&str, &str)]) -> Option<Vec<String>> {
        let lookup =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        announced(&lookup, 42)
    }

    #[test]
    fn only_sockets_passed_to_this_process_count() {
        assert_eq!(names(&[]), None);
        assert_eq!(names(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "41")]), None);
        assert_eq!(names(&[("LISTEN_FDS", "0"), ("LISTEN_PID", "42")]), None);
        assert_eq!(names(&[("LISTEN_FDS", "x"), ("LISTEN_PID", "42")]), None);
        let two = |a: &str, b: &str| Some(vec![a.to_owned(), b.to_owned()]);
        assert_eq!(names(&[("LISTEN_FDS", "2"), ("LISTEN_PID", "42")]), two("unknown", "unknown"));
        assert_eq!(names(&[("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "a:b")]), two("a", "b"));
        assert_eq!(
            names(&[("LISTEN_FDS", "2"), ("LISTEN_PID", ""), ("LISTEN_FDNAMES", "a")]),
            two("unknown", "unknown")
        );
    }

    #[test]
    fn entries_claim_by_name_and_by_address() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let fds = vec![Some(udp.into()), None, Some(tcp.into())];
        let mut adopted = Adopted::from_fds(&["a".to_owned(), "b".to_owned(), "c".to_owned()], fds);
        let listen = |name: Option<&str>, address| Listen { name: name.map(ToOwned::to_owned), address };
        assert!(
            adopted.claim(&listen(Some("a"), ListenAddress::Tcp("127.0.0.1:0".parse().unwrap()))).is_none()
        );
        let anywhere = ListenAddress::Udp("127.0.0.1:0".parse().unwrap());
        assert_eq!(adopted.claim(&listen(Some("a"), anywhere)).unwrap().name, "a");
        assert_eq!(adopted.claim(&listen(None, ListenAddress::Tcp(address))).unwrap().name, "c");
        assert!(adopted.0.is_empty());
    }
}
