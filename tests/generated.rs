//! The committed completions, manual page and schema are what hotrun gives today; `INSTA_UPDATE=always cargo
//! test generated` rewrites them.

use std::fs;
use std::path::Path;

use hotrun::cli::{self, Shell};
use hotrun::config;

use super::snapshots;

#[test]
fn generated_files_are_up_to_date() {
    let files = [
        ("hotrun.bash", cli::completions(Shell::Bash)),
        ("_hotrun", cli::completions(Shell::Zsh)),
        ("_cargo-hotrun", cli::completions_for_cargo()),
        ("hotrun.fish", cli::completions(Shell::Fish)),
        ("hotrun.1", cli::man()),
        ("hotrun.schema.json", config::schema()),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("completions");
    let update = snapshots::are_updated();
    for (name, expected) in files {
        let path = folder.join(name);
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, expected).unwrap();
        } else {
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == expected,
                "completions/{name} is stale: run `INSTA_UPDATE=always cargo test generated`"
            );
        }
    }
}
