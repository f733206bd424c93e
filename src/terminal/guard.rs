//! The last resort: the terminal's modes where a global can find them, for ways out that run no destructor.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::termios::tcgetpgrp;

use crate::sys::{self, TerminalModes};

static FOUND: Mutex<Option<(OwnedFd, TerminalModes)>> = Mutex::new(None);

/// Makes a panic, in any thread, restore the terminal before it prints.
pub fn install_panic_hook() {
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        restore();
        print(panic);
    }));
}

/// Takes note of the modes to restore.
pub(super) fn remember(terminal: OwnedFd, found: TerminalModes) {
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some((terminal, found));
}

/// The modes to restore are others now.
pub(super) fn remember_modes(modes: TerminalModes) {
    if let Some((_, found)) = FOUND.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        *found = modes;
    }
}

/// The terminal is restored already.
pub(super) fn forget() {
    *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn restore() {
    // Never waits: the panic may have come while the lock was held.
    let Ok(found) = FOUND.try_lock() else { return };
    if let Some((terminal, modes)) = found.as_ref()
        && tcgetpgrp(terminal).is_ok_and(|holder| holder.as_raw_nonzero().get() == sys::own_group())
    {
        let _ = modes.apply(terminal.as_fd());
    }
}
