//! `hotrun doctor`: finds problems with the project and the machine, and suggests fixes.
//!
//! `gather` and `system` collect facts, `judge` and `disk` judge them (pure), `finding` renders the result.
//! Builds and changes nothing, and goes on as far as it can if something is broken.

mod disk;
mod facts;
mod finding;
mod gather;
mod judge;
mod system;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use self::facts::ProjectFacts;
use self::finding::{Finding, Severity};
use crate::config::RunOptions;
use crate::error::Error;
use crate::project::{Queries, clean_environment};
use crate::report;
use crate::site::{Site, current_folder};

/// Examines the project. Returns the output and the exit code: 1 if there is an error.
pub fn run(options: RunOptions, json: bool) -> Result<(String, ExitCode), Error> {
    let verbose = options.own.verbose > 0;
    let color = options.own.color.clone();
    let (findings, facts) = examine(options)?;
    let text = if json {
        document(&findings, facts.as_ref())
    } else {
        report::page(&finding::lines(&findings, verbose), color.as_deref())
    };
    let failed = finding::worst(&findings) == Severity::Error;
    Ok((text, if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }))
}

fn examine(options: RunOptions) -> Result<(Vec<Finding>, Option<ProjectFacts>), Error> {
    let cwd = current_folder()?;
    let tools = match gather::tools(&cwd, &clean_environment(std::env::vars_os())) {
        Ok(tools) => tools,
        Err(failure) => return Ok((vec![judge::failure(failure)], None)),
    };
    let mut findings = vec![judge::tools(&tools)];
    match Site::survey(options, cwd, &Queries::attached()) {
        Ok(site) => {
            let facts = gather::facts(&site);
            findings.extend(judge::facts(&facts, &tools));
            Ok((findings, Some(facts)))
        }
        Err(error) => {
            findings.push(judge::failure(gather::failure(&error)));
            Ok((findings, None))
        }
    }
}

/// Renders JSON for machines; names and fields are only ever added.
fn document(findings: &[Finding], facts: Option<&ProjectFacts>) -> String {
    let last = facts.and_then(|facts| facts.last_build.as_ref()).map(|(last, _)| last);
    let document = serde_json::json!({
        "schema": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "findings": findings,
        "last-build": last,
    });
    serde_json::to_string_pretty(&document).expect("plain data") + "\n"
}
