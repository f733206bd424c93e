//! A file that takes one line after the other (events, the log): whole lines, flushed at once, never in anybody's way.
//!
//! A FIFO without a reader blocks nothing, nor does a terminal that is stopped: what is not taken is dropped, whole lines at a time.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where lines are written to.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: Option<File>,
    fifo: bool,
    /// The end of a line of which only the beginning was taken: by a full FIFO, or a full disk.
    rest: Vec<u8>,
}

/// Opens a file for appending lines, making it where it does not exist.
pub fn open(path: &Path) -> io::Result<LineFile> {
    let fifo = std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    let mut lines = LineFile { path: path.to_owned(), file: None, fifo, rest: Vec::new() };
    if fifo {
        lines.open_fifo();
    } else {
        lines.file = Some(without_waiting().append(true).create(true).open(path)?);
    }
    Ok(lines)
}

/// Neither the opening waits for a reader nor a write for room.
fn without_waiting() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

impl LineFile {
    /// Writes one line, or several.
    pub(super) fn write(&mut self, line: &str) {
        if self.file.is_none() && self.fifo {
            self.open_fifo();
        }
        let Some(file) = &mut self.file else { return };
        let half = !self.rest.is_empty();
        if half && push(file, &mut self.rest).is_err() && self.fifo {
            self.close();
            return;
        }
        if !self.rest.is_empty() {
            // Still full: this line is dropped, the half one goes on later.
            return;
        }
        let mut bytes = line.as_bytes().to_vec();
        let pushed = push(file, &mut bytes);
        if pushed.is_err() && self.fifo {
            self.close();
        } else if bytes.len() < line.len() {
            self.rest = bytes;
        }
    }

    /// A FIFO nobody reads cannot be opened for writing without waiting (`ENXIO`, open(2)): tried again at each line.
    fn open_fifo(&mut self) {
        self.file = without_waiting().write(true).open(&self.path).ok();
    }

    fn close(&mut self) {
        self.rest.clear();
        self.file = None;
    }
}

/// Writes as much as is taken without waiting and leaves the rest.
fn push(file: &mut File, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut done = 0;
    let result = loop {
        if done == bytes.len() {
            break Ok(());
        }
        match file.write(&bytes[done..]) {
            Ok(written) => done += written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    bytes.drain(..done);
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn lines_are_appended() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("events");
        std::fs::write(&path, "old\n").unwrap();
        open(&path).unwrap().write("new\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\nnew\n");
    }

    #[test]
    fn a_fifo_without_a_reader_blocks_nothing_and_a_reader_gets_whole_lines() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("events");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        let mut events = open(&path).unwrap();
        events.write("nobody reads this\n");
        let reader = File::options()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(&path)
            .unwrap();
        let long = format!("{}\n", "x".repeat(5000));
        // More than a pipe holds: what does not fit is dropped, whole lines at a time.
        for _ in 0..100 {
            events.write(&long);
        }
        drop(events);
        let lines: Vec<String> = BufReader::new(reader).lines().map_while(Result::ok).collect();
        assert!(lines.len() > 5, "{} lines", lines.len());
        let (last, whole) = lines.split_last().unwrap();
        assert!(whole.iter().all(|line| line.len() == 5000));
        assert!(last.len() <= 5000);
    }
}
