//! Every integration test, in one binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]


mod generated;



mod project;


mod watch;
