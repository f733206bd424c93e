//! Opens the files that hotrun writes: the log and the events.

use std::path::PathBuf;

use crate::config::{self, Config, Setting};
use crate::error::Error;
use crate::report::{self, LineFile};
use crate::site::Site;

/// Opens the log, if one is named.
pub(super) fn open_log(site: &Site, config: &Config) -> Result<Option<LineFile>, Error> {
    open_named(site, "log file", ["log", "--log"], &config.files.log)
}

/// Opens the events file, if one is named.
pub(super) fn open_events(site: &Site, config: &Config) -> Result<Option<LineFile>, Error> {
    open_named(site, "events file", ["events", "--events"], &config.files.events)
}

fn open_named(
    site: &Site,
    what: &'static str,
    [key, option]: [&str; 2],
    setting: &Setting<Option<PathBuf>>,
) -> Result<Option<LineFile>, Error> {
    let Some(path) = &setting.value else { return Ok(None) };
    if site.plan().names(path) {
        let setting = config::named(key, option, &setting.origin, &site.cwd);
        return Err(Error::Watched { setting, path: report::short_path(path, &site.cwd) });
    }
    let opened = report::open_lines(path);
    opened.map(Some).map_err(|source| Error::Open { what, path: path.clone(), source })
}
