//! Edits as people make them, against a real hotrun: what must be served, what must not build, and storms.

mod counts;
mod quiet;
mod storms;
mod verbose;
pub(crate) mod world;
