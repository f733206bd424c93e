//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]


mod generated;

mod process;
mod programs;
mod project;

mod terminal;
mod watch;
