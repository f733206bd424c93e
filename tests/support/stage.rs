//! A server on a socket that hotrun holds, edited from one prebuilt version to the next.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{DEADLINE, EventLine, Home, Hotrun, Workshop};
use crate::programs::variant;

/// `tests/fixtures/served.rs` as this version, misbehaving like this.
pub(crate) fn served(version: &str, mode: &str) -> PathBuf {
    variant("served", &format!("-{version}-{mode}"), &[("SERVED_VERSION", version), ("SERVED_MODE", mode)])
}

/// A hotrun that holds a socket, and the program that serves it.
pub(crate) struct Stage {
    pub(crate) workshop: Workshop,
    pub(crate) hotrun: Hotrun,
    pub(crate) address: SocketAddr,
}

impl Stage {
    /// Version `a` serves, and says when it is ready.
    pub(crate) fn new(update: &str, more: &[&str]) -> Self {
        let args: Vec<&str> = ["--ready", "notify", "--update", update].iter().chain(more).copied().collect();
        Self::of(&served("a", ""), &args)
    }

    /// This program serves.
    pub(crate) fn of(program: &Path, more: &[&str]) -> Self {
        let workshop = Workshop::new(program);
        let home = Home::new();
        let args: Vec<&str> = ["--listen", "0"].iter().chain(more).copied().collect();
        let mut start = Hotrun::prepare(&workshop.project, &home, &args);
        workshop.equip(start.command());
        let mut hotrun = start.start();
        hotrun.wait_for("ready");
        let said = hotrun.wait_said("Listening http://");
        let address = said
            .lines()
            .find_map(|line| line.split_once("Listening http://"))
            .and_then(|(_, address)| address.trim().parse().ok())
            .unwrap_or_else(|| panic!("no address in {said}"));
        Self { workshop, hotrun, address }
    }

    /// Builds this and waits for what comes of it.
    #[track_caller]
    pub(crate) fn edit(&mut self, binary: &Path, until: &str) -> EventLine {
        self.workshop.build_gives(binary);
        self.hotrun.wait_for("build-finished");
        self.hotrun.wait_for(until)
    }
}

/// Asks for an answer after `ms`; gives the version and the pid.
pub(crate) fn ask(address: SocketAddr, ms: u64) -> std::io::Result<(String, u32)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    writeln!(stream, "{ms}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let (version, pid) =
        line.trim().split_once(' ').ok_or_else(|| std::io::Error::other("an empty answer"))?;
    Ok((version.to_owned(), pid.parse().expect("a pid")))
}

/// While two versions overlap either may answer; asks until it is this one.
pub(crate) fn ask_until(address: SocketAddr, version: &str) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let (answer, _) = ask(address, 0).unwrap();
        if answer == version || Instant::now() > deadline {
            return answer;
        }
    }
}
