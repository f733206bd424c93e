//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod completions;
mod config_edits;
mod control;
mod crash_matrix;
mod doctor;
mod edits;
mod endings;
mod example;
mod face;
mod generated;
mod handed_on;
mod handover;
mod histories;
mod init;
mod laws;
mod limits;
mod lock;
mod notices;
mod output;
mod places;
mod process;
mod programs;
mod project;
mod pty;
mod reading;
mod readme;
mod remarks;
mod renamed;
mod schema;
mod screen;
mod seed;
mod services;
mod sets;
mod several;
mod snapshots;
mod support;
mod terminal;
mod tidy;
mod waits;
#[cfg(target_os = "linux")]
mod warm_up;
mod watch;
mod zero_downtime;
