//! The one clock of a run (`CLOCK_MONOTONIC`, which hotrun's events tell as well), and waiting.

use std::time::Duration;

/// What takes longer than this is broken, not slow; a first build may have to compile every dependency.
pub(crate) const DEADLINE: Duration = Duration::from_mins(5);

/// Now, in milliseconds.
pub(crate) fn now() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    #[expect(
        clippy::cast_precision_loss,
        reason = "nanoseconds since boot, told in milliseconds, fit in 53 bits"
    )]
    let (seconds, nanos) = (now.tv_sec as f64, now.tv_nsec as f64);
    seconds * 1e3 + nanos / 1e6
}

/// Lets time pass: where the time itself is what is measured, or between two looks at what no event tells.
#[expect(clippy::disallowed_methods, reason = "there is no event to wait for")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
