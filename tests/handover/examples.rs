//! The examples, which speak the protocols through common crates, handed over from process to process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hotrun::handover::{HandoverNews, Notification};
use hotrun::process::{PassedFd, ProcessNews, Processes, Spawn, StdinSource};
use hotrun::words::{Exit, Instance, ServiceId, StopPlan};
use socket2::SockRef;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::{DEADLINE, House, run};
use crate::programs::example;

/// A program started again and again, each time with the descriptors of its predecessor.
struct Successors {
    house: House,
    processes: Processes,
    news: UnboundedReceiver<ProcessNews>,
    program: PathBuf,
    number: u32,
}

impl Successors {
    fn new(example_name: &str) -> Self {
        let house = House::listening(&["web=127.0.0.1:0"]);
        let (sender, news) = unbounded_channel();
        let processes = Processes::new(house.run.clone(), sender, None, false).unwrap();
        Self { house, processes, news, program: example(example_name), number: 0 }
    }

    fn address(&self) -> SocketAddr {
        let fd = self.house.handover.listeners.passed().unwrap().remove(0).1;
        SockRef::from(&fd).local_addr().unwrap().as_socket().unwrap()
    }

    fn instance(&self) -> Instance {
        Instance { service: ServiceId::MAIN, number: self.number }
    }

    /// Starts the next one and waits until it says that it is ready.
    async fn start(&mut self) {
        self.number += 1;
        let instance = self.instance();
        self.house.handover.listeners.reset();
        let passed = self.house.handover.prepare(instance).unwrap();
        let mut env: Vec<_> = std::env::vars_os().collect();
        env.extend(passed.env);
        self.processes.spawn(Spawn {
            instance,
            argv: vec![self.program.clone().into()],
            env,
            cwd: std::env::temp_dir(),
            stdin: StdinSource::Null,
            stdout: None,
            stderr: None,
            fds: passed.fds.into_iter().map(|(name, fd)| PassedFd { name, fd }).collect(),
            foreground: false,
            stop: StopPlan { signal: libc::SIGTERM, timeout: DEADLINE },
        });
        let ProcessNews::Started { pid, .. } = self.process_news().await else { panic!() };
        self.house.handover.started(instance, pid);
        while self.house.notice_of(instance).await != (Notification::Ready { reloaded: None }) {}
    }

    /// Waits until its whole tree has ended, and takes in its last messages.
    async fn gone(&mut self) -> Exit {
        let mut ended = None;
        loop {
            match self.process_news().await {
                ProcessNews::Exited { exit, .. } => ended = Some(exit),
                ProcessNews::Gone { .. } => break,
                _ => {}
            }
        }
        let instance = self.instance();
        self.house.handover.drain(instance);
        while self.house.news.try_recv().is_ok() {}
        self.house.handover.close(instance);
        let repairs = self.house.handover.listeners.check();
        assert!(repairs.is_empty(), "{repairs:?}");
        ended.unwrap()
    }

    fn stop(&self) {
        let plan = StopPlan { signal: libc::SIGTERM, timeout: DEADLINE };
        self.processes.stop(self.instance(), plan);
    }

    async fn process_news(&mut self) -> ProcessNews {
        timeout(DEADLINE, self.news.recv()).await.unwrap().unwrap()
    }
}

impl Drop for Successors {
    fn drop(&mut self) {
        // A failed test leaves no process behind.
        if let Some(group) = self.processes.group(self.instance()) {
            let _ = hotrun::sys::kill_group(group, libc::SIGKILL);
        }
    }
}

impl House {
    async fn notice_of(&mut self, wanted: Instance) -> Notification {
        loop {
            if let HandoverNews::Notified { instance, notification } = self.next().await
                && instance == wanted
            {
                return notification;
            }
        }
    }
}

/// Sends numbers until `stop` is set, each after the answer to the one before. Returns how many.
fn count_on(address: SocketAddr, stop: Arc<AtomicBool>, answered: Arc<AtomicU64>) -> JoinHandle<u64> {
    thread::spawn(move || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut number = 0;
        while !stop.load(Ordering::SeqCst) {
            number += 1;
            (&stream).write_all(format!("{number}\n").as_bytes()).unwrap();
            // An answer comes twice if the process was killed before it recorded the first.
            while !lines.next().unwrap().unwrap().starts_with(&format!("{number} ")) {}
            answered.fetch_add(1, Ordering::SeqCst);
        }
        number
    })
}

#[test]
fn connections_and_counts_outlive_a_kill() {
    run(|| async {
        let mut lines = Successors::new("lines");
        lines.start().await;
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients: Vec<_> =
            (0..16).map(|_| count_on(lines.address(), Arc::clone(&stop), Arc::clone(&answered))).collect();
        // A connection that is not stored yet is lost with its process.
        while lines.house.handover.store.len() < 17 {
            lines.house.next().await;
        }
        for round in 0..20 {
            let before = answered.load(Ordering::SeqCst);
            while answered.load(Ordering::SeqCst) < before + 100 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if round % 2 == 0 {
                lines.processes.kill(lines.instance());
            } else {
                lines.stop();
            }
            assert!(matches!(lines.gone().await, Exit::Signal(_)));
            lines.start().await;
        }
        stop.store(true, Ordering::SeqCst);
        let sum: u64 =
            tokio::task::spawn_blocking(|| clients.into_iter().map(|client| client.join().unwrap()).sum())
                .await
                .unwrap();
        let address = lines.address();
        let last = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"1\n").unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            line
        });
        assert_eq!(last.await.unwrap(), format!("1 counted {}\n", sum + 1));
        // Closed connections are dropped from the store.
        while lines.house.handover.store.len() > 1 {
            lines.house.next().await;
        }
        lines.stop();
        lines.gone().await;
    });
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_service_finishes_its_requests_and_refuses_none() {
    run(|| async {
        let mut web = Successors::new("web");
        web.start().await;
        let address = web.address();
        let slow = tokio::task::spawn_blocking(move || get(address, "/slow"));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let load = thread::spawn(move || {
            let mut count = 0;
            while !stopped.load(Ordering::SeqCst) {
                assert!(get(address, "/hello/x").ends_with("Hello, x!\n"));
                count += 1;
            }
            count
        });
        // The one that began before the first restart.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..5 {
            web.stop();
            let instance = web.instance();
            assert_eq!(web.house.notice_of(instance).await, Notification::Stopping);
            assert_eq!(web.gone().await, Exit::Code(0));
            web.start().await;
        }
        assert!(slow.await.unwrap().ends_with("This took two seconds.\n"));
        stop.store(true, Ordering::SeqCst);
        assert!(load.join().unwrap() > 5);
        web.stop();
        web.gone().await;
    });
}
