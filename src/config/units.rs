//! Parses and formats times, signals, words of a list and variables.

use std::time::Duration;

use super::error::{Invalid, nearest};
use super::{Color, DebugInfo, OnExit, OnStartFailure, Output, Poll, Port, Stdin, Update};

/// The interval of polling if none is given.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Longer times are mistakes, and would overflow clocks.
pub(super) const LONGEST: Duration = Duration::from_hours(365 * 24);

pub(super) trait Word: Sized + Copy + PartialEq + 'static {
    const WORDS: &'static [(&'static str, Self)];

    fn parse(text: &str) -> Result<Self, Invalid> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words = Self::WORDS.iter().map(|(word, _)| *word);
            let reason = format!("expected {}", one_of(words.clone()));
            match nearest(text, words) {
                Some(word) => Invalid::new(reason).or(format!("did you mean `{word}`?")),
                None => Invalid::new(reason),
            }
        })
    }

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).expect("every value has its word").0
    }
}

impl Word for DebugInfo {
    const WORDS: &'static [(&'static str, Self)] =
        &[("profile", Self::Profile), ("lines", Self::Lines), ("none", Self::None)];
}

impl Word for Update {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("restart", Self::Restart),
        ("overlap", Self::Overlap),
        ("manual", Self::Manual),
        ("reexec", Self::Reexec),
    ];
}

impl Word for OnStartFailure {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("rollback", Self::Rollback), ("wait", Self::Wait)];
}

impl Word for OnExit {
    const WORDS: &'static [(&'static str, Self)] =
        &[("wait", Self::Wait), ("restart", Self::Restart), ("exit", Self::Exit)];
}

impl Word for Stdin {
    const WORDS: &'static [(&'static str, Self)] =
        &[("lend", Self::Lend), ("null", Self::Null), ("inherit", Self::Inherit)];
}

impl Word for Output {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("inherit", Self::Inherit), ("capture", Self::Capture)];
}

impl Word for Port {
    const WORDS: &'static [(&'static str, Self)] = &[("auto", Self::Auto)];
}

impl Word for Color {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("always", Self::Always), ("never", Self::Never)];
}

/// Formats `` `a`, `b` or `c` ``.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Formats a list of names that may be long.
pub(super) fn listed(names: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let more = names.len().saturating_sub(most);
    let mut words: Vec<String> = names.take(most).map(|name| format!("`{name}`")).collect();
    if more > 0 {
        words.push(format!("{more} more"));
    }
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// Parses `20ms`, `5s`, `1m 30s`, `0`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    let text = text.trim();
    if text.parse::<f64>().is_ok_and(|number| number != 0.0) {
        return Err(Invalid::new("a time needs a unit").or(format!("write `{text}ms` or `{text}s`")));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| Invalid::new("expected a time").or("write it like `20ms`, `5s` or `1m 30s`"))?;
    if duration > LONGEST {
        return Err(Invalid::new("longer than a year"));
    }
    Ok(duration)
}

pub(super) fn format_duration(duration: Duration) -> String {
    if duration.is_zero() { "0".to_owned() } else { humantime::format_duration(duration).to_string() }
}

/// Parses `auto`, `always`, `never` or an interval.
pub(super) fn parse_poll(text: &str) -> Result<Poll, Invalid> {
    match text {
        "auto" => return Ok(Poll::Auto),
        "always" => return Ok(Poll::Always),
        "never" => return Ok(Poll::Never),
        _ => {}
    }
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err(Invalid::new("an interval cannot be zero").or("`never` turns polling off")),
        Ok(interval) => Ok(Poll::Every(interval)),
        Err(invalid) if text.starts_with(|first: char| first.is_ascii_digit()) => Err(invalid),
        Err(_) => Err(Invalid::new("expected `auto`, `always`, `never` or an interval such as `500ms`")),
    }
}

pub(super) fn format_poll(poll: Poll) -> String {
    match poll {
        Poll::Auto => "auto".to_owned(),
        Poll::Always => "always".to_owned(),
        Poll::Never => "never".to_owned(),
        Poll::Every(interval) => format_duration(interval),
    }
}

/// The signals of POSIX, and those that both Linux and macOS have besides (signal(7), sigaction(2)).
pub(super) const SIGNALS: &[(&str, i32)] = &[
    ("SIGHUP", libc::SIGHUP),
    ("SIGINT", libc::SIGINT),
    ("SIGQUIT", libc::SIGQUIT),
    ("SIGILL", libc::SIGILL),
    ("SIGTRAP", libc::SIGTRAP),
    ("SIGABRT", libc::SIGABRT),
    ("SIGBUS", libc::SIGBUS),
    ("SIGFPE", libc::SIGFPE),
    ("SIGKILL", libc::SIGKILL),
    ("SIGUSR1", libc::SIGUSR1),
    ("SIGSEGV", libc::SIGSEGV),
    ("SIGUSR2", libc::SIGUSR2),
    ("SIGPIPE", libc::SIGPIPE),
    ("SIGALRM", libc::SIGALRM),
    ("SIGTERM", libc::SIGTERM),
    ("SIGCHLD", libc::SIGCHLD),
    ("SIGCONT", libc::SIGCONT),
    ("SIGSTOP", libc::SIGSTOP),
    ("SIGTSTP", libc::SIGTSTP),
    ("SIGTTIN", libc::SIGTTIN),
    ("SIGTTOU", libc::SIGTTOU),
    ("SIGURG", libc::SIGURG),
    ("SIGXCPU", libc::SIGXCPU),
    ("SIGXFSZ", libc::SIGXFSZ),
    ("SIGVTALRM", libc::SIGVTALRM),
    ("SIGPROF", libc::SIGPROF),
    ("SIGWINCH", libc::SIGWINCH),
    ("SIGIO", libc::SIGIO),
    ("SIGSYS", libc::SIGSYS),
];

/// The highest signal number of the platform (real-time signals included).
const HIGHEST_SIGNAL: i32 = if cfg!(target_os = "linux") { 64 } else { 31 };

/// Parses a signal: its name in any case, with or without `SIG`, or its number.
pub(super) fn parse_signal(text: &str) -> Result<i32, Invalid> {
    if let Ok(number) = text.parse::<i32>() {
        return if (1..=HIGHEST_SIGNAL).contains(&number) {
            Ok(number)
        } else {
            Err(Invalid::new(format!("signals have the numbers 1 to {HIGHEST_SIGNAL}")))
        };
    }
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    let known = SIGNALS.iter().find(|(name, _)| &name["SIG".len()..] == short);
    known.map(|(_, number)| *number).ok_or_else(|| {
        let invalid = Invalid::new("there is no such signal");
        match nearest(short, SIGNALS.iter().map(|(name, _)| &name["SIG".len()..])) {
            Some(near) => invalid.or(format!("did you mean `SIG{near}`?")),
            None => invalid.or("write a name such as `SIGINT` or a number"),
        }
    })
}

/// Returns the name of a signal, or its number if it has no name.
pub fn signal_name(signal: i32) -> String {
    let known = SIGNALS.iter().find(|(_, number)| *number == signal);
    known.map_or_else(|| signal.to_string(), |(name, _)| (*name).to_owned())
}

pub(super) fn parse_variable(text: &str) -> Result<(String, String), Invalid> {
    let (key, value) = text.split_once('=').ok_or_else(|| {
        Invalid::new("expected `KEY=VALUE`").or(format!("write `{text}=` for an empty value"))
    })?;
    check_variable(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Refuses variables that execve(2) cannot pass.
pub(super) fn check_variable(key: &str, value: &str) -> Result<(), Invalid> {
    if key.is_empty() {
        return Err(Invalid::new("the variable has no name"));
    }
    if key.contains('=') {
        return Err(Invalid::new("the name of a variable cannot hold `=`"));
    }
    if key.contains('\0') || value.contains('\0') {
        return Err(Invalid::new("a variable cannot hold a NUL"));
    }
    Ok(())
}

/// Parses the name of a profile, which is also a folder name, by cargo's rules.
pub(super) fn parse_profile(text: &str) -> Result<String, Invalid> {
    if text == "debug" {
        return Err(Invalid::new("that is the folder's name").or("the profile is called `dev`"));
    }
    let plain = text.chars().all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '_');
    if text.is_empty() || !plain {
        return Err(Invalid::new("a profile's name is made of letters, digits, `-` and `_`"));
    }
    Ok(text.to_owned())
}

/// Parses the name of a service, which stands before its lines and on command lines.
pub(super) fn parse_service(text: &str) -> Result<String, Invalid> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if text.is_empty() || !text.chars().all(plain) || text.starts_with('-') {
        return Err(Invalid::new("the name of a service is made of `a` to `z`, digits and `-`"));
    }
    Ok(text.to_owned())
}

/// Refuses the empty text.
pub(super) fn parse_name(text: &str) -> Result<String, Invalid> {
    if text.is_empty() { Err(Invalid::new("it is empty")) } else { Ok(text.to_owned()) }
}
