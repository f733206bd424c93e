//! `hotrun up`: finds the hotrun of this project, or starts it in the background.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::cli::Selection;
use crate::config::{CargoOptions, ManifestOptions, RunOptions};
use crate::control::{Client, ControlError};
use crate::error::Error;
use crate::process::background::Background;
use crate::report::{self, lines};
use crate::site::current_folder;
use crate::sys;

/// Returns the hotrun to ask. It is the one that runs here, or else is started, within the time limit.
pub(crate) fn reach(options: &RunOptions, began: Instant, limit: Option<Duration>) -> Result<Client, Error> {
    let cwd = current_folder()?;
    match Client::find(&Selection::from(&options.cargo), &cwd) {
        Ok(client) => {
            if !only_selects(options) {
                let pid = client.pid();
                let text = format!("hotrun (pid {pid}) runs already, with the options it was started with");
                report::say(&[lines::note(&text)]);
            }
            return Ok(client);
        }
        Err(ControlError::None { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let starting = Background::start(std::env::args_os(), &cwd)?;
    let until = limit.and_then(|limit| began.checked_add(limit));
    let Some(started) = starting.started(until)? else {
        let after = limit.unwrap_or_default();
        return Err(ControlError::TimedOut { after, state: "starting".to_owned() }.into());
    };
    // What it said to people is not the answer.
    let _ = sys::write_all(std::io::stderr().as_fd(), started.said.as_bytes());
    Ok(Client::at(&started.folder)?)
}

/// Whether the options say no more than which hotrun is meant.
fn only_selects(options: &RunOptions) -> bool {
    let CargoOptions { package, bin, example, release, profile, target, target_dir, .. } =
        options.cargo.clone();
    let manifest_path = options.cargo.manifest.manifest_path.clone();
    let manifest = ManifestOptions { manifest_path, ..ManifestOptions::default() };
    let selects = CargoOptions {
        package,
        bin,
        example,
        release,
        profile,
        target,
        target_dir,
        manifest,
        ..CargoOptions::default()
    };
    *options == RunOptions { cargo: selects, ..RunOptions::default() }
}
