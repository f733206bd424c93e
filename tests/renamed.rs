//! The program has another name, or another target directory, while hotrun runs: hotrun follows, and never stops what runs for
//! nothing.

use std::fs;

use super::support::{Home, Hotrun, Project, manifest, said};

#[test]
fn a_program_with_another_name_or_target_directory_is_followed() {
    let (project, home) = (Project::caller(), Home::new());
    let mut hotrun = Hotrun::run(&project, &home, &[]);
    let mut first = home.call_of("one");
    hotrun.wait_for("ready");

    // It has another name, and does not compile: what runs goes on, and can be started again.
    project.break_it();
    project.write("Cargo.toml", &manifest("renamed"));
    hotrun.wait_until("a failed build", |event| event.kind() == "build-finished");
    assert_eq!(first.ask(), first.ask());
    assert!(said(project.path(), &["restart"]).code == 0);
    first.wait_for_end();
    let mut again = home.call_of("one");

    project.set_version("two");
    again.wait_for_end();
    let mut second = home.call_of("two");
    hotrun.wait_for("ready");
    assert!(project.live("renamed").exists());
    assert!(said(project.path(), &["wait"]).code == 0);
    assert!(said(project.path(), &["wait", "--bin", "renamed"]).code == 0);

    // An edit alone is as before.
    project.set_version("three");
    second.wait_for_end();
    let mut third = home.call_of("three");
    hotrun.wait_for("ready");

    fs::create_dir(project.join(".cargo")).unwrap();
    project.write(".cargo/config.toml", "[build]\ntarget-dir = \"elsewhere\"\n");
    third.wait_for_end();
    let mut fourth = home.call_of("three");
    hotrun.wait_for("ready");
    assert!(project.join("elsewhere/hotrun/live/debug/renamed").exists());

    // Two programs and no word which: nothing is stopped, and the default mends it.
    project.write("src/bin/other.rs", "fn main() {}\n");
    hotrun.wait_until("a failed build", |event| event.kind() == "build-finished");
    assert_eq!(fourth.ask(), fourth.ask());
    project.write(
        "Cargo.toml",
        &manifest("renamed").replace("[workspace]", "default-run = \"renamed\"\n\n[workspace]"),
    );
    hotrun.wait_until("a good build", |event| event.kind() == "build-finished");
    assert!(said(project.path(), &["wait"]).code == 0);
}
