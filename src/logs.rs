//! `hotrun logs`: prints what the programs of a running hotrun wrote.

use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::os::fd::AsFd;

use crate::cli::LogsOptions;
use crate::control::{Client, LogLine, LogsRequest};
use crate::error::Error;
use crate::output::prefixes;
use crate::report::{self, lines};
use crate::site::current_folder;
use crate::sys;

/// Prints the lines until there are no more, or nobody reads them.
pub(crate) fn print(options: &LogsOptions) -> Result<(), Error> {
    let client = Client::find(&options.selection, &current_folder()?)?.only(&options.services);
    let colors = !options.json && io::stdout().is_terminal() && console::colors_enabled();
    let request = LogsRequest { lines: options.lines, follow: options.follow, colors };
    let mut failed = None;
    client.logs(request, |names, line| {
        let Err(error) = print_line(options.json, colors, names, &line) else {
            return ControlFlow::Continue(());
        };
        failed = Some(error).filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        ControlFlow::Break(())
    })?;
    failed.map_or(Ok(()), |source| Err(Error::System { what: "write to stdout", source }))
}

fn print_line(json: bool, colors: bool, names: &[String], line: &LogLine) -> io::Result<()> {
    let text = if json {
        line.json()
    } else {
        if line.gap {
            report::say(&lines::lines_lost());
        }
        let place = names.iter().position(|name| *name == line.service);
        let prefixes = prefixes(names, colors);
        let prefix = place.and_then(|place| prefixes.get(place)).map_or("", String::as_str);
        format!("{prefix}{}\n", line.text)
    };
    sys::write_all(io::stdout().as_fd(), text.as_bytes())
}
