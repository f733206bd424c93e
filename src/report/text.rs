//! Errors and paths as texts show them.

use std::path::Path;

/// An error with what led to it, a line each.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    chain(error, "\n  caused by: ")
}

/// An error with what led to it and its way out, as part of a longer line.
pub fn in_a_line(error: &dyn std::error::Error, hint: Option<&str>) -> String {
    let message = chain(error, ": ");
    match hint {
        Some(hint) => message + " (" + hint + ")",
        None => message,
    }
}

fn chain(error: &dyn std::error::Error, link: &str) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |message, cause| message + link + &cause.to_string())
}

/// A path as people are shown it: relative to `cwd` where that is shorter.
pub fn short_path(path: &Path, cwd: &Path) -> String {
    path.strip_prefix(cwd).unwrap_or(path).display().to_string()
}
