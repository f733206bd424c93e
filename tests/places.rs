//! A project is followed wherever it lies: in folders whose names are patterns or templates elsewhere, and below its own target
//! directory.

use super::support::{Home, Hotrun, Project, manifest, said};

#[test]
fn wherever_a_project_lies_its_edits_are_followed() {
    let project = Project::empty();
    // Patterns for globs, a template for cargo's `build-dir`, and what separates words and lines.
    let outer = "[wip]{y}* {{project-name}} a\tb\nc";
    let file = |name: &str| format!("{outer}/ws/{name}");
    let library = |value: &str| format!("pub const VALUE: &str = {value:?};\n");
    let dependency = "[dependencies]\nutil = { path = \"util\" }\n\n[workspace]";
    project.write(&file("Cargo.toml"), &manifest("app").replace("[workspace]", dependency));
    project.write(&file("util/Cargo.toml"), &manifest("util").replace("[workspace]", ""));
    project.write(&file("util/src/lib.rs"), &library("one"));
    project.write(&file("templates/page.html"), "one");
    let text = Project::caller_text("one");
    let text = text.replace("const VERSION: &str = \"one\";", "use util::VALUE as VERSION;");
    project.write(&file("src/main.rs"), &text);
    // What `[wip]` means as a pattern.
    for at in 0..100 {
        project.write(&format!("w{}/beside/{at}/file", &outer[5..]), "");
    }
    let folder = project.join(outer).join("ws");
    for target in [folder.join("target"), project.join(outer)] {
        project.write(&file("util/src/lib.rs"), &library("one"));
        let home = Home::new();
        let mut hotrun = Hotrun::prepare(&project, &home, &["--poll=never", "--watch", "templates"])
            .folder(&folder)
            .env("CARGO_TARGET_DIR", target.to_str().unwrap())
            .start();
        let watching = hotrun.wait_for("watching").0;
        assert!(watching["folders"].as_u64().unwrap() < 50, "{watching}");
        let mut process = home.call_of("one");
        for version in ["two", "three"] {
            project.write(&file("util/src/lib.rs"), &library(version));
            process = home.call_of(version);
        }
        hotrun.wait_for_build("ready", 3);
        project.write(&file("templates/page.html"), target.to_str().unwrap());
        process.wait_for_end();
        home.call_of("three");
        let wait = said(&folder, &["wait"]);
        assert_eq!(wait.code, 0, "{wait:?}\n{}", hotrun.stderr());
        assert!(target.join("hotrun/live/debug/app").exists());
    }
}
