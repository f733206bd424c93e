//! A line server that keeps every connection and its counter across restarts, also across `kill -9`.
//!
//! Each line is a number, and numbers of a connection grow: `7` is answered by `7 counted 42`, the number and how many
//! were counted on all connections. Try it: `nc 127.0.0.1 4000`, type numbers, edit [`WORD`], type on.
//!
//! What has to outlive a process is in the descriptor store of whoever started it: each connection, and a file in memory
//! in which every connection has a record. A request is looked at, written down, answered, and only then taken out of
//! the connection. Whenever the process ends, its successor finds what was not taken out: it answers again what
//! was written down already, so an answer may come twice, but nothing is counted twice and nothing is lost. That is why
//! no signal has to be handled here.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use sd_notify::NotifyState;

/// What the answer says: edit it while clients are connected.
const WORD: &str = "counted";

/// Of one connection: the number it counted last, and how many it counted.
const RECORD: usize = 16;

/// The longest line.
const LINE: usize = 64;

fn main() -> io::Result<()> {
    let mut listener = None;
    let mut records = None;
    let mut connections = Vec::new();
    for (fd, name) in sd_notify::listen_fds_with_names()? {
        // SAFETY: it was passed to this process to keep, and nothing else takes it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        if name == "records" {
            records = Some(File::from(fd));
        } else if let Some(number) = name.strip_prefix("connection-").and_then(|number| number.parse().ok()) {
            connections.push((number, TcpStream::from(fd)));
        } else {
            listener.get_or_insert(TcpListener::from(fd));
        }
    }
    let listener = match listener {
        Some(listener) => listener,
        None => {
            let port = std::env::var("PORT").unwrap_or_else(|_| "4000".to_owned());
            TcpListener::bind(format!("127.0.0.1:{port}"))?
        }
    };
    let records = match records {
        Some(records) => records,
        None => {
            let records = nameless_file()?;
            store("records", records.as_fd())?;
            records
        }
    };
    // There is one of it until the process ends.
    let counter: &Counter = Box::leak(Box::new(Counter::read(records)?));
    for (number, connection) in connections {
        thread::spawn(move || serve(counter, number, connection));
    }
    println!("listening on {}", listener.local_addr()?);
    sd_notify::notify(&[NotifyState::Ready])?;
    loop {
        let (connection, _) = listener.accept()?;
        let number = counter.add_record()?;
        store(&format!("connection-{number}"), connection.as_fd())?;
        thread::spawn(move || serve(counter, number, connection));
    }
}

/// Entrusts a descriptor to whoever started this process; without anybody it ends with the process.
fn store(name: &str, fd: BorrowedFd<'_>) -> io::Result<()> {
    sd_notify::notify_with_fds(&[NotifyState::FdStore, NotifyState::FdName(name)], &[fd])
}

/// Answers until the client is done, then lets go of the connection.
fn serve(counter: &Counter, number: u64, mut connection: TcpStream) {
    if let Err(error) = answer(counter, number, &mut connection) {
        eprintln!("connection {number}: {error}");
    }
    // Only closed, it would live on in the store; shut down, it is dropped there as well.
    let _ = connection.shutdown(Shutdown::Both);
}

fn answer(counter: &Counter, number: u64, connection: &mut TcpStream) -> io::Result<()> {
    let mut line = [0; LINE];
    loop {
        let waiting = connection.peek(&mut line)?;
        let Some(end) = line[..waiting].iter().position(|&byte| byte == b'\n') else {
            match waiting {
                0 => return Ok(()),
                LINE => return Err(io::Error::other("a line that is too long")),
                // The rest of the line is on its way.
                _ => thread::sleep(Duration::from_millis(5)),
            }
            continue;
        };
        let text = String::from_utf8_lossy(&line[..end]);
        let reply = match text.trim().parse() {
            Ok(request) => format!("{request} {WORD} {}\n", counter.count(number, request)?),
            Err(_) => format!("`{}` is not a number\n", text.trim().escape_debug()),
        };
        connection.write_all(reply.as_bytes())?;
        connection.read_exact(&mut line[..=end])?;
    }
}

/// Who counted what.
struct Counter {
    records: File,
    /// The sum over all records.
    total: AtomicU64,
}

impl Counter {
    fn read(records: File) -> io::Result<Self> {
        let mut bytes = vec![0; usize::try_from(records.metadata()?.len()).unwrap_or(0)];
        records.read_exact_at(&mut bytes, 0)?;
        let total = bytes.chunks_exact(RECORD).map(|record| word(&record[8..])).sum();
        Ok(Self { records, total: AtomicU64::new(total) })
    }

    /// A record for a new connection; only the accepting thread adds one.
    fn add_record(&self) -> io::Result<u64> {
        let length = self.records.metadata()?.len();
        self.records.set_len(length + RECORD as u64)?;
        Ok(length / RECORD as u64)
    }

    /// Counts a request unless it was counted before, and gives the sum of all.
    fn count(&self, connection: u64, request: u64) -> io::Result<u64> {
        let place = connection * RECORD as u64;
        let mut record = [0; RECORD];
        self.records.read_exact_at(&mut record, place)?;
        if request <= word(&record[..8]) {
            return Ok(self.total.load(Ordering::Relaxed));
        }
        let counted = word(&record[8..]) + 1;
        record[..8].copy_from_slice(&request.to_ne_bytes());
        record[8..].copy_from_slice(&counted.to_ne_bytes());
        // Within a page, a write is done or not done, whatever ends the process.
        self.records.write_all_at(&record, place)?;
        Ok(self.total.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

fn word(bytes: &[u8]) -> u64 {
    bytes[..8].try_into().map_or(0, u64::from_ne_bytes)
}

#[cfg(target_os = "linux")]
fn nameless_file() -> io::Result<File> {
    Ok(rustix::fs::memfd_create("records", rustix::fs::MemfdFlags::CLOEXEC)?.into())
}

#[cfg(not(target_os = "linux"))]
fn nameless_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("lines-records-{}", std::process::id()));
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
