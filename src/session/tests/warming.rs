//! The warm-up: once, when the first build compiled nothing and its program runs; and never in the way of a build.

use super::*;

fn fresh(build: u32) -> Event {
    let summary = BuildSummary { fresh: true, ..BuildSummary::default() };
    Event::BuildEnded { build: BuildId(build), outcome: BuildOutcome::Succeeded(summary) }
}

fn started(number: u32) -> Event {
    Event::ProcessStarted { instance: process(number), pid: 100 + number }
}

/// Build 1 compiled nothing, and process 1 was started.
fn first(setup: Setup, orders: &[&str]) -> Table {
    let mut table = Table::of(setup);
    table.expect(Event::Started, &["build 1"]);
    table.expect(fresh(1), &["publish 1"]);
    table.expect(published(1), &["start 0.1 build 1"]);
    table.expect(started(1), orders);
    table
}

fn warming() -> Table {
    first(setup(settings()), &["timer settled", "warm up"])
}

#[test]
fn a_first_build_that_compiled_nothing_is_followed_by_one_warm_up() {
    let mut table = warming();
    table.wait(Duration::from_mins(1)).expect(Event::TimerFired(Timer::Settled(process(1))), &[]);
    assert_eq!(table.session.standing(table.now).state, State::Running, "nothing waits for it");
    table.expect(Event::WarmedUp, &[]);
    table.expect(Event::Asked(Request::Restart(Whom::All)), &["stop 0.1 with 15"]);
    table.expect(Event::ProcessExited { instance: process(1), exit: Exit::Signal(TERM) }, &[]);
    table.expect(Event::ProcessGone { instance: process(1) }, &["start 0.2 build 1"]);
    table.expect(started(2), &["timer settled"]);
}

#[test]
fn an_edit_cancels_the_warm_up_and_is_built_at_its_end() {
    let mut table = warming();
    assert_eq!(table.edit("a.rs"), ["timer Burst 50ms", "cancel the warm-up"]);
    assert_eq!(table.session.standing(table.now).state, State::Changed);
    table.expect(Event::WarmedUp, &["build 2"]);
    table.expect(fresh(2), &["publish 2"]);
}

#[test]
fn a_burst_that_goes_on_is_built_at_its_end() {
    let mut table = warming();
    table.edit("a.rs");
    assert_eq!(table.wait(ms(1)).edit("b.rs"), ["timer Burst 50ms"]);
    table.expect(Event::WarmedUp, &[]);
    table.wait(ms(50)).expect(Event::TimerFired(Timer::Burst), &["build 2"]);
}

#[test]
fn hotrun_leaves_when_the_warm_up_has_ended() {
    let mut table = warming();
    let quit = Event::Asked(Request::Quit(QuitReason::Asked));
    table.expect(quit, &["cancel the warm-up", "stop 0.1 with 15"]);
    table.expect(Event::ProcessExited { instance: process(1), exit: Exit::Signal(TERM) }, &[]);
    table.expect(Event::ProcessGone { instance: process(1) }, &[]);
    table.expect(Event::WarmedUp, &["exit Quit(Asked)"]);
}

#[test]
fn nothing_is_warmed_up_where_it_is_of_no_use() {
    let once = Setup { once: true, ..setup(Settings { on_exit: OnExit::Exit, ..settings() }) };
    first(once, &["timer settled"]);
    first(setup(Settings { update: Update::Manual, ..settings() }), &["timer settled"]);
    // The first build compiled something.
    Table::running(settings());
}
