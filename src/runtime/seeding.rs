//! What is said of the first start: where the first build goes, and what it begins with.

use super::Runtime;
use crate::build::{SeedError, SeedNews, seed};
use crate::report;

impl Runtime {
    pub(super) fn seed_news(&mut self, news: SeedNews) {
        let cwd = self.site.cwd.clone();
        let staging = report::short_path(&self.site.staging(), &cwd);
        let why = format!("hotrun builds in `{staging}`, to share no lock with other cargos");
        match news {
            // In the words of the cargo that would wait there.
            SeedNews::Blocked => {
                self.reporter.cargo_line("    Blocking waiting for file lock on build directory", false);
            }
            SeedNews::Began { from, bytes } => {
                let (from, size) = (report::short_path(&from, &cwd), seed::size(bytes));
                self.reporter
                    .note(&format!("{why}; the first build there begins with a copy of `{from}` ({size})"));
            }
            SeedNews::Progress { copied, bytes } => {
                let (copied, bytes) = (seed::size(copied), seed::size(bytes));
                self.reporter.cargo_line(&format!("     Copying {copied} of {bytes}"), true);
            }
            // hotrun ends.
            SeedNews::Declined(SeedError::Stopped) => {}
            SeedNews::Declined(error) => {
                let cause =
                    std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
                let text = format!("{why}; the first build there compiles everything ({error}{cause})");
                match error.hint() {
                    Some(hint) => self.reporter.warning(&text, Some(hint)),
                    None => self.reporter.note(&text),
                }
            }
            SeedNews::Discarded { from } => {
                self.cargo_gone();
                self.reporter.begin_again();
                let from = report::short_path(&from, &cwd);
                self.reporter.warning(
                    &format!(
                        "that may be the fault of what was copied from `{from}`: building again without it"
                    ),
                    None,
                );
            }
        }
    }
}
