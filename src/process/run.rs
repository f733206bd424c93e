//! The tag of a run of hotrun.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::words::Instance;

/// What tells the processes of this run of hotrun from those of any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// A new one, different from all others.
    pub fn fresh() -> Self {
        Self(format!("{:016x}", RandomState::new().build_hasher().finish()))
    }

    /// The value of the tag of an instance.
    pub(super) fn tag(&self, instance: Instance) -> String {
        format!("{self}.{instance}")
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
