//! The output of `hotrun config`: every setting as TOML that `hotrun.toml` could contain, with its origin.

use std::path::Path;

use super::Config;
use super::page::Page;
use super::table::ROWS;

/// Renders the settings; only paths in origins are relative to `cwd`.
pub fn show(config: &Config, cwd: &Path) -> String {
    let mut page = Page::new(cwd);
    let mut table = "";
    for entry in ROWS {
        if entry.table != table {
            table = entry.table;
            page.table(table);
        }
        (entry.show)(&mut page, config);
    }
    page.text()
}
