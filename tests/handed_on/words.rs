//! What hotrun says while one process follows the other.

use super::Stage;
use crate::programs::variant;

#[test]
fn after_an_overlap_the_program_still_runs() {
    let served = |version| variant("served", &format!("-{version}-"), &[("SERVED_VERSION", version)]);
    let mut stage = Stage::of(&served("a"), &["--listen", "0", "--ready", "notify", "--update", "overlap"]);
    for version in ["b", "a", "b"] {
        stage.edit(&served(version));
        stage.hotrun.wait_for("process-exited");
    }
    // cargo speaks for itself only while nothing runs: at the first build.
    let said = stage.hotrun.stderr();
    assert_eq!(said.matches("Compiling").count(), 1, "{said}");
}
