//! The output of `hotrun config`: every setting as TOML that `hotrun.toml` could contain, with its origin.

use std::path::Path;

use super::Config;
use super::page::Page;
use super::table::{ROWS, SERVICE, of_service};

/// Renders the settings; only paths in origins are relative to `cwd`.
pub fn show(config: &Config, cwd: &Path) -> String {
    let mut page = Page::new(cwd);
    let mut table = "";
    for entry in ROWS.iter().filter(|entry| entry.table != SERVICE) {
        if entry.table != table {
            table = entry.table;
            page.table(table);
        }
        (entry.show)(&mut page, config);
    }
    for service in config.services.iter().filter(|service| !service.name.is_empty()) {
        page.table(&format!("{SERVICE}.{}", service.name));
        // What is as in `[run]` stands there.
        let settings = config.of(service);
        for entry in of_service() {
            page.unless_equal(|page| (entry.show)(page, &settings), |page| (entry.show)(page, config));
        }
    }
    page.text()
}
