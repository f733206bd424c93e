//! The sockets of `listen`: their kinds, conflicts over addresses, and repair.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use hotrun::handover::{Adopted, HandoverNews, ListenError, Listeners, Repair};
use socket2::SockRef;

use super::{House, listening, run};
use crate::programs::program;

fn open(addresses: &[&str]) -> Result<Listeners, ListenError> {
    Listeners::open(&listening(addresses), Adopted::default())
}

fn names(listeners: &Listeners) -> Vec<String> {
    listeners.passed().unwrap().into_iter().map(|(name, _)| name).collect()
}

/// Returns the address of the socket with this number.
fn address(listeners: &Listeners, number: usize) -> SocketAddr {
    let fd = listeners.passed().unwrap().swap_remove(number).1;
    SockRef::from(&fd).local_addr().unwrap().as_socket().unwrap()
}

#[test]
fn sockets_are_as_systemd_would_open_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let unix = format!("unix:{}", path.display());
    let listeners =
        open(&["127.0.0.1:0", "admin=127.0.0.1:0", "tcp:127.0.0.1:0", "udp:127.0.0.1:0", &unix]).unwrap();
    assert_eq!(names(&listeners), ["tcp-0", "admin", "tcp-0-2", "udp-0", "unix-app.sock"]);
    let first = address(&listeners, 0);
    assert_ne!(first.port(), 0);
    let described = listeners.describe();
    assert_eq!(described[0], format!("http://{first}"));
    assert_eq!(described[3], format!("udp:{}", address(&listeners, 3)));
    assert_eq!(described[4], unix);

    for (number, (_, fd)) in listeners.passed().unwrap().into_iter().enumerate() {
        let socket = SockRef::from(&fd);
        assert!(rustix::io::fcntl_getfd(&fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        assert!(!socket.nonblocking().unwrap() && !socket.reuse_port().unwrap());
        assert_eq!(socket.reuse_address().unwrap(), number < 3);
        assert_eq!(socket.is_listener().unwrap(), number != 3);
        socket.set_nonblocking(true).unwrap();
    }
    listeners.reset();
    assert!(listeners.passed().unwrap().iter().all(|(_, fd)| !SockRef::from(fd).nonblocking().unwrap()));

    // Nothing accepts yet, and no connection is refused.
    let waiting: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(first).unwrap()).collect();
    assert_eq!(listeners.paths(), [path.as_path()]);
    drop((waiting, listeners));
    assert!(!path.exists() && TcpStream::connect(first).is_err());
}

#[test]
fn the_holder_of_an_address_is_named() {
    let mut holder = Command::new(program("talker"))
        .args(["hold", "127.0.0.1:0"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(holder.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
    let address = address.trim();
    let error = open(&["127.0.0.1:0", address]).unwrap_err();
    if cfg!(target_os = "linux") {
        let pid = holder.id();
        assert_eq!(
            error.to_string(),
            format!("could not listen on `tcp:{address}`: `fixture-talker` (pid {pid}) holds it")
        );
        assert!(error.hint().unwrap().contains(&format!("kill {pid}")));
    }
    drop(holder.stdin.take());
    holder.wait().unwrap();
    open(&[address]).unwrap();
}

#[test]
fn impossible_addresses_are_explained() {
    let error = open(&["192.0.2.1:3000"]).unwrap_err();
    assert!(matches!(error, ListenError::NotHere { .. }) && error.hint().unwrap().contains("0.0.0.0"));
    let long = format!("unix:/tmp/{}", "x".repeat(110));
    assert!(matches!(open(&[&long]).unwrap_err(), ListenError::TooLong(_)));
    let error = open(&["unix:/no/such/folder/a.sock"]).unwrap_err();
    assert!(error.hint().unwrap().contains("mkdir -p /no/such/folder"), "{error}");
}

#[test]
fn only_a_dead_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let text = format!("unix:{}", path.display());
    // The standard library leaves the file, as a killed program does.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(open(&[&text]).unwrap());
    assert!(!path.exists());

    let alive = UnixListener::bind(&path).unwrap();
    assert!(matches!(open(&[&text]).unwrap_err(), ListenError::InUse { .. }));
    drop(alive);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    assert!(matches!(open(&[&text]).unwrap_err(), ListenError::NotASocket(_)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_socket_that_was_shut_down_is_noticed_and_listens_again() {
    run(|| async {
        let mut house = House::listening(&["127.0.0.1:0"]);
        let listeners = &mut house.handover.listeners;
        assert!(listeners.check().is_empty());
        let (_, program) = listeners.passed().unwrap().remove(0);
        let address = address(listeners, 0);
        SockRef::from(&program).shutdown(std::net::Shutdown::Both).unwrap();
        assert!(matches!(house.next().await, HandoverNews::ListenerBroken(_)));
        let listeners = &mut house.handover.listeners;
        let repairs = listeners.check();
        let ok = match repairs.as_slice() {
            [Repair::Revived { .. }] => true,
            [Repair::Replaced { .. }] => !cfg!(target_os = "linux"),
            _ => false,
        };
        assert!(ok, "{repairs:?}");
        assert!(listeners.check().is_empty());
        TcpStream::connect(address).unwrap();
        // The second time too.
        SockRef::from(&program).shutdown(std::net::Shutdown::Both).unwrap();
        assert!(matches!(house.next().await, HandoverNews::ListenerBroken(_)));
        assert_eq!(house.handover.listeners.check().len(), 1);
    });
}

#[test]
fn a_datagram_socket_receives_from_every_client_again() {
    let mut listeners = open(&["udp:127.0.0.1:0"]).unwrap();
    let place = address(&listeners, 0);
    let hears = |listeners: &Listeners| {
        let socket = UdpSocket::from(listeners.passed().unwrap().remove(0).1);
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"x", place).unwrap();
        socket.set_read_timeout(Some(super::DEADLINE)).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1);
    };
    let program = listeners.passed().unwrap().remove(0).1;
    SockRef::from(&program).connect(&"127.0.0.1:9".parse::<SocketAddr>().unwrap().into()).unwrap();
    assert!(matches!(listeners.check().as_slice(), [Repair::Revived { .. }]));
    hears(&listeners);
    // It reports that it is not connected, and is shut down all the same.
    let _ = SockRef::from(&program).shutdown(std::net::Shutdown::Both);
    let repairs = listeners.check();
    assert!(matches!(repairs.as_slice(), [Repair::Replaced { .. }]), "{repairs:?}");
    drop(program);
    assert!(listeners.check().is_empty());
    hears(&listeners);
    assert!(UdpSocket::bind(place).is_err());
}

#[test]
fn a_removed_path_is_bound_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let mut listeners = open(&[&format!("unix:{}", path.display())]).unwrap();
    let program = listeners.passed().unwrap().remove(0).1;
    fs::remove_file(&path).unwrap();
    assert!(matches!(listeners.check().as_slice(), [Repair::Replaced { .. }]));
    UnixStream::connect(&path).unwrap();
    SockRef::from(&listeners.passed().unwrap().remove(0).1).shutdown(std::net::Shutdown::Both).unwrap();
    assert!(matches!(listeners.check().as_slice(), [Repair::Replaced { .. }]));
    UnixStream::connect(&path).unwrap();

    // A file that is no socket is not removed; hotrun reports it once and tries again.
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    let repairs = listeners.check();
    assert!(matches!(repairs.as_slice(), [Repair::Lost { error: ListenError::NotASocket(_), .. }]));
    assert!(listeners.check().is_empty());
    fs::remove_file(&path).unwrap();
    assert!(matches!(listeners.check().as_slice(), [Repair::Replaced { .. }]));
    drop((program, listeners));
    assert!(!path.exists());
}

#[test]
fn an_edited_configuration_keeps_sockets_it_still_names() {
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (one, two, three) = (free(), free(), free());
    let mut listeners = open(&[&one, &two]).unwrap();
    let kept = TcpStream::connect(&two).unwrap();
    listeners.reconfigure(&listening(&[&three, &format!("named={two}")])).unwrap();
    assert_eq!(listeners.describe(), [format!("http://{three}"), format!("http://{two}")]);
    assert_eq!(names(&listeners)[1], "named");
    assert!(TcpStream::connect(&one).is_err());
    // A connection in the queue stays there.
    let fd = listeners.passed().unwrap().remove(1).1;
    let (_, peer) = std::net::TcpListener::from(fd).accept().unwrap();
    assert_eq!(peer, kept.local_addr().unwrap());

    listeners.reconfigure(&listening(&[&one, "192.0.2.1:3000"])).unwrap_err();
    assert_eq!(listeners.describe(), [format!("http://{three}"), format!("http://{two}")]);
}
