//! A web service with the dependencies of `examples/web`.

use std::io::Write;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use axum::serve::Listener;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

const VERSION: &str = "none";

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(|| async { VERSION }))
        .route("/hello/{visitor}", get(|Path(visitor): Path<String>| async move { greeting::greet(&visitor) }));
    let held = ListenFd::from_env().take_tcp_listener(0)?;
    // Whoever is accepted while others may take over gets a moment to say what he wants.
    let patience = Duration::from_millis(if held.is_some() { 100 } else { 0 });
    let listener = match held {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)?
        }
        None => TcpListener::bind(std::env::var("BENCH_ADDRESS").unwrap()).await?,
    };
    let mut stop = signal(SignalKind::terminate())?;
    sd_notify::notify(&[NotifyState::Ready])?;
    let mut home = std::net::TcpStream::connect(std::env::var("BENCH_HOME").unwrap())?;
    write!(home, "{VERSION} {}", listener.local_addr()?)?;
    drop(home);
    let (stopping, stopped) = watch::channel(false);
    let drained = async move {
        stop.recv().await;
        let _ = stopping.send(true);
        tokio::time::sleep(patience).await;
    };
    axum::serve(UntilStopped { listener, stopped }, app).with_graceful_shutdown(drained).await
}

/// Accepts connections until it is told to leave them to the next version.
struct UntilStopped {
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
}

impl Listener for UntilStopped {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (TcpStream, Self::Addr) {
        tokio::select! {
            biased;
            () = async { drop(self.stopped.wait_for(|stopped| *stopped).await) } => std::future::pending().await,
            accepted = Listener::accept(&mut self.listener) => accepted,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
