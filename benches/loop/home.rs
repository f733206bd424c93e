//! Where programs call as soon as they listen, and asking them for their version: what "served" means.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::clock::{DEADLINE, now, pause};

/// Takes the calls of one project's programs.
pub(crate) struct Home {
    address: SocketAddr,
    calls: Receiver<String>,
    done: Arc<AtomicBool>,
}

impl Home {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let (sender, calls) = channel();
        let done = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&done);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut said = String::new();
                let read = stream.and_then(|mut stream| {
                    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
                    stream.read_to_string(&mut said)
                });
                if ended.load(Ordering::Relaxed) || (read.is_ok() && sender.send(said).is_err()) {
                    return;
                }
            }
        });
        Self { address, calls, done }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until this version has answered a request; gives the time of the answer and where it serves.
    pub(crate) fn answered(&self, version: &str) -> (f64, SocketAddr) {
        let deadline = now() + DEADLINE.as_secs_f64() * 1e3;
        let serves = loop {
            let said = self.calls.recv_timeout(DEADLINE);
            let said = said.unwrap_or_else(|_| panic!("version {version:?} never called"));
            // The address is the last word.
            let (called, serves) = said.rsplit_once(' ').unwrap_or_default();
            if called == version {
                break serves.parse().expect("a program tells where it listens");
            }
            assert!(now() < deadline, "version {version:?} never called");
        };
        // In an overlap the version before it may still take requests from the same socket.
        while ask(serves).is_ok_and(|answer| answer != version) {
            assert!(now() < deadline, "version {version:?} called, but does not answer");
            pause(Duration::from_micros(200));
        }
        (now(), serves)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// A request as every client of the harness makes it.
pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";

/// The body of an answer, if it is a whole one.
pub(crate) fn body(answer: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    (head.starts_with("HTTP/1.1 200 ") && !body.is_empty()).then_some(body)
}

/// Asks a program for its version.
fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    body(&answer).map(str::to_owned).ok_or_else(|| io::Error::other("no whole answer"))
}
