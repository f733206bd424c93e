//! A small server of the standard library alone. It takes its socket from whoever started it, says that it is ready, and
//! ends between two requests, never within one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const VERSION: &str = "none";

fn main() {
    patience::hold_back();
    let listener = if std::env::var_os("LISTEN_FDS").is_some() {
        unsafe { TcpListener::from_raw_fd(3) }
    } else {
        TcpListener::bind(std::env::var("BENCH_ADDRESS").unwrap()).unwrap()
    };
    listener.set_nonblocking(true).unwrap();
    if let Some(path) = std::env::var_os("NOTIFY_SOCKET") {
        UnixDatagram::unbound().unwrap().send_to(b"READY=1", path).unwrap();
    }
    let mut home = TcpStream::connect(std::env::var("BENCH_HOME").unwrap()).unwrap();
    write!(home, "{VERSION} {}", listener.local_addr().unwrap()).unwrap();
    drop(home);
    loop {
        patience::until_readable(listener.as_raw_fd());
        // Another process of the same socket may have been faster.
        if let Ok((stream, _)) = listener.accept() {
            let _ = answer(stream);
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut asked = Vec::new();
    let mut bytes = [0; 1024];
    while !asked.ends_with(b"\r\n\r\n") {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            count => asked.extend_from_slice(&bytes[..count]),
        }
    }
    let length = VERSION.len();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{VERSION}")
}

/// SIGTERM is let through only where no request has been taken.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod patience {
    const SIG_BLOCK: i32 = 0;
    const TERM: [u64; 16] = [1 << 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const NOBODY: [u64; 16] = [0; 16];
    const POLLIN: i16 = 1;

    #[repr(C)]
    struct PollFd(i32, i16, i16);

    unsafe extern "C" {
        fn pthread_sigmask(how: i32, set: *const [u64; 16], old: *mut [u64; 16]) -> i32;
        fn ppoll(fds: *mut PollFd, count: u64, timeout: *const u8, mask: *const [u64; 16]) -> i32;
    }

    pub fn hold_back() {
        unsafe { pthread_sigmask(SIG_BLOCK, &TERM, std::ptr::null_mut()) };
    }

    pub fn until_readable(fd: i32) {
        unsafe { ppoll(&mut PollFd(fd, POLLIN, 0), 1, std::ptr::null(), &NOBODY) };
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod patience {
    pub fn hold_back() {}

    pub fn until_readable(_fd: i32) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
