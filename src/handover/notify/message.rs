//! Parses a datagram on `NOTIFY_SOCKET` (`sd_notify(3)`; precedence as in systemd's service.c). Pure.

use std::time::Duration;

/// The longest accepted datagram (`NOTIFY_BUFFER_MAX` of systemd).
pub const MAX_LENGTH: usize = 4096;

/// The name of a descriptor stored without one (`sd_pid_notify_with_fds(3)`).
pub const DEFAULT_NAME: &str = "stored";

/// A parsed datagram. If a key occurs twice, the first counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    pub state: Option<ReportedState>,
    /// `STATUS=`: one line without control characters; empty if the program withdraws an earlier one.
    pub status: Option<String>,
    /// `EXTEND_TIMEOUT_USEC=`: the next message comes within this time.
    pub extend_timeout: Option<Duration>,
    /// `MAINPID=`.
    pub main_pid: Option<i32>,
    /// `ERRNO=`: why the program fails.
    pub errno: Option<i32>,
    /// `EXIT_STATUS=`: the code the program is going to exit with.
    pub exit_status: Option<u8>,
    /// `BARRIER=1`, always alone.
    pub barrier: bool,
    /// A request to the descriptor store.
    pub store: Option<StoreOrder>,
}

/// The state a program reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportedState {
    /// `STOPPING=1`: the program is about to end.
    Stopping,
    /// `READY=1`; with `RELOADING=1` in the same message, that reload is complete as well.
    Ready { reloaded: Option<Reloading> },
    /// `RELOADING=1`: `READY=1` follows.
    Reloading(Reloading),
}

/// A reload of the program, in the sense of `sd_notify(3)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloading {
    /// `MONOTONIC_USEC=`: its start in microseconds of `CLOCK_MONOTONIC`. Without it the request that it
    /// answers is unknown.
    pub since: Option<u64>,
}

/// A request to the descriptor store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreOrder {
    /// `FDSTORE=1`: keep the descriptors of the message.
    Keep {
        /// `FDNAME=`, else [`DEFAULT_NAME`].
        name: String,
        /// Drop it when it hangs up; `FDPOLL=0` declines.
        poll: bool,
    },
    /// `FDSTOREREMOVE=1`: drop all with this name.
    Remove { name: String },
}

/// Why a datagram is dropped as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A NUL byte other than at the end.
    #[error("it holds a NUL byte")]
    Nul,
    /// Longer than [`MAX_LENGTH`], or with descriptors that could not all be received.
    #[error("it is too long, or has too many descriptors")]
    Truncated,
    /// `BARRIER=1` did not stand alone (`sd_notify(3)`).
    #[error("BARRIER=1 has to stand alone")]
    Barrier,
}

/// Parses `KEY=VALUE` lines, the last with or without a newline. Unknown keys and invalid values are skipped.
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

/// `STOPPING` takes precedence over `READY`, `READY` over `RELOADING`.
fn state(is: &impl Fn(&str, &str) -> bool, since: Option<u64>) -> Option<ReportedState> {
    let reload = is("RELOADING", "1").then_some(Reloading { since });
    if is("STOPPING", "1") {
        Some(ReportedState::Stopping)
    } else if is("READY", "1") {
        Some(ReportedState::Ready { reloaded: reload })
    } else {
        reload.map(ReportedState::Reloading)
    }
}

/// Removing takes precedence over storing, and needs a name.
fn store_order(is: &impl Fn(&str, &str) -> bool, name: Option<&str>) -> Option<StoreOrder> {
    if is("FDSTOREREMOVE", "1") {
        return name.map(|name| StoreOrder::Remove { name: name.to_owned() });
    }
    is("FDSTORE", "1").then(|| StoreOrder::Keep {
        name: name.unwrap_or(DEFAULT_NAME).to_owned(),
        poll: !["0", "no", "n", "false", "f", "off"].iter().any(|no| is("FDPOLL", no)),
    })
}

/// Whether the name is valid in `LISTEN_FDNAMES`: up to 255 printable ASCII characters, no colon
/// (`fdname_is_valid`).
fn is_name(name: &str) -> bool {
    name.len() <= 255 && name.bytes().all(|byte| (b' '..0x7f).contains(&byte) && byte != b':')
}

fn number(text: &str) -> Option<u64> {
    // `parse` would accept a plus sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Replaces control characters, which would act on the terminal that shows the text.
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
    fn messages_parse() {
        let none = Message::default;
        let ready = ReportedState::Ready { reloaded: None };
        let reload = Reloading { since: Some(7) };
        let status = |text: &str| Message { status: Some(text.to_owned()), ..none() };
        let cases: Vec<(&[u8], Message)> = vec![
            (b"", none()),
            (b"\n", none()),
            (b"READY=1", Message { state: Some(ready), ..none() }),
            (b"READY=1\n\0", Message { state: Some(ready), ..none() }),
            (b"READY=0", none()),
            (b"ready=1\nX_PRIVATE=1\nWATCHDOG=1\nnonsense\n=\n", none()),
            (b"RELOADING=1\nREADY=1\nSTOPPING=1", Message { state: Some(ReportedState::Stopping), ..none() }),
            (
                b"RELOADING=1\nMONOTONIC_USEC=7",
                Message { state: Some(ReportedState::Reloading(reload)), ..none() },
            ),
            (
                b"RELOADING=1",
                Message { state: Some(ReportedState::Reloading(Reloading { since: None })), ..none() },
            ),
            (
                b"READY=1\nRELOADING=1\nMONOTONIC_USEC=7",
                Message { state: Some(ReportedState::Ready { reloaded: Some(reload) }), ..none() },
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
        fn any_bytes_parse_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(message) = parse(&bytes) {
                prop_assert!(message.status.is_none_or(|status| !status.contains(char::is_control)));
            }
        }

        #[test]
        fn lines_parse_in_any_order(
            mut lines in Just(vec!["READY=1", "STATUS=on", "MAINPID=9", "FDSTORE=1", "FDNAME=n", "X=1"]).prop_shuffle(),
            noise in "[a-z]{0,8}",
        ) {
            let expected = parse(b"READY=1\nSTATUS=on\nMAINPID=9\nFDSTORE=1\nFDNAME=n");
            lines.push(&noise);
            prop_assert_eq!(parse(lines.join("\n").as_bytes()), expected);
        }
    }
}
