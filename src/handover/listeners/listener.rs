//! One listening socket: its address, its faults, and their repair.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::net::connect_unspec;
use socket2::Socket;

use super::adopted::address_of;
use super::bind::{BACKLOG, Inode, bind, inode, rebind};
use super::error::ListenError;
use crate::config::{ListenAddress, format_address};
use crate::handover::hangup::{Half, hung_up};

/// The repair of a broken socket.
#[derive(Debug)]
pub enum Repair {
    /// It was shut down and listens again; a running process can go on using it.
    Revived {
        /// As `listen` takes it.
        address: String,
    },
    /// A new socket took its place. A running process still has the old one, and needs a restart to be
    /// reachable.
    Replaced { address: String },
    /// It cannot be reopened now. Sent once; every further check tries again.
    Lost { address: String, error: ListenError },
}

#[derive(Debug)]
pub(super) struct Listener {
    pub(super) name: String,
    /// As configured, perhaps with port 0. `None` for a socket that is only passed on.
    pub(super) wanted: Option<ListenAddress>,
    /// The bound address. `None` for a socket that `listen` could not open.
    pub(super) address: Option<ListenAddress>,
    pub(super) socket: Socket,
    pub(super) origin: SocketOrigin,
    /// The file at its path, to notice a removed or replaced one.
    pub(super) file: Option<Inode>,
    /// Broken, and reported as such.
    pub(super) lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SocketOrigin {
    Bound,
    Adopted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Shut,
    Unreachable,
}

impl Listener {
    pub(super) fn bound(name: String, wanted: &ListenAddress) -> Result<Self, ListenError> {
        let socket = bind(wanted)?;
        let mut listener = Self {
            name,
            wanted: Some(wanted.clone()),
            address: None,
            socket,
            origin: SocketOrigin::Bound,
            file: None,
            lost: false,
        };
        listener.locate();
        Ok(listener)
    }

    pub(super) fn adopted(name: String, fd: OwnedFd, wanted: Option<ListenAddress>) -> Self {
        let address = address_of(&fd);
        let socket = Socket::from(fd);
        let mut listener =
            Self { name, wanted, address, socket, origin: SocketOrigin::Adopted, file: None, lost: false };
        listener.locate();
        listener
    }

    /// Finds out the port, or the file at the path.
    fn locate(&mut self) {
        match &self.wanted {
            Some(ListenAddress::Unix(path)) if self.origin == SocketOrigin::Bound => {
                self.address = Some(ListenAddress::Unix(path.clone()));
            }
            Some(ListenAddress::Tcp(_) | ListenAddress::Udp(_)) if self.origin == SocketOrigin::Bound => {
                let bound = self.socket.local_addr().ok().and_then(|address| address.as_socket());
                self.address = match (&self.wanted, bound) {
                    (Some(ListenAddress::Udp(_)), Some(bound)) => Some(ListenAddress::Udp(bound)),
                    (_, bound) => bound.map(ListenAddress::Tcp),
                };
            }
            _ => {}
        }
        if let Some(ListenAddress::Unix(path)) = &self.address {
            self.file = inode(path);
        }
    }

    pub(super) fn describe(&self) -> String {
        match &self.address {
            Some(ListenAddress::Tcp(address)) => format!("http://{address}"),
            Some(address) => format_address(address),
            None => format!("`{}`, as it was passed to hotrun", self.name),
        }
    }

    /// Returns the path of a Unix socket.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.address {
            Some(ListenAddress::Unix(path)) => Some(path),
            _ => None,
        }
    }

    pub(super) fn own_path(&self) -> Option<&Path> {
        self.path().filter(|_| self.origin == SocketOrigin::Bound)
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        match self.address.as_ref()? {
            ListenAddress::Tcp(_) => (!self.socket.is_listener().unwrap_or(true)
                || hung_up(&self.socket, Half::Reading))
            .then_some(Fault::Shut),
            ListenAddress::Udp(_) if self.socket.peer_addr().is_ok() => Some(Fault::Unreachable),
            ListenAddress::Unix(path) if self.file.is_some() && inode(path) != self.file => {
                Some(Fault::Unreachable)
            }
            ListenAddress::Udp(_) | ListenAddress::Unix(_) => {
                hung_up(&self.socket, Half::Reading).then_some(Fault::Shut)
            }
        }
    }

    /// Binds a socket to its port again. It loses the port when a connection is dissolved if the kernel had
    /// picked the port, although it still names it. Elsewhere this fails without effect.
    fn rebind_port(&self, place: SocketAddr) {
        let _ = self.socket.bind(&place.into());
    }

    fn is_at(&self, place: SocketAddr) -> bool {
        self.socket.local_addr().is_ok_and(|address| address.as_socket() == Some(place))
    }

    pub(super) fn repair(&mut self, fault: Fault) -> Option<Repair> {
        let address = self.address.clone()?;
        let text = format_address(&address);
        let revived = match (&address, fault) {
            (ListenAddress::Tcp(place), _) => {
                self.rebind_port(*place);
                self.socket.listen(BACKLOG).is_ok() && self.is_at(*place)
            }
            // A UDP socket connected to one peer receives from no other (connect(2)).
            (ListenAddress::Udp(place), Fault::Unreachable) => {
                let free = connect_unspec(&self.socket).is_ok();
                self.rebind_port(*place);
                free && self.is_at(*place)
            }
            _ => false,
        };
        if revived && self.fault().is_none() {
            self.lost = false;
            return Some(Repair::Revived { address: text });
        }
        match rebind(&address, &self.socket, self.file) {
            Ok(socket) => {
                self.socket = socket;
                self.lost = false;
                if let ListenAddress::Unix(path) = &address {
                    self.file = inode(path);
                }
                Some(Repair::Replaced { address: text })
            }
            Err(error) => {
                (!std::mem::replace(&mut self.lost, true)).then_some(Repair::Lost { address: text, error })
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = self.own_path()
            && self.file.is_some()
            && inode(path) == self.file
        {
            let _ = fs::remove_file(path);
        }
    }
}
