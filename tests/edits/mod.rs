//! Edits as people make them, against a real hotrun: what must be served, what must not build, and storms.

mod counts;
mod mending;
mod quiet;
mod readers;
mod storms;
mod verbose;
pub(crate) mod world;
