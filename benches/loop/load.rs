//! Requests at a steady pace, whatever becomes of those before.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::clock::now;
use crate::home::{REQUEST, body};

/// A request is begun this often.
const EVERY: Duration = Duration::from_millis(5);
/// Without an answer for this long it has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Clients of one address.
pub(crate) struct Load {
    done: Arc<AtomicBool>,
    clients: JoinHandle<Vec<Request>>,
}

/// What became of a request, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    begun: f64,
    ended: f64,
    answered: bool,
}

impl Load {
    pub(crate) fn start(address: SocketAddr) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&done);
        let clients = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("an epoll and a timer").block_on(async move {
                let mut pace = interval(EVERY);
                pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
                let mut requests = JoinSet::new();
                while !ended.load(Ordering::Relaxed) {
                    pace.tick().await;
                    requests.spawn(request(address));
                }
                requests.join_all().await
            })
        });
        Self { done, clients }
    }

    /// Begins no more, and gives what became of all of them.
    pub(crate) fn stop(self) -> Toll {
        self.done.store(true, Ordering::Relaxed);
        Toll::of(self.clients.join().expect("clients do not panic"))
    }
}

async fn request(address: SocketAddr) -> Request {
    let begun = now();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(REQUEST).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        body(&answer).map(drop)
    };
    let answered = timeout(PATIENCE, exchange).await.ok().flatten().is_some();
    Request { begun, ended: now(), answered }
}

/// What clients saw.
pub(crate) struct Toll {
    /// Refused, reset, cut short or without an answer.
    pub(crate) failed: usize,
    /// The longest time between two answers.
    pub(crate) gap: f64,
    /// The longest anybody waited for an answer.
    pub(crate) slowest: f64,
}

impl Toll {
    fn of(mut requests: Vec<Request>) -> Self {
        let failed = requests.iter().filter(|request| !request.answered).count();
        requests.retain(|request| request.answered);
        requests.sort_by(|one, other| one.ended.total_cmp(&other.ended));
        let gap = requests.windows(2).map(|pair| pair[1].ended - pair[0].ended).fold(0.0, f64::max);
        let slowest = requests.iter().map(|request| request.ended - request.begun).fold(0.0, f64::max);
        Self { failed, gap, slowest }
    }
}
