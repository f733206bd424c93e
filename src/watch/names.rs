//! What file names reveal.

use std::path::Path;

pub(super) fn is_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "Cargo.toml")
}

/// Whether cargo (targets it discovers) or rustc (a missing module) could pick up the file without a manifest
/// change.
pub(super) fn could_be_picked_up(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Whether a file lies where cargo looks for other targets of the package.
pub(super) fn is_other_target(path: &Path, root: &Path) -> bool {
    ["tests", "benches", "examples", "src/bin"].iter().any(|folder| path.starts_with(root.join(folder)))
}

/// Whether it is a folder of another version control, or of npm's packages.
pub(super) fn is_foreign_tree(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    matches!(name, ".hg" | ".jj" | ".svn" | "node_modules")
}

/// Whether editors use such a name for backups, swap files, locks and scratch files.
pub(crate) fn is_editor_temporary(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let vim_swap = || {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        name.starts_with('.') && extension.len() == 3 && extension.starts_with("sw")
    };
    // GNU sed's `--in-place` writes `sedXXXXXX`, in mkostemp's alphabet, and renames it. All lower case is
    // more likely a word.
    let sed_scratch = || {
        name.strip_prefix("sed").is_some_and(|end| {
            end.len() == 6
                && end.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && !end.bytes().all(|byte| byte.is_ascii_lowercase())
        })
    };
    name.ends_with('~')
        || name.starts_with(".#")
        || (name.starts_with('#') && name.ends_with('#'))
        || name.ends_with("___jb_tmp___")
        || name.ends_with("___jb_old___")
        || name.starts_with(".goutputstream-")
        || name.starts_with(".~lock.")
        || [".kate-swp", ".un~", ".tmp", ".bak.swp"].iter().any(|end| name.ends_with(end))
        || [".DS_Store", "4913", "5036"].contains(&name)
        || vim_swap()
        || sed_scratch()
}

/// Whether programs, or a crashing compiler, use such a name for files they write while running.
pub(super) fn is_program_data(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    [
        ".db", ".db3", ".sqlite", ".sqlite3", ".log", ".pid", ".sock", "-journal", "-wal", "-shm", ".lock",
        ".mdb",
    ]
    .iter()
    .any(|end| name.ends_with(end))
        || name.starts_with("rustc-ice-")
}
