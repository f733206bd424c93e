//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod generated;
mod handover;
mod laws;
mod process;
mod programs;
mod project;
mod support;
mod terminal;
mod watch;
