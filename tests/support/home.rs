//! A program under test calls home: it connects to the test's listener, says who it is, and answers questions until it
//! ends. An accepted connection means that it runs; the connection's end means that it is dead.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::DEADLINE;

/// Where programs call.
pub(crate) struct Home {
    pub(crate) address: SocketAddr,
    calls: mpsc::Receiver<TcpStream>,
}

/// A program that called.
pub(crate) struct Call {
    pub(crate) version: String,
    pub(crate) pid: u32,
    stream: BufReader<TcpStream>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, calls) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if sender.send(stream).is_err() {
                    break;
                }
            }
        });
        Self { address, calls }
    }

    /// The next program that calls.
    #[track_caller]
    pub(crate) fn call(&self) -> Call {
        self.try_call().expect("no program called home")
    }

    /// The next program that calls, if one does in time. One that is stopped before it says who it is has not called.
    pub(crate) fn try_call(&self) -> Option<Call> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let call = Call::of(self.calls.recv_timeout(left).ok()?);
            if call.is_some() {
                return call;
            }
        }
    }

    /// The next program that has called already.
    pub(crate) fn called(&self) -> Option<Call> {
        self.calls.try_iter().find_map(Call::of)
    }

    /// The next program that calls and says `version`; others are let go.
    #[track_caller]
    pub(crate) fn call_of(&self, version: &str) -> Call {
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "no program called home with {version}");
            let call = self.call();
            if call.version == version {
                return call;
            }
        }
    }

    /// Whether nobody calls for `time`.
    pub(crate) fn silent_for(&self, time: Duration) -> bool {
        self.calls.recv_timeout(time).is_err()
    }
}

impl Call {
    fn of(stream: TcpStream) -> Option<Self> {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut call = Self { version: String::new(), pid: 0, stream: BufReader::new(stream) };
        let mut who = String::new();
        // The connection of one that was killed may be reset.
        if call.stream.read_line(&mut who).is_err() || who.is_empty() {
            return None;
        }
        let who = who.trim_end();
        let (pid, version) = who.split_once(' ').unwrap_or_else(|| panic!("{who:?} is no introduction"));
        call.pid = pid.parse().unwrap();
        version.clone_into(&mut call.version);
        Some(call)
    }

    /// Whether the program is dead.
    pub(crate) fn has_ended(&self) -> bool {
        let mut next = [0];
        self.stream.get_ref().set_nonblocking(true).unwrap();
        let peeked = self.stream.get_ref().peek(&mut next);
        self.stream.get_ref().set_nonblocking(false).unwrap();
        !peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// What the program answers when it is asked who it is.
    pub(crate) fn ask(&mut self) -> String {
        self.stream.get_mut().write_all(b"who\n").unwrap();
        self.line()
    }

    /// Asks the program something it knows (see the program).
    pub(crate) fn tell(&mut self, word: &str) {
        self.stream.get_mut().write_all(format!("{word}\n").as_bytes()).unwrap();
    }

    /// Waits until the program is dead.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        loop {
            let mut line = String::new();
            match self.stream.read_line(&mut line) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("{} {} did not end: {error}", self.pid, self.version),
            }
        }
    }
}
