//! Speaking with a speaker: a program that says on `NOTIFY_SOCKET` what it is told to.

use std::path::PathBuf;

use crate::programs::variant;
use crate::support::Call;

/// `tests/fixtures/speaker.rs`, which says what it is told to.
pub(super) fn speaker(version: &str) -> PathBuf {
    variant("speaker", &format!("-{version}"), &[("SPEAKER_VERSION", version)])
}

impl Call {
    /// Tells a speaker to do something; gives its answer.
    pub(super) fn request(&mut self, words: &str) -> String {
        self.tell(words);
        self.line()
    }

    /// Makes a speaker send this, with so many descriptors.
    pub(super) fn send(&mut self, message: &[u8], fds: usize) -> String {
        let hex: Vec<String> = message.iter().map(|byte| format!("{byte:02x}")).collect();
        self.request(&format!("send {} {fds}", hex.concat()))
    }
}

/// The `NOTIFY_SOCKET` of a process.
pub(super) fn notify_socket(pid: u32) -> PathBuf {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let mut variables = environment.split(|&byte| byte == 0);
    let path = variables.find_map(|variable| variable.strip_prefix(b"NOTIFY_SOCKET=")).unwrap();
    str::from_utf8(path).unwrap().into()
}
