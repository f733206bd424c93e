//! A small web service: a page that is compiled in, and a greeting from a library next door.
//!
//! It takes its socket from whoever started it, says when it is ready, and answers what it has begun before it ends:
//! that is all it takes to be updated without anybody noticing, by hotrun as well as by systemd.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use axum::serve::Listener;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let app = Router::new()
        .route("/", get(|| async { Html(include_str!("page.html")) }))
        .route(
            "/hello/{visitor}",
            get(|Path(visitor): Path<String>| async move { greeting::greet(&visitor) }),
        )
        .route("/slow", get(slow));

    let listener = match ListenFd::from_env().take_tcp_listener(0)? {
        Some(listener) => {
            // Sockets are passed on blocking, and tokio wants them otherwise.
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)?
        }
        None => {
            let port = std::env::var("PORT").unwrap_or_else(|_| "3000".to_owned());
            TcpListener::bind(format!("127.0.0.1:{port}")).await?
        }
    };
    println!("listening on http://{}", listener.local_addr()?);

    // Nothing that may fail comes after this.
    let mut stop = signal(SignalKind::terminate())?;
    sd_notify::notify(&[NotifyState::Ready])?;
    let (stopping, stopped) = watch::channel(false);
    let drained = async move {
        stop.recv().await;
        let _ = sd_notify::notify(&[NotifyState::Stopping]);
        // Whoever is not accepted by now is the next version's. Those who are get a moment to say what they want: a
        // connection that is closed with its request unread would be reset.
        let _ = stopping.send(true);
        tokio::time::sleep(Duration::from_millis(100)).await;
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
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        tokio::select! {
            biased;
            () = async { drop(self.stopped.wait_for(|stopped| *stopped).await) } => std::future::pending().await,
            accepted = Listener::accept(&mut self.listener) => accepted,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Begun before an update, answered all the same.
async fn slow() -> String {
    tokio::time::sleep(Duration::from_secs(2)).await;
    format!("{} This took two seconds.\n", greeting::greet("patient visitor"))
}
