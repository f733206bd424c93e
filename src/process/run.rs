//! The tag of a run of hotrun.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::words::Instance;

/// Identifies the processes of this run of hotrun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// Creates a unique id.
    pub fn fresh() -> Self {
        Self(format!("{:016x}", RandomState::new().build_hasher().finish()))
    }

    /// Returns the tag of an instance.
    pub(super) fn tag(&self, instance: Instance) -> String {
        format!("{self}.{instance}")
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
