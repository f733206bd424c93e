//! What the standard library lacks: spawning with full control, signals, the process table, the lifeline,
//! writing that delays nobody.
//!
//! The only room with `unsafe`. Mechanism only: which process to signal, and when, is decided elsewhere.

mod background;
mod content;
mod descriptors;
mod lifeline;
mod outlet;
mod priority;
mod signal;
mod spawn;
mod table;
mod text;
mod tty;
mod wait;

pub use background::in_background;
pub use content::{changed_at, hash};
pub use descriptors::{Datagram, own_outputs, receive, same_description, take_inherited};
pub use lifeline::{Lifeline, adopt_group};
pub use outlet::{Full, Outlet, Pushed, TextKind, write_all};
pub use priority::{lowest_priority, normal_priority};
pub use signal::{
    block_terminal_stops, die_of, ignore_all, is_ignored, kill_exactly, kill_group, kill_process,
    name_process, own_group, own_session, set_up_signals, stop_by_terminal_signal,
};
pub use spawn::{Announce, Foreground, Leader, SpawnFailure, SpawnOrder, SpawnStage, limit_hint, spawn};
pub use table::{
    ProcessRow, carries, catches, group_members, is_stopped, is_traced, own_descendants, own_group_members,
    process, processes, reserve_for_table,
};
pub use text::{read_stream, read_text};
pub use tty::{TERMINAL_RESET, TerminalModes, sink, terminal_holder};
pub use wait::{ChildState, become_subreaper, exit_of, peek_exit, reap, take_stop, wait_on};
