//! What the groups of a build have reported.

use std::collections::HashMap;

use crate::messages::Diagnostic;

/// What was reported of a build. Each group compiles shared crates, and would report the same of them.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The group that reported it; empty with one group.
    first: HashMap<Diagnostic, usize>,
    group: usize,
    groups: usize,
    resolved: bool,
}

impl Told {
    /// Nothing yet, of this many groups.
    pub(super) fn by(groups: usize) -> Self {
        Self { groups, ..Self::default() }
    }

    /// The cargo of this group starts.
    pub(super) fn begin(&mut self, group: usize) {
        self.group = group;
    }

    /// Whether no earlier group reported this.
    pub(super) fn is_new(&mut self, diagnostic: &Diagnostic) -> bool {
        self.groups < 2 || *self.first.entry(diagnostic.clone()).or_insert(self.group) == self.group
    }

    /// Whether this is the first that cargo tells after it has read the manifests.
    pub(super) fn resolves(&mut self) -> bool {
        !std::mem::replace(&mut self.resolved, true)
    }
}
