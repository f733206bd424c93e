//! Sockets that the program broke: noticed, opened again and said.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::Stage;
use super::speaker::speaker;
use crate::support::DEADLINE;

fn first_line(stream: impl Read) -> String {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line
}

#[track_caller]
fn by_path(path: &Path) -> String {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    first_line(stream)
}

#[track_caller]
fn by_port(address: SocketAddr) -> String {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    first_line(stream)
}

#[test]
fn a_socket_whose_path_was_unlinked_is_there_again_for_the_next_process() {
    for update in ["restart", "overlap"] {
        let args = ["--listen", "unix:app.sock", "--ready", "notify", "--update", update];
        let mut stage = Stage::of(&speaker("a"), &args);
        let _first = stage.home.call();
        let path = stage.workshop.project.join("app.sock");
        assert!(by_path(&path).starts_with("a "));
        fs::remove_file(&path).unwrap();
        // At once, and connections wait for the next process.
        let said = stage.hotrun.wait_said("app.sock was removed or broken; it was opened again");
        let waiting = UnixStream::connect(&path).unwrap();
        stage.edit(&speaker("b"));
        let _second = stage.home.call_of("b");
        assert!(first_line(waiting).starts_with("b "), "{update}");
        assert_eq!(said.matches("opened again").count(), 1, "{said}");
        // And when something else takes its place.
        let other = stage.workshop.project.join("other");
        fs::write(&other, "in the way").unwrap();
        #[expect(clippy::disallowed_methods, reason = "no live path here")]
        fs::rename(&other, &path).unwrap();
        let said = stage.hotrun.wait_said("app.sock is broken");
        stage.edit(&speaker("a"));
        assert!(said.contains("a file that is no socket is there"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), b"in the way");
        let _third = stage.home.call_of("a");
        // Once it is out of the way, the socket is there again.
        fs::remove_file(&path).unwrap();
        stage.edit(&speaker("b"));
        let _fourth = stage.home.call_of("b");
        assert!(by_path(&path).starts_with("b "), "{update}");
    }
}

#[test]
fn a_socket_that_the_program_shut_down_listens_again_while_it_runs() {
    let mut stage = Stage::of(&speaker("a"), &["--listen", "0", "--ready", "notify"]);
    let address: SocketAddr = stage.address("http://");
    let mut app = stage.home.call();
    for round in 1..=2 {
        assert!(by_port(address).starts_with("a "));
        assert_eq!(app.request("shut"), "shut");
        stage.hotrun.wait_until("the warning", |event| {
            event.kind() == "warning"
                && event.0["message"] == format!("tcp:{address} was shut down; it listens again")
        });
        assert_eq!(by_port(address), format!("a {}\n", app.pid), "round {round}");
    }
    stage.edit(&speaker("b"));
    assert!(by_port(address).starts_with("b "));
}
