//! Sixty-four connections that outlive a hundred processes: every request is answered, and counted once.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Stage;
use crate::programs::{edited_example, example};
use crate::support::DEADLINE;

const CONNECTIONS: usize = 64;

/// As long a process is healthy that has started, and a bit.
const SETTLE: Duration = Duration::from_millis(1100);

/// Two versions of the example, which differ in what they answer: `counted` and `had`.
fn versions() -> [PathBuf; 2] {
    [example("lines"), edited_example("lines", "\"counted\"", "\"had\"")]
}

/// How many answers each client got so far.
#[derive(Default)]
struct Tally {
    answers: Mutex<Vec<u64>>,
    more: Condvar,
}

impl Tally {
    fn add(&self, client: usize) {
        self.answers.lock().unwrap()[client] += 1;
        self.more.notify_all();
    }

    /// Waits until every client got another answer to a question it asked after this call.
    #[track_caller]
    fn wait_for_all(&self) {
        let deadline = Instant::now() + DEADLINE;
        let mut answers = self.answers.lock().unwrap();
        let wanted: Vec<u64> = answers.iter().map(|count| count + 2).collect();
        while answers.iter().zip(&wanted).any(|(count, wanted)| count < wanted) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "somebody waits for an answer: {answers:?}, not {wanted:?}");
            answers = self.more.wait_timeout(answers, left).unwrap().0;
        }
    }
}

/// Clients that ask on and on, each on its own connection.
struct Clients {
    tally: Arc<Tally>,
    done: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
    address: SocketAddr,
}

impl Clients {
    /// Returns when each was answered, so that each connection is stored.
    fn connect(address: SocketAddr) -> Self {
        let tally = Arc::new(Tally::default());
        tally.answers.lock().unwrap().resize(CONNECTIONS, 0);
        let done = Arc::new(AtomicBool::new(false));
        let threads = (0..CONNECTIONS)
            .map(|client| {
                let (tally, done) = (Arc::clone(&tally), Arc::clone(&done));
                std::thread::spawn(move || ask_on(address, client, &tally, &done))
            })
            .collect();
        tally.wait_for_all();
        Self { tally, done, threads, address }
    }

    /// Ends them, and compares what they asked with what was counted.
    fn compare(self, word: &str) {
        self.done.store(true, Ordering::SeqCst);
        let asked: u64 = self.threads.into_iter().map(|client| client.join().unwrap()).sum();
        let mut last = TcpStream::connect(self.address).unwrap();
        last.write_all(b"1\n").unwrap();
        let mut line = String::new();
        BufReader::new(last).read_line(&mut line).unwrap();
        assert_eq!(line, format!("1 {word} {}\n", asked + 1));
    }
}

/// Sends 1, 2, 3, … until it is told to stop, each when the one before was answered; gives the last.
fn ask_on(address: SocketAddr, client: usize, tally: &Tally, done: &AtomicBool) -> u64 {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut number = 0_u64;
    let mut total = 0_u64;
    while !done.load(Ordering::SeqCst) {
        number += 1;
        (&stream).write_all(format!("{number}\n").as_bytes()).unwrap();
        loop {
            let line = lines.next().expect("the connection ended").unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            let [answered, "counted" | "had", count] = words[..] else { panic!("{line:?}") };
            let count: u64 = count.parse().unwrap();
            assert!(count >= total, "{count} were counted, and {total} before that");
            total = count;
            if answered == number.to_string() {
                break;
            }
            // One whose process did not live to take note that it had answered is answered again.
            assert_eq!(answered, (number - 1).to_string(), "not an answer to {number}");
        }
        tally.add(client);
        // As many requests as possible are not the point, and others need the processor.
        std::thread::park_timeout(Duration::from_millis(20));
    }
    number
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn connections_and_counts_outlive_fifty_edits() {
    let [first, second] = versions();
    let mut stage = Stage::of(&first, &["--listen", "0", "--ready", "notify"]);
    let clients = Clients::connect(stage.address("http://"));
    for round in 0..50 {
        stage.edit(if round % 2 == 0 { &second } else { &first });
        clients.tally.wait_for_all();
    }
    clients.compare("counted");
}

#[test]
fn connections_and_counts_outlive_fifty_kills() {
    let [program, _] = versions();
    let mut stage = Stage::of(&program, &["--listen", "0", "--ready", "notify", "--on-exit", "restart"]);
    let clients = Clients::connect(stage.address("http://"));
    let ready = stage.hotrun.seen().iter().rfind(|event| event.kind() == "ready");
    let mut pid = ready.unwrap().pid();
    let mut kills = 0;
    while kills < 50 {
        // Failures count in a row, and five would wait for an edit: after a second of health the row is a new one.
        let healthy = Instant::now() + SETTLE;
        while Instant::now() < healthy {
            clients.tally.wait_for_all();
        }
        // The second has answered and is not healthy yet; the third may not have said READY=1.
        for at in ["healthy", "answering", "started"] {
            kill(pid);
            let exited = stage.hotrun.wait_for("process-exited");
            assert_eq!((exited.pid(), exited.0["signal"].as_str()), (pid, Some("SIGKILL")), "{at}");
            kills += 1;
            let next = if at == "answering" { "process-started" } else { "ready" };
            pid = stage.hotrun.wait_for(next).pid();
            if at == "healthy" {
                clients.tally.wait_for_all();
            }
        }
    }
    clients.compare("counted");
}
