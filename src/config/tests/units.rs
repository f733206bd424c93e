//! Times, signals, addresses, probes: parsing, and formatting that parses back.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::address::{format_listen, format_ready, held, parse_listen, parse_ready};
use crate::config::units::*;

#[test]
fn times() {
    let cases = [
        ("20ms", 20),
        ("5s", 5000),
        ("1m 30s", 90_000),
        ("1m30s", 90_000),
        ("0", 0),
        ("0s", 0),
        (" 2s ", 2000),
        ("1h", 3_600_000),
    ];
    for (text, milliseconds) in cases {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "5", "1.5", "s", "-1s", "5 parsecs", "2 years", "99999999999999999999s", "1e300"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn formatted_times_parse_back(seconds in 0..365_u64 * 86_400, nanoseconds in 0..1_000_000_000_u32) {
        let time = Duration::new(seconds, nanoseconds);
        prop_assert_eq!(parse_duration(&format_duration(time)), Ok(time));
        if !time.is_zero() {
            let poll = Poll::Every(time);
            prop_assert_eq!(parse_poll(&format_poll(poll)), Ok(poll));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in prop_oneof!["\\PC{0,24}", "([a-z.]{0,5}[=:/]){0,3}[\\[\\]:./0-9a-z%=-]{0,16}"]) {
        let _ = (parse_duration(&text), parse_poll(&text), parse_signal(&text), parse_ready(&text));
        let _ = (parse_listen(&text, Path::new("/")), parse_variable(&text), parse_profile(&text));
    }

    #[test]
    fn formatted_listen_entries_parse_back(text in "([a-z]{1,5}=)?((tcp:|udp:)?([0-9]{1,4}|127\\.0\\.0\\.[1-9]:[0-9]{1,4}|\\[::[1-9]\\]:[0-9]{1,4})|unix:/[a-z=:]{1,9})") {
        let listen = parse_listen(&text, Path::new("/")).unwrap();
        prop_assert_eq!(parse_listen(&format_listen(&listen), Path::new("/elsewhere")), Ok(listen));
    }

    #[test]
    fn a_printed_page_is_a_config_file(value in "\\PC{0,12}[\\x00-\\x1f]?", name in "[^=\\x00]{1,6}") {
        prop_assume!(!value.contains('\0'));
        let mut config = config("", "");
        config.run.env.insert(name, Setting { value, origin: Origin::Default });
        let read = self::config("", &show(&config, Path::new(CWD)));
        let values = |config: &Config| config.run.env.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect::<Vec<_>>();
        prop_assert_eq!(values(&read), values(&config));
    }
}

#[test]
fn polls() {
    assert_eq!(parse_poll("auto"), Ok(Poll::Auto));
    assert_eq!(parse_poll("always"), Ok(Poll::Always));
    assert_eq!(parse_poll("never"), Ok(Poll::Never));
    assert_eq!(parse_poll("500ms"), Ok(Poll::Every(Duration::from_millis(500))));
    for text in ["", "0", "0s", "1", "sometimes"] {
        assert!(parse_poll(text).is_err(), "{text}");
    }
}

#[test]
fn signals() {
    for text in ["SIGINT", "sigint", "INT", "int", "SigInt", "2"] {
        assert_eq!(parse_signal(text), Ok(libc::SIGINT), "{text}");
    }
    for text in ["", "0", "-1", "65", "999", "SIG", "TERMINATE", "1.5"] {
        assert!(parse_signal(text).is_err(), "{text}");
    }
    for signal in 1..=31 {
        assert_eq!(parse_signal(&signal_name(signal)), Ok(signal));
    }
    assert_eq!(signal_name(libc::SIGTERM), "SIGTERM");
    assert_eq!(signal_name(40), "40");
}

#[test]
fn listen_entries() {
    let cases = [
        ("3000", "tcp:127.0.0.1:3000"),
        ("localhost:3000", "tcp:127.0.0.1:3000"),
        ("127.0.0.2:0", "tcp:127.0.0.2:0"),
        ("0.0.0.0:80", "tcp:0.0.0.0:80"),
        ("[::1]:3000", "tcp:[::1]:3000"),
        ("[::]:3000", "tcp:[::]:3000"),
        ("tcp:3000", "tcp:127.0.0.1:3000"),
        ("udp:localhost:53", "udp:127.0.0.1:53"),
        ("unix:app.sock", "unix:/base/app.sock"),
        ("unix:./a=b", "unix:/base/a=b"),
        ("web=8080", "web=tcp:127.0.0.1:8080"),
        ("api.v1=unix:/run/x=y", "api.v1=unix:/run/x=y"),
        ("dns=udp:[::1]:53", "dns=udp:[::1]:53"),
    ];
    for (text, expected) in cases {
        let listen =
            parse_listen(text, Path::new("/base")).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(format_listen(&listen), expected, "{text}");
    }
    let wrong = [
        "",
        ":3000",
        "*:80",
        ":",
        "65536",
        "-1",
        "+80",
        "localhost",
        "localhost:",
        "localhost:x",
        "example.com:80",
        "::1",
        "[::1]",
        "[::1]:x",
        "::1:3000",
        "127.0.0.1",
        "127.0.0.1:99999",
        "1.2.3:80",
        "unix:",
        "tcp:",
        "=3000",
        "a b=3000",
        "name=",
        "http://localhost:3000",
        "tcp:udp:3000",
        "tcp:unix:/x",
    ];
    for text in wrong {
        let listen = parse_listen(text, Path::new("/base"));
        assert!(listen.is_err(), "{text} gave {listen:?}");
    }
}

#[test]
fn readiness() {
    assert_eq!(parse_ready("auto"), Ok(Ready::Auto));
    assert_eq!(parse_ready("spawn"), Ok(Ready::Spawn));
    assert_eq!(parse_ready("notify"), Ok(Ready::Notify));
    assert_eq!(parse_ready("tcp:3000"), Ok(Ready::Tcp("127.0.0.1:3000".parse().unwrap())));
    assert_eq!(parse_ready("tcp:localhost:3000"), Ok(Ready::Localhost(3000)));
    assert_eq!(parse_ready("1.5s"), parse_ready("1s 500ms"));
    for text in [
        "tcp:localhost:80",
        "http://localhost",
        "http://localhost:3000/health?x=1",
        "http://[::1]:80/",
        "http://shop.test:8080",
    ] {
        assert_eq!(format_ready(&parse_ready(text).unwrap()), text);
    }
    let wrong = [
        "",
        "soon",
        "tcp:",
        "tcp::80",
        "tcp:0",
        "http:",
        "http://",
        "http:///x",
        "http://:80",
        "http://a:0",
        "http://a:x",
        "http://a b",
        "http://user@a",
        "http://::1:80",
        "https://localhost",
        "5",
        "http://[x]",
    ];
    for text in wrong {
        assert!(parse_ready(text).is_err(), "{text}");
    }
}

#[test]
fn probes_of_held_sockets() {
    let cases = [
        ("tcp:3000", "3000", true),
        ("tcp:3000", "3001", false),
        ("tcp:3000", "0.0.0.0:3000", true),
        ("tcp:3000", "[::]:3000", true),
        ("tcp:0.0.0.0:3000", "3000", true),
        ("tcp:[::1]:3000", "3000", false),
        ("tcp:[::1]:3000", "0.0.0.0:3000", false),
        ("tcp:3000", "udp:3000", false),
        ("tcp:192.168.0.1:3000", "3000", false),
        ("http://localhost:3000/", "3000", true),
        ("tcp:localhost:3000", "3000", true),
        ("tcp:localhost:3000", "[::1]:3000", true),
        ("tcp:localhost:3000", "192.0.2.1:3000", false),
        ("http://LOCALHOST:3000", "[::1]:3000", true),
        ("http://localhost:3000/", "0.0.0.0:3000", true),
        ("http://127.0.0.1:3000/", "3000", true),
        ("http://localhost", "80", true),
        ("http://shop.test:3000", "3000", false),
        ("http://localhost:3000/", "unix:/x", false),
        ("notify", "3000", false),
        ("2s", "3000", false),
    ];
    for (ready, listen, expected) in cases {
        let listen = [parse_listen(listen, Path::new("/")).unwrap()];
        assert_eq!(held(&parse_ready(ready).unwrap(), &listen).is_some(), expected, "{ready} and {listen:?}");
    }
}

#[test]
fn variables() {
    assert_eq!(parse_variable("A=b=c"), Ok(("A".into(), "b=c".into())));
    assert_eq!(parse_variable("A="), Ok(("A".into(), String::new())));
    assert!(parse_variable("A").is_err() && parse_variable("=x").is_err() && parse_variable("A=\0").is_err());
}

#[test]
fn profiles() {
    assert_eq!(parse_profile("release-lto_2"), Ok("release-lto_2".into()));
    assert!(["", "debug", "../x", "a b"].iter().all(|name| parse_profile(name).is_err()));
}
