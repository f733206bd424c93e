//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod edits;
mod endings;
mod example;
mod generated;
mod handover;
mod laws;
mod process;
mod programs;
mod project;
mod pty;
mod readme;
mod seed;
mod snapshots;
mod support;
mod terminal;
mod tidy;
mod watch;
mod zero_downtime;
