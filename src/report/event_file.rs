//! The events file: whole lines, flushed at once, never in anybody's way.
//!
//! A FIFO without a reader blocks nothing: what nobody reads is dropped, whole lines at a time.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Where events are written to.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: Option<File>,
    fifo: bool,
    /// The end of a line that a full FIFO took only half of.
    rest: Vec<u8>,
}

/// Opens the events file for appending, making it where it does not exist.
pub fn open(path: &Path) -> io::Result<EventFile> {
    let fifo = std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    let mut events = EventFile { path: path.to_owned(), file: None, fifo, rest: Vec::new() };
    if fifo {
        events.open_fifo();
    } else {
        events.file = Some(File::options().append(true).create(true).open(path)?);
    }
    Ok(events)
}

impl EventFile {
    /// Writes one line.
    pub(super) fn write(&mut self, line: &str) {
        if self.file.is_none() && self.fifo {
            self.open_fifo();
        }
        let Some(file) = &mut self.file else { return };
        let half = !self.rest.is_empty();
        if half && push(file, &mut self.rest).is_err() {
            self.close();
            return;
        }
        if !self.rest.is_empty() {
            // Still full: this line is dropped, the half one goes on later.
            return;
        }
        let mut bytes = line.as_bytes().to_vec();
        match push(file, &mut bytes) {
            Ok(()) if bytes.len() < line.len() => self.rest = bytes,
            Ok(()) => {}
            Err(_) => self.close(),
        }
    }

    /// A FIFO nobody reads cannot be opened for writing without waiting (`ENXIO`, open(2)): tried again at each event.
    fn open_fifo(&mut self) {
        let opened = File::options()
            .write(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(&self.path);
        self.file = opened.ok();
    }

    fn close(&mut self) {
        self.rest.clear();
        if self.fifo {
            self.file = None;
        }
    }
}

/// Writes as much as is taken without waiting and leaves the rest.
fn push(file: &mut File, bytes: &mut Vec<u8>) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(n) => {
                bytes.drain(..n);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
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
