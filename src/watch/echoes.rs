//! Detects files that change each time after a build or a start of the program and never else: logs, the
//! program's state, dumps of a failing compiler.
//!
//! Pure. The evidence is a chain of rounds: each is started by such a file alone, at the same time after the
//! build or start before it. A person who saves at a steady pace does so independently of hotrun, so later
//! rounds wait for a different time each: a save that comes meanwhile, or at another time after the next
//! start, is not an echo.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

/// Who is assumed to write a file, before anything is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// The file is only guessed to matter.
    Guessed,
    /// Data that is named explicitly or that the compiler read.
    Data,
    /// Code, manifests and settings, which people write.
    Code,
}

impl Weight {
    /// Returns the round from which on a change waits, and the round at which it is an echo.
    fn rounds(self) -> (usize, usize) {
        match self {
            Self::Guessed => (2, 4),
            Self::Data => (3, 7),
            // A script, an agent or a benchmark may save a source after every start, and each save counts at
            // once.
            Self::Code => (usize::MAX, 30),
        }
    }
}

/// How long changes of later rounds wait, different from one round to the next.
const RESTS: [u64; 5] = [400, 900, 500, 1100, 700];

/// A person who looks at the started program does not answer sooner than this.
const QUICK: Duration = Duration::from_millis(1500);

/// What to do with a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EchoRuling {
    Report,
    /// Report it after this time without a change.
    Later(Duration),
    /// Report it for the last time, and warn.
    Echo,
    /// Report it, and warn: a program that writes its own sources looks like a script that edits them after
    /// every start, and no edit of a source may be lost.
    Warn,
    /// Do not report it.
    Ignore,
}

#[derive(Debug)]
struct Round {
    offset: Duration,
    names: HashSet<String>,
    ruling: EchoRuling,
}

#[derive(Debug, Default)]
pub(super) struct Echoes {
    chain: Vec<Round>,
    /// The changes since the last build or start.
    open: Option<Round>,
    code: bool,
    /// The changes of the chain came at the same time.
    steady: bool,
    /// The changes came soon, and none while a change waited.
    quick: bool,
    /// Until how long after a build or start changes of these names are echoes; `None`: always, after a
    /// second chain.
    silent: HashMap<String, Option<Duration>>,
}

impl Echoes {
    /// To be called when a build or the program starts.
    pub(super) fn started(&mut self, build: bool) {
        match self.open.take() {
            Some(round) => self.chain.push(round),
            // A requested build.
            None if build => self.chain.clear(),
            None => {}
        }
    }

    /// Judges a change of `path`, `offset` after the latest build or start, if there was one.
    pub(super) fn changed(&mut self, path: &Path, weight: Weight, offset: Option<Duration>) -> EchoRuling {
        let name = name(path);
        let silent = match (self.silent.get(&name), offset) {
            (Some(None), _) => true,
            (Some(Some(until)), Some(offset)) => offset <= *until + slack(*until),
            _ => false,
        };
        if silent {
            return EchoRuling::Ignore;
        }
        let code = weight == Weight::Code;
        let Some(offset) = offset else {
            self.break_chain();
            return EchoRuling::Report;
        };
        if code != self.code {
            self.break_chain();
            self.code = code;
        }
        if let Some(round) = &mut self.open {
            round.names.insert(name);
            return round.ruling;
        }
        let last = self.chain.last().map(|round| round.offset);
        self.steady &= last.is_none_or(|last| last.abs_diff(offset) <= slack(last.max(offset)));
        self.quick &= offset < QUICK && !code;
        if last.is_none() || !(self.steady || self.quick) {
            self.chain.clear();
            (self.steady, self.quick) = (true, offset < QUICK && !code);
        }
        let round = Round { offset, names: HashSet::from([name]), ruling: EchoRuling::Report };
        let (first_wait, last) = weight.rounds();
        let count = self.chain.len() + 1;
        let names: HashSet<&String> =
            self.chain.iter().chain([&round]).flat_map(|round| &round.names).collect();
        let rest = Duration::from_millis(RESTS[count % RESTS.len()]);
        let ruling = if count >= last && code {
            EchoRuling::Warn
        } else if count >= last && names.len() * 2 <= count.max(4) {
            self.silence(round);
            return EchoRuling::Echo;
        } else if count >= first_wait {
            EchoRuling::Later(rest)
        } else {
            EchoRuling::Report
        };
        self.open = Some(Round { ruling, ..round });
        ruling
    }

    /// To be called when a waiting change was followed by another. Returns whether that proves that it is not
    /// an echo.
    pub(super) fn was_followed(&mut self) -> bool {
        self.quick = false;
        let exonerated = self.code || !self.steady;
        if exonerated {
            self.chain.clear();
        }
        exonerated
    }

    /// To be called when a restart is requested: a second echo must be found again.
    pub(super) fn restart_requested(&mut self) {
        self.break_chain();
        for until in self.silent.values_mut() {
            until.get_or_insert(Duration::ZERO);
        }
    }

    /// To be called when the settings were edited: everything is followed again.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// To be called when a person changed something.
    pub(super) fn break_chain(&mut self) {
        self.chain.clear();
        self.open = None;
    }

    /// Whether changes of `path` are not reported until a restart is requested.
    pub(super) fn is_silenced(&self, path: &Path) -> bool {
        self.silent.get(&name(path)) == Some(&None)
    }

    fn silence(&mut self, round: Round) {
        self.chain.push(round);
        let until = self.chain.iter().map(|round| round.offset).max();
        for name in std::mem::take(&mut self.chain).into_iter().flat_map(|round| round.names) {
            // Once for each name: a second time belongs to a later chain.
            self.silent
                .entry(name)
                .and_modify(|known| *known = known.filter(|known| Some(*known) == until))
                .or_insert(until);
        }
    }
}

/// The tolerance for equal times, on a busy machine.
fn slack(offset: Duration) -> Duration {
    Duration::from_millis(250) + offset / 20
}

/// Replaces the variable parts of a path: digits, and words of hexadecimal digits.
fn name(path: &Path) -> String {
    let mut name = String::new();
    let path = path.to_string_lossy();
    let mut rest = &*path;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end.max(first.len_utf8()));
        rest = after;
        let digits = word.bytes().any(|byte| byte.is_ascii_digit());
        let hexadecimal = word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if hexadecimal || digits && word.len() >= 8 {
            name.push('#');
        } else {
            let mut before = ' ';
            for letter in word.chars().map(|letter| if letter.is_ascii_digit() { '#' } else { letter }) {
                if letter != '#' || before != '#' {
                    name.push(letter);
                }
                before = letter;
            }
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::EchoRuling::{Echo, Ignore, Report};
    use super::*;

    fn millis(millis: u64) -> Option<Duration> {
        Some(Duration::from_millis(millis))
    }

    /// Plays rounds until one is an echo. Returns their number.
    fn until_echo(
        echoes: &mut Echoes,
        mut round: impl FnMut(usize) -> (String, Weight, u64),
    ) -> Option<usize> {
        (1..=40).find(|count| {
            let (path, weight, offset) = round(*count);
            echoes.started(true);
            echoes.started(false);
            matches!(echoes.changed(Path::new(&path), weight, millis(offset)), Echo | EchoRuling::Warn)
        })
    }

    #[test]
    fn a_change_after_every_start_is_an_echo_after_some_rounds() {
        for (weight, offsets, expect) in [
            (Weight::Data, [20, 25, 40, 20], 7),
            (Weight::Data, [3000, 3100, 2990, 3050], 7),
            (Weight::Guessed, [1500, 1400, 1450, 1500], 4),
            (Weight::Code, [20, 25, 40, 20], 30),
            // Another hotrun reacts, sooner or later.
            (Weight::Data, [300, 1300, 700, 1400], 7),
        ] {
            let mut echoes = Echoes::default();
            let found =
                until_echo(&mut echoes, |count| ("/p/data/state.json".into(), weight, offsets[count % 4]));
            assert_eq!(found, Some(expect), "{weight:?} {offsets:?}");
        }
    }

    #[test]
    fn alternating_and_numbered_names_form_one_chain() {
        let mut echoes = Echoes::default();
        let found = until_echo(&mut echoes, |count| {
            (format!("/p/{}.json", ["a", "b", "c"][count % 3]), Weight::Data, 20)
        });
        assert_eq!(found, Some(7));
        for pattern in ["/p/dump-{}-11_07.txt", "/p/7f{}aa-beef/x", "/p/app.log.2026-11-{}"] {
            let path = |count: usize| pattern.replace("{}", &(count * 37).to_string());
            let found = until_echo(&mut Echoes::default(), |count| (path(count), Weight::Guessed, 900));
            assert_eq!(found, Some(4), "{pattern}");
        }
    }

    #[test]
    fn an_edit_at_another_time_is_reported() {
        let path = Path::new("/p/data/state.json");
        let mut echoes = Echoes::default();
        until_echo(&mut echoes, |_| ("/p/data/state.json".into(), Weight::Data, 20)).unwrap();
        echoes.started(true);
        echoes.started(false);
        assert_eq!(echoes.changed(path, Weight::Data, millis(30)), Ignore);
        assert_eq!(echoes.changed(path, Weight::Data, millis(5000)), Report);
        // A second chain, later after the start: then the file is not followed any more.
        until_echo(&mut echoes, |_| ("/p/data/state.json".into(), Weight::Data, 3000)).unwrap();
        assert!(echoes.is_silenced(path));
        assert_eq!(echoes.changed(path, Weight::Data, None), Ignore);
        echoes.restart_requested();
        assert_eq!(echoes.changed(path, Weight::Data, None), Report);
        echoes.reset();
        assert_eq!(echoes.changed(path, Weight::Data, millis(30)), Report);
    }

    #[test]
    fn saved_code_ends_the_chain() {
        let mut echoes = Echoes::default();
        for count in 0..40 {
            for (path, weight) in [("/p/data/state.json", Weight::Data), ("/p/src/main.rs", Weight::Code)] {
                echoes.started(true);
                assert_ne!(echoes.changed(Path::new(path), weight, millis(20)), Echo, "{count}");
            }
        }
    }

    proptest! {
        /// A person who looks at the started program, then edits the same file again.
        #[test]
        fn edits_of_people_are_reported(pauses in proptest::collection::vec(1500u64..20_000, 40)) {
            let mut echoes = Echoes::default();
            let close = |one: u64, other: u64| one.abs_diff(other) <= 250 + one.max(other) / 20;
            let mut alike = 1;
            for pair in pauses.windows(2) {
                alike = if close(pair[0], pair[1]) { alike + 1 } else { 1 };
                prop_assume!(alike < 7);
            }
            for pause in pauses {
                echoes.started(true);
                echoes.started(false);
                let ruling = echoes.changed(Path::new("/p/page.html"), Weight::Data, millis(pause));
                prop_assert!(!matches!(ruling, Echo | Ignore));
            }
        }

        /// A person or script that saves at a steady pace regardless of hotrun: the rests shift the start.
        #[test]
        fn a_steady_pace_is_reported(pace in 1_700u64..10_000) {
            let mut echoes = Echoes::default();
            let (mut saved, mut started) = (0, 0);
            for _ in 0..60 {
                saved += pace;
                echoes.started(true);
                echoes.started(false);
                let ruling = echoes.changed(Path::new("/p/page.html"), Weight::Data, millis(saved - started));
                prop_assert!(!matches!(ruling, Echo | Ignore));
                let EchoRuling::Later(rest) = ruling else { started = saved; continue };
                started = saved + u64::try_from(rest.as_millis()).unwrap();
            }
        }
    }
}
