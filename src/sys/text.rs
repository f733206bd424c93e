//! Reads files whose paths users choose, with limits on time and memory.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Longer files are not text that a person wrote.
const LONGEST: u64 = 16 << 20;

/// How long a FIFO may have no writer.
const WRITER_PATIENCE: Duration = Duration::from_secs(5);

/// How long a writer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// The interval between two checks for a writer.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// Returns the text of a regular file, or `None` for a pipe, a socket or a device, which is not opened.
pub fn read_text(path: &Path) -> io::Result<Option<String>> {
    if is_stream(&std::fs::metadata(path)?) {
        return Ok(None);
    }
    // The file may have been replaced by a pipe.
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if is_stream(&file.metadata()?) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    (&file).take(LONGEST + 1).read_to_end(&mut bytes)?;
    text(bytes).map(Some)
}

/// Reads a pipe, a socket or a device to its end. Waits for writers, but not forever.
pub fn read_stream(path: &Path) -> io::Result<String> {
    let mut file = File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    // No other process can open the other end of a pipe that is named by a descriptor.
    let descriptor = ["/dev/fd", "/dev/stdin", "/proc"].iter().any(|folder| path.starts_with(folder));
    let comes = file.metadata()?.file_type().is_fifo() && !descriptor;
    let began = Instant::now();
    let (mut bytes, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    while bytes.len() as u64 <= LONGEST {
        match file.read(&mut chunk) {
            Ok(0) if !comes || !bytes.is_empty() => break,
            Ok(0) if began.elapsed() > WRITER_PATIENCE => {
                return Err(io::Error::new(ErrorKind::TimedOut, "no process writes to this FIFO"));
            }
            Ok(0) => drop(poll(&mut [], Some(&PAUSE))),
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if began.elapsed() > PATIENCE {
                    return Err(io::Error::new(ErrorKind::TimedOut, "it was not written to its end"));
                }
                let second = Timespec { tv_sec: 1, tv_nsec: 0 };
                let _ = poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&second));
            }
            Err(error) => return Err(error),
        }
    }
    text(bytes)
}

/// Whether reading consumes the content or may never end.
fn is_stream(metadata: &Metadata) -> bool {
    !metadata.is_file() && !metadata.is_dir()
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is longer than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    fn fifo(folder: &Path) -> std::path::PathBuf {
        let path = folder.join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
            .unwrap();
        path
    }

    #[test]
    fn only_regular_files_are_read_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "text").unwrap();
        assert_eq!(read_text(&file).unwrap().as_deref(), Some("text"));
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), ErrorKind::InvalidData);
        File::create(&file).unwrap().set_len(LONGEST + 1).unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_text(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        for stream in [fifo(folder.path()), "/dev/zero".into(), "/dev/null".into()] {
            assert_eq!(read_text(&stream).unwrap(), None, "{}", stream.display());
        }
    }

    #[test]
    fn a_stream_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let written = {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut writer = File::options().write(true).open(path).unwrap();
                writer.write_all(&vec![b'x'; 100_000]).unwrap();
            })
        };
        assert_eq!(read_stream(&path).unwrap().len(), 100_000);
        written.join().unwrap();
        assert_eq!(read_stream(Path::new("/dev/null")).unwrap(), "");
        assert_eq!(read_stream(Path::new("/dev/zero")).unwrap_err().kind(), ErrorKind::FileTooLarge);
        let (end, mut pipe) = io::pipe().unwrap();
        pipe.write_all(b"K=1").unwrap();
        drop(pipe);
        let path = format!("/dev/fd/{}", end.as_raw_fd());
        assert_eq!(read_stream(Path::new(&path)).unwrap(), "K=1");
    }
}
