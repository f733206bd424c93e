//! The sockets that `listen` names: bound before the first build, open as long as hotrun is, handed to each process.
//!
//! What a process does to its duplicates it does to the socket itself: [`Listeners::check`] notices one that no longer
//! listens, or whose path is gone, and opens it again where that is possible.
//! Invariant: the order of what is passed never changes, since clients take their sockets by number.

mod adopted;
mod bind;
mod error;
mod holder;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::connect_unspec;
use socket2::Socket;
use tokio::sync::mpsc::UnboundedSender;

use self::adopted::address_of;
use self::bind::{BACKLOG, Inode, bind, bind_again, inode};
use super::HandoverNews;
use super::hangup::{Half, Hangups, hung_up};
use crate::config::{Listen, ListenAddress, RunConfig, format_address, reaches};
pub use adopted::Adopted;
pub use error::{Holder, ListenError};

/// Names with a meaning of their own (`sd_listen_fds(3)`, `systemd.service(5)`).
const SPECIAL_NAMES: [&str; 3] = ["connection", "stored", "unknown"];

/// The open sockets. Dropped, the paths of those that hotrun bound are unlinked.
#[derive(Debug, Default)]
pub struct Listeners {
    sockets: Vec<Listener>,
    hangups: Option<Hangups>,
}

/// What became of a broken socket.
#[derive(Debug)]
pub enum Repair {
    /// It was shut down and listens again: whoever has it goes on with it.
    Revived {
        /// Its address, as `listen` takes it.
        address: String,
    },
    /// There is a new one in its place. A process that runs still has the old one, and needs a restart to be reached.
    Replaced {
        /// Its address.
        address: String,
    },
    /// It cannot be opened again, now. Told once; every further check tries again.
    Lost {
        /// Its address.
        address: String,
        /// Why not.
        error: ListenError,
    },
}

#[derive(Debug)]
struct Listener {
    name: String,
    /// As configured: its port may be 0. `None` for one that is only passed on.
    wanted: Option<ListenAddress>,
    /// Where it is, with its port. `None` for what is no socket that `listen` could open.
    address: Option<ListenAddress>,
    socket: Socket,
    origin: Origin,
    /// Its path as a file, to notice when that is gone or another.
    file: Option<Inode>,
    /// It is broken, and that was told.
    lost: bool,
}

/// Who opened a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Bound,
    Adopted,
}

/// What is wrong with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Shut,
    Unreachable,
}

impl Listeners {
    /// Opens every socket that `listen` names, in that order, or takes it from `adopted`; what is left of those follows.
    ///
    /// # Errors
    /// For the first that cannot be opened; none stays open then.
    pub fn open(run: &RunConfig, mut adopted: Adopted) -> Result<Self, ListenError> {
        let mut listeners = Self::default();
        let wanted: Vec<&Listen> = run.listen.iter().map(|setting| &setting.value).collect();
        let names = names(&wanted);
        for (listen, name) in wanted.into_iter().zip(names) {
            let listener = match adopted.claim(listen) {
                Some(passed) => Listener::adopted(name, passed.fd, Some(listen.address.clone())),
                None => Listener::bound(name, &listen.address)?,
            };
            listeners.sockets.push(listener);
        }
        let rest = adopted.0.into_iter().map(|passed| Listener::adopted(passed.name, passed.fd, None));
        listeners.sockets.extend(rest);
        Ok(listeners)
    }

    /// Follows an edited configuration: sockets that are still named stay as they are, new ones are opened, others are
    /// closed. Those hotrun was started with stay in any case.
    ///
    /// # Errors
    /// For the first that cannot be opened; then nothing has changed.
    pub fn reconfigure(&mut self, run: &RunConfig) -> Result<(), ListenError> {
        let wanted: Vec<&Listen> = run.listen.iter().map(|setting| &setting.value).collect();
        let names = names(&wanted);
        let mut old: Vec<Option<Listener>> =
            std::mem::take(&mut self.sockets).into_iter().map(Some).collect();
        let mut kept = Vec::new();
        for listen in &wanted {
            let same = |listener: &Option<Listener>| {
                listener.as_ref().is_some_and(|listener| listener.wanted.as_ref() == Some(&listen.address))
            };
            kept.push(old.iter().position(same).and_then(|place| Some((place, old[place].take()?))));
        }
        let fresh: Result<Vec<Option<Listener>>, ListenError> = kept
            .iter()
            .zip(wanted.iter().zip(&names))
            .map(|(kept, (listen, name))| match kept {
                Some(_) => Ok(None),
                None => Listener::bound(name.clone(), &listen.address).map(Some),
            })
            .collect();
        let fresh = match fresh {
            Ok(fresh) => fresh,
            Err(error) => {
                for (place, listener) in kept.into_iter().flatten() {
                    old[place] = Some(listener);
                }
                self.sockets = old.into_iter().flatten().collect();
                return Err(error);
            }
        };
        for ((kept, fresh), name) in kept.into_iter().zip(fresh).zip(names) {
            self.sockets.extend(kept.map(|(_, listener)| listener).or(fresh).map(|mut listener| {
                listener.name = name;
                listener
            }));
        }
        let (stay, go): (Vec<_>, Vec<_>) =
            old.into_iter().flatten().partition(|listener| listener.origin == Origin::Adopted);
        self.sockets.extend(stay);
        if let Some(hangups) = &self.hangups {
            go.iter().for_each(|listener| hangups.remove(listener.socket.as_fd()));
            // Those that are watched already are refused, which is fine.
            self.sockets.iter().for_each(|listener| hangups.add(listener.socket.as_fd(), 0, Half::Reading));
        }
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Every address as a person would use it: `http://127.0.0.1:3000` for TCP, which mostly is that.
    pub fn describe(&self) -> Vec<String> {
        self.sockets.iter().map(Listener::describe).collect()
    }

    /// Names and duplicates for the next process, in the order of the configuration.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn passed(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        self.sockets
            .iter()
            .map(|listener| Ok((listener.name.clone(), listener.socket.as_fd().try_clone_to_owned()?)))
            .collect()
    }

    /// Whether a connection to this address may arrive at a socket that is open here.
    pub fn held(&self, address: &SocketAddr) -> bool {
        self.sockets.iter().any(|listener| match &listener.address {
            Some(ListenAddress::Tcp(bound)) => {
                bound.port() == address.port() && reaches(Some(address.ip()), bound.ip())
            }
            _ => false,
        })
    }

    /// The paths that are unlinked at the end: to be told to the reaper as well.
    pub fn paths(&self) -> Vec<&Path> {
        self.sockets.iter().filter_map(Listener::own_path).collect()
    }

    /// Makes every socket block again, as it did for the first process: the mode is the socket's, not the duplicate's.
    /// Not while a process runs, whose accept loop it would stop.
    pub fn reset(&self) {
        for listener in &self.sockets {
            // Only what is no open file could refuse.
            let _ = listener.socket.set_nonblocking(false);
        }
    }

    /// Tells [`HandoverNews::ListenerBroken`] when a socket is shut down. Needs a `LocalSet`.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn watch(&mut self, news: UnboundedSender<HandoverNews>) -> io::Result<()> {
        let hangups = Hangups::watch(move |_| {
            let _ = news.send(HandoverNews::ListenerBroken);
            None
        })?;
        for listener in &self.sockets {
            hangups.add(listener.socket.as_fd(), 0, Half::Reading);
        }
        self.hangups = Some(hangups);
        Ok(())
    }

    /// Looks after every socket, and opens again what is broken: to be called before each start of a process, after each
    /// end, and on [`HandoverNews::ListenerBroken`].
    pub fn check(&mut self) -> Vec<Repair> {
        let mut repairs = Vec::new();
        for listener in &mut self.sockets {
            let Some(fault) = listener.fault() else {
                listener.lost = false;
                continue;
            };
            if let Some(hangups) = &self.hangups {
                hangups.remove(listener.socket.as_fd());
            }
            repairs.extend(listener.repair(fault));
            if let Some(hangups) = &self.hangups {
                hangups.add(listener.socket.as_fd(), 0, Half::Reading);
            }
        }
        repairs
    }
}

impl Listener {
    fn bound(name: String, wanted: &ListenAddress) -> Result<Self, ListenError> {
        let socket = bind(wanted)?;
        let mut listener = Self {
            name,
            wanted: Some(wanted.clone()),
            address: None,
            socket,
            origin: Origin::Bound,
            file: None,
            lost: false,
        };
        listener.locate();
        Ok(listener)
    }

    fn adopted(name: String, fd: OwnedFd, wanted: Option<ListenAddress>) -> Self {
        let address = address_of(&fd);
        let socket = Socket::from(fd);
        let mut listener =
            Self { name, wanted, address, socket, origin: Origin::Adopted, file: None, lost: false };
        listener.locate();
        listener
    }

    /// Learns the port, or which file the path is.
    fn locate(&mut self) {
        match &self.wanted {
            Some(ListenAddress::Unix(path)) if self.origin == Origin::Bound => {
                self.address = Some(ListenAddress::Unix(path.clone()));
            }
            Some(ListenAddress::Tcp(_)) | Some(ListenAddress::Udp(_)) if self.origin == Origin::Bound => {
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

    fn describe(&self) -> String {
        match &self.address {
            Some(ListenAddress::Tcp(address)) => format!("http://{address}"),
            Some(address) => format_address(address),
            None => format!("`{}`, as it was passed to hotrun", self.name),
        }
    }

    fn own_path(&self) -> Option<&Path> {
        match &self.address {
            Some(ListenAddress::Unix(path)) if self.origin == Origin::Bound => Some(path),
            _ => None,
        }
    }

    fn fault(&self) -> Option<Fault> {
        match self.address.as_ref()? {
            ListenAddress::Tcp(_) => (!self.socket.is_listener().unwrap_or(true)
                || hung_up(&self.socket, Half::Reading))
            .then_some(Fault::Shut),
            ListenAddress::Udp(_) if self.socket.peer_addr().is_ok() => Some(Fault::Unreachable),
            ListenAddress::Udp(_) => hung_up(&self.socket, Half::Reading).then_some(Fault::Shut),
            ListenAddress::Unix(path) if self.file.is_some() && inode(path) != self.file => {
                Some(Fault::Unreachable)
            }
            ListenAddress::Unix(_) => hung_up(&self.socket, Half::Reading).then_some(Fault::Shut),
        }
    }

    /// Binds a socket again that gave up its port with its connection: it does where the kernel had picked the port, and
    /// names the old one all the same. Elsewhere this is refused, and changes nothing.
    fn return_to(&self, place: SocketAddr) {
        let _ = self.socket.bind(&place.into());
    }

    fn is_at(&self, place: SocketAddr) -> bool {
        self.socket.local_addr().is_ok_and(|address| address.as_socket() == Some(place))
    }

    fn repair(&mut self, fault: Fault) -> Option<Repair> {
        let address = self.address.clone()?;
        let text = format_address(&address);
        let revived = match (&address, fault) {
            (ListenAddress::Tcp(place), _) => {
                self.return_to(*place);
                self.socket.listen(BACKLOG).is_ok() && self.is_at(*place)
            }
            // Connected to one peer it hears nobody else (connect(2)).
            (ListenAddress::Udp(place), Fault::Unreachable) => {
                let free = connect_unspec(&self.socket).is_ok();
                self.return_to(*place);
                free && self.is_at(*place)
            }
            _ => false,
        };
        if revived && self.fault().is_none() {
            self.lost = false;
            return Some(Repair::Revived { address: text });
        }
        match bind_again(&address, &self.socket, self.file) {
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

/// A name for each: its own, else one made of its address. No two are the same.
fn names(wanted: &[&Listen]) -> Vec<String> {
    let mut taken: BTreeSet<String> = wanted.iter().filter_map(|listen| listen.name.clone()).collect();
    taken.extend(SPECIAL_NAMES.map(ToOwned::to_owned));
    wanted
        .iter()
        .map(|listen| match &listen.name {
            Some(name) => name.clone(),
            None => {
                let base = default_name(&listen.address);
                let numbered = (2..).map(|number| format!("{base}-{number}"));
                let free =
                    std::iter::once(base.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
                free.unwrap_or(base)
            }
        })
        .collect()
}

fn default_name(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("tcp-{}", address.port()),
        ListenAddress::Udp(address) => format!("udp-{}", address.port()),
        ListenAddress::Unix(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
            let name: String =
                name.chars().map(|letter| if plain(letter) { letter } else { '-' }).take(200).collect();
            format!("unix-{name}")
        }
    }
}
