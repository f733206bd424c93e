//! What is said of the first start: where the first build goes, and what it begins with.

use std::path::Path;

use super::Runtime;
use crate::build::{SeedError, SeedNews, seed};
use crate::report::{self, Remark};

impl Runtime {
    pub(super) fn seed_news(&mut self, news: SeedNews) {
        let short = |path: &Path| report::short_path(path, &self.site.cwd);
        let staging = short(&self.site.staging());
        let remark = match news {
            SeedNews::Blocked => Remark::SeedBlocked,
            SeedNews::Began { from, bytes } => {
                Remark::SeedBegan { staging, from: short(&from), size: seed::size(bytes) }
            }
            SeedNews::Progress { copied, bytes } => {
                Remark::SeedCopying { copied: seed::size(copied), size: seed::size(bytes) }
            }
            // hotrun ends.
            SeedNews::Declined(SeedError::Stopped) => return,
            SeedNews::Declined(error) => {
                Remark::SeedDeclined { staging, cause: report::in_a_line(&error, None), hint: error.hint() }
            }
            SeedNews::Discarded { from } => {
                let from = short(&from);
                self.cargo_gone();
                self.history.restart_build();
                Remark::SeedDiscarded { from }
            }
        };
        self.reporter.remark(&remark);
    }
}
