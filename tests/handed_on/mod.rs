//! What is handed on from process to process, and what a program may say meanwhile, through a real hotrun.

#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod flood;
mod lines;
#[cfg(target_os = "linux")]
mod nonsense;
#[cfg(target_os = "linux")]
mod patience;

use std::path::{Path, PathBuf};

use super::programs::variant;
use super::support::{Call, EventLine, Home, Hotrun, Workshop};

/// A hotrun that follows prebuilt programs.
struct Stage {
    workshop: Workshop,
    hotrun: Hotrun,
    home: Home,
}

/// `tests/fixtures/speaker.rs`, which says what it is told to.
#[cfg(target_os = "linux")]
fn speaker(version: &str) -> PathBuf {
    variant("speaker", &format!("-{version}"), &[("SPEAKER_VERSION", version)])
}

impl Call {
    /// Tells a speaker to do something; gives its answer.
    fn request(&mut self, words: &str) -> String {
        self.tell(words);
        self.line()
    }

    /// Makes a speaker send this, with so many descriptors.
    fn send(&mut self, message: &[u8], fds: usize) -> String {
        let hex: Vec<String> = message.iter().map(|byte| format!("{byte:02x}")).collect();
        self.request(&format!("send {} {fds}", hex.concat()))
    }
}

impl Stage {
    /// The first program is ready.
    #[track_caller]
    fn of(binary: &Path, args: &[&str]) -> Self {
        let workshop = Workshop::new(binary);
        let home = Home::new();
        let mut start = Hotrun::prepare(&workshop.project, &home, args);
        workshop.equip(start.command());
        let mut hotrun = start.start();
        hotrun.wait_for("ready");
        Self { workshop, hotrun, home }
    }

    /// Builds this and waits until it is ready.
    #[track_caller]
    fn edit(&mut self, binary: &Path) -> EventLine {
        self.workshop.build_gives(binary);
        let build = self.hotrun.wait_for("build-started").build();
        self.hotrun.wait_for_build("ready", build)
    }

    /// Where hotrun said that it listens.
    fn address<T: std::str::FromStr>(&self, prefix: &str) -> T {
        let said = self.hotrun.wait_said("Listening");
        said.lines()
            .find_map(|line| line.split_once("Listening ")?.1.strip_prefix(prefix)?.trim().parse().ok())
            .unwrap_or_else(|| panic!("no address in {said}"))
    }
}

/// The `NOTIFY_SOCKET` of a process.
#[cfg(target_os = "linux")]
fn notify_socket(pid: u32) -> PathBuf {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let mut variables = environment.split(|&byte| byte == 0);
    let path = variables.find_map(|variable| variable.strip_prefix(b"NOTIFY_SOCKET=")).unwrap();
    str::from_utf8(path).unwrap().into()
}
