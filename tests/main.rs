//! Every integration test, in one binary.

mod generated;
mod project;
