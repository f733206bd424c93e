//! Whatever arrives on `NOTIFY_SOCKET`, hotrun keeps no descriptor of it and goes on.

use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::Stage;
use super::descriptors::{as_before, at_rest};
use super::speaker::{notify_socket, speaker};

#[test]
fn nonsense_on_the_notify_socket_leaves_nothing() {
    let mut stage = Stage::of(&speaker("a"), &["-v", "--ready", "notify"]);
    let mut app = stage.home.call();
    assert_eq!(app.request("barrier"), "passed");
    let before = at_rest(&stage.hotrun);
    let long = [b"STATUS=".as_slice(), &[b'x'; 5000]].concat();
    let messages: [&[u8]; 16] = [
        b"",
        b"nonsense",
        b"=",
        b"=1",
        b"READY",
        b"STATUS=\xff\xfe",
        b"\xff\xfe=1",
        b"STATUS=lies\0READY=1",
        b"\0\0",
        &long,
        b"FDNAME=x",
        b"FDSTOREREMOVE=1",
        b"FDSTOREREMOVE=1\nFDNAME=x\nFDSTORE=1",
        b"BARRIER=1\nSTATUS=not alone",
        b"MAINPID=1\nEXTEND_TIMEOUT_USEC=99999999999999999999",
        b"WATCHDOG=trigger",
    ];
    for message in messages {
        for fds in [0, 1, 2, 253] {
            assert_eq!(app.send(message, fds), "sent", "{}", message.escape_ascii());
        }
    }
    // More than the kernel passes on.
    assert_ne!(app.send(b"STATUS=more", 254), "sent");
    for message in [&b"BARRIER=1"[..], b"FDSTORE=1\nFDNAME=x"] {
        assert_eq!(app.send(message, 0), "sent");
    }
    assert_eq!(app.send(b"BARRIER=1", 2), "sent");
    assert_eq!(app.request("barrier"), "passed");
    as_before(&stage.hotrun, &before);

    // Somebody whom hotrun did not start, with a descriptor to keep.
    let stranger = UnixDatagram::unbound().unwrap();
    stranger.connect(notify_socket(app.pid)).unwrap();
    let (mut kept, given) = std::io::pipe().unwrap();
    let given = [given];
    {
        let fds = given.each_ref().map(AsFd::as_fd);
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        let message = std::io::IoSlice::new(b"FDSTORE=1\nFDNAME=stranger\nSTATUS=lies");
        sendmsg(&stranger, &[message], &mut control, SendFlags::empty()).unwrap();
    }
    drop(given);
    assert_eq!(kept.read(&mut [0]).unwrap(), 0, "hotrun keeps what a stranger sent");

    assert_eq!(app.send(b"STATUS=still heard", 0), "sent");
    stage.hotrun.wait_said("Status still heard");
    as_before(&stage.hotrun, &before);
    stage.edit(&speaker("b"));
    let said = stage.hotrun.stderr();
    assert_eq!(said.matches("on NOTIFY_SOCKET").count(), 1, "{said}");
    assert!(!said.contains("lies") && !said.contains("not alone"), "{said}");
    assert_eq!(stage.home.call_of("b").request("barrier"), "passed");
}
