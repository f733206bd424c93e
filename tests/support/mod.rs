//! What real-process tests share: throw-away cargo projects, a running hotrun whose events are waited for, and programs that
//! call home.
//!
//! Everything waits on an event (a line of the events FIFO, an accepted connection, its end) with one generous deadline.

mod home;
mod hotrun;
mod person;
mod project;
mod reports;
mod said;
mod stage;
mod workshop;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

pub(crate) use home::{Call, Home};
pub(crate) use hotrun::{EventLine, Hotrun};
pub(crate) use person::{Person, pause, shells};
pub(crate) use project::{Project, manifest};
pub(crate) use reports::Reports;
pub(crate) use said::{Said, answering, finish, said};
pub(crate) use stage::{Stage, ask, ask_until, served};
pub(crate) use workshop::Workshop;

/// How long anything that must happen may take on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// An address at which nobody listens until the caller has somebody do so. Its port is free only for a moment, so where
/// the whole of 127/8 is loopback it is on an address that nobody else uses: other tests' connections come from theirs.
pub(crate) fn free_address() -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(0);
    let [.., high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, 1 + high % 254, low, COUNT.fetch_add(1, Ordering::Relaxed));
    let address = if cfg!(target_os = "linux") { own } else { Ipv4Addr::LOCALHOST };
    TcpListener::bind((address, 0)).unwrap().local_addr().unwrap()
}
