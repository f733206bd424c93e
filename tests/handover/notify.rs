//! Messages of a program: their order, their senders, and that none stalls hotrun or leaks.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hotrun::handover::{HandoverNews, Malformed, Notification, Reloading};
use tokio::time::timeout;

use super::{FIRST, House, Witness, run};
use crate::programs::program;

#[test]
fn messages_are_reported_in_order() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        client.say("STATUS=opening the database\nEXTEND_TIMEOUT_USEC=2000000");
        assert_eq!(house.notice().await, Notification::ExtendTimeout(Duration::from_secs(2)));
        assert_eq!(house.notice().await, Notification::Status("opening the database".to_owned()));
        // The status precedes a message that follows it at once.
        client.say("STATUS=done");
        client.say("READY=1");
        assert_eq!(house.notice().await, Notification::Status("done".to_owned()));
        assert_eq!(house.notice().await, Notification::Ready { reloaded: None });
        client.say("RELOADING=1\nMONOTONIC_USEC=5");
        assert_eq!(house.notice().await, Notification::Reloading(Reloading { since: Some(5) }));
        client.say("ERRNO=2\nSTOPPING=1\nREADY=1");
        client.say("READY=1");
        client.say("EXIT_STATUS=3");
        assert_eq!(house.notice().await, Notification::Errno(2));
        assert_eq!(house.notice().await, Notification::Stopping);
        assert_eq!(house.notice().await, Notification::ExitStatus(3));
    });
}

#[test]
fn messages_before_the_end_count_and_later_ones_do_not() {
    run(|| async {
        let mut house = House::new();
        let path = house.socket();
        let client = super::Client::new(&path);
        // Before its start is known, and without a chance for any task to run.
        client.say("READY=1");
        client.say("STATUS=failed");
        house.handover.started(FIRST, std::process::id().cast_signed());
        house.handover.drain(FIRST);
        let mut told = Vec::new();
        while let Ok(HandoverNews::Notified { notification, .. }) = house.news.try_recv() {
            told.push(notification);
        }
        assert_eq!(told, [Notification::Ready { reloaded: None }, Notification::Status("failed".to_owned())]);
        house.handover.close(FIRST);
        assert!(!path.exists());
        // The listening task ends when it runs next.
        while client.0.send(b"READY=1").is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(house.news.try_recv().is_err());
        let folder = path.parent().unwrap();
        drop(house);
        assert!(!folder.exists());
    });
}

#[test]
fn malformed_messages_are_dropped_with_their_descriptors() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        let long = vec![b'x'; 5000];
        for message in [
            &b"READY=1\0READY=1"[..],
            &long,
            b"",
            b"STATUS",
            b"FDNAME=x",
            b"FDSTOREREMOVE=1\nFDNAME=x\nFDSTORE=1",
            b"BARRIER=1\nX=1",
        ] {
            let witness = Witness::new();
            client.say_with(message, &[witness.fd()]).unwrap();
            witness.closed().await;
        }
        let witness = Witness::new();
        client.say_with(b"BARRIER=1", &[witness.fd(), witness.fd()]).unwrap();
        witness.closed().await;
        let witness = Witness::new();
        client.say_with(b"X=1", &[witness.fd(); 253]).unwrap();
        witness.closed().await;
        assert!(client.say_with(b"X=1", &[client_fd(&client); 254]).is_err());
        assert_eq!(house.notice().await, Notification::Malformed(Malformed::Nul));
        // Reported once, without any other effect.
        client.say("READY=1");
        assert_eq!(house.notice().await, Notification::Ready { reloaded: None });
        assert!(house.handover.store.is_empty());
    });
}

fn client_fd(client: &super::Client) -> std::os::fd::BorrowedFd<'_> {
    use std::os::fd::AsFd;
    client.0.as_fd()
}

#[test]
fn a_barrier_opens_after_everything_before_it() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        let witness = Witness::new();
        client.say("STATUS=before");
        client.say_with(b"BARRIER=1", &[witness.fd()]).unwrap();
        assert_eq!(house.notice().await, Notification::Status("before".to_owned()));
        let HandoverNews::Barrier { barrier } = house.next().await else { panic!() };
        let closed = witness.closed();
        tokio::pin!(closed);
        assert!(timeout(Duration::from_millis(50), &mut closed).await.is_err());
        drop(barrier);
        closed.await;
    });
}

#[test]
fn a_flood_of_messages_stalls_nothing() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        let began = Instant::now();
        let flood = std::thread::spawn(move || {
            for number in 0..10_000 {
                client.say(&format!("STATUS=number {number}"));
            }
        });
        // Other tasks run meanwhile.
        let mut turns = 0;
        while !flood.is_finished() {
            tokio::task::yield_now().await;
            turns += 1;
        }
        flood.join().unwrap();
        assert!(turns > 20, "{turns}");
        let mut told = 0;
        loop {
            told += 1;
            if house.notice().await == Notification::Status("number 9999".to_owned()) {
                break;
            }
        }
        let seconds = began.elapsed().as_secs();
        assert!(told <= seconds + 2, "{told} in {seconds} seconds");
    });
}

/// A process that ends when dropped.
struct Kept(Child);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn wrappers_and_helpers_may_notify_and_strangers_may_not() {
    use std::os::unix::process::CommandExt;
    run(|| async {
        let mut house = House::new();
        let path = house.socket();
        let talker = program("talker");
        // A shell in a group of its own, which speaks through others once it is told to.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"read line; "$0" say "$1" READY=1"#]).arg(&talker).arg(&path);
        let mut leader = Kept(shell.process_group(0).stdin(Stdio::piped()).spawn().unwrap());
        let pid = leader.0.id().cast_signed();
        house.handover.started(FIRST, pid);

        let witness = Witness::new();
        super::Client::new(&path).say_with(b"FDSTORE=1", &[witness.fd()]).unwrap();
        witness.closed().await;
        let me = std::process::id().cast_signed();
        assert_eq!(house.notice().await, Notification::Stranger { pid: me });

        // A daemon may share nothing but its tag with the program.
        let daemon = Command::new(&talker)
            .args(["say".as_ref(), path.as_os_str(), "STATUS=from afar".as_ref()])
            .env("HOTRUN_ID", format!("{}.{FIRST}", house.run))
            .stdin(Stdio::piped())
            .spawn();
        let _daemon = Kept(daemon.unwrap());
        assert_eq!(house.notice().await, Notification::Status("from afar".to_owned()));

        leader.0.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
        assert_eq!(house.notice().await, Notification::Ready { reloaded: None });
        super::Client::new(&path).say(&format!("MAINPID={me}"));
        house.handover.drain(FIRST);
        assert!(house.news.try_recv().is_err());
    });
}

#[test]
fn a_main_process_must_belong_to_the_service() {
    run(|| async {
        let mut house = House::new();
        let client = house.client();
        client.say("MAINPID=2");
        client.say("MAINPID=2");
        client.say(&format!("MAINPID={}", std::process::id()));
        assert_eq!(house.notice().await, Notification::NotMain { pid: 2 });
        assert_eq!(house.notice().await, Notification::MainPid(std::process::id().cast_signed()));
    });
}
