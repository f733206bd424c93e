//! What is said of a stop that takes its time.

use super::*;

#[test]
fn a_stop_that_takes_longer_than_a_moment_is_said_once() {
    let mut t = Table::running(settings());
    t.tell(Event::Asked(Request::Restart(Whom::All)));
    t.wait(ms(1000));
    let said = t.session.handle(t.now, Event::TimerFired(Timer::Slow(process(1))));
    let Some(Effect::Report(Notice::StillStopping { signal, ago, left, quitting, .. })) = said.first() else {
        panic!("{said:?}");
    };
    assert_eq!((*signal, *ago, *left, *quitting), (TERM, ms(1000), Some(ms(4000)), false));
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 1"]);
    assert!(t.said(Event::TimerFired(Timer::Slow(process(1)))).is_empty());
}

#[test]
fn a_stop_that_a_debugger_holds_is_said_without_a_time_to_its_end() {
    let left = |effects: &[Effect]| match effects {
        [Effect::Report(Notice::StillStopping { left, .. })] => Some(*left),
        _ => None,
    };
    let held = Event::HeldByDebugger { instance: process(1) };
    let slow = Event::TimerFired(Timer::Slow(process(1)));
    // At the stop it is not yet said.
    let mut t = Table::running(settings());
    t.tell(Event::Asked(Request::Restart(Whom::All)));
    assert!(t.said(held.clone()).is_empty());
    t.wait(ms(1000));
    assert_eq!(left(&t.session.handle(t.now, slow.clone())), Some(None));
    // The debugger came when the time to the end had been said.
    let mut t = Table::running(settings());
    t.tell(Event::Asked(Request::Restart(Whom::All)));
    t.wait(ms(1000));
    assert_eq!(left(&t.session.handle(t.now, slow)), Some(Some(ms(4000))));
    t.wait(ms(4000));
    assert_eq!(left(&t.session.handle(t.now, held)), Some(None));
    t.expect(exited(1, 0), &[]);
    t.expect(gone(1), &["start 0.2 build 1"]);
}
