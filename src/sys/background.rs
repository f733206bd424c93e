//! Work on a thread that nothing waits for.

use std::sync::{Arc, Mutex, PoisonError};

/// Runs `work` on a new thread, or on this one if the system refuses a thread.
pub fn in_background(work: impl FnOnce() + Send + 'static) {
    let work = Arc::new(Mutex::new(Some(work)));
    let theirs = Arc::clone(&work);
    if std::thread::Builder::new().spawn(move || run(&theirs)).is_err() {
        run(&work);
    }
}

fn run<W: FnOnce()>(work: &Mutex<Option<W>>) {
    let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(work) = work {
        work();
    }
}
