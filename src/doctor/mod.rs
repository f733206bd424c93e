//! `hotrun doctor`: finds problems with the project and the machine, and suggests fixes.
//!
//! `checks` looks, `finding` renders the result. Changes nothing, and goes on as far as it can if something is
//! broken.

mod checks;
mod finding;

use std::process::ExitCode;

use self::finding::{Finding, Severity};
use crate::config::RunOptions;
use crate::error::Error;
use crate::history::BuildTimes;
use crate::project::{Queries, clean_environment};
use crate::report;
use crate::site::{Site, current_folder};

/// Examines the project. Returns the output and the exit code: 1 if there is an error.
pub fn run(options: RunOptions, json: bool) -> Result<(String, ExitCode), Error> {
    let verbose = options.own.verbose > 0;
    let color = options.own.color.clone();
    let (findings, last) = examine(options)?;
    let text = if json {
        document(&findings, last.as_ref())
    } else {
        report::page(&finding::lines(&findings, verbose), color.as_deref())
    };
    let failed = finding::worst(&findings) == Severity::Error;
    Ok((text, if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }))
}

/// Returns the findings and the last recorded build.
fn examine(options: RunOptions) -> Result<(Vec<Finding>, Option<BuildTimes>), Error> {
    let cwd = current_folder()?;
    let mut findings = vec![checks::cargo(&cwd, &clean_environment(std::env::vars_os()))];
    if finding::worst(&findings) == Severity::Error {
        return Ok((findings, None));
    }
    let mut last = None;
    match Site::survey(options, cwd, &Queries::attached()) {
        Ok(site) => {
            findings.extend(checks::project(&site));
            if let Some((build, age)) = checks::last_build(&site) {
                findings.push(checks::times(&build, age));
                last = Some(build);
            }
        }
        Err(error) => {
            let check = if matches!(error, Error::Settings(_)) { "settings" } else { "project" };
            findings.push(checks::failed(check, &error));
        }
    }
    Ok((findings, last))
}

/// Renders JSON for machines; names and fields are only ever added.
fn document(findings: &[Finding], last: Option<&BuildTimes>) -> String {
    let document = serde_json::json!({
        "schema": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "findings": findings,
        "last-build": last,
    });
    serde_json::to_string_pretty(&document).expect("plain data") + "\n"
}
