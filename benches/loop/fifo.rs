//! Lines that other processes write into a FIFO, as they come.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

/// Makes a FIFO and reads it; `take` turns each line into what is handed on.
pub(crate) fn open<T: Send + 'static>(
    path: &Path,
    mut take: impl FnMut(&str) -> T + Send + 'static,
) -> Receiver<T> {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo is there");
    assert!(made.success(), "{} could not be made", path.display());
    // Open for both, so that writers never wait for a reader; the thread ends with the harness.
    let fifo = File::options().read(true).write(true).open(path).expect("the FIFO");
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(fifo).lines().map_while(Result::ok) {
            if sender.send(take(&line)).is_err() {
                return;
            }
        }
    });
    lines
}
