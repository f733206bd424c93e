//! Readiness that is asked for.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use hotrun::handover::{HandoverNews, Probe};

use super::super::support::free_address;
use super::{FIRST, House, run};

#[test]
fn an_address_is_ready_when_it_accepts() {
    run(|| async {
        let mut house = House::new();
        let address = free_address();
        let _probing = house.handover.probe(FIRST, Probe::Tcp(address));
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(house.news.try_recv().is_err());
        let _listener = TcpListener::bind(address).unwrap();
        assert!(matches!(house.next().await, HandoverNews::Probed { instance: FIRST }));
    });
}

#[test]
fn a_page_is_ready_when_it_answers_well() {
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
fn a_time_passes_unless_the_probe_is_dropped() {
    run(|| async {
        let mut house = House::new();
        let dropped = house.handover.probe(FIRST, Probe::After(Duration::from_millis(1)));
        drop(dropped);
        let second = hotrun::words::Instance { number: 2, ..FIRST };
        let _probing = house.handover.probe(second, Probe::After(Duration::from_millis(20)));
        assert!(matches!(house.next().await, HandoverNews::Probed { instance } if instance == second));
    });
}
