//! The answer to a client: the JSON object that scripts read.
//!
//! Pure. The names are public: new ones may be added, none is changed or removed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::config::signal_name;
use crate::history::History;
use crate::messages::{Diagnostic, Level};
use crate::session::{Instead, ServiceStanding, Standing, StartFailure, State, Trouble, Unmet};
use crate::words::{BuildId, Exit, Names, ServiceId, Sink, count, short_time};

/// The state of a hotrun.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// Whether everything saved is running, or ran to its end with code 0.
    pub ok: bool,
    /// `running`, `exited`, `changed`, `building`, `starting`, `stopping`, `leaving`, `failed`, `paused`,
    /// `held`; set only by the client: `stopped`, `none`, `several`, `unknown`, `inherited`, `timed-out`,
    /// `unreachable`.
    pub state: String,
    /// Why `ok` is false, for people.
    pub reason: Option<String>,
    pub hint: Option<String>,
    pub program: Option<String>,
    /// The live path.
    pub live: Option<String>,
    /// The addresses hotrun holds for the program.
    #[serde(default)]
    pub listening: Vec<String>,
    pub hotrun: Option<HotrunProcess>,
    pub running: Option<RunningProcess>,
    /// All or the named ones. What is above is the first one's, or tells most.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceAnswer>,
    /// How the program ended, if that is the reason.
    #[serde(default)]
    pub exit: Option<Exited>,
    /// The file or terminal that the program's stderr goes to.
    #[serde(default)]
    pub stderr: Option<String>,
    /// The last build that was not cancelled.
    pub last_build: Option<LastBuild>,
    #[serde(default)]
    pub diagnostics: Vec<Diagnosis>,
    /// cargo's other output in the last build.
    #[serde(default)]
    pub output: String,
}

/// hotrun's own process.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HotrunProcess {
    pub pid: u32,
    pub version: String,
}

/// The program's process.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RunningProcess {
    pub build: u32,
    pub pid: u32,
    /// Start time (RFC 3339).
    pub since: String,
}

/// The state of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceAnswer {
    pub state: String,
    /// Of its process, as are `pid` and `since`.
    pub build: Option<u32>,
    pub pid: Option<u32>,
    /// Start time (RFC 3339).
    pub since: Option<String>,
    pub reason: Option<String>,
    /// The addresses hotrun holds for it.
    pub listening: Vec<String>,
    /// The last lines of its stderr, if it has ended with an error and hotrun reads its output.
    #[serde(default)]
    pub last_lines: Vec<String>,
}

/// The end of the program's process.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exited {
    pub build: u32,
    pub code: Option<i32>,
    pub signal: Option<String>,
    /// The last lines of its stderr, if hotrun reads its output.
    #[serde(default, rename = "last-lines")]
    pub last_lines: Vec<String>,
}

/// A build that was not cancelled.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastBuild {
    pub build: u32,
    pub success: bool,
    pub errors: u32,
    pub warnings: u32,
    pub ms: u64,
}

/// A compiler message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Diagnosis {
    /// `error` or `warning`.
    pub level: String,
    /// `E0308`, `unused_variables`, …
    pub code: Option<String>,
    pub message: String,
    /// Relative to the workspace root, as rustc prints it.
    pub file: Option<String>,
    /// Starts at 1.
    pub line: Option<usize>,
    /// Starts at 1.
    pub column: Option<usize>,
    /// As rustc prints it, without colours.
    pub rendered: String,
}

impl From<&Diagnostic> for Diagnosis {
    fn from(diagnostic: &Diagnostic) -> Self {
        let level = match diagnostic.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        };
        Self {
            level: level.to_owned(),
            code: diagnostic.code.clone(),
            message: diagnostic.message.clone(),
            file: diagnostic.file.clone(),
            line: diagnostic.line,
            column: diagnostic.column,
            rendered: console::strip_ansi_codes(&diagnostic.rendered).into_owned(),
        }
    }
}

impl Answer {
    /// Describes a session's standing. `clock` gives the time of day that long ago.
    pub fn of(standing: &Standing, names: &Names, clock: impl Fn(Duration) -> String) -> Self {
        let last_build = standing.last_build.map(|(build, success, summary)| LastBuild {
            build: build.0,
            success,
            errors: summary.errors,
            warnings: summary.warnings,
            ms: u64::try_from(summary.took.as_millis()).unwrap_or(u64::MAX),
        });
        let running = |service: &ServiceStanding| {
            let process = service.process?;
            Some(RunningProcess { build: process.build.0, pid: process.pid, since: clock(process.up) })
        };
        let describe = |(id, service): (&ServiceId, &ServiceStanding)| {
            let running = running(service);
            let waits_for: Vec<&str> = service.waits_for.iter().map(|other| names.of(*other)).collect();
            let reason = match service.state {
                State::Waiting => Some(format!("it waits for {}", waits_for.join(", "))),
                _ => reason_of(&service.state, last_build.as_ref(), running.as_ref()),
            };
            // A command has no build.
            let build = running.as_ref().map(|run| run.build).filter(|build| *build != 0);
            let pid = running.as_ref().map(|run| run.pid);
            let (state, since) = (name_of(&service.state).to_owned(), running.map(|run| run.since));
            let (listening, last_lines) = (Vec::new(), Vec::new());
            let answer = ServiceAnswer { state, build, pid, since, reason, listening, last_lines };
            (names.of(*id).to_owned(), answer)
        };
        let services: BTreeMap<_, _> = standing.services.iter().map(describe).collect();
        let running = standing.services.values().filter_map(running).find(|run| run.build != 0);
        let reason = reason_of(&standing.state, last_build.as_ref(), running.as_ref());
        let each = || services.iter().filter_map(|(name, service)| Some((name, service.reason.as_ref()?)));
        let reason = if names.are_several() && each().next().is_some() {
            Some(each().map(|(name, reason)| format!("{name}: {reason}")).collect::<Vec<_>>().join("; "))
        } else {
            reason
        };
        Self {
            ok: standing.state.good(),
            state: name_of(&standing.state).to_owned(),
            reason,
            hint: hint_of(&standing.state).map(ToOwned::to_owned),
            exit: match &standing.state {
                State::Failed(trouble) => exited(trouble),
                _ => None,
            },
            running,
            services,
            last_build,
            ..Self::default()
        }
    }

    /// A request about a service that does not exist.
    pub fn unknown(name: &str, names: &Names) -> Self {
        let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        Self {
            state: "unknown".to_owned(),
            reason: Some(format!("no service is named `{name}`")),
            hint: Some(format!("hotrun runs {}", known.join(", "))),
            ..Self::default()
        }
    }

    /// Adds what was said in the last build.
    #[must_use]
    pub fn with_history(self, history: &History) -> Self {
        let counts = |diagnostic: &&Diagnostic| diagnostic.level != Level::Note;
        let lines = history.lines().chain(history.error());
        Self {
            diagnostics: history.diagnostics().iter().filter(counts).map(Diagnosis::from).collect(),
            output: lines.map(|line| console::strip_ansi_codes(line).into_owned() + "\n").collect(),
            ..self
        }
    }

    /// Adds what the first program said last that has ended with an error.
    #[must_use]
    pub fn with_last_lines(self) -> Self {
        let mut said = self.services.values().map(|service| &service.last_lines);
        let Some(last_lines) = said.find(|lines| !lines.is_empty()).cloned() else { return self };
        let hint = self.hint.or_else(|| Some("`hotrun logs` shows more of its output".to_owned()));
        let exit = self.exit.map(|exit| Exited { last_lines, ..exit });
        Self { hint, exit, ..self }
    }

    /// Adds where the program's stderr goes, and a hint to look there if the program has ended.
    #[must_use]
    pub fn with_stderr(self, sink: &Sink) -> Self {
        let (path, place) = match sink {
            Sink::Terminal(path) => (Some(path), "on hotrun's terminal"),
            Sink::File(path) => (Some(path), "in the file that hotrun's stderr goes to"),
            Sink::Null => (None, "lost: hotrun's stderr is /dev/null"),
            Sink::Unnamed => (None, "where hotrun's stderr goes, a pipe or socket"),
        };
        let stderr = path.map(|path| path.display().to_string());
        let hint = self.exit.as_ref().map(|_| match &stderr {
            Some(path) => format!("its output is {place}, `{path}`"),
            None => format!("its output is {place}"),
        });
        Self { stderr, hint: self.hint.or(hint), ..self }
    }

    /// Reports an edited config that cannot be applied, unless something worse is wrong.
    #[must_use]
    pub fn with_config_fault(self, fault: Option<&str>) -> Self {
        let Some(fault) = fault.filter(|_| self.ok) else { return self };
        Self {
            ok: false,
            state: "failed".to_owned(),
            reason: Some(fault.to_owned()),
            hint: Some("the settings from before stay in force".to_owned()),
            ..self
        }
    }

    /// The answer before lines of these services.
    pub fn before_lines<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let services = names.map(|name| (name.to_owned(), ServiceAnswer::default())).collect();
        Self { ok: true, services, ..Self::default() }
    }

    /// A request for output that hotrun does not read.
    pub fn inherited() -> Self {
        Self { state: "inherited".to_owned(), ..Self::default() }
    }

    /// The answer of a client that got none.
    pub fn missing(state: &str, error: &dyn std::error::Error, hint: Option<String>) -> Self {
        let mut reason = error.to_string();
        if let Some(source) = error.source() {
            let _ = write!(reason, ": {source}");
        }
        Self { state: state.to_owned(), reason: Some(reason), hint, ..Self::default() }
    }

    /// The answer after `hotrun stop`.
    pub fn stopped() -> Self {
        Self { ok: true, state: "stopped".to_owned(), ..Self::default() }
    }

    /// One line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise") + "\n"
    }
}

/// Whether a service ended with an error, which its last output may explain.
pub fn has_ended(state: &State) -> bool {
    matches!(state, State::Failed(trouble) if exited(trouble).is_some())
}

fn name_of(state: &State) -> &'static str {
    match state {
        State::Changed => "changed",
        State::Building(_) => "building",
        State::Starting => "starting",
        State::Stopping => "stopping",
        State::Leaving => "leaving",
        State::Running => "running",
        State::Exited => "exited",
        State::Stopped => "stopped",
        State::Waiting => "waiting",
        State::Paused => "paused",
        State::Held => "held",
        State::Failed(_) => "failed",
    }
}

fn reason_of(state: &State, last: Option<&LastBuild>, running: Option<&RunningProcess>) -> Option<String> {
    match state {
        State::Paused => Some("edits are ignored: hotrun is paused".to_owned()),
        State::Held => Some("what was saved is built and does not run: `update` is `manual`".to_owned()),
        State::Waiting => Some("it starts after others, which are in trouble".to_owned()),
        State::Failed(trouble) => Some(reason(trouble, last, running)),
        _ => None,
    }
}

fn hint_of(state: &State) -> Option<&str> {
    match state {
        State::Paused => Some("`p` in hotrun's terminal goes on, or `hotrun restart`, which restarts too"),
        State::Held => Some("`hotrun restart` runs it"),
        State::Failed(trouble) => hint(trouble),
        _ => None,
    }
}

fn reason(trouble: &Trouble, last: Option<&LastBuild>, running: Option<&RunningProcess>) -> String {
    let subject = |build: &BuildId| if build.0 == 0 { "it".to_owned() } else { format!("build {build}") };
    let what = match trouble {
        Trouble::Build(build) => {
            let errors = last.map_or(0, |last| last.errors);
            let counted = if errors == 0 { String::new() } else { format!(" ({})", count(errors, "error")) };
            format!("build {build} failed{counted}")
        }
        Trouble::Publish(build, error) => format!("build {build} could not be published: {error}"),
        Trouble::Start(build, failure, instead) => {
            let how = match failure {
                StartFailure::Spawn(error) => error.clone(),
                StartFailure::Exited { exit, lived } => {
                    format!("it {} after {}", ended(*exit), short_time(*lived))
                }
                StartFailure::NotReady { waited, unmet } => {
                    format!("it {}", Unmet::not_ready(*waited, unmet.as_ref()))
                }
            };
            let back = if matches!(instead, Instead::RollsBack(_)) { "; rolled back" } else { "" };
            format!("{} could not start: {how}{back}", subject(build))
        }
        Trouble::NeverReady(build, waited, unmet) => {
            return format!("{} runs but {}", subject(build), Unmet::not_ready(*waited, unmet.as_ref()));
        }
        Trouble::Ended(BuildId(0), exit) => format!("it {}", ended(*exit)),
        Trouble::Ended(build, exit) => format!("the program (build {build}) {}", ended(*exit)),
        Trouble::Stuck(pid) => {
            format!("hotrun may not stop pid {pid}, and starts nothing before that has ended")
        }
    };
    match running {
        Some(running) if running.build != 0 && !matches!(trouble, Trouble::Stuck(_)) => {
            format!("{what}; build {} is running", running.build)
        }
        _ => what,
    }
}

fn exited(trouble: &Trouble) -> Option<Exited> {
    let (Trouble::Start(build, StartFailure::Exited { exit, .. }, _) | Trouble::Ended(build, exit)) = trouble
    else {
        return None;
    };
    Some(match exit {
        Exit::Code(code) => Exited { build: build.0, code: Some(*code), ..Exited::default() },
        Exit::Signal(signal) => {
            Exited { build: build.0, signal: Some(signal_name(*signal)), ..Exited::default() }
        }
    })
}

fn hint(trouble: &Trouble) -> Option<&str> {
    match trouble {
        Trouble::NeverReady(.., unmet) | Trouble::Start(_, StartFailure::NotReady { unmet, .. }, _) => {
            unmet.as_ref()?.hint.as_deref()
        }
        _ => None,
    }
}

fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exited with code {code}"),
        Exit::Signal(signal) => format!("died of {}", signal_name(signal)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::AnswerLine;
    use super::*;

    fn answer(state: State) -> Answer {
        let standing = Standing { state, paused: false, services: BTreeMap::new(), last_build: None };
        Answer::of(&standing, &Names::default(), |_| String::new())
    }

    #[test]
    fn ok_only_if_running_or_exited() {
        assert!(answer(State::Running).ok && answer(State::Exited).ok);
        for state in [State::Changed, State::Building(BuildId(1)), State::Starting, State::Stopping] {
            let answer = answer(state);
            assert!(!answer.ok && answer.reason.is_none(), "{answer:?}");
        }
        for state in [State::Paused, State::Held, State::Failed(Trouble::Build(BuildId(2)))] {
            let answer = answer(state);
            assert!(!answer.ok && answer.reason.is_some(), "{answer:?}");
        }
    }

    #[test]
    fn stopping_is_not_down() {
        let stopping = AnswerLine::Status("Stopping", "the program".to_owned());
        assert_eq!(answer(State::Stopping).status(), [stopping]);
        assert!(matches!(&answer(State::Starting).status()[0], AnswerLine::Status("Down", _)));
    }

    #[test]
    fn each_trouble_has_a_reason() {
        let exited = StartFailure::Exited { exit: Exit::Code(101), lived: Duration::from_millis(7) };
        let running = RunningProcess { build: 3, pid: 9, since: String::new() };
        let said = |trouble| reason(&trouble, None, Some(&running));
        let build = BuildId(4);
        assert_eq!(said(Trouble::Build(build)), "build 4 failed; build 3 is running");
        assert_eq!(
            said(Trouble::Publish(build, "no space".to_owned())),
            "build 4 could not be published: no space; build 3 is running"
        );
        assert_eq!(
            said(Trouble::Start(build, exited, Instead::RollsBack(BuildId(3)))),
            "build 4 could not start: it exited with code 101 after 7 ms; rolled back; build 3 is running"
        );
        assert_eq!(
            reason(&Trouble::Ended(build, Exit::Signal(11)), None, None),
            "the program (build 4) died of SIGSEGV"
        );
        // A command has no build.
        assert_eq!(reason(&Trouble::Ended(BuildId(0), Exit::Code(1)), None, None), "it exited with code 1");
        assert_eq!(
            said(Trouble::Stuck(7)),
            "hotrun may not stop pid 7, and starts nothing before that has ended"
        );
    }

    #[test]
    fn an_ended_program_hints_at_its_output() {
        let ended = || answer(State::Failed(Trouble::Ended(BuildId(4), Exit::Signal(11))));
        let table = [
            (Sink::Terminal("/dev/pts/3".into()), "its output is on hotrun's terminal, `/dev/pts/3`"),
            (Sink::File("/a/log".into()), "its output is in the file that hotrun's stderr goes to, `/a/log`"),
            (Sink::Null, "its output is lost: hotrun's stderr is /dev/null"),
            (Sink::Unnamed, "its output is where hotrun's stderr goes, a pipe or socket"),
        ];
        for (sink, hint) in table {
            let answer = ended().with_stderr(&sink);
            assert_eq!(answer.hint.as_deref(), Some(hint));
            assert_eq!(answer.exit.unwrap().signal.as_deref(), Some("SIGSEGV"));
        }
        assert_eq!(answer(State::Running).with_stderr(&Sink::Null).hint, None);
    }
}
