//! `up`, `status`, `wait`, `restart` and `stop`, against hotruns that really run.

mod agent;
mod answers;
mod manager;
mod names;
mod socket;
mod texts;
mod up;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Project, Said, said};

#[track_caller]
fn ask(project: &Project, words: &[&str]) -> Said {
    said(project.path(), words)
}

/// `hotrun wait --json`: its exit code and what it printed.
#[track_caller]
fn wait(project: &Project) -> (i32, Value) {
    let said = ask(project, &["wait", "--json", "--timeout", "1m"]);
    (said.code, said.json())
}

/// The runtime folders in a folder.
fn runtime_folders(base: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(base).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("hotrun-"))
        .map(|entry| entry.path())
        .collect()
}
