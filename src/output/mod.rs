//! The output of programs, where hotrun reads it: shows it, and keeps the last of it.
//!
//! Decides nothing, and has no words. A program gets what hotrun has: where hotrun's output is a terminal, a
//! pseudo-terminal, else a pipe. A thread reads each, so that neither a talkative program nor a slow terminal delays
//! the loop. A terminal that is too slow misses lines; where a file or pipe is, the program waits instead.
//! Invariant: of a service alone, every byte passes unchanged; of several, whole lines pass.

mod channel;
mod lines;
mod logs;
mod ring;
mod shared;
mod source;
mod style;
mod view;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use self::channel::{Channel, is_one_place, size};
pub use self::logs::{Logs, NextLines};
pub use self::ring::{LoggedLine, Stream, Writer};
pub use self::shared::Options;
use self::shared::{Place, Shared};
use self::source::Source;
pub use self::view::prefixes;
use self::view::width;
use crate::words::{Instance, ServiceId};

/// How long the last output of a program that has ended may take to be passed on.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(100);

/// How many of its last lines explain the end of a program.
const LAST_WORDS: usize = 20;

/// What a program gets as its stdout and stderr.
#[derive(Debug)]
pub struct Ends {
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// The output of all services.
#[derive(Debug)]
pub struct Output {
    shared: Arc<Shared>,
    stdout: Arc<Place>,
    /// `None` if it is where stdout is.
    stderr: Option<Arc<Place>>,
    /// The columns that names take.
    taken: usize,
    sources: Vec<Weak<Source>>,
    /// The other ends of pipes that are stdin of processes.
    stdins: BTreeMap<Instance, OwnedFd>,
    /// The process of each service that ended last.
    ended: BTreeMap<ServiceId, Instance>,
}

impl Output {
    /// Starts nothing yet.
    pub fn new(options: &Options) -> Self {
        let stderr = || Arc::new(Place::new("stderr", io::stderr(), options));
        Self {
            shared: Arc::new(Shared::new(options.names.len())),
            stdout: Arc::new(Place::new("stdout", io::stdout(), options)),
            stderr: (!is_one_place()).then(stderr),
            taken: width(&options.names),
            sources: Vec::new(),
            stdins: BTreeMap::new(),
            ended: BTreeMap::new(),
        }
    }

    /// Reads what a program is about to write. Fails if the system has no descriptors or threads left.
    pub fn capture(&mut self, instance: Instance) -> io::Result<Ends> {
        self.sources.retain(|source| source.strong_count() > 0);
        let Some(place) = self.stderr.clone() else {
            let both = self.open(instance, Stream::Both, Arc::clone(&self.stdout))?;
            return Ok(Ends { stdout: both.try_clone()?, stderr: both });
        };
        let stdout = self.open(instance, Stream::Stdout, Arc::clone(&self.stdout))?;
        Ok(Ends { stdout, stderr: self.open(instance, Stream::Stderr, place)? })
    }

    /// Returns a stdin that stays open and is never written to: the terminal that is the program's stdout, or a pipe.
    /// Programs that watch files end with their stdin.
    pub fn open_stdin(&mut self, instance: Instance, stdout: Option<&OwnedFd>) -> io::Result<OwnedFd> {
        if let Some(terminal) = stdout.filter(|stdout| stdout.is_terminal()) {
            return terminal.try_clone();
        }
        let (program, other_end) = io::pipe()?;
        self.stdins.insert(instance, other_end.into());
        Ok(program.into())
    }

    /// To be called when a process is told to stop: closes the stdin that was opened for it.
    pub fn stops(&mut self, instance: Instance) {
        self.stdins.remove(&instance);
    }

    /// Returns the end of a channel that the program writes to.
    fn open(&mut self, instance: Instance, stream: Stream, place: Arc<Place>) -> io::Result<OwnedFd> {
        let Channel { source, program } = Channel::open(place.is_terminal, size(self.taken))?;
        let source = Source::new(Writer { instance, stream }, place.is_terminal, source);
        self.sources.push(source::follow(source, Arc::clone(&self.shared), place)?);
        Ok(program)
    }

    /// Passes the size of hotrun's terminal on. The programs still have to be told, by SIGWINCH.
    pub fn resize(&self) {
        if let Some(size) = size(self.taken) {
            self.sources().filter(|source| source.is_terminal).for_each(|source| source.resize(size));
        }
    }

    /// Shows a service alone, as it writes, after a screenful of what it wrote last; or all.
    pub fn show(&self, alone: Option<ServiceId>) {
        self.shared.show(alone);
        let rows = size(0).map_or(0, |size| usize::from(size.ws_row).saturating_sub(2));
        let ring = alone.and_then(|service| self.shared.ring(service));
        let lines = ring.map_or_else(Vec::new, |ring| ring.last(rows, |_, _| true));
        self.stdout
            .begin_again(lines.iter().rev().fold(String::new(), |text, line| text + &line.text + "\n"));
    }

    /// Returns the service that is shown alone.
    pub fn alone(&self) -> Option<ServiceId> {
        self.shared.alone()
    }

    /// Shows nothing, and keeps the last of what programs write all the same.
    pub fn hide(&self) {
        self.shared.hide();
    }

    pub fn is_hidden(&self) -> bool {
        self.shared.is_hidden()
    }

    /// To be called when a process has ended: gives what it wrote a moment to be kept and shown.
    pub fn ended(&mut self, instance: Instance) {
        self.ended.insert(instance.service, instance);
        self.stops(instance);
        let until = Instant::now() + SETTLE_TIMEOUT;
        self.sources()
            .filter(|source| source.writer.instance == instance)
            .for_each(|source| source.settle(until));
        self.places().for_each(|place| place.outlet.settle(until.saturating_duration_since(Instant::now())));
    }

    /// Returns how much was passed on; `None` if nothing is pending.
    pub fn progress(&self) -> Option<u64> {
        let read = self.sources().map(|source| source.progress());
        let written = self.places().map(|place| place.outlet.progress());
        let pending: Vec<u64> = read.collect::<Vec<_>>().into_iter().chain(written).flatten().collect();
        (!pending.is_empty()).then(|| pending.iter().sum())
    }

    /// Whether hotrun's output is a terminal, which may miss lines.
    pub fn is_terminal(&self) -> bool {
        self.stdout.is_terminal
    }

    /// Returns the last lines that the process of a service wrote to stderr which ended last, or to what stdout and
    /// stderr are both; without colours.
    pub fn last_words(&self, service: ServiceId) -> Vec<String> {
        let is_said =
            |_, who: Writer| Some(&who.instance) == self.ended.get(&service) && who.stream != Stream::Stdout;
        let ring = self.shared.ring(service);
        let mut lines = ring.map_or_else(Vec::new, |ring| ring.last(LAST_WORDS, is_said));
        lines.reverse();
        lines.iter().map(LoggedLine::plain).collect()
    }

    /// Whether something is kept of a service.
    pub fn has_lines(&self, service: ServiceId) -> bool {
        self.shared.ring(service).is_some_and(|ring| !ring.is_empty())
    }

    /// Returns access to what is kept of these services.
    pub fn logs(&self, services: Vec<ServiceId>) -> Logs {
        Logs::new(Arc::clone(&self.shared), services)
    }

    fn sources(&self) -> impl Iterator<Item = Arc<Source>> {
        self.sources.iter().filter_map(Weak::upgrade)
    }

    fn places(&self) -> impl Iterator<Item = &Arc<Place>> {
        std::iter::once(&self.stdout).chain(&self.stderr)
    }
}
