//! Builds: seeds the staging target, runs cargo, reads its messages, forces freshness, publishes atomically.
//!
//! Owns cargo's process and the live folder. When to build, cancel or publish is the session's decision.

mod attempt;
pub mod cargo;
mod error;
mod files;
pub mod freshness;
mod groups;
mod lock;
mod news;
mod order;
pub mod publish;
mod result;
mod scripts;
pub mod seed;
pub mod sentinel;
mod set;
mod told;

pub use self::attempt::end_left;
pub use self::cargo::Cargo;
pub use self::error::{BuildError, PublishError};
pub use self::news::BuildNews;
pub use self::order::{BuildOrder, Group, Program};
pub use self::publish::{Publication, Publisher, live_path, profile_folder};
pub use self::result::{BuildResult, Library};
pub use self::scripts::script_output;
pub use self::seed::{SeedError, SeedNews, SeedPlan, WarmUpNews, WarmUpOrder};
pub use self::sentinel::Sentinel;
