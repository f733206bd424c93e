//! Lists the items of the shop over HTTP.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

/// Change it: only the API is built and restarts.
const GREETING: &str = "Welcome to the shop";

fn main() -> io::Result<()> {
    // hotrun keeps the socket open while this program restarts. Without hotrun, it opens its own.
    let given = listenfd::ListenFd::from_env().take_tcp_listener(0)?;
    let listener = given.map_or_else(|| TcpListener::bind(("127.0.0.1", 3001)), Ok)?;
    println!("listening on http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        if let Err(error) = answer(stream?) {
            eprintln!("{error}");
        }
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut body = format!("{GREETING}\n");
    for item in catalog::items()? {
        body += &format!("{} {} {}\n", item.name, item.price, catalog::CURRENCY);
    }
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}
