//! Building: a first staging target, cargo in a process group of its own, its messages, forced freshness, and the atomic
//! publish.
//!
//! Owns cargo's process and the live folder. Decides nothing: when to build, cancel or publish is the session's.

mod attempt;
pub mod cargo;
mod error;
pub mod freshness;
mod holder;
pub mod publish;
pub mod seed;
pub mod sentinel;

pub use self::cargo::{BuildNews, BuildOrder, BuildResult, Cargo, Program};
pub use self::error::BuildError;
pub use self::holder::holder;
pub use self::publish::{Publication, PublishError, Publisher, live_path};
pub use self::seed::{SeedError, SeedNews, SeedPlan};
pub use self::sentinel::Sentinel;
