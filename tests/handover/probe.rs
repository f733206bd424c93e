//! Probes for readiness.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use hotrun::config::Ready;
use hotrun::handover::probe::ProbeAnswer;
use hotrun::handover::{HandoverNews, Probe, Unready};

use super::super::support::free_address;
use super::{DEADLINE, FIRST, House, listening, run};

#[test]
fn an_address_is_ready_when_it_accepts() {
    run(|| async {
        let mut house = House::new();
        let address = free_address();
        let _probing = house.handover.probe(FIRST, Probe::Tcp(vec![address]));
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(house.news.try_recv().is_err());
        let _listener = TcpListener::bind(address).unwrap();
        assert!(matches!(house.next().await, HandoverNews::Probed { instance: FIRST }));
    });
}

#[test]
fn a_page_is_ready_when_it_answers_with_success() {
    run(|| async {
        let mut house = House::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://localhost:{}?full=1#top", listener.local_addr().unwrap().port());
        let _probing = house.handover.probe(FIRST, Probe::Http(url));
        let server = tokio::task::spawn_blocking(move || {
            let mut requests = Vec::new();
            for answer in [
                "",
                "nonsense\r\n",
                "HTTP/1.1 503 Not Yet\r\n\r\n",
                "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n",
            ] {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let length = stream.read(&mut request).unwrap();
                requests.push(String::from_utf8(request[..length].to_vec()).unwrap());
                stream.write_all(answer.as_bytes()).unwrap();
            }
            requests
        });
        assert!(matches!(house.next().await, HandoverNews::Probed { instance: FIRST }));
        for request in server.await.unwrap() {
            assert!(request.starts_with("GET /?full=1 HTTP/1.1\r\nHost: localhost:"), "{request}");
        }
    });
}

#[test]
fn a_delay_ends_unless_the_probe_is_dropped() {
    run(|| async {
        let mut house = House::new();
        let dropped = house.handover.probe(FIRST, Probe::After(Duration::from_millis(1)));
        drop(dropped);
        let second = hotrun::words::Instance { number: 2, ..FIRST };
        let _probing = house.handover.probe(second, Probe::After(Duration::from_millis(20)));
        assert!(matches!(house.next().await, HandoverNews::Probed { instance } if instance == second));
    });
}

#[test]
fn localhost_is_ready_if_one_of_its_addresses_accepts() {
    run(|| async {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // The machine may lack IPv6.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            let http = format!("http://localhost:{port}/");
            for ready in [Ready::Localhost(port), Ready::Http(http)] {
                let mut house = House::new();
                let _probing = house.handover.probe(FIRST, Probe::of(&ready).unwrap());
                if matches!(ready, Ready::Http(_)) {
                    let listener = listener.try_clone().unwrap();
                    let server = move || loop {
                        let (mut stream, _) = listener.accept().unwrap();
                        // The connection of the other probe says nothing.
                        if stream.read(&mut [0; 1024]).unwrap() > 0 {
                            return stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                        }
                    };
                    tokio::task::spawn_blocking(server).await.unwrap();
                }
                assert!(matches!(house.next().await, HandoverNews::Probed { .. }), "{ready:?}");
            }
        }
    });
}

/// Accepts once, reads the request, and sends this answer.
fn answering(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn the_last_answer_of_a_probe_is_reported() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let table = [
        (free_address(), ProbeAnswer::Refused),
        (deaf.local_addr().unwrap(), ProbeAnswer::Silent),
        (answering(b""), ProbeAnswer::Closed),
        (answering(b"HTTP/1.1 404 Not Found\r\n\r\n"), ProbeAnswer::Status(404)),
        (answering(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), ProbeAnswer::Status(401)),
        (answering(b"SSH-2.0-x\r\n"), ProbeAnswer::NotHttp),
        (answering(b"\x15\x03\x03\x00\x02\x02\x46"), ProbeAnswer::Tls),
    ];
    run(|| async {
        for (address, answer) in table {
            let house = House::new();
            let probing = house.handover.probe(FIRST, Probe::Http(format!("http://{address}/")));
            let told = async {
                while probing.answer() != answer {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            assert!(tokio::time::timeout(DEADLINE, told).await.is_ok(), "{answer:?}: {:?}", probing.answer());
        }
    });
}

#[test]
fn an_unmet_probe_is_named_with_its_place_answer_and_listening_sockets() {
    let mut settings = listening(&[]);
    let mut said = |ready: Ready, answer, members: &[i32]| {
        settings.ready.value = ready;
        let unready = Unready::new(&settings, "/".as_ref(), answer, members);
        (unready.to_string(), unready.hint().unwrap_or_default())
    };
    let http = || Ready::Http("http://127.0.0.1:1/up".to_owned());
    let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = TcpListener::bind(own).unwrap();
    let (text, hint) = said(http(), Some(ProbeAnswer::Refused), &[std::process::id().cast_signed()]);
    assert!(text.starts_with("`http://127.0.0.1:1/up` (`--ready`): connection refused"), "{text}");
    if cfg!(target_os = "linux") {
        // Other tests of this process listen as well.
        assert!(text.contains("; the program listens on ") && text.contains(&own.to_string()), "{text}");
        assert!(hint.starts_with("set `ready` to where the program listens: "), "{hint}");
    }
    drop(listener);
    let (text, hint) = said(http(), Some(ProbeAnswer::Status(404)), &[]);
    assert!(text.starts_with("`http://127.0.0.1:1/up` (`--ready`): HTTP 404"), "{text}");
    assert!(hint.starts_with("name a page that answers 2xx or 3xx"), "{hint}");
    let (text, _) = said(Ready::Notify, None, &[]);
    assert_eq!(text, "it did not say READY=1 on NOTIFY_SOCKET (`--ready`)");
    let (text, _) = said(Ready::Auto, None, &[]);
    assert_eq!(text, "it did not say READY=1 on NOTIFY_SOCKET (`--update`)");
}
