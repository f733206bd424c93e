//! Parses and compares socket addresses: those `listen` binds and those `ready` probes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::error::Invalid;
use super::units::{format_duration, parse_duration};
use super::{Listen, ListenAddress, Ready};

const FORMS: &str =
    "write a port, `localhost:PORT`, `IP:PORT`, `[::1]:PORT`, `tcp:ADDR`, `udp:ADDR` or `unix:PATH`";

/// Parses a `listen` entry: `[NAME=]ADDR`. Relative Unix paths are below `base`.
pub(super) fn parse_listen(text: &str, base: &Path) -> Result<Listen, Invalid> {
    // A path may contain `=` too, but only after `unix:`.
    let (name, address) = match text.split_once('=') {
        Some((name, address)) if !name.contains([':', '/']) => (Some(name), address),
        _ => (None, text),
    };
    if let Some(name) = name {
        check_name(name)?;
    }
    let address = if let Some(path) = address.strip_prefix("unix:") {
        if path.is_empty() {
            return Err(Invalid::new("the path is missing").or("write `unix:PATH`"));
        }
        ListenAddress::Unix(super::absolute(base, path.as_ref()))
    } else if let Some(address) = address.strip_prefix("udp:") {
        ListenAddress::Udp(parse_socket(address)?)
    } else {
        ListenAddress::Tcp(parse_socket(address.strip_prefix("tcp:").unwrap_or(address))?)
    };
    Ok(Listen { name: name.map(ToOwned::to_owned), address })
}

pub(super) fn format_listen(listen: &Listen) -> String {
    let name = listen.name.as_ref().map_or_else(String::new, |name| format!("{name}="));
    name + &format_address(&listen.address)
}

pub(crate) fn format_address(address: &ListenAddress) -> String {
    match address {
        ListenAddress::Tcp(address) => format!("tcp:{address}"),
        ListenAddress::Udp(address) => format!("udp:{address}"),
        ListenAddress::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// Checks a name by the rules of systemd for `FileDescriptorName=` (systemd.socket(5)): names are passed
/// joined by colons.
fn check_name(name: &str) -> Result<(), Invalid> {
    if name.is_empty() {
        return Err(Invalid::new("the name before `=` is missing"));
    }
    if name.len() > 255 || !name.chars().all(|letter| letter.is_ascii_graphic()) {
        return Err(Invalid::new("the name of a socket is made of up to 255 printable ASCII characters"));
    }
    Ok(())
}

/// Parses `PORT`, `localhost:PORT`, `IP:PORT`; a port alone and `localhost` mean 127.0.0.1.
fn parse_socket(text: &str) -> Result<SocketAddr, Invalid> {
    if text.chars().all(|letter| letter.is_ascii_digit()) && !text.is_empty() {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, parse_port(text)?)));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, parse_port(port)?)));
    }
    if let Some(port) = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")) {
        let port = parse_port(port)?;
        return Err(Invalid::new(
            "some programs take this for this machine only, others for the whole network",
        )
        .or(format!("write `{port}` for this machine only or `0.0.0.0:{port}` for the whole network")));
    }
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Err(Invalid::new("the port is missing").or(format!("write `{}`", SocketAddr::new(ip, 3000))));
    }
    match text.rsplit_once(':') {
        Some((host, port))
            if host.parse::<IpAddr>().is_ok() || (host.starts_with('[') && host.ends_with(']')) =>
        {
            parse_port(port)?;
            Err(Invalid::new("expected an address").or(FORMS))
        }
        Some((host, port)) if !host.contains(':') && parse_port(port).is_ok() => {
            Err(Invalid::new(format!("`{host}` is a name, not an address")).or(FORMS))
        }
        _ => Err(Invalid::new("expected an address").or(FORMS)),
    }
}

fn parse_port(text: &str) -> Result<u16, Invalid> {
    let digits = !text.is_empty() && text.chars().all(|letter| letter.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits => Ok(port),
        _ if digits => Err(Invalid::new("ports end at 65535")),
        _ => Err(Invalid::new(format!("`{text}` is not a port")).or(FORMS)),
    }
}

pub(super) fn parse_ready(text: &str) -> Result<Ready, Invalid> {
    match text {
        "auto" => return Ok(Ready::Auto),
        "spawn" => return Ok(Ready::Spawn),
        "notify" => return Ok(Ready::Notify),
        _ => {}
    }
    if let Some(address) = text.strip_prefix("tcp:") {
        let named = address.starts_with("localhost:");
        let address = parse_socket(address)?;
        return match address.port() {
            0 => Err(Invalid::new("nothing can be reached on port 0")),
            port if named => Ok(Ready::Localhost(port)),
            _ => Ok(Ready::Tcp(address)),
        };
    }
    if text.starts_with("http:") {
        parse_url(text)?;
        return Ok(Ready::Http(text.to_owned()));
    }
    if text.starts_with("https:") {
        return Err(
            Invalid::new("hotrun speaks no TLS").or("use `tcp:ADDR`, `notify` or a plain `http://` address")
        );
    }
    match parse_duration(text) {
        Ok(time) => Ok(Ready::After(time)),
        Err(invalid) if text.starts_with(|first: char| first.is_ascii_digit()) => Err(invalid),
        Err(_) => Err(Invalid::new(
            "expected `auto`, `spawn`, `notify`, `tcp:ADDR`, `http://HOST:PORT/PATH` or a time",
        )),
    }
}

pub(crate) fn format_ready(ready: &Ready) -> String {
    match ready {
        Ready::Auto => "auto".to_owned(),
        Ready::Spawn => "spawn".to_owned(),
        Ready::Notify => "notify".to_owned(),
        Ready::Tcp(address) => format!("tcp:{address}"),
        Ready::Localhost(port) => format!("tcp:localhost:{port}"),
        Ready::Http(url) => url.clone(),
        Ready::After(time) => format_duration(*time),
    }
}

/// Returns the host and port of an `http://` URL (RFC 3986, section 3.2) without user or password.
fn parse_url(url: &str) -> Result<(&str, u16), Invalid> {
    let form = "write `http://HOST:PORT/PATH`";
    let rest =
        url.strip_prefix("http://").ok_or_else(|| Invalid::new("expected `//` after `http:`").or(form))?;
    if url.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Err(Invalid::new("a URL holds no spaces").or("write a space as `%20`"));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Invalid::new("a user or password cannot be given").or(form));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, parse_port(port)?),
        _ => (authority, 80),
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let valid = match bracketed {
        Some(ip) => ip.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains([':', '[', ']']),
    };
    if !valid || port == 0 {
        return Err(Invalid::new("the host or port makes no sense").or(form));
    }
    Ok((bracketed.unwrap_or(host), port))
}

/// Returns the host and port of a checked `http://` URL.
pub(crate) fn http_host(url: &str) -> Option<(&str, u16)> {
    parse_url(url).ok()
}

/// Returns the `listen` entry whose socket would answer this probe instead of the program.
pub(super) fn held<'a>(ready: &Ready, listen: impl IntoIterator<Item = &'a Listen>) -> Option<&'a Listen> {
    let (ip, port) = match ready {
        Ready::Tcp(address) => (Some(address.ip()), address.port()),
        Ready::Localhost(port) => (None, *port),
        Ready::Http(url) => {
            let (host, port) = parse_url(url).ok()?;
            let local = host.eq_ignore_ascii_case("localhost");
            let ip = host.parse().ok();
            if ip.is_none() && !local {
                return None;
            }
            (ip, port)
        }
        Ready::Auto | Ready::Spawn | Ready::Notify | Ready::After(_) => return None,
    };
    listen.into_iter().find(|listen| match listen.address {
        ListenAddress::Tcp(bound) => bound.port() == port && reaches(ip, bound.ip()),
        ListenAddress::Udp(_) | ListenAddress::Unix(_) => false,
    })
}

/// Whether a connection to `target` (`None`: the name localhost) may arrive at a socket bound to `bound`.
fn reaches(target: Option<IpAddr>, bound: IpAddr) -> bool {
    if bound.is_unspecified() {
        // [::] also accepts IPv4 unless that was turned off.
        return bound.is_ipv6() || target.is_none_or(|target| target.is_ipv4());
    }
    match target {
        None => bound.is_loopback(),
        // As a target, the unspecified address means this machine (ip(7)).
        Some(target) if target.is_unspecified() => bound.is_loopback() && bound.is_ipv4() == target.is_ipv4(),
        Some(target) => target == bound,
    }
}

/// Whether two `listen` entries conflict: the same Unix path, or the same address with a port other than 0.
pub(super) fn same_socket(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other))
        | (ListenAddress::Udp(one), ListenAddress::Udp(other)) => one == other && one.port() != 0,
        (ListenAddress::Unix(one), ListenAddress::Unix(other)) => one == other,
        _ => false,
    }
}
