//! Building: a first staging target, cargo in a process group of its own, its messages, forced freshness, and the atomic
//! publish.
//!
//! Owns cargo's process and the live folder. Decides nothing: when to build, cancel or publish is the session's.

mod attempt;
pub mod cargo;
mod error;
mod files;
pub mod freshness;
mod holder;
mod lock;
pub mod publish;
mod result;
mod scripts;
pub mod seed;
pub mod sentinel;
mod set;

pub use self::attempt::end_left;
pub use self::cargo::{BuildNews, BuildOrder, Cargo, Program};
pub use self::error::BuildError;
pub use self::holder::holder;
pub use self::publish::{Publication, PublishError, Publisher, live_path};
pub use self::result::{BuildResult, Library};
pub use self::scripts::script_output;
pub use self::seed::{SeedError, SeedNews, SeedPlan};
pub use self::sentinel::Sentinel;
