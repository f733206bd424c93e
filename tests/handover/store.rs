//! Descriptors that a program stores in hotrun for its successor.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use hotrun::handover::{HandoverNews, LIMIT, Notification, Stored};

use super::{FIRST, House, Witness, run};

fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn names(house: &mut House) -> Vec<String> {
    house.handover.store.passed().unwrap().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn descriptors_are_kept_by_name_after_the_sockets() {
    run(|| async {
        let mut house = House::listening(&["web=127.0.0.1:0"]);
        let client = house.client();
        let (peer, ours) = connection();
        let (read, write) = std::io::pipe().unwrap();
        client.say_with(b"FDSTORE=1\nFDNAME=conn-1", &[ours.as_fd(), ours.as_fd()]).unwrap();
        client.say_with(b"FDSTORE=1", &[read.as_fd()]).unwrap();
        client.say_with(b"FDSTORE=1\nFDNAME=again", &[ours.as_fd()]).unwrap();
        client.say("READY=1");
        // The same open file counts once.
        assert_eq!(house.notice().await, Notification::Stored { name: "conn-1".to_owned(), count: 1 });
        assert_eq!(house.notice().await, Notification::Stored { name: "stored".to_owned(), count: 1 });
        assert_eq!(house.notice().await, Notification::Ready { reloaded: None });
        drop(ours);
        house.handover.close(FIRST);
        let passed = house.handover.prepare(FIRST).unwrap();
        let names: Vec<&str> = passed.fds.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["web", "conn-1", "stored"]);
        // The connection stays open in the passed descriptors.
        let mut theirs = TcpStream::from(passed.fds.into_iter().nth(1).unwrap().1);
        (&peer).write_all(b"x").unwrap();
        theirs.read_exact(&mut [0]).unwrap();
        assert_eq!(house.handover.store.remove("stored"), 1);
        drop((read, write));
    });
}

#[test]
fn a_closed_connection_is_dropped_unless_the_program_wants_it() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        let (peer, ours) = connection();
        let (kept_peer, kept) = connection();
        let (half_peer, half) = connection();
        client.say_with(b"FDSTORE=1\nFDNAME=kept\nFDPOLL=0", &[kept.as_fd()]).unwrap();
        client.say_with(b"FDSTORE=1\nFDNAME=half", &[half.as_fd()]).unwrap();
        client.say_with(b"FDSTORE=1\nFDNAME=conn", &[ours.as_fd()]).unwrap();
        for _ in 0..3 {
            assert!(matches!(house.notice().await, Notification::Stored { .. }));
        }
        // A peer that has shut down its sending side may still read.
        half_peer.shutdown(Shutdown::Write).unwrap();
        kept.shutdown(Shutdown::Both).unwrap();
        drop((kept_peer, kept));
        ours.shutdown(Shutdown::Both).unwrap();
        assert!(matches!(house.next().await, HandoverNews::StoredHungUp { name, .. } if name == "conn"));
        assert_eq!(names(&mut house), ["kept", "half"]);
        drop(peer);
    });
}

#[test]
fn removal_and_the_end_close_stored_descriptors() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        let (one, other) = (Witness::new(), Witness::new());
        client.say_with(b"FDSTORE=1\nFDNAME=a", &[one.fd()]).unwrap();
        client.say_with(b"FDSTORE=1\nFDNAME=b", &[other.fd()]).unwrap();
        client.say("FDSTOREREMOVE=1\nFDNAME=a");
        house.notice().await;
        house.notice().await;
        assert_eq!(house.notice().await, Notification::Removed { name: "a".to_owned(), count: 1 });
        one.closed().await;
        assert_eq!(names(&mut house), ["b"]);
        drop(house);
        other.closed().await;
    });
}

#[test]
fn the_store_has_a_limit() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        let fds: Vec<OwnedFd> = (0..253).map(|_| std::io::pipe().unwrap().0.into()).collect();
        let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        client.say_with(b"FDSTORE=1\nFDPOLL=0", &fds).unwrap();
        assert_eq!(house.notice().await, Notification::Stored { name: "stored".to_owned(), count: 253 });
        // Each is opened by itself, so that no two are the same file.
        let null = || OwnedFd::from(File::open("/dev/null").unwrap());
        let before = house.handover.store.len();
        for _ in before..LIMIT {
            assert_eq!(house.handover.store.keep("null", null(), true), Stored::Kept);
        }
        let witness = Witness::new();
        client.say_with(b"FDSTORE=1\nFDNAME=more", &[witness.fd()]).unwrap();
        assert_eq!(house.notice().await, Notification::StoreFull { name: "more".to_owned(), dropped: 1 });
        witness.closed().await;
    });
}

/// A nameless file, as a program makes one for its state.
fn state(text: &str) -> File {
    #[cfg(target_os = "linux")]
    let mut file = File::from(
        rustix::fs::memfd_create(
            "state",
            rustix::fs::MemfdFlags::CLOEXEC | rustix::fs::MemfdFlags::ALLOW_SEALING,
        )
        .unwrap(),
    );
    #[cfg(not(target_os = "linux"))]
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn text(fd: OwnedFd) -> String {
    let mut file = File::from(fd);
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_rollback_finds_the_state_of_the_old_process() {
    run(|| async {
        let house = House::new();
        let store = &house.handover.store;
        let (_peer, ours) = connection();
        let counter = state("version 1");
        assert_eq!(store.keep("counter", counter.try_clone().unwrap().into(), true), Stored::Kept);
        assert_eq!(store.keep("conn-1", ours.into(), true), Stored::Kept);
        let snapshot = store.snapshot().unwrap();

        // The new process migrates its state, stores more of it and a new connection, and fails.
        let mut migrated = File::from(store.passed().unwrap().remove(0).1);
        migrated.seek(SeekFrom::Start(0)).unwrap();
        migrated.write_all(b"version 2 and longer").unwrap();
        store.keep("cache", state("new").into(), true);
        let (_newcomer, accepted) = connection();
        store.keep("conn-2", accepted.into(), true);
        store.remove("conn-1");

        store.restore(snapshot);
        let passed = store.passed().unwrap();
        let names: Vec<&str> = passed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["counter", "conn-1", "conn-2"]);
        let counter = passed.into_iter().next().unwrap().1;
        assert_eq!(rustix::fs::tell(&counter).unwrap(), "version 1".len() as u64);
        assert_eq!(text(counter), "version 1");
    });
}

#[test]
fn a_file_too_large_to_copy_is_restored_as_it_is() {
    run(|| async {
        let mut house = House::new();
        let large = state("");
        large.set_len((64 << 20) + 1).unwrap();
        house.handover.store.keep("large", large.into(), true);
        let snapshot = house.handover.store.snapshot().unwrap();
        house.handover.store.restore(snapshot);
        assert_eq!(names(&mut house), ["large"]);
    });
}
