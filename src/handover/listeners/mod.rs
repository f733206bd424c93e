//! The sockets that `listen` names: bound before the first build, open until hotrun ends, passed to each
//! process.
//!
//! A process shares each socket with hotrun, and may break it: [`Listeners::check`] notices a socket that no
//! longer listens, or whose path is gone, and reopens it where possible. Invariant: the order of passed
//! sockets never changes, because programs take them by number.

mod adopted;
mod bind;
mod error;
pub(super) mod holder;
mod listener;
mod names;
mod paths;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use tokio::sync::mpsc::UnboundedSender;

use self::listener::{Listener, SocketOrigin};
use self::names::names;
use self::paths::Paths;
use super::hangup::{Half, Hangups};
use super::news::HandoverNews;
use crate::config::{Listen, RunConfig};
use crate::words::ServiceId;
pub use adopted::Adopted;
pub use error::{Holder, ListenError};
pub use listener::Repair;

/// The open sockets. On drop, the paths of those that hotrun bound are unlinked.
#[derive(Debug, Default)]
pub struct Listeners {
    sockets: Vec<Listener>,
    hangups: Option<Hangups>,
    paths: Option<Paths>,
}

impl Listeners {
    /// Opens every socket that `listen` names, in that order, or takes it from `adopted`; the rest of
    /// `adopted` follows. If one cannot be opened, none stays open.
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

    /// Applies an edited configuration: keeps the sockets still named, opens new ones, closes the others.
    /// Sockets that hotrun was started with stay. If one cannot be opened, nothing changes.
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
            old.into_iter().flatten().partition(|listener| listener.origin == SocketOrigin::Adopted);
        self.sockets.extend(stay);
        if let Some(hangups) = &self.hangups {
            for listener in &go {
                hangups.remove(listener.socket.as_fd());
            }
            // The kernel refuses those already watched.
            for listener in &self.sockets {
                hangups.add(listener.socket.as_fd(), 0, Half::Reading);
            }
        }
        self.snapshot_paths();
        Ok(())
    }

    /// Returns every address as people use it: `http://127.0.0.1:3000` for TCP, which it is in most cases.
    pub fn describe(&self) -> Vec<String> {
        self.sockets.iter().map(Listener::describe).collect()
    }

    /// Returns names and duplicates for the next process, in the order of the configuration.
    pub fn passed(&self) -> io::Result<Vec<(String, OwnedFd)>> {
        self.sockets
            .iter()
            .map(|listener| Ok((listener.name.clone(), listener.socket.as_fd().try_clone_to_owned()?)))
            .collect()
    }

    /// Returns the paths that are unlinked at the end, for the reaper.
    pub fn paths(&self) -> Vec<&Path> {
        self.sockets.iter().filter_map(Listener::own_path).collect()
    }

    /// Makes every socket blocking again, as it was for the first process: the mode belongs to the socket,
    /// not to the duplicate. Not while a process runs, whose accept loop it would block.
    pub fn reset(&self) {
        for listener in &self.sockets {
            // Fails only for a descriptor that is not open.
            let _ = listener.socket.set_nonblocking(false);
        }
    }

    /// Sends [`HandoverNews::ListenerBroken`] when a socket is shut down, or its path names another file.
    /// Needs a `LocalSet`.
    pub fn watch(&mut self, service: ServiceId, news: UnboundedSender<HandoverNews>) -> io::Result<()> {
        let paths = Paths::watch(service, news.clone());
        let hangups = Hangups::watch(move |_| {
            let _ = news.send(HandoverNews::ListenerBroken(service));
            None
        })?;
        for listener in &self.sockets {
            hangups.add(listener.socket.as_fd(), 0, Half::Reading);
        }
        self.hangups = Some(hangups);
        self.paths = Some(paths);
        self.snapshot_paths();
        Ok(())
    }

    /// Takes what the paths name now as their reference.
    fn snapshot_paths(&self) {
        if let Some(paths) = &self.paths {
            paths.snapshot(self.sockets.iter().filter_map(Listener::path));
        }
    }

    /// Checks every socket, and reopens a broken one: to be called before each start of a process, after each
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
        self.snapshot_paths();
        repairs
    }
}
