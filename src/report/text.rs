//! Formats errors and paths for display.

use std::path::Path;

/// Formats an error and its causes, one per line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    chain(error, "\n  caused by: ")
}

/// Formats an error, its causes and a hint on one line.
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

/// Shortens a path for display: relative to `cwd` if inside it.
pub fn short_path(path: &Path, cwd: &Path) -> String {
    path.strip_prefix(cwd).unwrap_or(path).display().to_string()
}
