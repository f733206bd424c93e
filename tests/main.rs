//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod endings;
mod generated;
mod laws;
mod process;
mod programs;
mod project;
mod pty;
mod support;
mod terminal;
mod watch;
