//! What `hotrun status` and `hotrun wait` say to people, of each way things can stand, on a terminal of 80 and of 40 columns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hotrun::control::{Answer, AnswerLine, HotrunProcess};
use hotrun::line_of;
use hotrun::report::lines::Line;
use hotrun::session::{
    BuildSummary, Instead, ProcessStanding, ServiceStanding, Standing, StartFailure, State, Trouble, Unmet,
};
use hotrun::words::{BuildId, Exit, Names, ServiceId, Sink};

use crate::remarks::compare_lines;
use crate::snapshots::{complete, variants};

variants!(
    STATES,
    state_name,
    State {
        Changed,
        Building,
        Starting,
        Stopping,
        Leaving,
        Running,
        Exited,
        Stopped,
        Waiting,
        Paused,
        Held,
        Failed
    }
);
variants!(TROUBLES, trouble_name, Trouble { Build, Publish, Start, NeverReady, Ended, Stuck });
variants!(FAILURES, failure_name, StartFailure { Spawn, Exited, NotReady });

const BUILD: BuildId = BuildId(14);

fn troubles() -> Vec<Trouble> {
    let unmet = Unmet {
        reason: "`tcp:3000` (`run.ready` in `hotrun.toml`, line 3): connection refused; the program listens on 127.0.0.1:3001".to_owned(),
        hint: Some("set `ready` to where the program listens: 127.0.0.1:3001".to_owned()),
    };
    let failures = [
        StartFailure::Spawn("`target/hotrun/live/debug/shop` may not be executed".to_owned()),
        StartFailure::Exited { exit: Exit::Code(101), lived: Duration::from_millis(7) },
        StartFailure::Exited { exit: Exit::Signal(11), lived: Duration::from_millis(900) },
        StartFailure::NotReady { waited: Duration::from_secs(30), unmet: Some(unmet.clone()) },
    ];
    complete(FAILURES, failures.iter().map(failure_name));
    let mut all = vec![
        Trouble::Build(BUILD),
        Trouble::Publish(BUILD, "could not create `target/hotrun/live`: permission denied".to_owned()),
        Trouble::NeverReady(BUILD, Duration::from_secs(30), Some(unmet)),
        Trouble::Ended(BUILD, Exit::Code(101)),
        Trouble::Ended(BUILD, Exit::Signal(11)),
        Trouble::Stuck(4711),
    ];
    for failure in failures {
        all.push(Trouble::Start(BUILD, failure.clone(), Instead::Down));
        all.push(Trouble::Start(BUILD, failure, Instead::RollsBack(BuildId(13))));
    }
    complete(TROUBLES, all.iter().map(trouble_name));
    all
}

fn states() -> Vec<State> {
    let mut all = vec![
        State::Changed,
        State::Building(BUILD),
        State::Starting,
        State::Stopping,
        State::Leaving,
        State::Running,
        State::Exited,
        State::Stopped,
        State::Waiting,
        State::Paused,
        State::Held,
    ];
    all.extend(troubles().into_iter().map(State::Failed));
    complete(STATES, all.iter().map(state_name));
    all
}

/// How things stand in this state, with a process that runs where there may be one.
fn answer(state: State) -> Answer {
    let failed = matches!(&state, State::Failed(Trouble::Build(_)));
    let runs = match &state {
        State::Exited | State::Stopped | State::Waiting | State::Starting | State::Stopping => false,
        State::Failed(Trouble::Start(.., instead)) => matches!(instead, Instead::RollsBack(_)),
        State::Failed(trouble) => !matches!(trouble, Trouble::Ended(..)),
        _ => true,
    };
    let summary = BuildSummary {
        errors: if failed { 3 } else { 0 },
        warnings: 1,
        fresh: false,
        took: Duration::from_secs(1),
    };
    let process = ProcessStanding { build: BuildId(13), pid: 4711, up: Duration::from_secs(185) };
    let standing = Standing {
        paused: state == State::Paused,
        state: state.clone(),
        services: BTreeMap::from([(
            ServiceId::MAIN,
            ServiceStanding { state, process: runs.then_some(process), waits_for: BTreeSet::new() },
        )]),
        last_build: Some((BUILD, !failed, summary)),
    };
    Answer {
        program: Some("shop".to_owned()),
        live: Some("/home/ann/shop/target/hotrun/live/debug/shop".to_owned()),
        listening: vec!["http://127.0.0.1:3000".to_owned()],
        hotrun: Some(HotrunProcess { pid: 4700, version: "1.0.0".to_owned() }),
        ..Answer::of(&standing, &Names::new(vec!["shop".to_owned()]), |_| "2026-01-01T12:00:00Z".to_owned())
            .with_stderr(&Sink::Terminal("/dev/pts/3".into()))
    }
}

fn lines(said: &[AnswerLine]) -> Vec<Line> {
    said.iter().map(line_of).collect()
}

#[test]
fn snapshots_of_every_answer() {
    let mut all: Vec<(String, Vec<Line>)> = Vec::new();
    for state in states() {
        let (name, rests) = (state_name(&state), state.rests());
        let answer = answer(state);
        if answer.state != "failed" {
            all.push((format!("status: {name}"), lines(&answer.status())));
        }
        // Until then `wait` waits.
        if rests {
            all.push((format!("wait: {name}"), lines(&answer.outcome())));
        }
    }
    // In full once; where something failed the last lines are those of `wait`.
    let failed = answer(State::Failed(Trouble::Build(BUILD)));
    all.push(("status: Failed".to_owned(), lines(&failed.status())));
    let fault = "unknown key `debounse` in `hotrun.toml`, line 3";
    let refused = answer(State::Running).with_config_fault(Some(fault));
    all.push(("wait, with a config that is refused".to_owned(), lines(&refused.outcome())));
    compare_lines("answers", &all);
}
