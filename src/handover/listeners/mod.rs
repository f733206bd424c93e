//! The sockets that `listen` names: bound before the first build, open as long as hotrun is, handed to each process.
//!
//! What a process does to its duplicates it does to the socket itself: [`Listeners::check`] notices one that no longer
//! listens, or whose path is gone, and opens it again where that is possible.
//! Invariant: the order of what is passed never changes, since clients take their sockets by number.

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

use self::listener::{Listener, Origin};
use self::names::names;
use self::paths::Paths;
use super::hangup::{Half, Hangups};
use super::news::HandoverNews;
use crate::config::{Listen, RunConfig};
pub use adopted::Adopted;
pub use error::{Holder, ListenError};
pub use listener::Repair;

/// The open sockets. Dropped, the paths of those that hotrun bound are unlinked.
#[derive(Debug, Default)]
pub struct Listeners {
    sockets: Vec<Listener>,
    hangups: Option<Hangups>,
    paths: Option<Paths>,
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
            for listener in &go {
                hangups.remove(listener.socket.as_fd());
            }
            // Those that are watched already are refused, which is fine.
            for listener in &self.sockets {
                hangups.add(listener.socket.as_fd(), 0, Half::Reading);
            }
        }
        self.look_at_paths();
        Ok(())
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

    /// Tells [`HandoverNews::ListenerBroken`] when a socket is shut down, or the file at its path is another. Needs a `LocalSet`.
    ///
    /// # Errors
    /// Where no more descriptors are to be had.
    pub fn watch(&mut self, news: UnboundedSender<HandoverNews>) -> io::Result<()> {
        let paths = Paths::watch(news.clone());
        let hangups = Hangups::watch(move |_| {
            let _ = news.send(HandoverNews::ListenerBroken);
            None
        })?;
        for listener in &self.sockets {
            hangups.add(listener.socket.as_fd(), 0, Half::Reading);
        }
        self.hangups = Some(hangups);
        self.paths = Some(paths);
        self.look_at_paths();
        Ok(())
    }

    /// From now on changes are those from what is at the paths now.
    fn look_at_paths(&self) {
        if let Some(paths) = &self.paths {
            paths.look_at(self.sockets.iter().filter_map(Listener::path));
        }
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
        self.look_at_paths();
        repairs
    }
}
