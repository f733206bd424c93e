//! What is handed on from process to process, and what a program may say meanwhile, through a real hotrun.

#[cfg(target_os = "linux")]
mod broken;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod flood;
#[cfg(target_os = "linux")]
mod inherited;
mod lines;
#[cfg(target_os = "linux")]
mod main_process;
#[cfg(target_os = "linux")]
mod nonsense;
#[cfg(target_os = "linux")]
mod patience;
#[cfg(target_os = "linux")]
mod speaker;
mod words;

use std::path::Path;

use super::support::{EventLine, Home, Hotrun, Workshop};

/// A hotrun that follows prebuilt programs.
struct Stage {
    workshop: Workshop,
    hotrun: Hotrun,
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "speakers, which call, are for Linux"))]
    home: Home,
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
