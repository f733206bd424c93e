//! What follows from the copy of the project's own target: what is said of it, and the warm-up of it.

use std::path::Path;

use super::Runtime;
use crate::build::{SeedError, SeedNews, WarmUpNews, seed};
use crate::report::{self, Remark};
use crate::session::{Event, ExitReason};

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

    pub(super) fn warm_up_news(&mut self, news: &WarmUpNews) -> Option<ExitReason> {
        match *news {
            WarmUpNews::Spawned { pid } => {
                if let Some(reaper) = self.processes.reaper() {
                    reaper.cargo(pid.cast_signed());
                }
            }
            WarmUpNews::Gone { pid } => {
                if let Some(reaper) = self.processes.reaper() {
                    reaper.cargo_gone(pid.cast_signed());
                }
            }
            WarmUpNews::Ended { took } => {
                if let Some(took) = took {
                    self.reporter.remark(&Remark::WarmedUp { took });
                }
                return self.tell(Event::WarmedUp);
            }
        }
        None
    }
}
