//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod completions;
mod edits;
mod endings;
mod example;
mod face;
mod generated;
mod handover;
mod laws;
mod notices;
mod process;
mod programs;
mod project;
mod pty;
mod readme;
mod snapshots;
mod support;
mod terminal;
mod tidy;
mod watch;
mod zero_downtime;
