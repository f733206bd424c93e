//! Appends whole lines to a file (the events file, the log), unbuffered and without blocking.
//!
//! A FIFO without a reader or a stopped terminal does not block: lines that are not accepted are dropped,
//! whole lines only.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    file: Option<File>,
    fifo: bool,
    /// The rest of a line that a full FIFO or disk accepted only in part.
    rest: Vec<u8>,
}

/// Opens a file to append lines, and creates it if missing.
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

/// Neither opening nor writing blocks.
fn without_waiting() -> std::fs::OpenOptions {
    let mut options = File::options();
    options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    options
}

impl LineFile {
    /// Writes one or more lines.
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
            // Still full: drops this line; the partial one continues later.
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

    /// Opening a FIFO without a reader for writing fails with `ENXIO` (open(2)); tried again with each line.
    fn open_fifo(&mut self) {
        self.file = without_waiting().write(true).open(&self.path).ok();
    }

    fn close(&mut self) {
        self.rest.clear();
        self.file = None;
    }
}

/// Writes as much as is accepted without blocking, and leaves the rest.
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
    fn a_fifo_never_blocks_and_gets_whole_lines() {
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
        // More than a pipe holds: the rest is dropped, whole lines only.
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
