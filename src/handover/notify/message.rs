//! What a datagram on `NOTIFY_SOCKET` says (`sd_notify(3)`; precedence as in systemd's service.c).
//!
//! Pure: bytes in, a [`Message`] out. Whether to believe it, and what to do with descriptors, is decided elsewhere.

use std::time::Duration;

/// The longest datagram that is looked at (`NOTIFY_BUFFER_MAX` of systemd).
pub const LONGEST: usize = 4096;

/// The name of a stored descriptor that was given none (`sd_pid_notify_with_fds(3)`).
pub const DEFAULT_NAME: &str = "stored";

/// A datagram, understood. Where a key is given twice the first counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Where the program is in its life.
    pub state: Option<State>,
    /// `STATUS=`: one line, without control characters; empty where the program takes an earlier one back.
    pub status: Option<String>,
    /// `EXTEND_TIMEOUT_USEC=`: the next message comes within this time.
    pub extend_timeout: Option<Duration>,
    /// `MAINPID=`.
    pub main_pid: Option<i32>,
    /// `ERRNO=`: why it fails.
    pub errno: Option<i32>,
    /// `EXIT_STATUS=`: with which code it is going to exit.
    pub exit_status: Option<u8>,
    /// `BARRIER=1`, which stands alone.
    pub barrier: bool,
    /// What to do with the descriptor store.
    pub store: Option<StoreOrder>,
}

/// Where a program says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `STOPPING=1`: it is about to end.
    Stopping,
    /// `READY=1`; together with `RELOADING=1` also the end of that reload.
    Ready {
        /// The reload that is over.
        reloaded: Option<Reload>,
    },
    /// `RELOADING=1`: `READY=1` follows.
    Reloading(Reload),
}

/// A reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reload {
    /// `MONOTONIC_USEC=`: when it began, in microseconds of `CLOCK_MONOTONIC`. Without it nobody can tell which request
    /// it answers.
    pub since: Option<u64>,
}

/// What a message wants of the descriptor store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOrder {
    /// `FDSTORE=1`: keep what came with the message.
    Keep {
        /// `FDNAME=`, else [`DEFAULT_NAME`].
        name: String,
        /// Drop it when it hangs up; `FDPOLL=0` says no.
        poll: bool,
    },
    /// `FDSTOREREMOVE=1`: drop all with this name.
    Remove {
        /// `FDNAME=`.
        name: String,
    },
}

/// A datagram that is nobody's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It holds a NUL byte other than one at its end.
    #[error("it holds a NUL byte")]
    Nul,
    /// It was longer than [`LONGEST`], or not all of its descriptors could be received.
    #[error("it is too long, or has too many descriptors")]
    Truncated,
    /// `BARRIER=1` did not stand alone, so nothing of it counts (`sd_notify(3)`).
    #[error("BARRIER=1 has to stand alone")]
    Barrier,
}

/// Reads a datagram: `KEY=VALUE` lines, the last with or without its end. Unknown keys and values that make no sense are
/// skipped.
///
/// # Errors
/// Where the whole of it has to be dropped.
pub fn parse(datagram: &[u8]) -> Result<Message, Malformed> {
    let text = datagram.strip_suffix(b"\0").unwrap_or(datagram);
    if text.contains(&0) {
        return Err(Malformed::Nul);
    }
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text == b"BARRIER=1" {
        return Ok(Message { barrier: true, ..Message::default() });
    }
    if text.split(|&byte| byte == b'\n').any(|line| line == b"BARRIER=1") {
        return Err(Malformed::Barrier);
    }
    let value = |key: &str| {
        text.split(|&byte| byte == b'\n')
            .find_map(|line| line.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
            .and_then(|value| str::from_utf8(value).ok())
    };
    let is = |key: &str, wanted: &str| value(key) == Some(wanted);
    Ok(Message {
        state: state(&is, value("MONOTONIC_USEC").and_then(number)),
        status: value("STATUS").map(one_line),
        extend_timeout: value("EXTEND_TIMEOUT_USEC").and_then(number).map(Duration::from_micros),
        main_pid: value("MAINPID")
            .and_then(number)
            .and_then(|pid| i32::try_from(pid).ok())
            .filter(|&pid| pid > 1),
        errno: value("ERRNO").and_then(number).and_then(|errno| i32::try_from(errno).ok()),
        exit_status: value("EXIT_STATUS").and_then(number).and_then(|code| u8::try_from(code).ok()),
        barrier: false,
        store: store_order(&is, value("FDNAME").filter(|name| is_name(name))),
    })
}

/// `STOPPING` beats `READY`, which beats `RELOADING`.
fn state(is: &impl Fn(&str, &str) -> bool, since: Option<u64>) -> Option<State> {
    let reload = is("RELOADING", "1").then_some(Reload { since });
    if is("STOPPING", "1") {
        Some(State::Stopping)
    } else if is("READY", "1") {
        Some(State::Ready { reloaded: reload })
    } else {
        reload.map(State::Reloading)
    }
}

/// Removing beats storing; only a name can be removed.
fn store_order(is: &impl Fn(&str, &str) -> bool, name: Option<&str>) -> Option<StoreOrder> {
    if is("FDSTOREREMOVE", "1") {
        return name.map(|name| StoreOrder::Remove { name: name.to_owned() });
    }
    is("FDSTORE", "1").then(|| StoreOrder::Keep {
        name: name.unwrap_or(DEFAULT_NAME).to_owned(),
        poll: !["0", "no", "n", "false", "f", "off"].iter().any(|no| is("FDPOLL", no)),
    })
}

/// Whether it may stand in `LISTEN_FDNAMES`: up to 255 printable ASCII characters, no colon (`fdname_is_valid`).
fn is_name(name: &str) -> bool {
    name.len() <= 255 && name.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b':')
}

fn number(text: &str) -> Option<u64> {
    // `parse` takes a plus sign as well.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The text is shown on a terminal, where control characters would be orders.
fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    visible.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keep(name: &str, poll: bool) -> Option<StoreOrder> {
        Some(StoreOrder::Keep { name: name.to_owned(), poll })
    }

    #[test]
    fn messages_are_understood() {
        let none = Message::default;
        let ready = State::Ready { reloaded: None };
        let reload = Reload { since: Some(7) };
        let status = |text: &str| Message { status: Some(text.to_owned()), ..none() };
        let cases: Vec<(&[u8], Message)> = vec![
            (b"", none()),
            (b"\n", none()),
            (b"READY=1", Message { state: Some(ready), ..none() }),
            (b"READY=1\n\0", Message { state: Some(ready), ..none() }),
            (b"READY=0", none()),
            (b"ready=1\nX_PRIVATE=1\nWATCHDOG=1\nnonsense\n=\n", none()),
            (b"RELOADING=1\nREADY=1\nSTOPPING=1", Message { state: Some(State::Stopping), ..none() }),
            (b"RELOADING=1\nMONOTONIC_USEC=7", Message { state: Some(State::Reloading(reload)), ..none() }),
            (b"RELOADING=1", Message { state: Some(State::Reloading(Reload { since: None })), ..none() }),
            (
                b"READY=1\nRELOADING=1\nMONOTONIC_USEC=7",
                Message { state: Some(State::Ready { reloaded: Some(reload) }), ..none() },
            ),
            (b"STATUS=half = done", status("half = done")),
            (b"STATUS=first\nSTATUS=second", status("first")),
            (b"STATUS=", status("")),
            (b"STATUS= \x1b[31mred\x07", status("[31mred")),
            (b"STATUS=\xff", none()),
            (
                b"EXTEND_TIMEOUT_USEC=1500000",
                Message { extend_timeout: Some(Duration::from_millis(1500)), ..none() },
            ),
            (b"EXTEND_TIMEOUT_USEC=99999999999999999999\nMAINPID=-1\nERRNO=x\nEXIT_STATUS=256", none()),
            (b"MAINPID=1", none()),
            (b"MAINPID=42", Message { main_pid: Some(42), ..none() }),
            (b"ERRNO=2\nEXIT_STATUS=3", Message { errno: Some(2), exit_status: Some(3), ..none() }),
            (b"BARRIER=1", Message { barrier: true, ..none() }),
            (b"BARRIER=1\n", Message { barrier: true, ..none() }),
            (b"X=BARRIER=1\nREADY=1", Message { state: Some(ready), ..none() }),
            (b"FDSTORE=1", Message { store: keep("stored", true), ..none() }),
            (b"FDSTORE=1\nFDNAME=conn-1", Message { store: keep("conn-1", true), ..none() }),
            (b"FDSTORE=1\nFDNAME=a:b\nFDPOLL=0", Message { store: keep("stored", false), ..none() }),
            (
                b"FDSTORE=1\nFDSTOREREMOVE=1\nFDNAME=a",
                Message { store: Some(StoreOrder::Remove { name: "a".to_owned() }), ..none() },
            ),
            (b"FDSTOREREMOVE=1", none()),
        ];
        for (datagram, expected) in cases {
            assert_eq!(parse(datagram).as_ref(), Ok(&expected), "{:?}", datagram.escape_ascii().to_string());
        }
        assert_eq!(parse(b"READY=1\0STATUS=x"), Err(Malformed::Nul));
        assert_eq!(parse(b"READY=1\0\0"), Err(Malformed::Nul));
        assert_eq!(parse(b"BARRIER=1\nREADY=1"), Err(Malformed::Barrier));
    }

    proptest! {
        #[test]
        fn no_bytes_upset_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = parse(&bytes) {
                prop_assert!(message.status.is_none_or(|status| !status.contains(char::is_control)));
            }
        }

        #[test]
        fn lines_count_in_any_order_and_company(
            mut lines in Just(vec!["READY=1", "STATUS=on", "MAINPID=9", "FDSTORE=1", "FDNAME=n", "X=1"]).prop_shuffle(),
            noise in "[a-z]{0,8}",
        ) {
            let expected = parse(b"READY=1\nSTATUS=on\nMAINPID=9\nFDSTORE=1\nFDNAME=n");
            lines.push(&noise);
            prop_assert_eq!(parse(lines.join("\n").as_bytes()), expected);
        }
    }
}
