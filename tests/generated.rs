//! The committed completions, manual page and schema are what hotrun gives today; `UPDATE=1 cargo test generated`
//! writes them anew.

use std::fs;
use std::path::Path;

use hotrun::cli::{self, Shell};
use hotrun::config;

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
    let update = std::env::var_os("UPDATE").is_some();
    for (name, expected) in files {
        let path = folder.join(name);
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, expected).unwrap();
        } else {
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == expected,
                "completions/{name} is stale: run `UPDATE=1 cargo test generated`"
            );
        }
    }
}
