//! Formats errors and paths for display.

use std::path::{Path, PathBuf};

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

/// Shortens a path for display, so that a terminal started in `cwd` can open it: relative to `cwd`, also with `..` where
/// it is near.
pub fn short_path(path: &Path, cwd: &Path) -> String {
    const NEAR: usize = 2;
    for (up, folder) in cwd.ancestors().enumerate().take(NEAR + 1) {
        // A path through a top folder (`/home`, `/tmp`) would have nothing in common with the project.
        let near = up == 0 || folder.components().count() > 2;
        if let Ok(rest) = path.strip_prefix(folder)
            && near
        {
            return PathBuf::from_iter([".."].repeat(up)).join(rest).display().to_string();
        }
    }
    path.display().to_string()
}
