//! Findings about the target directory (pure).

use super::facts::{Target, TargetState};
use super::finding::{Finding, Severity};

/// A build of some size needs more room than this.
const LITTLE_ROOM: u64 = 1 << 30;

/// Judges the target directory, its free space, and other users of it.
pub(super) fn judge(target: &Target, program: &str, findings: &mut Vec<Finding>) {
    let staging = &target.staging;
    let on = target.file_system.as_ref().map_or(String::new(), |name| format!(" on {name}"));
    let free = target.free.map_or(String::new(), |free| format!("; {} free", bytes(free)));
    findings.push(match (target.state, target.remote) {
        (TargetState::NotAFolder, _) => Finding::new(
            "target",
            Severity::Error,
            format!("`{staging}` cannot be made: a file is in its way"),
        )
        .hint("remove that file, or name another folder with `--target-dir`"),
        (TargetState::NotWritable, _) => {
            Finding::new("target", Severity::Error, format!("`{staging}` may not be written to"))
                .hint("give yourself the right to, or name another folder with `--target-dir`")
        }
        (_, Some(name)) => Finding::warning(
            "target",
            format!("`{staging}` is on {name}, where building is slow"),
            "name a folder on a local disk with `--target-dir` or `build.target-dir`",
        ),
        _ if target.size == 0 => Finding::ok("target", format!("`{staging}`{on}, not made yet{free}")),
        _ => Finding::ok("target", format!("`{staging}`{on} takes {}{free}", bytes(target.size))),
    });
    if !target.one_file_system {
        findings.push(Finding::warning(
            "live",
            format!("`{staging}/live` is on another file system: each build is copied there"),
            "keep both on one file system, where a rename does",
        ));
    }
    if target.free.is_some_and(|free| free < LITTLE_ROOM) {
        findings.push(Finding::warning(
            "disk",
            format!(
                "{} are left for `{staging}`, which takes {}",
                bytes(target.free.unwrap_or(0)),
                bytes(target.size)
            ),
            "make room, with `cargo clean` for example",
        ));
    }
    let remedy = match target.outside {
        Some(by) if by.starts_with("`CARGO_") => {
            format!("unset {by} here, or give each checkout a `--target-dir`")
        }
        _ => "set `build.target-dir = \"target\"` in the checkout's own `.cargo/config.toml`".to_owned(),
    };
    match (&target.other_workspace, target.outside) {
        (Some(other), _) => findings.push(Finding::warning(
            "checkouts",
            format!("`{staging}` was last used for the `{program}` of `{other}`: the two overwrite each other's builds"),
            remedy,
        )),
        (None, Some(by)) => findings.push(Finding::warning(
            "checkouts",
            format!("`{staging}` is outside of the workspace ({by}): another checkout's `{program}` would have the same live path, and each build would be a full one"),
            remedy,
        )),
        (None, None) => {}
    }
}

/// Formats a size, as in `476 MB`.
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes / 1000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}
