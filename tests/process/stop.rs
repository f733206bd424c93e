//! The stop ladder ends each kind of program with its whole tree.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use hotrun::process::{ProcessNews, SignalTarget, StopStep};
use hotrun::sys;
use hotrun::words::{Exit, StopPlan};
use tokio::time::timeout;

use super::{FIRST, House, PATIENT, SHORT, run};
use crate::programs::program;

fn killed(news: &[ProcessNews]) -> bool {
    news.iter().any(|news| matches!(news, ProcessNews::Stopping { step: StopStep::Kill, .. }))
}

fn swept(news: &[ProcessNews]) -> usize {
    news.iter().map(|news| if let ProcessNews::Sweeping { pids, .. } = news { pids.len() } else { 0 }).sum()
}

#[test]
fn a_well_behaved_program_ends_by_the_stop_signal() {
    run(|| async {
        let mut house = House::new();
        house.start(&["plain"], 1).await;
        house.processes.stop(FIRST, PATIENT);
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Signal(libc::SIGTERM));
        assert!(matches!(
            before.as_slice(),
            [ProcessNews::Stopping { step: StopStep::Signal(libc::SIGTERM), .. }]
        ));
        assert!(house.gone().await.is_empty());
        assert!(!house.processes.is_alive(FIRST));
    });
}

#[test]
fn a_slow_program_gets_its_time_and_its_code_is_reported() {
    run(|| async {
        let mut house = House::new();
        house.start(&["slow", "300"], 1).await;
        house.processes.stop(FIRST, PATIENT);
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Code(115));
        assert!(!killed(&before));
        house.gone().await;
    });
}

#[test]
fn a_program_that_ignores_the_signal_is_killed_after_the_timeout() {
    run(|| async {
        let mut house = House::new();
        house.start(&["stubborn"], 1).await;
        house.processes.stop(FIRST, SHORT);
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Signal(libc::SIGKILL));
        assert!(killed(&before));
        house.gone().await;
    });
}

#[test]
fn a_kill_during_a_stop_acts_at_once() {
    run(|| async {
        let mut house = House::new();
        house.start(&["family"], 3).await;
        house.processes.stop(FIRST, StopPlan { signal: libc::SIGUSR1, ..PATIENT });
        // The leader dies of SIGUSR1; its children are stubborn.
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGUSR1));
        house.processes.kill(FIRST);
        house.gone().await;
    });
    run(|| async {
        let mut house = House::new();
        house.start(&["stubborn"], 1).await;
        house.processes.stop(FIRST, PATIENT);
        house.processes.kill(FIRST);
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGKILL));
        house.gone().await;
    });
}

#[test]
fn a_second_signal_is_sent_at_once_and_shortens_the_wait() {
    run(|| async {
        let mut house = House::new();
        house.start(&["stubborn"], 1).await;
        house.processes.stop(FIRST, StopPlan { signal: libc::SIGINT, ..PATIENT });
        house.processes.stop(FIRST, SHORT);
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGKILL));
        house.gone().await;
    });
}

#[test]
fn grandchildren_end_with_the_leader() {
    run(|| async {
        let mut house = House::new();
        house.start(&["family"], 3).await;
        house.processes.stop(FIRST, SHORT);
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGTERM));
        assert_eq!(swept(&house.gone().await), 2);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_in_its_own_session_without_its_environment_ends_with_the_leader() {
    run(|| async {
        let mut house = House::new();
        house.start(&["bare-session"], 2).await;
        house.processes.stop(FIRST, PATIENT);
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGTERM));
        assert_eq!(swept(&house.gone().await), 1);
    });
}

#[test]
fn a_child_in_its_own_session_ends_with_the_leader() {
    run(|| async {
        let mut house = House::new();
        house.start(&["own-session"], 2).await;
        house.processes.stop(FIRST, PATIENT);
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGTERM));
        let rest = house.gone().await;
        // It ended by the stop signal, so it was found.
        assert!(!killed(&rest) && swept(&rest) == 1, "{rest:?}");
    });
}

#[test]
fn a_daemon_in_its_own_session_ends_with_the_leader() {
    run(|| async {
        let mut house = House::new();
        house.start(&["daemon"], 2).await;
        house.processes.stop(FIRST, SHORT);
        assert_eq!(house.exit().await.0, Exit::Signal(libc::SIGTERM));
        let rest = house.gone().await;
        assert!(killed(&rest) && swept(&rest) > 0, "{rest:?}");
    });
    // At once, while the leader lives.
    run(|| async {
        let mut house = House::new();
        house.start(&["daemon"], 2).await;
        house.processes.kill(FIRST);
        house.gone().await;
    });
}

#[test]
fn leftovers_of_a_program_that_ended_by_itself_are_swept() {
    run(|| async {
        let mut house = House::new();
        house.start(&["daemon-and-exit"], 2).await;
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Code(7));
        assert!(before.is_empty());
        assert!(swept(&house.gone().await) > 0);
    });
}

#[test]
fn a_half_started_daemon_is_swept() {
    run(|| async {
        for _ in 0..20 {
            let mut house = House::new();
            house.start(&["daemon-and-exit-at-once"], 0).await;
            assert_eq!(house.exit().await.0, Exit::Code(8));
            house.gone().await;
        }
    });
}

#[test]
fn a_stopped_program_ends_by_the_stop_signal() {
    run(|| async {
        let mut house = House::new();
        let pid = house.start(&["slow", "0"], 1).await;
        sys::kill_process(pid, libc::SIGSTOP).unwrap();
        assert!(matches!(house.next().await, ProcessNews::Stopped { signal: libc::SIGSTOP, .. }));
        assert!(sys::is_stopped(pid));
        house.processes.stop(FIRST, PATIENT);
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Code(115));
        assert!(!killed(&before));
        house.gone().await;
    });
}

#[test]
fn suspending_a_program_is_not_reported() {
    run(|| async {
        let mut house = House::new();
        let pid = house.start(&["handle"], 1).await;
        house.processes.suspend(FIRST);
        let stopped = async {
            while !sys::is_stopped(pid) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(super::DEADLINE, stopped).await.unwrap();
        house.processes.resume(FIRST);
        house.processes.signal(FIRST, libc::SIGHUP, SignalTarget::Leader);
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Code(101));
        assert!(before.is_empty(), "{before:?}");
        house.gone().await;
    });
}

#[test]
fn a_stop_signal_from_elsewhere_pauses_the_ladder() {
    run(|| async {
        let mut house = House::new();
        let pid = house.start(&["stubborn"], 1).await;
        house.processes.stop(FIRST, StopPlan { timeout: Duration::from_secs(2), ..SHORT });
        assert!(matches!(house.next().await, ProcessNews::Stopping { .. }));
        sys::kill_process(pid, libc::SIGSTOP).unwrap();
        assert!(matches!(house.next().await, ProcessNews::Stopped { .. }));
        let quiet = timeout(Duration::from_millis(2500), house.news.recv()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        sys::kill_process(pid, libc::SIGCONT).unwrap();
        let (exit, before) = house.exit().await;
        assert_eq!(exit, Exit::Signal(libc::SIGKILL));
        assert!(killed(&before));
        house.gone().await;
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_debugger_pauses_the_ladder() {
    run(|| async {
        let mut house = House::new();
        // It takes longer to end than hotrun to notice that the debugger is gone.
        let pid = house.start(&["slow", "1500"], 1).await;
        let mut debugger = Command::new(program("app"))
            .args(["trace", &pid.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(debugger.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(sys::is_traced(pid), "{line}");
        let plan = StopPlan { timeout: Duration::from_secs(3), ..SHORT };
        house.processes.stop(FIRST, plan);
        assert!(matches!(house.next().await, ProcessNews::Stopping { step: StopStep::Signal(_), .. }));
        assert!(matches!(house.next().await, ProcessNews::Stopping { step: StopStep::Held, .. }));
        let quiet = timeout(plan.timeout + Duration::from_millis(100), house.news.recv()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        debugger.kill().unwrap();
        debugger.wait().unwrap();
        // The signal is delivered only now, and the whole timeout is left.
        let (exit, _) = house.exit().await;
        assert_eq!(exit, Exit::Code(100 + libc::SIGTERM));
        house.gone().await;
    });
}

#[test]
fn fifty_lives_leave_no_descriptor_and_no_zombie() {
    run(|| async {
        let mut house = House::new();
        let open = || std::fs::read_dir("/dev/fd").unwrap().count();
        house.start(&["plain"], 1).await;
        let before = open();
        for number in 2..50 {
            house.processes.stop(hotrun::words::Instance { number: number - 1, ..FIRST }, PATIENT);
            house.exit().await;
            assert!(matches!(house.next().await, ProcessNews::Gone { .. }));
            let mut spawn = house.app(&["plain"]);
            spawn.instance.number = number;
            house.processes.spawn(spawn);
            assert!(matches!(house.next().await, ProcessNews::Started { .. }));
            house.report().await;
        }
        // Tests beside this one open and close theirs.
        let leaked = open().saturating_sub(before);
        assert!(leaked < 40, "{leaked} more descriptors");
        house.processes.kill(hotrun::words::Instance { number: 49, ..FIRST });
        house.gone().await;
    });
}
