//! With `-v` every change that does not count says why, and every build what caused it; without, one note for each folder.

use std::fs;

use super::world::{World, module, rename};

/// Changes that do not count, each with the beginning of the reason.
const REASONS: &[(&str, &str)] = &[
    ("ws/app/src/unread.rs", "no module of the program includes it"),
    ("ws/app/src/notes.ignored", "ignored by git"),
    ("ws/app/src/.main.rs.swp", "a temporary file of an editor"),
    ("ws/app/app.db", "data that a program writes"),
    ("ws/app/src/later.excluded", "excluded by `watch.ignore`"),
];

#[test]
fn verbosely_every_change_and_every_build_is_explained() {
    let mut world = World::new(&["-v", "--poll=never", "--ignore", "*.excluded"]);
    world.hotrun.wait_said("note: build 1 because hotrun was started");
    for (file, reason) in REASONS {
        world.project.write(file, "// nothing\n");
        let name = file.strip_prefix("ws/app/").unwrap();
        world.hotrun.wait_said(&format!("     Ignored {name} ({reason}"));
    }
    let same = fs::read(world.app("src/kept.rs")).unwrap();
    fs::write(world.app("src/kept.rs"), same).unwrap();
    world.hotrun.wait_said("     Ignored src/kept.rs (same content as before)");
    let token = world.word();
    world.project.write("ws/app/src/part.rs", &module(&token));
    world.expect(&token);
    world.hotrun.wait_said("note: build 2 because changed: src/part.rs");
}

#[test]
fn one_note_for_each_folder_says_why_nothing_happens_and_what_would_help() {
    let mut world = World::new(&["--poll=never"]);
    for round in 0..3 {
        for file in ["src/unread.rs", "README.md", "app.db", "src/.main.rs.swp"] {
            fs::write(world.app(file), format!("// round {round}\n")).unwrap();
        }
    }
    let token = world.word();
    world.project.write("ws/app/src/part.rs", &module(&token));
    world.expect(&token);
    let said = world.hotrun.stderr();
    for (name, why) in
        [("src/unread.rs", "no module of the program includes it"), ("README.md", "not part of the program")]
    {
        let note = format!("     Ignored {name} ({why})");
        assert_eq!(said.matches(&note).count(), 1, "{said}");
    }
    assert_eq!(said.matches("     Ignored ").count(), 2, "{said}");
    assert_eq!(said.matches("name it in `watch.paths`").count(), 1, "{said}");
}

#[test]
fn a_folder_that_moves_away_is_named_and_its_files_are_no_notes() {
    let mut world = World::new(&["--poll=never"]);
    let (here, away) = (world.path("ws"), world.path("away"));
    rename(&here, &away);
    let gone = world.path("ws/app");
    let text = format!("error: could not run cargo: the folder `{}` does not exist any more", gone.display());
    world.hotrun.wait_said(&text);
    world.hotrun.wait_said("still running build 1");
    let said = world.hotrun.stderr();
    assert!(!said.contains("     Ignored "), "{said}");
    rename(&away, &here);
    let token = world.word();
    world.project.write("ws/app/src/part.rs", &module(&token));
    world.expect(&token);
}
