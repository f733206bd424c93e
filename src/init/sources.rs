//! What the text of a program says about sockets: the addresses it binds, whether it takes sockets that were opened for
//! it, whether it says that it is ready.
//!
//! Pure. It looks for what stands there plainly, in one expression, and rather finds nothing than something wrong.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Calls that bind an address given among their arguments.
const BINDING: [&str; 4] = ["bind(", "SocketAddr::from(", ".serve(", ".run("];

/// What was found in the sources of one program.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sockets {
    /// TCP addresses that are bound.
    pub(super) addresses: BTreeSet<SocketAddr>,
    /// `LISTEN_FDS` or a crate for it is named.
    pub(super) takes: bool,
    /// `READY=1` is sent, by a crate or by hand.
    pub(super) notifies: bool,
}

impl Sockets {
    /// Takes in one source file.
    pub(super) fn read(&mut self, text: &str) {
        let code = code(text);
        self.takes |= ["LISTEN_FDS", "ListenFd", "listenfd::", "receive_descriptors"]
            .iter()
            .any(|word| code.contains(word));
        self.notifies |= ["NotifyState::Ready", "READY=1"].iter().any(|word| code.contains(word));
        for call in BINDING {
            for (at, found) in code.match_indices(call) {
                // The word before says of what kind it is: `UdpSocket::bind`, `UnixListener::bind`.
                let before = &code[..at];
                let path_start = before
                    .rfind(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | ':'))
                    .map_or(0, |end| end + 1);
                let path = before.get(path_start..).unwrap_or_default();
                if path.contains("Udp") || path.contains("Unix") {
                    continue;
                }
                self.addresses.extend(first_address(arguments(&code[at + found.len()..])));
            }
        }
    }
}

/// The text without comments that have a line of their own, up to its unit tests.
fn code(text: &str) -> String {
    text.lines()
        .take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |code, line| code + line + "\n")
}

/// The arguments of a call, up to the bracket that ends it.
fn arguments(text: &str) -> &str {
    let mut depth = 0_u32;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 0 => return &text[..at],
            ')' => depth -= 1,
            ';' => return &text[..at],
            _ => {}
        }
    }
    text
}

/// `"127.0.0.1:3000"`, `("0.0.0.0", 8080)` or `([127, 0, 0, 1], 3030)`; port 0 is no address to speak of.
fn first_address(arguments: &str) -> Option<SocketAddr> {
    let literal = arguments.split('"').nth(1);
    let address = match literal {
        Some(literal) => address(literal).or_else(|| {
            let host = host(literal)?;
            let rest = arguments.split('"').nth(2)?.trim_start().strip_prefix(',')?;
            Some(SocketAddr::new(host, port(rest)?))
        }),
        None => bytes(arguments),
    };
    address.filter(|address| address.port() != 0)
}

fn address(text: &str) -> Option<SocketAddr> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local.as_deref().unwrap_or(text).parse().ok()
}

fn host(text: &str) -> Option<IpAddr> {
    if text == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { text.parse().ok() }
}

/// The number that a text begins with and that ends the arguments.
fn port(text: &str) -> Option<u16> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '_').unwrap_or(text.len());
    let rest = text[end..].trim_start_matches("u16").trim_start();
    let plain = rest.is_empty() || rest.starts_with([')', ',']);
    plain.then(|| text[..end].replace('_', "").parse().ok())?
}

fn bytes(arguments: &str) -> Option<SocketAddr> {
    let (numbers, rest) = arguments.split_once('[')?.1.split_once(']')?;
    let numbers: Vec<u8> = numbers.split(',').map(|byte| byte.trim().parse().ok()).collect::<Option<_>>()?;
    let ip = <[u8; 4]>::try_from(numbers).ok()?;
    Some(SocketAddr::new(IpAddr::from(ip), port(rest.trim_start().strip_prefix(',')?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(text: &str, expected: &[&str]) {
        let mut sockets = Sockets::default();
        sockets.read(text);
        let found: Vec<String> = sockets.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn addresses_that_stand_there_plainly_are_found() {
        finds(r#"let l = TcpListener::bind("127.0.0.1:3000").await?;"#, &["127.0.0.1:3000"]);
        finds(r#"TcpListener::bind(("localhost", 8080))"#, &["127.0.0.1:8080"]);
        finds(r#".bind(("0.0.0.0", 8_080))?"#, &["0.0.0.0:8080"]);
        finds("warp::serve(routes).run(([127, 0, 0, 1], 3030)).await", &["127.0.0.1:3030"]);
        finds("let addr = SocketAddr::from(([0, 0, 0, 0], 3000));", &["0.0.0.0:3000"]);
        finds(r#"TcpListener::bind("[::1]:3000")"#, &["[::1]:3000"]);
        finds("bind(\n    \"127.0.0.1:3000\",\n)", &["127.0.0.1:3000"]);
        finds(r#"bind("127.0.0.1:1"); bind("127.0.0.1:2")"#, &["127.0.0.1:1", "127.0.0.1:2"]);
    }

    #[test]
    fn what_is_not_plain_is_left_alone() {
        for text in [
            "TcpListener::bind(address)",
            r#"TcpListener::bind("127.0.0.1:0")"#,
            r#"UdpSocket::bind("127.0.0.1:5353")"#,
            r#"UnixListener::bind("/run/a.sock")"#,
            r#"TcpStream::connect("127.0.0.1:5432")"#,
            r#"// bind("127.0.0.1:3000")"#,
            "#[cfg(test)]\nmod tests { fn a() { bind(\"127.0.0.1:3000\") } }",
            r#"TcpListener::bind(("127.0.0.1", port))"#,
            "SocketAddr::from(([127, 0, 0, 1], 3000 + offset))",
            r#"std::env::var("ADDR").unwrap_or("127.0.0.1:3000".into())"#,
            "bind(",
            "",
        ] {
            finds(text, &[]);
        }
    }

    #[test]
    fn sockets_that_are_taken_and_readiness_are_noticed() {
        let mut sockets = Sockets::default();
        sockets.read("fn main() {}");
        assert_eq!(sockets, Sockets::default());
        sockets.read("let mut fds = ListenFd::from_env();");
        sockets.read("sd_notify::notify(&[NotifyState::Ready])?;");
        assert!(sockets.takes && sockets.notifies);
    }
}
