//! The session's time and its timers.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::session::Timer;

pub(super) struct Clock {
    began: Instant,
    timers: BTreeMap<Timer, Instant>,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), timers: BTreeMap::new() }
    }

    /// Returns the time since the session began.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.timers.insert(timer, Instant::now() + after);
    }

    pub(super) fn cancel(&mut self, timer: Timer) {
        self.timers.remove(&timer);
    }

    /// Returns the timer that runs out first, and when.
    pub(super) fn next(&self) -> Option<(Timer, Instant)> {
        self.timers.iter().map(|(timer, at)| (*timer, *at)).min_by_key(|(_, at)| *at)
    }
}
