//! Restores the terminal on exits that run no destructor: a copy of its modes in a global.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::termios::tcgetpgrp;

use crate::sys::{self, TerminalModes};

static FOUND: Mutex<Option<(OwnedFd, TerminalModes)>> = Mutex::new(None);

/// Makes a panic in any thread restore the terminal before it prints.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        print(panic);
    }));
}

pub(super) fn remember(terminal: OwnedFd, found: TerminalModes) {
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some((terminal, found));
}

pub(super) fn remember_modes(modes: TerminalModes) {
    if let Some((_, found)) = FOUND.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        *found = modes;
    }
}

pub(super) fn forget() {
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn restore() {
    // Does not block: the panic may have happened while the lock was held.
    let Ok(found) = FOUND.try_lock() else { return };
    if let Some((terminal, modes)) = found.as_ref()
        && tcgetpgrp(terminal).is_ok_and(|holder| holder.as_raw_nonzero().get() == sys::own_group())
    {
        let _ = modes.apply(terminal.as_fd());
    }
}
