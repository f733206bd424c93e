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
        let mut others: Vec<usize> = (0..self.sockets.len()).collect();
        let kept = wanted.iter().map(|listen| {
            let same = |&place: &usize| self.sockets[place].wanted.as_ref() == Some(&listen.address);
            Some(others.remove(others.iter().position(same)?))
        });
        let kept: Vec<Option<usize>> = kept.collect();
        // The new ones first: if one cannot be opened, nothing changes.
        let fresh = wanted.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
        let fresh = fresh.map(|(listen, _)| Listener::bound(String::new(), &listen.address));
        let mut fresh = fresh.collect::<Result<Vec<_>, _>>()?.into_iter();
        let mut old: Vec<Option<Listener>> =
            std::mem::take(&mut self.sockets).into_iter().map(Some).collect();
        for (kept, name) in kept.into_iter().zip(names) {
            let listener = kept.map_or_else(|| fresh.next(), |place| old[place].take());
            self.sockets.extend(listener.map(|mut listener| {
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
